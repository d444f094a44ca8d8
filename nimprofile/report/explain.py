"""A decision, or one profile of it, explained gate by gate."""

from __future__ import annotations

from nimprofile.base.units import MIB, format_gib, format_gpus
from nimprofile.engines.memory.suggestions import suggestions
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.blocks import Column, Line, Span, Table, line
from nimprofile.report.text import (
    GRADE_MEANINGS,
    SHORT_ID,
    is_informative,
    nothing_blocks,
    policy_text,
    remedies_of,
    select_blocks,
)
from nimprofile.selection.messages import choice_message, doubt_message, message, waiver_message
from nimprofile.selection.rank import deciding
from nimprofile.selection.reasons import Effect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.engines.memory.suggestions import Suggestion
    from nimprofile.report.blocks import Block, Cell
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict


def explain_decision(decision: Decision) -> list[Block]:
    """The whole decision: the candidates in order, and why the others are rejected."""
    order = " > ".join(criterion.name for criterion in decision.policy.criteria)
    blocks: list[Block] = [
        line(f"Machine: {describe_machine(decision.inventory)}"),
        line(f"Policy: {policy_text(decision)}: {order}"),
        Line(),
        *(nothing_blocks(decision) if decision.selected is None else select_blocks(decision)),
    ]
    blocks += [line(f"warning: {warning}") for warning in decision.warnings]
    remarks = (*decision.inventory.remarks, *decision.request.notes)
    blocks += [line(f"note: {remark}") for remark in remarks]
    if decision.ranked and decision.ranked != (decision.selected,):
        title = f"Candidates ({len(decision.ranked)}), best first"
        blocks += [Line(), line(Span(title, "strong"))]
        for better, verdict in zip((None, *decision.ranked), decision.ranked, strict=False):
            lost = (
                ""
                if better is None
                else f"  behind the one above on {deciding(better, verdict, decision.policy).name}"
            )
            blocks.append(line(verdict.profile.name, lost, indent=2))
    if decision.rejected:
        blocks += [Line(), line(Span(f"Rejected ({len(decision.rejected)})", "strong"))]
        for verdict in decision.rejected:
            blocks.append(line(verdict.profile.name, ": ", _grade(verdict), indent=2))
            said = [message(reason) for reason in verdict.reasons]
            said += [f"elsewhere: {message(reason)}" for reason in verdict.elsewhere]
            said += [f"to change: {change}" for change in remedies_of(verdict)]
            blocks += [line(text, indent=4) for text in said]
    return blocks


def _grade(verdict: Verdict) -> Span:
    return Span(verdict.grade, GRADE_MEANINGS[verdict.grade])


_GATES: tuple[tuple[str, frozenset[str]], ...] = (
    ("engine", frozenset({"engine", "engine_version", "cpu_architecture"})),
    ("GPU", frozenset({"gpu", "mixed_gpus"})),
    ("GPU count", frozenset({"gpu_count", "mig", "divisibility"})),
    ("capability", frozenset({"precision", "compute_capability", "requires_compute_capability"})),
    ("total memory", frozenset({"memory_total", "memory_context"})),
    ("free memory", frozenset({"memory_free", "gpu_not_empty"})),
    ("driver", frozenset({"driver", "cuda"})),
    ("LoRA", frozenset({"lora"})),
    ("tags", frozenset({"tags", "default_selector", "requirement"})),
)


