"""The machine: what NVML and the host say, as an Inventory."""
