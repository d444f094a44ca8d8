"""A machine for the fake driver, and calls of the real pynvml."""

import pynvml
import pytest

from nimprofile import Gpu, Inventory
from nimprofile.base.units import ComputeCapability

H100 = Gpu(
    0,
    "NVIDIA H100 80GB HBM3",
    "GPU-00000000-0000-0000-0000-000000000000",
    device_id="2330:10de",
    memory_total_mib=81559,
    memory_free_mib=81080,
    compute_capability=ComputeCapability.parse("9.0"),
    memory_reserved_mib=480,
    architecture="Hopper",
    pci_bus_id="00000000:53:00.0",
    utilization_percent=7,
    virtualization="passthrough",
)


BOX = Inventory((H100, H100.replace(index=1, uuid=None)), "580.105.08", "13.0")


def code_of(call, *args):
    """The NVML error a call of pynvml ends in."""
    with pytest.raises(pynvml.NVMLError) as caught:
        call(*args)
    return caught.value.value


def handle(index=0):
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByIndex(index)
