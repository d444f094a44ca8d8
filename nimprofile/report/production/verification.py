"""What `verify` prints: each demand with what told it, and each prediction beside the measured."""

from __future__ import annotations

from math import isfinite

from nimprofile.base.printable import clipped, shown
from nimprofile.base.units import format_gib
from nimprofile.report.blocks import Column, Line, Span, Table, line
from nimprofile.report.production.load import OUTCOME_MEANINGS, load_to_dict
from nimprofile.verify.judgement import Outcome
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from nimprofile.report.blocks import Block, Cell
    from nimprofile.verify.expectation import Expectation
    from nimprofile.verify.judgement import Figure, Judgement, Verification
    from nimprofile.verify.load.goals import JudgedLoad
    from nimprofile.verify.observation import Observation

VERIFICATION_VERSION = "1.0"
"""Of the form of `verify --json`; `nimprofile schema verification` describes it."""

MOST_TEXT = 300
"""Characters of a line of a log that are repeated."""

_BYTES = frozenset({Fact.WEIGHTS_BYTES, Fact.KV_CACHE_BYTES})


def verification_blocks(verification: Verification, expectation: Expectation) -> list[Block]:
    """The report for people: the counts, the demands, the figures, the findings."""
    blocks: list[Block] = [_summary(verification, expectation)]
    if verification.judgements:
        columns = (Column(), Column("demand"), Column("told by", wraps=True))
        blocks.append(Table(columns, [_row(judged) for judged in verification.judgements], lead=2))
    if verification.figures:
        blocks.append(_figures(verification.figures))
    blocks += [
        line(Span("finding: ", "doubtful"), f"{finding.value} ({_where(finding)})")
        for finding in verification.findings
    ]
    return blocks


def _summary(verification: Verification, expectation: Expectation) -> Line:
    counts = {outcome: len(verification.of(outcome)) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    worst = Outcome.CONTRADICTED if counts[Outcome.CONTRADICTED] else Outcome.PROVEN
    name = "" if expectation.profile_name is None else f" of {shown(expectation.profile_name)}"
    return line(Span(told, OUTCOME_MEANINGS[worst]), name)


def _row(judged: Judgement) -> tuple[Cell, ...]:
    return (
        Span(str(judged.outcome), OUTCOME_MEANINGS[judged.outcome]),
        shown(str(judged.demand)),
        "; ".join(_told(judged)),
    )


def _told(judged: Judgement) -> Iterator[str]:
    """What told it, and what is to be said of it."""
    if judged.evidence:
        first, more = judged.evidence[0], len(judged.evidence) - 1
        told = shown(first.text, MOST_TEXT)
        said = f" and {more} more" if more else ""
        yield f"{_where(first)}{said}: {told}"
    if judged.note:
        yield judged.note
    if not judged.evidence and not judged.note:
        yield "nothing that was read tells it"


def _where(observation: Observation) -> str:
    return f"{shown(observation.source)}, {observation.place}"


def _figures(figures: Sequence[Figure]) -> Table:
    columns = (
        Column("figure"),
        Column("predicted", figures=True),
        Column("measured", figures=True),
        Column("error", figures=True),
        Column("told by", wraps=True),
    )
    rows = [
        (
            str(figure.fact),
            figure_text(figure.fact, figure.predicted),
            "not told" if figure.measured is None else figure_text(figure.fact, figure.measured),
            "" if figure.error is None else f"{100 * figure.error:+.1f} %",
            "; ".join(_where(each) for each in figure.evidence),
        )
        for figure in figures
    ]
    return Table(columns, rows, headed=True)


def figure_text(fact: Fact, value: int) -> str:
    """A figure with its unit."""
    return format_gib(value) if fact in _BYTES else f"{value:,}"


def verification_to_dict(
    verification: Verification,
    expectation: Expectation,
    loads: Sequence[JudgedLoad] = (),
    *,
    strict: bool,
) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "schema_version": VERIFICATION_VERSION,
        "holds": all(each.holds(strict=strict) for each in (verification, *loads)),
        "strict": strict,
        "profile": {"id": expectation.profile_id, "name": expectation.profile_name},
        "judgements": [_judgement(judged) for judged in verification.judgements],
        "figures": [_figure(figure) for figure in verification.figures],
        "findings": [observation_to_dict(each) for each in verification.findings],
        "seen": [observation_to_dict(each) for each in verification.seen],
        "loads": [load_to_dict(load, strict=strict) for load in loads],
        "notes": list(verification.notes),
    }


def _judgement(judged: Judgement) -> dict[str, Any]:
    demand = judged.demand
    return {
        "demand": str(demand),
        "about": demand.about,
        "relation": demand.relation,
        "value": demand.value,
        "origin": demand.origin,
        "outcome": str(judged.outcome),
        "indirect": judged.indirect,
        "note": judged.note,
        "evidence": [observation_to_dict(each) for each in judged.evidence],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    error = figure.error
    return {
        "fact": str(figure.fact),
        "predicted": figure.predicted,
        "measured": figure.measured,
        "error": None if error is None else round(error, 4),
        "source": figure.source,
        "evidence": [observation_to_dict(each) for each in figure.evidence],
    }


def observation_to_dict(observation: Observation) -> dict[str, Any]:
    """An observation; texts of others are clipped."""
    value = observation.value
    if isinstance(value, float) and not isfinite(value):  # which JSON does not have
        value = str(value)
    return {
        "fact": str(observation.fact),
        "value": clipped(value, MOST_TEXT) if isinstance(value, str) else value,
        "source": observation.source,
        "place": observation.place,
        "text": clipped(observation.text, MOST_TEXT),
        "process": observation.process,
    }
