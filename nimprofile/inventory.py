"""What does the machine have?

Facts only: nothing here knows what anybody wants to run. A figure that was not read is None,
and None is never zero.
"""

from __future__ import annotations

from nimprofile.record import Record
from nimprofile.values import ComputeCapability, parse_device_id

MAX_MIB = 1 << 32


class Gpu(Record):
    """One GPU as NVML reports it.

    Attributes:
        index: NVML's index, in PCI bus order.
        name: product name, `NVIDIA H100 80GB HBM3`.
        uuid: `GPU-…`, the only name that survives a reboot.
        device_id: PCI id as `device:vendor`, lower case, `2330:10de`.
        memory_total_mib: framebuffer in MiB of 2**20 bytes, the driver's reserve included.
        memory_free_mib: what of it is free now, in MiB.
        compute_capability: `9.0`.
        unified_memory: the GPU has no memory of its own and shares the host's.
    """

    index: int
    name: str | None = None
    uuid: str | None = None
    device_id: str | None = None
    memory_total_mib: int | None = None
    memory_free_mib: int | None = None
    compute_capability: ComputeCapability | None = None
    unified_memory: bool = False

    def __post_init__(self) -> None:
        total, free = self.memory_total_mib, self.memory_free_mib
        if not 0 <= self.index < MAX_MIB:
            raise ValueError(f"index {self.index} is not one")
        if total is not None and not 0 < total < MAX_MIB:
            raise ValueError(f"memory_total_mib {total} is no size; leave out what is unknown")
        if free is not None and not 0 <= free < MAX_MIB:
            raise ValueError(f"memory_free_mib {free} is no size; leave out what is unknown")
        if total is not None and free is not None and free > total:
            raise ValueError(f"memory_free_mib {free} is more than memory_total_mib {total}")
        for text in (self.name, self.uuid):
            if text is not None and not text.isprintable():
                raise ValueError(f"{text!r} has control characters")
        if self.device_id is not None:
            object.__setattr__(self, "device_id", parse_device_id(self.device_id))

    @property
    def free_fraction(self) -> float | None:
        """Free memory as a fraction of the total; None when either is unknown."""
        if self.memory_free_mib is None or not self.memory_total_mib:
            return None
        return self.memory_free_mib / self.memory_total_mib

    @property
    def label(self) -> str:
        """The best name there is for this GPU."""
        return self.name or self.device_id or "GPU of unknown product"


class Inventory(Record):
    """The GPUs of one machine, and the driver they share.

    Attributes:
        gpus: every GPU, in index order.
        driver_version: `570.124.06`.
        cuda_version: the newest CUDA that driver serves, `12.8`.
    """

    gpus: tuple[Gpu, ...] = ()
    driver_version: str | None = None
    cuda_version: str | None = None

    def __post_init__(self) -> None:
        for name in ("driver_version", "cuda_version"):
            version = getattr(self, name)
            if version is not None and not _is_version(version):
                raise ValueError(f"{name} {version!r} is not a version such as 570.124.06")
        indices = [gpu.index for gpu in self.gpus]
        if len(set(indices)) != len(indices):
            raise ValueError(f"two GPUs share an index: {sorted(indices)}")
        object.__setattr__(self, "gpus", tuple(sorted(self.gpus, key=lambda gpu: gpu.index)))


def _is_version(text: str) -> bool:
    parts = text.split(".")
    return len(parts) <= 4 and all(
        part.isascii() and part.isdigit() and len(part) <= 6 for part in parts
    )
