"""A memory report in words: a table with bars, and whether the profile fits."""

from __future__ import annotations

from nimprofile.base.units import GIB, format_gib
from nimprofile.engines.facts.nim import NIM
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.blocks import Bar, Column, Line, Span, Table, line
from nimprofile.report.memory_report import memory_warnings
from nimprofile.selection.messages import message
from nimprofile.selection.remedies import remedies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.components import Part
    from nimprofile.report.blocks import Block, Cell
    from nimprofile.report.memory_report import MemoryReport
    from nimprofile.selection.decision import Decision


def memory_blocks(decision: Decision, report: MemoryReport, model: str) -> list[Block]:
    """The report as blocks."""
    budget = report.budget
    blocks: list[Block] = [
        line(Span(model, "strong"), f" on {describe_machine(decision.inventory)}")
    ]
    notes = [line(f"note: {note}") for note in report.notes]
    if budget is None:
        return [*blocks, line(_stated(report)), *_verdict(report), *notes]
    blocks += [line(_started(report, budget)), Line(), _table(budget), Line()]
    blocks += [*_verdict(report), *map(line, _context(report, budget))]
    blocks += [line(f"warning: {warning}") for warning in memory_warnings(report)]
    known = f"note: the figures of {_arithmetic(budget)} are from {budget.habits.source}"
    return [*blocks, line(known), *notes]


def _arithmetic(budget: Budget) -> str:
    return "NIM's arithmetic" if budget.habits is NIM else str(budget.serving.engine)


def _started(report: MemoryReport, budget: Budget) -> str:
    serving, profile = budget.serving, report.verdict.profile
    version = f" {serving.engine_version}" if serving.engine_version else ""
    sizes = f"tp {serving.tp}" + (f", pp {serving.pp}" if serving.pp > 1 else "")
    weights = profile.precision or "the checkpoint's precision"
    return f"{profile.name}: {serving.engine}{version}, {weights} weights, {sizes}"


def _part_name(name: str) -> str:
    return {"kv_cache": "KV cache"}.get(name, name)


def _table(budget: Budget) -> Table:
    """The parts, each as a bar that begins where the one before it ends."""
    parts = budget.parts
    left = max(0, budget.total - sum(part.bytes for part in parts.values()))
    whole, taken = max(budget.total, sum(part.bytes for part in parts.values())), 0
    rows: list[tuple[Cell, ...]] = []
    for name, part in parts.items():
        bar = Bar(whole, taken, taken := taken + part.bytes)
        rows.append(
            (_part_name(name), format_gib(part.bytes), bar, part.source + _span(part), part.basis)
        )
    bar = Bar(whole, taken, whole)
    rows.append(("not taken", format_gib(left), bar, "", "of what CUDA can use"))
    total = f"of {format_gib(budget.total)}"
    columns = (
        Column("each GPU"),
        Column("holds", figures=True),
        Column(total, terminal_only=True, narrow=1),
        Column("source", unnamed=True),
        Column("what it is", wraps=True, unnamed=True),
    )
    return Table(columns, rows, lead=2)


def _span(part: Part) -> str:
    if part.low is None or part.high is None:
        return ""
    return f" ({part.low / GIB:.1f} to {part.high / GIB:.1f})"


def _verdict(report: MemoryReport) -> list[Line]:
    match report.fits:
        case True:
            answer = Span("it fits", "good")
        case False:
            answer = Span("it does not fit", "bad")
        case _:
            answer = Span("whether it fits is not known", "doubtful")
    said = [message(reason) for reason in report.reasons]
    suggestions = [suggestion.message for suggestion in report.suggestions]
    if not suggestions:
        suggestions += remedies(report.verdict, report.reasons)
    said += [f"to change: {suggestion}" for suggestion in suggestions]
    return [line(answer), *(line(text, indent=2) for text in said)]


def _context(report: MemoryReport, budget: Budget) -> Iterator[str]:
    """The longest context, and how many requests of it at once."""
    serving, longest = budget.serving, report.longest
    if not report.divides:
        return
    context = serving.max_model_len
    if context is None or budget.pool is None:
        yield "context: not known, so only the weights count"
        return
    many = f" of {serving.concurrency} requests" if serving.concurrency > 1 else ""
    if longest is None:
        yield f"longest context{many}: none; not even 256 tokens"
        return
    asked = report.whole or context
    whole = " (all of it)" if longest == asked else f" of {asked:,}"
    yield f"longest context{many}: {longest:,} tokens{whole}"
    yield (
        f"requests of {context:,} tokens at once: {budget.concurrency(context):.2f}; "
        f"KV cache: {budget.cache_tokens(context):,} tokens"
    )


def _stated(report: MemoryReport) -> str:
    need = report.verdict.need
    if need is None:
        return "what it needs is not known: nothing states it, and no shape gives it"
    return f"needs {format_gib(need.full_bytes)} per GPU, {need.source}"
