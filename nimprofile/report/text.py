"""How does a decision read on a terminal, and in a pipe?

Nothing is decided here: every sentence is made from the record.
"""

from __future__ import annotations

from nimprofile.base.units import MIB, format_gib, format_gpus, format_indices
from nimprofile.engines.memory.suggestions import changes
from nimprofile.hardware.visible_devices import cuda_devices
from nimprofile.report.tables import Style
from nimprofile.selection.fit import GRADES
from nimprofile.selection.messages import (
    choice_message,
    describe_machine,
    doubt_message,
    message,
    remedies,
    waiver_message,
)
from nimprofile.selection.placement import By
from nimprofile.selection.rank import deciding, standing
from nimprofile.selection.reasons import Effect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeGuard

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.engines.memory.suggestions import Change
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.fit import Verdict
    from nimprofile.selection.placement import Choice

NO_PROFILE = "No profile found for the detected hardware"
"""What the message begins with when nothing runs; scripts look for it."""

_COLOURS = {"runnable": "32", "low memory": "33", "incompatible": "31"}


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
    if not _is_telling(choice) or (choice.by is By.INDEX and choice.link is None):
        return text
    return f"{text}: {choice_message(choice)}"


def _is_telling(choice: Choice | None) -> TypeGuard[Choice]:
    """Whether there was anything to choose, or the connection is known."""
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
    name = decision.deciding.name
    better, worse = (standing(name, verdict) for verdict in (decision.selected, runner_up))
    return f"{name}: {better} before {worse}; the next is {runner_up.profile.name}"


def nothing_runs(decision: Decision) -> str:
    """Why there is no choice: a histogram of reasons, or why the pin is refused."""
    pin, pinned = decision.request.pin, decision.pinned
    if pin is not None and pinned is not None:
        lines = [f"{pin.source}={pin.value} is refused: {pinned.profile.name} does not run here."]
        lines += [f"  {message(reason)}" for reason in pinned.reasons]
        lines += [f"  to change: {change}" for change in _remedies(pinned)]
        if all(reason.waived_by for reason in pinned.reasons):
            switches = sorted({f"{reason.waived_by}=1" for reason in pinned.reasons})
            lines.append(f"  or start it all the same: {', '.join(switches)}")
        return "\n".join(lines)
    total = len(decision.rejected)
    lines = [f"{NO_PROFILE}: 0 of {total} profiles run on {describe_machine(decision.inventory)}."]
    if decision.rejected:
        lines.append("How many profiles each reason is held against (one can have several):")
        lines += [f"  {count:4} × {text}" for text, count in histogram(decision.rejected)]
        nearest = decision.nearest
        lines.append(f"Nearest: {nearest.profile.name}, which would take:")
        lines += [f"  {change}" for change in _remedies(nearest)]
    return "\n".join(lines)


def _remedies(verdict: Verdict) -> tuple[str, ...]:
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
        lines.append(style.paint(f"{grade} ({len(group)})", _COLOURS[grade]))
        lines += [f"  {line}" for line in style.table(group)] if group else []
    return "\n".join(lines)


def _remark(verdict: Verdict) -> str:
    if verdict.fits:
        return f"GPUs {format_indices(verdict.gpus)}" + (
            f"; {message(verdict.waived[0])} (waived)" if verdict.waived else ""
        )
    more = len(verdict.reasons) - 1
    return message(verdict.reasons[0]) + (f" (+{more} more)" if more else "")


