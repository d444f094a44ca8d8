"""The driver, the GPUs and how they are joined."""