def explain_profile(decision: Decision, verdict: Verdict) -> list[Block]:
    """One profile: every gate, which profile ranks before it, what would have to change."""
    profile = verdict.profile
    blocks: list[Block] = [
        line(Span(profile.name, "strong"), ": ", _grade(verdict)),
        line("id ", Span(profile.id, shortened=SHORT_ID)),
    ]
    if _id_disagrees(verdict):
        note = (
            f"note: its tags hash to {profile.computed_id}; either the tags were edited, or the "
            "manifest is of NIM 1.2 or older, which hashed differently"
        )
        blocks.append(line(note))
    rows = [row for title, kinds in _GATES for row in _gate(title, kinds, verdict, decision)]
    columns = (Column(), Column(), Column(wraps=True))
    blocks += [Line(), Table(columns, rows, lead=2, indent=2, aligned=True)]
    blocks += [line(f"? {doubt_message(doubt)}", indent=2) for doubt in verdict.doubts]
    if is_informative(verdict.choice):
        would = "takes" if verdict.fits else "would take"
        gpus = format_gpus(verdict.gpus)
        blocks += [Line(), line(f"It {would} {gpus}: {choice_message(verdict.choice)}.")]
    blocks += [Line(), *map(line, _rank_lines(decision, verdict))]
    if verdict.elsewhere:
        blocks.append(line("And on the other GPUs of this machine:"))
        blocks += [line(message(reason), indent=2) for reason in verdict.elsewhere]
    if verdict.reasons:
        blocks.append(line("To make it run:"))
        blocks += [line(change, indent=2) for change in remedies_of(verdict)]
        blocks += [line(f"or {change.message}", indent=2) for change in _suggestions(verdict)]
    return blocks


def _suggestions(verdict: Verdict) -> Iterator[Suggestion]:
    """Changes of the memory budget that would suffice; the context is in the remedies."""
    kinds = {reason.kind for reason in verdict.reasons}
    if verdict.need is not None and kinds and kinds <= {"memory_total", "memory_context"}:
        for suggestion in suggestions(verdict.need):
            if suggestion.kind != "context":
                yield suggestion


def _id_disagrees(verdict: Verdict) -> bool:
    profile = verdict.profile
    return (
        not profile.tags_from_name and len(profile.id) == 64 and profile.computed_id != profile.id
    )


def _gate(
    title: str, kinds: frozenset[str], verdict: Verdict, decision: Decision
) -> Iterator[tuple[Cell, ...]]:
    failed = [reason for reason in verdict.reasons if reason.kind in kinds]
    waived = [reason for reason in verdict.waived if reason.kind in kinds]
    for reason in failed:
        unwanted = reason.effect is Effect.NOT_WANTED
        outcome = Span("not wanted", "doubtful") if unwanted else Span("no", "bad")
        yield outcome, title, message(reason)
    for reason in waived:
        relaxed = decision.request.relax_memory
        by_pin = verdict is decision.pinned and reason.effect is Effect.LOW_MEMORY and not relaxed
        yield Span("waived", "doubtful"), title, waiver_message(reason, by_pin=by_pin)
    if not failed and not waived:
        doubted = [doubt for doubt in verdict.doubts if doubt.kind in kinds]
        outcome = Span("?", "doubtful") if doubted else Span("yes", "good")
        yield outcome, title, _passed(title, verdict, decision)


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
                ", emulated" if verdict.emulated else ", served in fp16" if verdict.in_half else ""
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
                f"{name} {condition}"
                for name, condition in (
                    ("driver", profile.requires.driver),
                    ("CUDA", profile.requires.cuda),
                )
                if condition
            ]
            return f"{', '.join(wants)}" if wants else "nothing required"
        case "LoRA":
            return "serves adapters" if profile.lora else "none wanted, none served"
        case _:
            request = decision.request
            asked = [f"{tag}={value}" for tag, value in request.tags]
            asked += [f"{condition} (required)" for condition in request.require]
            return ", ".join(asked) or "no selector"


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
        f"{_memory_share(budget)}"
    )


def _memory_share(budget: Budget) -> str:
    """Why the sum is less than the need: the engine takes a part of the GPU."""
    fraction = budget.serving.memory_fraction
    if fraction is None or fraction >= 1:
        return ""
    of = "what is free for the KV cache" if budget.habits.of_free else "the GPU"
    return f"; {budget.serving.engine} takes {fraction:g} of {of}"


def _rank_lines(decision: Decision, verdict: Verdict) -> list[str]:
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
