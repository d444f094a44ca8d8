"""A decision, or one profile of it, explained gate by gate."""

from __future__ import annotations

from nimprofile.base.units import format_gpus
from nimprofile.engines.memory.suggestions import suggestions
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.blocks import Column, Line, Span, Table, line
from nimprofile.report.production.advisories import issue_blocks
from nimprofile.report.text import (
    GRADE_MEANINGS,
    SHORT_ID,
    is_informative,
    nothing_blocks,
    policy_text,
    remedies_of,
    select_blocks,
)
from nimprofile.selection.gates.outcomes import (
    DOUBTED,
    NO,
    NOT_WANTED,
    WAIVED,
    YES,
    gate_outcomes,
)
from nimprofile.selection.messages import choice_message, doubt_message, message
from nimprofile.selection.rank import deciding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.suggestions import Suggestion
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.report.blocks import Block, Meaning
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


_MEANINGS: dict[str, Meaning] = {
    NO: "bad",
    NOT_WANTED: "doubtful",
    WAIVED: "doubtful",
    DOUBTED: "doubtful",
    YES: "good",
}


def explain_profile(
    decision: Decision, verdict: Verdict, manifest: Manifest | None = None
) -> list[Block]:
    """One profile: every gate, which profile ranks before it, what would have to change.

    Without the manifest that was decided on, nothing is said of issues that may apply.
    """
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
    rows = [
        (Span(gate.outcome, _MEANINGS[gate.outcome]), gate.gate, gate.text)
        for gate in gate_outcomes(verdict, decision)
    ]
    columns = (Column(), Column(), Column(wraps=True))
    blocks += [Line(), Table(columns, rows, lead=2, indent=2, aligned=True)]
    blocks += [line(f"? {doubt_message(doubt)}", indent=2) for doubt in verdict.doubts]
    blocks += issue_blocks(decision, verdict, manifest)
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
