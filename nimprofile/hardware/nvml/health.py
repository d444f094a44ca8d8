"""What is wrong with a GPU by what NVML answered of it, as conditions."""

from __future__ import annotations

from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.nvml.codes import (
    EMPTY_SLOT,
    FABRIC_READY,
    FABRIC_STATES,
    FATAL_RECOVERIES,
    HANDLE,
    HARMLESS,
    LOST,
    MEMORY,
    MIG_HANDLE,
    MIG_SLOTS,
    MILD_RECOVERIES,
    NO_PERMISSION,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from nimprofile.hardware.host import Host

    ByKey: TypeAlias = dict[str, Any]
    """The answers about one GPU or MIG instance by key; `refused` has calls and error codes."""


def failure(answers: ByKey) -> Condition | None:
    """Why a GPU cannot be used by what was read of it, the plainest sign first."""
    for call, code in answers["refused"]:
        if code in LOST:
            return Condition(Kind.LOST, code=code)
        memory = call == MEMORY and "memory" not in answers
        if call in (HANDLE, MIG_HANDLE) or (memory and code not in {*HARMLESS, NO_PERMISSION}):
            return Condition(Kind.REFUSED, code=code, call=call)
    if answers.get("recovery") in FATAL_RECOVERIES:
        return Condition(Kind.RECOVERY, action=answers["recovery"])
    failed = answers.get("remapped", (0, 0, 0, 0))[3]
    return Condition(Kind.ROW_FAILED) if failed else None


def unfinished(answers: ByKey, ending: Condition | None) -> Condition | None:
    """Why a GPU was not read to its end; None when it was.

    `ending` is why the reading of the whole machine ended early; that of a process which was asked
    about this GPU alone is among the answers.
    """
    if "done" in answers:
        return None
    why: Condition | None = answers.get("ending", ending)
    if why is not None:
        return why.with_figures(call=answers.get("asking") or answers.get("asking_slot"))
    if (call := answers.get("asked")) is None:
        return Condition(Kind.NOT_READ)
    wrong = [f"{called}: {code}" for called, code in answers["refused"] if isinstance(code, str)]
    problem = ", ".join(wrong) or Condition(Kind.NOT_READ)
    return Condition(Kind.UNREADABLE, problem=problem, call=call)


def node_blocked(answers: ByKey, host: Host) -> Condition | None:
    """That the device node of a GPU cannot be opened; None when it can, or is not known."""
    minor = answers.get("minor")
    if minor is None or not host.blocks(minor):
        return None
    return Condition(Kind.NODE_BLOCKED, minor=minor)


def no_instance(answers: ByKey) -> Condition:
    """Why a board in MIG mode has no MIG instance."""
    for call, code in answers["refused"]:
        if call == MIG_SLOTS:
            return Condition(Kind.REFUSED, code=code, call=call)
    return Condition(Kind.NO_INSTANCE)


def explained(answers: ByKey) -> bool:
    """Whether what was refused is why a GPU cannot be used, and need not be remarked on."""
    split = answers.get("mig") == 1
    return failure(answers) is not None or (
        split and no_instance(answers).kind is not Kind.NO_INSTANCE
    )


def is_empty_slot(answers: ByKey) -> bool:
    """Whether there is no MIG instance in a slot."""
    return any(call == MIG_HANDLE and code in EMPTY_SLOT for call, code in answers["refused"])


def health_issues(answers: ByKey) -> Iterator[Condition]:
    """What is wrong with a GPU that can be used."""
    if answers.get("recovery") in MILD_RECOVERIES:
        yield Condition(Kind.RECOVERY, action=answers["recovery"])
    if answers.get("remapped", (0, 0, 0, 0))[2]:
        yield Condition(Kind.ROW_PENDING)
    if answers.get("retired"):
        yield Condition(Kind.PAGE_PENDING)
    if errors := answers.get("ecc"):
        yield Condition(Kind.ECC_ERRORS, count=errors)
    state, status = answers.get("fabric", (0, 0))
    if state in FABRIC_STATES:
        yield Condition(Kind.FABRIC_STATE, state=state)
    elif state == FABRIC_READY and status:
        yield Condition(Kind.FABRIC_FAILED, code=status)
