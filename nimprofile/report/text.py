"""A decision as text.

Nothing is decided here: every sentence is made from the decision's own figures.
"""

from __future__ import annotations

from nimprofile.base.units import format_gib, format_gpus, format_indices
from nimprofile.hardware.describe import describe_machine
from nimprofile.hardware.visible_devices import cuda_devices
from nimprofile.manifest.profile_conditions import our_tag
from nimprofile.report.style import GRADE_COLOURS, Style
from nimprofile.selection.decision import shortcoming
from nimprofile.selection.fit import GRADES
from nimprofile.selection.messages import choice_message, message
from nimprofile.selection.placement import By
from nimprofile.selection.warnings import NEVER_MET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeGuard

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.fit import Verdict
    from nimprofile.selection.placement import Choice

NO_PROFILE = "No profile found for the detected hardware"
"""What the message begins with when nothing runs; scripts look for it."""

NOT_IN_MANIFEST = "No profile found for what is asked"
"""What the message begins with when no profile could be as it is asked for on any hardware."""

NOT_AS_REQUIRED = "Nothing that runs here is as required"
"""What the message begins with when something runs, but nothing that meets `--require`."""


def select_text(decision: Decision, style: Style) -> str:
    """The choice, its GPUs, the deciding criterion and the override, if any."""
    chosen = decision.selected
    assert chosen is not None, "there is something to show"
    rows = [
        ("profile", style.paint(chosen.profile.name, "1")),
        ("id", chosen.profile.id),
        ("gpus", _gpus(chosen, decision.inventory)),
        ("cuda", _cuda(chosen, decision.inventory)),
        ("because", _because(decision)),
        ("policy", decision.policy.name),
    ]
    if chosen.need is not None:
        rows.insert(
            3, ("memory", f"{format_gib(chosen.need.full_bytes)} per GPU, {chosen.need.source}")
        )
    return "\n".join(f"{key:8} {value}" for key, value in rows)


def _gpus(verdict: Verdict, inventory: Inventory) -> str:
    names = {gpu.label: None for gpu in inventory.gpus if gpu.index in verdict.gpus}
    text = f"{format_indices(verdict.gpus)} ({len(verdict.gpus)} × {', '.join(names)})"
    choice = verdict.choice
    if not is_informative(choice) or (choice.by is By.INDEX and choice.link is None):
        return text
    return f"{text}: {choice_message(choice)}"


def is_informative(choice: Choice | None) -> TypeGuard[Choice]:
    """Whether there is more to say than the indices: other GPUs would do, or a link is known."""
    return choice is not None and (choice.by is not By.ALL or choice.link is not None)


def _cuda(verdict: Verdict, inventory: Inventory) -> str:
    devices = cuda_devices(inventory, verdict.gpus)
    if devices is None:
        return "a MIG instance whose UUID is unknown cannot be named to CUDA"
    return " ".join(f"{name}={value}" for name, value in devices.environ.items())


def _because(decision: Decision) -> str:
    pin, runner_up = decision.request.pin, decision.runner_up
    if pin is not None:
        return f"pinned by {pin.source}={pin.value}"
    if decision.deciding is None or runner_up is None or decision.selected is None:
        return "the only profile that runs here"
    criterion = decision.deciding
    better, worse = criterion.describe(decision.selected), criterion.describe(runner_up)
    return f"{criterion.name}: {better} before {worse}; the next is {runner_up.profile.name}"


def nothing_runs(decision: Decision) -> str:
    """Why there is no choice: a histogram of reasons, or why the pin is refused."""
    if decision.otherwise is not None:
        return "\n".join(_required_in_vain(decision, decision.otherwise))
    pin, pinned = decision.request.pin, decision.pinned
    if pin is not None and pinned is not None:
        lines = [f"{pin.source}={pin.value} is refused: {pinned.profile.name} does not run here."]
        lines += [f"  {message(reason)}" for reason in pinned.reasons]
        lines += [f"  to change: {change}" for change in remedies_of(pinned)]
        if all(reason.waived_by for reason in pinned.reasons):
            switches = sorted({f"{reason.waived_by}=1" for reason in pinned.reasons})
            lines.append(f"  or start it all the same: {', '.join(switches)}")
        return "\n".join(lines)
    if any(isinstance(warning, NEVER_MET) for warning in decision.warnings):
        asked = ", ".join(f"{our_tag(tag)}={value}" for tag, value in decision.request.tags)
        asked = asked or ", ".join(map(str, decision.request.require))
        return f"{NOT_IN_MANIFEST}: no profile of this manifest has {asked}."
    total = len(decision.rejected)
    lines = [f"{NO_PROFILE}: 0 of {total} profiles run on {describe_machine(decision.inventory)}."]
    if decision.rejected:
        lines.append("How many profiles each reason is held against (one can have several):")
        lines += [f"  {count:4} × {text}" for text, count in histogram(decision.rejected)]
        nearest = decision.nearest
        lines.append(f"Nearest: {nearest.profile.name}, which would take:")
        lines += [f"  {change}" for change in remedies_of(nearest)]
    return "\n".join(lines)


