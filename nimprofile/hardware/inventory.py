"""Facts of a machine: its GPUs, how they are connected, and the driver they share.

A figure that was not read is None, never zero. Reasons to be unavailable, health issues and remarks
are texts; those of a known kind are a `Condition`, with its kind and figures.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.expect import expect_each
from nimprofile.base.gpu_ids import parse_device_id
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.units import ComputeCapability, format_gpus
from nimprofile.base.versions import is_release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from dataclasses import KW_ONLY
    from typing import Any

MAX_MIB = 1 << 32
MOST_GPUS, MOST_PRODUCTS, MOST_REMARKS = 1024, 100, 1000
"""Of a machine; with MIG instances eight times as many, and so many health issues of each GPU."""
_LIMITS = {
    "memory_total_mib": (1, MAX_MIB),
    "memory_free_mib": (0, MAX_MIB),
    "memory_reserved_mib": (0, MAX_MIB),
    "utilization_percent": (0, 101),
}
_TEXTS = ("name", "uuid", "architecture", "pci_bus_id", "virtualization", "unavailable")

_CPU_NAMES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
"""Names of architectures elsewhere -> those of Linux."""
INVENTORY_VERSION = "1.0"
"""Of the form of an inventory in JSON; `nimprofile schema inventory` describes it."""

AN_INVENTORY = 'load_inventory(path), discover() and mock_inventory("8xh100") make one'


class Link(StrEnum):
    """How two GPUs are connected, nearest first, named as in `nvidia-smi topo -m`."""

    NVLINK = "nvlink"
    """NVLink, direct or through a switch."""
    INTERNAL = "internal"
    """Two GPUs of one board."""
    PIX = "pix"
    """One PCIe switch."""
    PXB = "pxb"
    """Several PCIe switches."""
    PHB = "phb"
    """A PCIe host bridge."""
    NODE = "node"
    """Host bridges of one NUMA node."""
    SYS = "sys"
    """The link between NUMA nodes."""


class Connection(Record):
    """The link between two GPUs.

    Attributes:
        gpus: their indices, the lower one first.
        link: how they are connected.
    """

    gpus: tuple[int, int]
    link: Link

    def __post_init__(self) -> None:
        if not 0 <= self.gpus[0] < self.gpus[1]:
            raise ValueError(f"gpus {list(self.gpus)} are not two indices, the lower first")


class MigInstance(Record):
    """Where a MIG instance lives.

    Attributes:
        board: the index of its board.
        gpu_instance: its GPU instance's id on that board.
        compute_instance: its compute instance's id in that GPU instance.
    """

    board: int
    gpu_instance: int | None = None
    compute_instance: int | None = None

    def __post_init__(self) -> None:
        if min(self.board, self.gpu_instance or 0, self.compute_instance or 0) < 0:
            raise ValueError(f"{self} has a number below 0")


class Gpu(Record):
    """One GPU, or one MIG instance of one, as NVML reports it.

    Attributes:
        index: NVML's index, in PCI bus order; MIG instances are counted on after the boards.
        name: product name, `NVIDIA H100 80GB HBM3`.
        uuid: `GPU-…` or `MIG-…`, the only name that survives a reboot.
        device_id: PCI id as `device:vendor`, lower case, `2330:10de`.
        memory_total_mib: framebuffer in MiB of 2**20 bytes, the driver's reserve included. Of
            unified memory, the share of the host's that counts as the GPU's.
        memory_free_mib: what of it is free now, in MiB.
        compute_capability: `9.0`.
        unified_memory: the GPU has no memory of its own and shares the host's.
        memory_reserved_mib: what of the total the driver keeps for itself, in MiB.
        architecture: `Hopper`.
        pci_bus_id: where it sits, `00000000:53:00.0`.
        utilization_percent: the share of the last moments in which a kernel ran.
        virtualization: `passthrough` or `vgpu` in a virtual machine, `host_vgpu` or `host_vsga` on
            its host; None on bare metal and where it is unknown.
        mig_enabled: a board in MIG mode: its instances are offered, never itself.
        mig: set for an instance only.
        health_issues: what is wrong with it although it runs.
        unavailable: why it cannot be used at all; None when it can.
    """

    index: int
    name: str | None = None
    uuid: str | None = None
    _: KW_ONLY
    device_id: str | None = None
    memory_total_mib: int | None = None
    memory_free_mib: int | None = None
    compute_capability: ComputeCapability | None = None
    unified_memory: bool = False
    memory_reserved_mib: int | None = None
    architecture: str | None = None
    pci_bus_id: str | None = None
    utilization_percent: int | None = None
    virtualization: str | None = None
    mig_enabled: bool = False
    mig: MigInstance | None = None
    health_issues: tuple[str, ...] = ()
    unavailable: str | None = None

    def __post_init__(self) -> None:
        total, free = self.memory_total_mib, self.memory_free_mib
        _require_sizes(self)
        if total is not None and free is not None and free > total:
            raise ValueError(f"memory_free_mib {free} is more than memory_total_mib {total}")
        if self.mig is not None and self.mig_enabled:
            raise ValueError("it is a board with mig_enabled or an instance with mig, not both")
        if self.unavailable == "":
            raise ValueError("unavailable is the reason; leave it out when there is none")
        texts = (*(getattr(self, name) for name in _TEXTS), *self.health_issues)
        if odd := [text for text in texts if text is not None and not text.isprintable()]:
            raise ValueError(f"{quoted(odd[0])} has control characters")
        capability = self.compute_capability
        if capability is not None and not isinstance(capability, ComputeCapability):
            raise ValueError(f"{quoted(capability)}: write ComputeCapability.parse('9.0') for 9.0")
        if self.device_id is not None:
            object.__setattr__(self, "device_id", parse_device_id(self.device_id))
        _read_conditions(self, "unavailable", "health_issues")

    @property
    def free_fraction(self) -> float | None:
        """Free memory as a fraction of the total; None when either is unknown."""
        if self.memory_free_mib is None or not self.memory_total_mib:
            return None
        return self.memory_free_mib / self.memory_total_mib

    @property
    def offered(self) -> bool:
        """Whether it can be used: it answers, and is no board whose MIG instances are offered."""
        return self.unavailable is None and not self.mig_enabled

    @property
    def label(self) -> str:
        """The best name there is for this GPU."""
        return self.name or self.device_id or "GPU of unknown product"


def _require_sizes(gpu: Gpu) -> None:
    """Refuse an index and figures that no GPU has; ValueError."""
    if not (isinstance(gpu.index, int) and 0 <= gpu.index < MAX_MIB):
        raise ValueError(f"index {gpu.index} is not one")
    for name, (least, limit) in _LIMITS.items():
        value = getattr(gpu, name)
        if value is None:
            continue
        if not (isinstance(value, int) and least <= value < limit):
            raise ValueError(f"{name} {value} is no size; leave out what is unknown")


class Inventory(Record):
    """The GPUs of one machine, and the driver they share.

    Attributes:
        gpus: every GPU, in index order; no two have one UUID.
        driver_version: `570.124.06`.
        cuda_version: the newest CUDA that driver serves, `12.8`.
        cpu_architecture: of the machine's CPU, as Linux calls it: `x86_64`, `aarch64`; `amd64` and
            `arm64` are read as these.
        connections: how GPUs are linked, in the order of their indices; a pair that is not there
            is unknown.
        remarks: what else there is to know of how the machine was read: what is hidden and by which
            variable, what could not be read.
    """

    gpus: tuple[Gpu, ...] = ()
    driver_version: str | None = None
    cuda_version: str | None = None
    _: KW_ONLY
    connections: tuple[Connection, ...] = ()
    remarks: tuple[str, ...] = ()
    cpu_architecture: str | None = None

    def __post_init__(self) -> None:
        cpu = self.cpu_architecture
        if cpu is not None:
            if not cpu.isidentifier():
                raise ValueError(
                    f"cpu_architecture {quoted(cpu)} is not one such as x86_64 or aarch64"
                )
            object.__setattr__(self, "cpu_architecture", _CPU_NAMES.get(cpu.lower(), cpu.lower()))
        for name in ("driver_version", "cuda_version"):
            version = getattr(self, name)
            if version is not None and not is_release(version):
                raise ValueError(f"{name} {quoted(version)} is not a version such as 570.124.06")
        expect_each("Inventory: gpus", self.gpus, Gpu)
        _refuse_too_many(self)
        gpus = {gpu.index: gpu for gpu in self.gpus}
        if len(gpus) != len(self.gpus):
            indices = sorted(gpu.index for gpu in self.gpus)[:8]
            raise ValueError(f"two GPUs share an index: {indices}")
        for uuid, shared in shared_uuids(self.gpus).items():
            raise ValueError(f"{format_gpus(shared)} share the UUID {uuid}")
        object.__setattr__(self, "gpus", tuple(gpus[index] for index in sorted(gpus)))
        pairs = {connection.gpus: connection for connection in self.connections}
        if len(pairs) != len(self.connections):
            raise ValueError("two connections join the same GPUs")
        for pair in pairs:
            if not gpus.keys() >= set(pair):
                problem = f"a connection joins GPUs {list(pair)}"
                raise ValueError(f"{problem}, and one of them is not there")
        object.__setattr__(self, "connections", tuple(pairs[pair] for pair in sorted(pairs)))
        _read_conditions(self, "remarks")

    @property
    def offered(self) -> tuple[Gpu, ...]:
        """The GPUs that can be used."""
        return tuple(gpu for gpu in self.gpus if gpu.offered)

    @property
    def unavailable(self) -> tuple[Gpu, ...]:
        """The GPUs that are there and cannot be used, each with its reason."""
        return tuple(gpu for gpu in self.gpus if gpu.unavailable is not None)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the version of their form."""
        return {"schema_version": INVENTORY_VERSION, **super().to_dict()}

    def keeping(self, indices: Collection[int], *remarks: str) -> Inventory:
        """The same machine with only these GPUs and the connections between them."""
        kept = frozenset(indices)
        return self.replace(
            gpus=tuple(gpu for gpu in self.gpus if gpu.index in kept),
            connections=tuple(c for c in self.connections if kept.issuperset(c.gpus)),
            remarks=(*self.remarks, *remarks),
        )


