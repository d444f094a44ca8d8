"""The GPUs of a machine in groups of one product, so that a rule looks at each kind once."""

from __future__ import annotations

from functools import cache

from nimprofile.base.gpu_ids import normalise_gpu_name
from nimprofile.hardware.catalog import told_by_size, usable_mib
from nimprofile.hardware.identity import contradiction, implied_cpu, product_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from nimprofile.base.names.patterns import NamePatterns
    from nimprofile.base.units import ComputeCapability
    from nimprofile.hardware.inventory import Gpu, Inventory

EMPTY_GPU_FRACTION = 0.95
"""Fraction of a GPU that NIM wants free before it starts.

GPUs at 0-3 % used are listed as free and those at 7 % and more as non-free; "95 %" is the one
published figure, in a third party's deployment notes. `docs/selection.md` has the evidence.
"""


def _name_patterns() -> NamePatterns:
    from nimprofile.base.names.patterns import NamePatterns

    return NamePatterns()


class GpuKind:
    """GPUs that differ in nothing a rule reads but their free memory.

    `gpu` is the one with the least free memory. `levels` are the same GPUs by free memory, one kind
    for every figure, lowest first; empty when all have the same. `devices` are the PCI ids of the
    product, with those that the GPUs report. `names_decide` says that another product may have them
    too. `patterns` gives those of the machine.
    """

    __slots__ = (
        "capability",
        "devices",
        "gpu",
        "indices",
        "label",
        "levels",
        "name",
        "names_decide",
        "patterns",
        "spellings",
    )

    def __init__(self, gpus: list[Gpu], patterns: Callable[[], NamePatterns]):
        by_free: dict[int, list[Gpu]] = {}
        for gpu in gpus:
            by_free.setdefault(gpu.memory_free_mib or 0, []).append(gpu)
        levels = [by_free[free] for free in sorted(by_free)]
        self.gpu = gpu = levels[0][0]
        self.levels = [GpuKind(level, patterns) for level in levels] if len(levels) > 1 else []
        self.indices = tuple(gpu.index for gpu in gpus)
        product = product_of(gpu)
        self.patterns = patterns
        self.name = gpu.name or (product.name if product else None)
        self.label = self.name or gpu.label
        self.names_decide = product is not None and bool(told_by_size(product.name))
        if product is not None and self.names_decide:
            self.label += f" ({product.short})"
        disputed = contradiction(gpu)
        if disputed is not None and disputed.name_counts:
            self.label += f" (by its name; its PCI id is that of {disputed.by_id.name})"
        elif disputed is not None:
            self.label += f" (by its PCI id {disputed.by_id.name})"
        self.spellings: frozenset[str] = product.spellings if product else frozenset()
        # `NVIDIA H100` is what a 94 GB board says: the name of another product says nothing.
        if gpu.name and product_of(gpu.replace(device_id=None)) in (None, product):
            self.spellings |= {normalise_gpu_name(gpu.name)}
        self.devices = frozenset(product.device_ids if product else ())
        if gpu.device_id and not (disputed and disputed.name_counts):
            self.devices |= {gpu.device_id}
        self.capability = gpu.compute_capability
        if product is not None:
            self.capability = self.capability or product.compute_capability

    def is_one_of(
        self, names: Collection[str], devices: Collection[str], pattern: str | None
    ) -> bool | str:
        """Whether these names and PCI ids, or this pattern of names, mean the product.

        The id decides where both sides have one; of boards that share it, the name decides with it.
        A text says why the pattern was not searched.
        """
        named = not self.spellings.isdisjoint(names)
        if devices and self.devices:
            told = named or not (names and self.names_decide)
            return told and not self.devices.isdisjoint(devices)
        if named:
            return True
        return bool(pattern and self.name) and self.patterns().find(str(pattern), str(self.name))


def lowest_capability(kinds: Iterable[GpuKind]) -> ComputeCapability | None:
    """The lowest compute capability among kinds of GPUs; None when one is not known."""
    lowest: ComputeCapability | None = None
    for kind in kinds:
        if kind.capability is None:
            return None
        lowest = kind.capability if lowest is None else min(lowest, kind.capability)
    return lowest


class GpuGroup:
    """GPUs of one product: those that tensor parallelism may span.

    `mig` says that they are MIG instances, which it may not span. `missing` are GPUs of the product
    that cannot be used.
    """

    __slots__ = ("kinds", "label", "mig", "missing", "size")

    def __init__(
        self,
        kinds: dict[tuple[object, ...], list[Gpu]],
        missing: tuple[int, ...],
        patterns: Callable[[], NamePatterns],
    ):
        self.kinds = [GpuKind(gpus, patterns) for gpus in kinds.values()]
        self.label = self.kinds[0].label
        self.mig = self.kinds[0].gpu.mig is not None
        self.missing = missing
        self.size = sum(len(kind.indices) for kind in self.kinds)