def explain_decision(decision: Decision, style: Style) -> str:
    """The story of the whole decision."""
    lines = [f"Machine: {describe_machine(decision.inventory)}"]
    lines.append(
        f"Policy: {decision.policy.name}: {' > '.join(c.name for c in decision.policy.criteria)}"
    )
    if decision.selected is not None:
        lines += ["", select_text(decision, style)]
    else:
        lines += ["", nothing_runs(decision)]
    lines += [f"warning: {warning}" for warning in decision.warnings]
    lines += [f"note: {remark}" for remark in decision.inventory.remarks]
    if decision.ranked and decision.ranked != (decision.selected,):
        lines += ["", style.paint(f"Candidates ({len(decision.ranked)}), best first", "1")]
        for better, verdict in zip((None, *decision.ranked), decision.ranked, strict=False):
            lost = (
                ""
                if better is None
                else f"  behind the one above on {deciding(better, verdict, decision.policy).name}"
            )
            lines.append(f"  {verdict.profile.name}{lost}")
    if decision.rejected:
        lines += ["", style.paint(f"Rejected ({len(decision.rejected)})", "1")]
        for verdict in decision.rejected:
            lines.append(
                f"  {verdict.profile.name}: {style.paint(verdict.grade, _COLOURS[verdict.grade])}"
            )
            lines += [f"    {message(reason)}" for reason in verdict.reasons]
            lines += [f"    elsewhere: {message(reason)}" for reason in verdict.elsewhere]
            lines += [f"    to change: {change}" for change in _remedies(verdict)]
    return "\n".join(lines)


_GATES: tuple[tuple[str, frozenset[str]], ...] = (
    ("engine", frozenset({"engine", "engine_version"})),
    ("GPU", frozenset({"gpu", "mixed_gpus"})),
    ("GPU count", frozenset({"gpu_count", "mig", "divisibility"})),
    ("capability", frozenset({"precision", "compute_capability", "requires_compute_capability"})),
    ("total memory", frozenset({"memory_total", "memory_context"})),
    ("free memory", frozenset({"memory_free", "gpu_not_empty"})),
    ("driver", frozenset({"driver", "cuda"})),
    ("LoRA", frozenset({"lora"})),
    ("tags", frozenset({"tags"})),
)


def explain_profile(decision: Decision, verdict: Verdict, style: Style) -> str:
    """The story of one profile: every gate, what beat it, what would have to change."""
    profile = verdict.profile
    lines = [
        f"{style.paint(profile.name, '1')}: {style.paint(verdict.grade, _COLOURS[verdict.grade])}",
        f"id {profile.id}",
    ]
    if _id_disagrees(verdict):
        lines.append(
            f"note: its tags hash to {profile.computed_id}; either the tags were edited, or the "
            "manifest is of NIM 1.2 or older, which hashed differently"
        )
    lines.append("")
    rows = []
    for title, kinds in _GATES:
        rows += list(_gate(title, kinds, verdict, decision))
    lines += [f"  {line}" for line in Style(columns=True).table(rows)]
    lines += [f"  ? {doubt_message(doubt)}" for doubt in verdict.doubts]
    if _is_telling(verdict.choice):
        would = "takes" if verdict.fits else "would take"
        gpus = format_gpus(verdict.gpus)
        lines += ["", f"It {would} {gpus}: {choice_message(verdict.choice)}."]
    lines += ["", *_standing(decision, verdict)]
    if verdict.elsewhere:
        lines.append("And on the other GPUs of this machine:")
        lines += [f"  {message(reason)}" for reason in verdict.elsewhere]
    if verdict.reasons:
        lines += ["To make it run:", *(f"  {change}" for change in _remedies(verdict))]
        lines += [f"  or {change.message}" for change in _tried(verdict)]
    return "\n".join(lines)


def _tried(verdict: Verdict) -> Iterator[Change]:
    """Changes of the memory budget that would do; the context is in the remedies."""
    kinds = {reason.kind for reason in verdict.reasons}
    if verdict.need is not None and kinds and kinds <= {"memory_total", "memory_context"}:
        yield from (change for change in changes(verdict.need) if change.kind != "context")


def _id_disagrees(verdict: Verdict) -> bool:
    profile = verdict.profile
    return (
        not profile.tags_from_name and len(profile.id) == 64 and profile.computed_id != profile.id
    )


def _gate(
    title: str, kinds: frozenset[str], verdict: Verdict, decision: Decision
) -> Iterator[tuple[str, str, str]]:
    failed = [reason for reason in verdict.reasons if reason.kind in kinds]
    waived = [reason for reason in verdict.waived if reason.kind in kinds]
    for reason in failed:
        yield (
            "no" if reason.effect is not Effect.NOT_WANTED else "not wanted",
            title,
            message(reason),
        )
    for reason in waived:
        relaxed = decision.request.relax_memory
        by_pin = verdict is decision.pinned and reason.effect is Effect.LOW_MEMORY and not relaxed
        yield ("waived", title, waiver_message(reason, by_pin=by_pin))
    if not failed and not waived:
        doubted = [doubt for doubt in verdict.doubts if doubt.kind in kinds]
        yield ("?" if doubted else "yes", title, _passed(title, verdict, decision))


