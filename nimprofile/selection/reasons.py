"""The reasons why a profile does not run: one frozen class for each kind, with its figures.

`kind` is the name it has in JSON; `effect` says what it does to the grade; `waived_by` names the
switch that lets an explicit pin start all the same. `messages` and `remedies` word them. It is a
table, as long as there are kinds.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.printable import clipped
from nimprofile.base.record import Record
from nimprofile.base.units import ComputeCapability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from typing import TypeAlias, TypeVar

    T = TypeVar("T")


class Effect(StrEnum):
    """What a reason does to a verdict."""

    INCOMPATIBLE = "incompatible"
    LOW_MEMORY = "low memory"
    NOT_WANTED = "not wanted"
    """The machine could run it; the operator asked for something else."""


class Waiver(StrEnum):
    """The switches that let a pinned profile start in spite of a reason."""

    RELAX_MEMORY = "NIM_RELAX_MEM_CONSTRAINTS"
    ALLOW_UNSAFE = "NIM_MANIFEST_ALLOW_UNSAFE"
    PIN = "the pin itself"


INCOMPATIBLE, LOW_MEMORY, NOT_WANTED = Effect
RELAX_MEMORY, ALLOW_UNSAFE, PIN = Waiver


class EngineUnavailable(Record):
    """The profile's engine is not one this container has, or is not known at all."""

    engine: str
    available: tuple[str, ...]

    kind = "engine"
    effect = INCOMPATIBLE
    waived_by = None


class PrecisionUnknown(Record):
    """The `precision` tag names a format whose needs are not known."""

    precision: str

    kind = "precision"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class WrongGpu(Record):
    """The profile was made for other GPUs: `wanted` are names and PCI ids, `have` a product.

    `device_id` is the PCI id that the GPUs report, where one is wanted. `unread` says why its
    pattern of names was not searched, when it was not.
    """

    wanted: tuple[str, ...]
    have: str
    gpus: tuple[int, ...]
    _: KW_ONLY
    device_id: str | None = None
    unread: str = ""

    kind = "gpu"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class WrongCpu(Record):
    """The profile is a compiled plan for machines with another CPU: both as Linux calls them."""

    need: str
    have: str

    kind = "cpu_architecture"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class TooFewGpus(Record):
    """tp x pp GPUs of one product are needed; `have` counts those of `product`.

    `missing` are GPUs of the product that are there and cannot be used.
    """

    need: int
    have: int
    product: str
    _: KW_ONLY
    missing: tuple[int, ...] = ()

    kind = "gpu_count"
    effect = INCOMPATIBLE
    waived_by = None


class MigAlone(Record):
    """The profile spans GPUs, and MIG instances have no connection to each other."""

    need: int
    gpus: tuple[int, ...]

    kind = "mig"
    effect = INCOMPATIBLE
    waived_by = None


class MixedGpus(Record):
    """Several products are visible, and the policy takes a machine as a whole or not at all."""

    products: tuple[str, ...]

    kind = "mixed_gpus"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class CapabilityTooLow(Record):
    """The precision needs a newer GPU: `need` is the lowest compute capability that runs it."""

    precision: str
    need: ComputeCapability
    have: ComputeCapability
    _: KW_ONLY
    gpus: tuple[int, ...]

    kind = "compute_capability"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class CapabilityUnmet(Record):
    """A condition of the manifest on the compute capability; `need` is its specifier set."""

    need: str
    have: ComputeCapability
    gpus: tuple[int, ...]

    kind = "requires_compute_capability"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class TooLittleMemory(Record):
    """Not even the weights, or the least stated, fit in the GPU's total memory. Per GPU."""

    need_bytes: int
    have_bytes: int
    source: str
    _: KW_ONLY
    gpus: tuple[int, ...]

    kind = "memory_total"
    effect = INCOMPATIBLE
    waived_by = RELAX_MEMORY


class ContextTooLong(Record):
    """It loads, but the context does not fit the total memory. Per GPU.

    `max_model_len` is the longest context that does, in tokens, when the model's shape is known;
    `asked` is the context that was asked for and judged, or None for the model's full one.
    """

    need_bytes: int
    have_bytes: int
    max_model_len: int | None
    _: KW_ONLY
    source: str
    gpus: tuple[int, ...]
    asked: int | None = None

    kind = "memory_context"
    effect = LOW_MEMORY
    waived_by = RELAX_MEMORY