class Machine:
    """An inventory sorted into groups of one product, ready to be judged against.

    Only GPUs that can be used are in a group. The catalogue supplies names and missing compute
    capabilities. `ailing` and `busy` are indices, `links` has the connection of two of them.
    `cpu_architecture` is that of a board that comes with one CPU where the inventory says nothing.
    """

    __slots__ = ("ailing", "busy", "cpu_architecture", "groups", "inventory", "links")

    def __init__(self, inventory: Inventory, *, patterns: NamePatterns | None = None):
        groups: dict[str, dict[tuple[object, ...], list[Gpu]]] = {}
        for gpu in inventory.offered:
            key = _group_key(gpu)
            facts = (
                gpu.name,
                gpu.device_id,
                gpu.memory_total_mib,
                gpu.memory_free_mib is None,
                gpu.compute_capability,
                gpu.unified_memory,
            )
            groups.setdefault(key, {}).setdefault(facts, []).append(gpu)
        self.inventory = inventory
        self.cpu_architecture = inventory.cpu_architecture or implied_cpu(inventory.gpus)
        self.ailing = frozenset(gpu.index for gpu in inventory.gpus if gpu.health_issues)
        self.busy = frozenset(
            gpu.index
            for gpu in inventory.gpus
            if (free := gpu.free_fraction) is not None and free < EMPTY_GPU_FRACTION
        )
        self.links = {connection.gpus: connection.link for connection in inventory.connections}
        missing: dict[str, list[int]] = {}
        gone = {gpu.index for gpu in inventory.unavailable}
        for gpu in _taken_for(inventory) if gone else ():
            if gpu.index in gone and gpu.offered:
                key = _group_key(gpu)
                missing.setdefault(key, []).append(gpu.index)
        shared = cache(_name_patterns) if patterns is None else lambda: patterns
        self.groups = [
            GpuGroup(kinds, tuple(missing.get(key, ())), shared) for key, kinds in groups.items()
        ]


def revived(inventory: Inventory) -> Inventory:
    """The same machine if every GPU answered: the missing ones idle, and like the others.

    What is not known of a missing GPU is that of another of its product, or of any where all are
    alike; failing that, its memory is what the catalogue has. One whose memory or compute
    capability is not known even so stays missing; so does a board in MIG mode, and a MIG instance
    whose size is not known.
    """
    return inventory.replace(
        gpus=tuple(
            taken if taken.memory_total_mib and _capability(taken) else gpu
            for gpu, taken in zip(inventory.gpus, _taken_for(inventory), strict=True)
        )
    )


def _capability(gpu: Gpu) -> ComputeCapability | None:
    product = product_of(gpu)
    return gpu.compute_capability or (product.compute_capability if product else None)


def _taken_for(inventory: Inventory) -> Iterator[Gpu]:
    """Every GPU as it would be if it answered, as far as that is known."""
    whole = [gpu for gpu in inventory.offered if gpu.mig is None]
    first_of = {product_key(gpu): gpu for gpu in reversed(whole)}
    for gpu in inventory.gpus:
        nameless = gpu.name is None and gpu.device_id is None
        if gpu.unavailable is None or gpu.mig_enabled:
            yield gpu
        elif gpu.mig is not None:
            total = gpu.memory_total_mib
            known = gpu.name is not None and total is not None
            yield gpu.replace(unavailable=None, memory_free_mib=total) if known else gpu
        elif nameless and len(first_of) != 1:
            yield gpu
        else:
            yield _like(gpu, whole[0] if nameless else first_of.get(product_key(gpu), gpu))


def _like(gpu: Gpu, twin: Gpu) -> Gpu:
    """A missing GPU as if it were idle, with the figures of another where it has none."""
    gpu = gpu.replace(
        name=gpu.name or twin.name,
        device_id=gpu.device_id or twin.device_id,
        compute_capability=gpu.compute_capability or twin.compute_capability,
        unavailable=None,
    )
    total, unified = gpu.memory_total_mib or twin.memory_total_mib, twin.unified_memory
    if (product := product_of(gpu)) is not None:
        total, unified = total or usable_mib(product), unified or product.unified_memory
    return gpu.replace(
        memory_total_mib=total,
        memory_free_mib=total,
        unified_memory=gpu.unified_memory or unified,
    )


def _group_key(gpu: Gpu) -> str:
    key = product_key(gpu)
    if gpu.mig is None:
        return key
    return f"{key} MIG {normalise_gpu_name(gpu.name or '')}"  # instances are nothing like boards


def product_key(gpu: Gpu) -> str:
    """What two GPUs of one product have in common; "" where nothing is known of the product."""
    product = product_of(gpu)
    return product.short if product else gpu.device_id or normalise_gpu_name(gpu.name or "")
