"""What `verify` prints of a load: the times, the rates, the memory, and the goals."""

from __future__ import annotations

from nimprofile.base.printable import shown
from nimprofile.report.blocks import Column, Line, Span, Table, line
from nimprofile.verify.judgement import Outcome
from nimprofile.verify.load.plausible import mean_in_flight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from nimprofile.report.blocks import Block, Cell, Meaning
    from nimprofile.verify.load.goals import GoalResult, JudgedLoad
    from nimprofile.verify.load.load_report import LoadReport, Spread

OUTCOME_MEANINGS: dict[Outcome, Meaning] = {
    Outcome.PROVEN: "good",
    Outcome.CONTRADICTED: "bad",
    Outcome.NOT_OBSERVABLE: "doubtful",
}
"""How each outcome looks on a terminal."""

_COUNTED = {
    "usage": "counted by the server",
    "chunks": "counted in parts of the streams, of which one may have several tokens",
    "tool": "as the program counted them",
}


def load_blocks(load: JudgedLoad) -> list[Block]:
    """The report for people."""
    report = load.report
    blocks: list[Block] = [_what(report), _how_many(report)]
    if rows := [*_times(report)]:
        blocks.append(Table(_TIMES, rows, headed=True))
    blocks += map(line, _rates(report))
    if report.gpus:
        blocks.append(_gpus(report))
    blocks += map(line, _cache(report))
    blocks += (
        line(f"failed: {failure.count} × {shown(failure.what)}: {shown(failure.example)}")
        for failure in report.failures
    )
    blocks.append(Table(_GOALS, [_goal(result) for result in load.goals], lead=2))
    blocks += (line(Span("impossible: ", "bad"), problem) for problem in load.impossible)
    return [*blocks, *(line(f"note: {note}") for note in report.notes)]


def _what(report: LoadReport) -> Line:
    model = "" if report.model is None else f", {shown(report.model)}"
    how = "" if report.interface is None else f", {report.interface}"
    return line(Span(f"load of {shown(report.source)}", "strong"), f" by {report.tool}{model}{how}")


def _how_many(report: LoadReport) -> Line:
    parts = [f"{report.completed} request{'s' * (report.completed != 1)} answered"]
    parts += [f"{report.failed} failed"] if report.failed else []
    parts += [f"{report.unfinished} unfinished"] if report.unfinished else []
    parts += [] if report.concurrency is None else [f"{report.concurrency} at once at most"]
    parts += [] if report.seconds is None else [f"in {report.seconds:.1f} s"]
    parts += [_ENDS[report.ended]] if report.ended in _ENDS else []
    return line(", ".join(parts))


_ENDS = {
    "time": "ended when its time was up",
    "interrupted": "ended by a signal",
    "error": "ended because nothing was answered",
}
_TIMES = (
    Column("ms"),
    *(Column(name, figures=True) for name in ("mean", "p50", "p90", "p95", "p99", "highest")),
)


def _times(report: LoadReport) -> Iterator[tuple[Cell, ...]]:
    for name, found in (
        ("time to first token", report.ttft_ms),
        ("time per output token", report.tpot_ms),
        ("latency", report.latency_ms),
    ):
        if found is not None:
            yield (name, *map(_milliseconds, _stated(found)))


def _stated(found: Spread) -> Iterable[float | None]:
    return found.mean, found.p50, found.p90, found.p95, found.p99, found.most


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _rates(report: LoadReport) -> Iterator[str]:
    if report.output_tokens_per_second is not None:
        counted = _COUNTED.get(report.tokens_from or "", "")
        yield f"{report.output_tokens_per_second:.1f} output tokens per second, {counted}"
    if report.requests_per_second is not None:
        flight = mean_in_flight(report)
        law = "" if flight is None else f"; by Little's law {flight:.2f} were in flight on average"
        yield f"{report.requests_per_second:.2f} requests per second{law}"
    if report.prompt_tokens is not None and report.completed:
        yield f"{report.prompt_tokens / report.completed:.0f} tokens in a prompt on average"


def _gpus(report: LoadReport) -> Table:
    columns = (
        Column("GPU"),
        Column("name"),
        *(Column(name, figures=True) for name in ("MiB", "idle", "peak")),
    )
    rows = [
        (str(gpu.index), gpu.name or "?", *map(_mib, (gpu.total, gpu.idle, gpu.peak)))
        for gpu in report.gpus
    ]
    return Table(columns, rows, headed=True)


def _mib(value: int | None) -> str:
    return "-" if value is None else str(value)


def _cache(report: LoadReport) -> Iterator[str]:
    parts = (("idle", report.kv_cache_idle), ("at its peak", report.kv_cache_peak))
    told = [f"{part:.1%} {when}" for when, part in parts if part is not None]
    if told:
        yield f"KV cache in use: {', '.join(told)}"


_GOALS = (Column(), Column("goal"), Column("measured", wraps=True))


def _goal(result: GoalResult) -> tuple[Cell, ...]:
    return (
        Span(str(result.outcome), OUTCOME_MEANINGS[result.outcome]),
        f"{result.goal}: {result.wanted}",
        result.why,
    )


def load_to_dict(load: JudgedLoad, *, strict: bool = False) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "holds": load.holds(strict=strict),
        "report": load.report.to_dict(),
        "goals": [result.to_dict() for result in load.goals],
        "impossible": list(load.impossible),
    }
