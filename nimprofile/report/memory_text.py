"""A memory report as text: bars, a table, and whether the profile fits."""

from __future__ import annotations

from nimprofile.base.units import GIB, format_gib
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.memory_report import memory_warnings
from nimprofile.selection.messages import message
from nimprofile.selection.remedies import remedies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.components import Part
    from nimprofile.report.memory_report import MemoryReport
    from nimprofile.report.style import Style
    from nimprofile.selection.decision import Decision

_BAR_SIGNS = {
    "weights": ("█", "34"),
    "kv_cache": ("▓", "32"),
    "activation": ("▒", "33"),
    "overhead": ("░", "35"),
}
"""Each part's sign and colour in a bar."""


def memory_text(decision: Decision, report: MemoryReport, model: str, style: Style) -> str:
    """The report as text."""
    budget = report.budget
    lines = [f"{style.paint(model, '1')} on {describe_machine(decision.inventory)}"]
    if budget is None:
        lines += [*_stated(report), *_verdict(report, style)]
        return "\n".join([*lines, *(f"note: {note}" for note in report.notes)])
    lines += [_started(report, budget), "", *_bars(report, budget, style), *_table(budget, style)]
    lines += ["", *_verdict(report, style), *_context(report, budget)]
    lines += [f"warning: {warning}" for warning in memory_warnings(report)]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines)


def _started(report: MemoryReport, budget: Budget) -> str:
    serving, profile = budget.serving, report.verdict.profile
    version = f" {serving.engine_version}" if serving.engine_version else ""
    sizes = f"tp {serving.tp}" + (f", pp {serving.pp}" if serving.pp > 1 else "")
    weights = profile.precision or "the checkpoint's precision"
    return f"{profile.name}: {serving.engine}{version}, {weights} weights, {sizes}"


def _bars(report: MemoryReport, budget: Budget, style: Style) -> Iterator[str]:
    """A stacked bar for each GPU; they are drawn on a terminal only."""
    if not style.columns or not budget.total:
        return
    width = max(16, min(60, style.width - 24))
    whole = max(budget.total, sum(part.bytes for part in budget.parts.values()))
    cells, drawn, upto = "", 0, 0
    for name, part in budget.parts.items():
        sign, colour = _BAR_SIGNS[name]
        upto += part.bytes
        end = round(upto / whole * width)
        cells += style.paint(sign * (end - drawn), colour)
        drawn = end
    cells += "·" * (width - drawn)
    for index in report.verdict.gpus or (0,):
        yield f"GPU {index:<3} {cells} {format_gib(budget.total)}"
    legend = (
        f"{style.paint(sign, colour)} {_part_name(name)}"
        for name, (sign, colour) in _BAR_SIGNS.items()
    )
    yield f"{'':8}{'  '.join(legend)}  · not taken"
    yield ""


def _part_name(name: str) -> str:
    return {"kv_cache": "KV cache"}.get(name, name)


def _table(budget: Budget, style: Style) -> Iterator[str]:
    rows = [_row(_part_name(name), part) for name, part in budget.parts.items()]
    left = budget.total - sum(part.bytes for part in budget.parts.values())
    rows.append(("not taken", format_gib(max(0, left)), "", "of what CUDA can use"))
    yield from style.table(rows)


def _row(name: str, part: Part) -> tuple[str, ...]:
    span = ""
    if part.low is not None and part.high is not None:
        span = f" ({part.low / GIB:.1f} to {part.high / GIB:.1f})"
    return name, format_gib(part.bytes), part.source + span, part.basis


def _verdict(report: MemoryReport, style: Style) -> Iterator[str]:
    match report.fits:
        case True:
            yield style.paint("it fits", "32")
        case False:
            yield style.paint("it does not fit", "31")
        case _:
            yield style.paint("whether it fits is not known", "33")
    yield from (f"  {message(reason)}" for reason in report.reasons)
    suggestions = [suggestion.message for suggestion in report.suggestions]
    if not suggestions:
        suggestions += remedies(report.reasons, report.verdict.profile.gpus_needed)
    yield from (f"  to change: {suggestion}" for suggestion in suggestions)


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
    whole = " (all of it)" if longest == context else f" of {context:,}"
    yield f"longest context{many}: {longest:,} tokens{whole}"
    yield (
        f"requests of {context:,} tokens at once: {budget.concurrency(context):.2f}; "
        f"KV cache: {budget.cache_tokens(context):,} tokens"
    )


def _stated(report: MemoryReport) -> Iterator[str]:
    need = report.verdict.need
    if need is None:
        yield "what it needs is not known: nothing states it, and no shape gives it"
    else:
        yield f"needs {format_gib(need.full_bytes)} per GPU, {need.source}"
