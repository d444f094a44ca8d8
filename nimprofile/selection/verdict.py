"""The judgement of one profile, as a value."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.selection.reasons import (
    INCOMPATIBLE,
    LOW_MEMORY,
    WRONG_PRODUCT,
    ContextTooLong,
    MigAlone,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Precision
    from nimprofile.base.units import ComputeCapability
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.placement import Choice
    from nimprofile.selection.reasons import Doubt, Reason

GRADES = ("runnable", "low memory", "incompatible")
"""What the machine says of a profile, best first."""


class Verdict(Record):
    """The judgement of one profile on one machine.

    Attributes:
        profile: the profile judged.
        reasons: why it is not a candidate; empty means it is.
        gpus: indices of the GPUs it runs on, or would if memory were freed.
        waived: reasons that hold but that the operator's switches set aside.
        doubts: what could not be judged because a figure is unknown.
        need: memory of each GPU, when anything is known of it.
        emulated: the chosen GPUs are not known to compute in its precision.
        in_half: the chosen GPUs have no BF16, and its engine serves it in FP16 there.
        capability: the lowest compute capability of the chosen GPUs; None when one is not known.
        choice: why it takes these GPUs of their product; None when it takes none.
        elsewhere: on a mixed machine, `reasons` are those of the product that comes nearest; these
            are the reasons against the other products.
        stored_as: the precision in which its model was published; None when it is not known.
        advisories: the known issues of it on the GPUs that it takes.
    """

    profile: Profile
    reasons: tuple[Reason, ...]
    gpus: tuple[int, ...]
    _: KW_ONLY
    waived: tuple[Reason, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    need: MemoryNeed | None = None
    emulated: bool = False
    in_half: bool = False
    capability: ComputeCapability | None = None
    elsewhere: tuple[Reason, ...] = ()
    choice: Choice | None = None
    stored_as: Precision | None = None
    advisories: tuple[Advisory, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is a candidate."""
        return not self.reasons

    @property
    def grade(self) -> str:
        """`runnable`, `low memory` or `incompatible`: what the machine, not the operator, says.

        A profile that is merely not wanted (LoRA, a tag selector) keeps the machine's grade.
        """
        effects = {reason.effect for reason in (*self.reasons, *self.waived)}
        if INCOMPATIBLE in effects:
            return "incompatible"
        return "low memory" if LOW_MEMORY in effects else "runnable"


def as_wished(rejected: Iterable[Verdict]) -> str:
    """What a candidate also is, in words, where others would run but for what is wished; or ""."""
    held = [{reason.kind for reason in verdict.reasons} for verdict in rejected]
    if {"requirement"} in held:
        return " and is as required"
    asked = {"requirement", "tags", "advised"}
    return " and is as asked for" if any(kinds <= asked for kinds in held) else ""


def shortcoming(verdict: Verdict) -> tuple[int, int, bool, int, int, int]:
    """How far a rejected profile is from running.

    By grade and the kinds of its reasons, memory being the last that a machine gets more of, then
    by the GPUs that it lacks, by its reasons, and by the bytes.
    """
    lacking = [
        reason.need_bytes - reason.have_bytes
        for reason in verdict.reasons
        if isinstance(reason, ContextTooLong | TooLittleMemory | TooLittleFree)
    ]
    return (
        GRADES.index(verdict.grade),
        len({reason.kind for reason in verdict.reasons}),
        bool(lacking),
        gpus_lacking(verdict),
        len(verdict.reasons),
        max(lacking, default=0),
    )


def gpus_lacking(verdict: Verdict) -> int:
    """How many GPUs a rejected profile would take that are not here, or are not of its product."""
    lacking = 0
    for reason in verdict.reasons:
        if isinstance(reason, TooFewGpus):
            lacking = max(lacking, reason.need - reason.have)
        elif isinstance(reason, MigAlone | WRONG_PRODUCT):
            lacking = max(lacking, verdict.profile.gpus_needed)
    return lacking