def _passed(title: str, verdict: Verdict, decision: Decision) -> str:
    """What the profile asks at a gate that held nothing against it."""
    profile, need = verdict.profile, verdict.need
    match title:
        case "engine":
            return str(profile.engine or "no engine named")
        case "GPU":
            wanted = " / ".join(profile.made_for)
            return f"made for {wanted}" if wanted else "made for any GPU"
        case "GPU count":
            sizes = f"tp {profile.tp or '?'} × pp {profile.pp or '?'}"
            return f"{sizes}: {profile.gpus_needed} of one product"
        case "capability":
            return str(profile.precision or "no precision named") + (
                ", emulated" if verdict.emulated else ""
            )
        case "total memory":
            return (
                "no need known"
                if need is None
                else f"{format_gib(need.full_bytes)} per GPU, {need.source}{_beside(need)}"
            )
        case "free memory":
            gpus = [gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus]
            known = [gpu.memory_free_mib for gpu in gpus if gpu.memory_free_mib is not None]
            return f"{format_gib(min(known) * MIB)} free on each" if known else "nothing against it"
        case "driver":
            wants = [
                f"{k} {v}"
                for k, v in (("driver", profile.requires.driver), ("CUDA", profile.requires.cuda))
                if v
            ]
            return f"{', '.join(wants)}" if wants else "nothing required"
        case "LoRA":
            return "serves adapters" if profile.lora else "none wanted, none served"
        case _:
            return (
                ", ".join(f"{tag}={value}" for tag, value in decision.request.tags) or "no selector"
            )


def _beside(need: MemoryNeed) -> str:
    """The estimate beside what the manifest states, when they disagree; else what it is made of."""
    if need.estimated_bytes is not None:
        estimate = f" (by the model's shape {format_gib(need.estimated_bytes)})"
        return estimate if need.disagrees else ""
    budget = need.budget
    if budget is None:
        return ""
    cache = budget.wanted_cache
    return (
        f": weights {format_gib(budget.weights.bytes)}, KV cache {format_gib(cache)} for "
        f"{budget.serving.max_model_len} tokens, "
        f"{format_gib(budget.activation.bytes + budget.overhead.bytes)} besides"
        f"{_share(budget)}"
    )


def _share(budget: Budget) -> str:
    """Why the sum is less than the need: the engine takes a part of the GPU."""
    fraction = budget.serving.memory_fraction
    if fraction is None or fraction >= 1:
        return ""
    of = "what is free for the KV cache" if budget.habits.of_free else "the GPU"
    return f"; {budget.serving.engine} takes {fraction:g} of {of}"


def _standing(decision: Decision, verdict: Verdict) -> list[str]:
    ids = [ranked.profile.id for ranked in decision.ranked]
    if verdict is decision.pinned and decision.request.pin is not None:
        outcome = "is refused" if decision.selected is None else "starts"
        return [f"It is pinned by {decision.request.pin.source}, and {outcome}."]
    if verdict.profile.id not in ids:
        return ["It is not a candidate."]
    place = ids.index(verdict.profile.id)
    if place == 0:
        lines = [
            "It is the best of the candidates." if len(ids) > 1 else "It is the only candidate."
        ]
        if len(ids) > 1:
            second = decision.ranked[1]
            criterion = deciding(verdict, second, decision.policy)
            lines.append(
                f"{criterion.name} puts it before {second.profile.name}: {criterion.prefers}."
            )
        return lines
    best = decision.ranked[0]
    criterion = deciding(best, verdict, decision.policy)
    return [
        f"It is candidate {place + 1} of {len(ids)}.",
        f"{best.profile.name} beats it on {criterion.name}: {criterion.prefers}.",
    ]