class NotDivisible(Record):
    """The engine cannot divide the model so: `number` of `what` by `divisor` ranks of `by`."""

    what: str
    number: int
    by: str
    _: KW_ONLY
    divisor: int

    kind = "divisibility"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class TooLittleFree(Record):
    """It would fit the total memory but not what is free now. Per GPU."""

    need_bytes: int
    have_bytes: int
    source: str
    _: KW_ONLY
    gpus: tuple[int, ...]

    kind = "memory_free"
    effect = LOW_MEMORY
    waived_by = RELAX_MEMORY


class GpuNotEmpty(Record):
    """NIM's own gate: a GPU must be nearly empty. MiB, and the fraction that must be free."""

    free_mib: int
    total_mib: int
    gate: float
    _: KW_ONLY
    gpus: tuple[int, ...]

    kind = "gpu_not_empty"
    effect = LOW_MEMORY
    waived_by = RELAX_MEMORY


class DriverTooOld(Record):
    """The manifest's condition on the driver version does not hold."""

    need: str
    have: str

    kind = "driver"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class CudaTooOld(Record):
    """The manifest's condition on the driver's CUDA version does not hold."""

    need: str
    have: str

    kind = "cuda"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class EngineVersionUnmet(Record):
    """The manifest's condition on the engine's version does not hold."""

    need: str
    have: str

    kind = "engine_version"
    effect = INCOMPATIBLE
    waived_by = ALLOW_UNSAFE


class LoraMismatch(Record):
    """LoRA profiles are candidates when adapters are asked for, and only then."""

    wanted: bool

    kind = "lora"
    effect = NOT_WANTED
    waived_by = PIN


class TagMismatch(Record):
    """A tag selector does not match; `have` is None when the profile has no such tag.

    `by` is what wants it, where that is no selector.
    """

    tag: str
    wanted: str
    have: str | None
    _: KW_ONLY
    by: str = ""

    kind = "tags"
    effect = NOT_WANTED
    waived_by = PIN


class NotDefault(Record):
    """A speech NIM selects by this tag unasked, and takes profiles with its default alone."""

    tag: str
    default: str
    have: str

    kind = "default_selector"
    effect = INCOMPATIBLE
    waived_by = PIN


class AdvisedAgainst(Record):
    """An issue of the profile is known on the GPUs it takes, and such profiles are not wanted.

    Attributes:
        advisory: the id of the advisory.
        title: what is wrong, in half a sentence.
    """

    advisory: str
    title: str

    kind = "advised"
    effect = NOT_WANTED
    waived_by = PIN


class RequirementUnmet(Record):
    """A condition that must be met is not; `have` is None when the profile has no such tag.

    No switch sets it aside, and no pin.
    """

    tag: str
    relation: str
    wanted: str
    _: KW_ONLY
    have: str | None

    kind = "requirement"
    effect = NOT_WANTED
    waived_by = None


Reason: TypeAlias = (
    EngineUnavailable
    | PrecisionUnknown
    | WrongGpu
    | WrongCpu
    | TooFewGpus
    | MigAlone
    | MixedGpus
    | CapabilityTooLow
    | CapabilityUnmet
    | TooLittleMemory
    | ContextTooLong
    | NotDivisible
    | TooLittleFree
    | GpuNotEmpty
    | DriverTooOld
    | CudaTooOld
    | EngineVersionUnmet
    | LoraMismatch
    | TagMismatch
    | NotDefault
    | AdvisedAgainst
    | RequirementUnmet
)


WRONG_PRODUCT = WrongGpu | CapabilityTooLow | CapabilityUnmet
"""Reasons for which more GPUs of the same product are no help."""


def with_short_texts(reason: T) -> T:
    """The same reason, each of its texts as long as a message repeats it: a tag can be endless."""
    if not isinstance(reason, Record):
        return reason
    values = ((name, getattr(reason, name)) for name in reason.to_dict())
    long = {name: _short(value) for name, value in values if value != _short(value)}
    return reason.replace(**long) if long else reason


def _short(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_short, value))
    return clipped(value) if type(value) is str else value


class Doubt(Record):
    """A rule could not judge because a figure is unknown; the profile passed it unjudged.

    `kind` is that of the reason the rule would have given.
    """

    kind: str
    unknown: str
    rule: str
    _: KW_ONLY
    gpus: tuple[int, ...] = ()


Finding: TypeAlias = Reason | Doubt
"""What a rule returns."""
