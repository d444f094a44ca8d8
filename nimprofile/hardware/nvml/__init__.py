"""NVML, read in a child process, and what its answers mean."""