def shared_uuids(gpus: Iterable[Gpu]) -> dict[str, tuple[int, ...]]:
    """The UUIDs that several GPUs have, whatever their case and the spaces around, with indices."""
    owners: dict[str, tuple[str, list[int]]] = {}
    for gpu in gpus:
        if gpu.uuid and (uuid := gpu.uuid.strip()):
            owners.setdefault(uuid.lower(), (uuid, []))[1].append(gpu.index)
    return {uuid: tuple(indices) for uuid, indices in owners.values() if len(indices) > 1}


def _read_conditions(record: Record, *fields: str) -> None:
    """Make the texts in these fields the conditions that they say; those of no kind stay texts."""
    values = {name: getattr(record, name) for name in fields}
    if not any(values.values()):
        return  # nearly always, and then `conditions` need not be imported
    from nimprofile.hardware.conditions import with_condition

    for name, value in values.items():
        if value:
            texts = with_condition(value) if isinstance(value, str) else map(with_condition, value)
            object.__setattr__(record, name, texts if isinstance(texts, str) else tuple(texts))


def _refuse_too_many(machine: Inventory) -> None:
    """Refuse more of anything than a machine has; ValueError."""
    gpus = machine.gpus
    issues = max((len(gpu.health_issues) for gpu in gpus), default=0)
    for count, most, what in (
        (sum(gpu.mig is None for gpu in gpus), MOST_GPUS, "GPUs"),
        (len(gpus), 8 * MOST_GPUS, "GPUs and MIG instances"),
        (len({(gpu.name, gpu.device_id) for gpu in gpus}), MOST_PRODUCTS, "different products"),
        (max(issues, len(machine.remarks)), MOST_REMARKS, "remarks or health issues of a GPU"),
    ):
        if count > most:
            raise ValueError(f"{count:,} {what}; {most:,} at most are read")
