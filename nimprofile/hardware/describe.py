"""A machine in words: its GPUs, what is wrong with them, and how they were read."""

from __future__ import annotations

from nimprofile.base.printable import sentence, shown
from nimprofile.base.units import format_gpus, is_or_are

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.hardware.inventory import Gpu, Inventory


def unavailable_messages(gpus: tuple[Gpu, ...]) -> Iterator[str]:
    """Which GPUs cannot be used, once for each cause."""
    for cause, indices in causes_of(gpus).items():
        yield unavailable_message(indices, cause)


def unavailable_message(gpus: tuple[int, ...], cause: str) -> str:
    """That these GPUs cannot be used, and why."""
    return f"{format_gpus(gpus)} {is_or_are(gpus)} unavailable: {sentence(cause)}"


def causes_of(gpus: tuple[Gpu, ...]) -> dict[str, tuple[int, ...]]:
    """GPUs by cause; the NVML call is left out where that merges several causes into one."""
    causes: dict[str, tuple[int, ...]] = {}
    merged: dict[str, tuple[int, ...]] = {}
    for gpu in gpus:
        cause = str(gpu.unavailable)
        causes[cause] = (*causes.get(cause, ()), gpu.index)
    if len(causes) < 2:
        return causes
    for gpu in gpus:
        cause = _without_call(gpu.unavailable)
        merged[cause] = (*merged.get(cause, ()), gpu.index)
    return merged if len(merged) < len(causes) else causes


def _without_call(cause: str | None) -> str:
    """Why a GPU is unavailable, but for the call that had not returned when its reading ended."""
    from nimprofile.hardware.conditions import Condition, Kind

    if isinstance(cause, Condition):
        if cause.kind is Kind.NO_ANSWER:
            return cause.with_figures(call=None)
        if cause.kind is Kind.UNREADABLE:
            return str(cause.figures["problem"])
    return str(cause)


def machine_messages(inventory: Inventory) -> Iterator[str]:
    """What is wrong with a machine's GPUs, and remarks on how it was read."""
    yield from unavailable_messages(inventory.unavailable)
    for gpu in inventory.gpus:
        yield from (f"GPU {gpu.index} is ailing: {sentence(issue)}" for issue in gpu.health_issues)
    yield from (f"note: {sentence(remark)}" for remark in inventory.remarks)


def describe_machine(inventory: Inventory) -> str:
    """`8 × NVIDIA H100 80GB HBM3`, and how many GPUs there are beside that cannot be used."""
    counts: dict[str, int] = {}
    for gpu in inventory.offered:
        counts[gpu.label] = counts.get(gpu.label, 0) + 1
    text = " + ".join(f"{count} × {shown(label)}" for label, count in counts.items()) or "no GPUs"
    missing = len(inventory.unavailable)
    return f"{text} ({missing} more unavailable)" if missing else text