def _required_in_vain(decision: Decision, otherwise: Verdict) -> Iterator[str]:
    """What would be selected without the requirements, and what comes nearest to meeting them."""
    required, pin = ", ".join(map(str, decision.request.require)), decision.request.pin
    yield f"{NOT_AS_REQUIRED}: {required}"
    gpus = f"on {format_gpus(otherwise.gpus)}" if otherwise.gpus else "here"
    pinned = "" if pin is None else f", pinned by {pin.source}"
    yield f"Without that, {otherwise.profile.name} would run {gpus}{pinned}:"
    judged = decision.pinned or decision.verdict(otherwise.profile)
    yield from (f"  {message(reason)}" for reason in judged.reasons if reason.kind == "requirement")
    if decision.ranked:
        met = decision.ranked[0]
        yield f"{met.profile.name} meets it and runs here: take the pin away"
        return
    meeting = [
        verdict
        for verdict in decision.rejected
        if all(reason.kind != "requirement" for reason in verdict.reasons)
    ]
    if not meeting:
        yield "No profile of this manifest meets it."
        return
    nearest = min(meeting, key=shortcoming)
    yield f"Nearest of the profiles that meet it: {nearest.profile.name}, which would take:"
    yield from (f"  {change}" for change in remedies_of(nearest))


def remedies_of(verdict: Verdict) -> tuple[str, ...]:
    """What would make a rejected profile run, in sentences."""
    from nimprofile.selection.remedies import remedies

    return remedies(verdict.reasons, verdict.profile.gpus_needed)


_TITLES = {
    "engine": "engine not available here",
    "precision": "unknown precision",
    "gpu": "made for another GPU",
    "gpu_count": "too few GPUs",
    "mig": "spans MIG instances",
    "mixed_gpus": "GPUs of several products",
    "compute_capability": "compute capability too low for the precision",
    "requires_compute_capability": "compute capability not as required",
    "divisibility": "the model does not divide so",
    "memory_total": "too little memory in total",
    "memory_context": "the full context does not fit",
    "memory_free": "too little memory free now",
    "gpu_not_empty": "GPU not empty",
    "driver": "driver too old",
    "cuda": "CUDA too old",
    "engine_version": "engine's version not as required",
    "lora": "LoRA not as wanted",
    "tags": "tag selector does not match",
    "requirement": "not as required",
}


def histogram(verdicts: Iterable[Verdict]) -> list[tuple[str, int]]:
    """How many profiles each kind of reason rejects, most frequent first."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        for kind in {reason.kind for reason in verdict.reasons}:
            counts[kind] = counts.get(kind, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(_TITLES[kind], count) for kind, count in ordered]


def list_text(decision: Decision, style: Style) -> str:
    """Every profile by grade, with what it runs on or why it does not."""
    verdicts = (*decision.ranked, *decision.rejected)
    rows = [
        (verdict.grade, verdict.profile.id, verdict.profile.name, _remark(verdict))
        for grade in GRADES
        for verdict in verdicts
        if verdict.grade == grade
    ]
    if not style.columns:
        return "\n".join(style.table(rows))
    lines: list[str] = []
    for grade in GRADES:
        group = [(id[:12], name, remark) for g, id, name, remark in rows if g == grade]
        lines.append(style.paint(f"{grade} ({len(group)})", GRADE_COLOURS[grade]))
        lines += [f"  {line}" for line in style.table(group)] if group else []
    return "\n".join(lines)


def _remark(verdict: Verdict) -> str:
    if verdict.fits:
        return f"GPUs {format_indices(verdict.gpus)}" + (
            f"; {message(verdict.waived[0])} (waived)" if verdict.waived else ""
        )
    more = len(verdict.reasons) - 1
    return message(verdict.reasons[0]) + (f" (+{more} more)" if more else "")
