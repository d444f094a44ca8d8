"""X

The keys of the JSON are a promise: `docs/memory.md` lists them, and they only ever gain company.
"""

from __future__ import annotations

from nimprofile.base.units import GIB, MIB, format_gib
from nimprofile.engines.facts.nim import NIM
from nimprofile.engines.memory.budget import cuda_total
from nimprofile.engines.memory.suggestions import changes
from nimprofile.engines.serving import DEFAULTS
from nimprofile.engines.spec import spec_of
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.to_json import reason_to_dict
from nimprofile.selection.messages import disagreement_message, message, starved_message
from nimprofile.selection.reasons import TooLittleFree
from nimprofile.selection.remedies import remedies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.components import Part
    from nimprofile.model.shape import ModelShape
    from nimprofile.report.style import Style
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.fit import Verdict

MEMORY_KINDS = frozenset(
    {"divisibility", "gpu_count", "mig", "memory_total", "memory_context", "memory_free"}
)
"""Reasons that are about memory and the division of the model; a budget has no others."""

_SIGNS = {
    "weights": ("█", "34"),
    "kv_cache": ("▓", "32"),
    "activation": ("▒", "33"),
    "overhead": ("░", "35"),
}
"""Each part's sign and colour in a bar."""


class Answer:
    """What is asked of a budget: does it fit, how long a context, how many requests at once?

    Attributes:
        verdict: of the profile that the budget is for.
        budget: of the fullest GPU; None when the model's shape does not give it.
        reasons: why it does not fit, those about memory and division only.
        others: why it does not run besides.
        fits: there are no reasons; None when nothing is known of the need.
        longest: the longest context, in tokens; None when none fits, or it is not known.
        changes: what would do, when nothing but memory is short.
        divided: the model does divide among the GPUs, and they are there.
        notes: what was assumed of the model.
    """

    def __init__(self, decision: Decision, verdict: Verdict, shape: ModelShape | None):
        need, self.verdict = verdict.need, verdict
        self.notes = () if shape is None else shape.notes
        self.budget = budget = None if need is None else need.budget
        held = (*verdict.reasons, *verdict.waived)
        self.reasons = tuple(reason for reason in held if reason.kind in MEMORY_KINDS)
        self.others = tuple(reason for reason in held if reason.kind not in MEMORY_KINDS | _WISHES)
        unknown = need is None or (budget is not None and not budget.total)
        self.fits = False if self.reasons else None if unknown else True
        self.longest: int | None = None
        if need is not None and budget is not None and need.max_model_len is not None:
            gpus = [gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus]
            free = [gpu.memory_free_mib for gpu in gpus if gpu.memory_free_mib is not None]
            size = (budget.gpu.memory_total_mib or 0) * MIB
            self.longest = need.longest_context(size, min(free, default=None))
        kinds = {reason.kind for reason in self.reasons}
        self.changes = changes(need) if need is not None and kinds and kinds <= _SHORT else ()
        self.divided = kinds.isdisjoint(_UNDIVIDED)


_WISHES = frozenset({"lora", "tags", "gpu_not_empty", "engine"})
_SHORT = frozenset({"memory_total", "memory_context", "memory_free"})
_UNDIVIDED = frozenset({"divisibility", "gpu_count", "mig"})


def answer_to_dict(answer: Answer) -> dict[str, Any]:
    """The answer as plain JSON values."""
    verdict, budget = answer.verdict, answer.budget
    serving = None if budget is None else budget.serving
    context = None if serving is None else serving.max_model_len
    stated = verdict.profile.memory
    need = verdict.need
    return {
        "profile": verdict.profile.name,
        "gpus": list(verdict.gpus),
        "engine": None if serving is None else str(serving.engine),
        "engine_version": None if serving is None else serving.engine_version,
        "precision": None if verdict.profile.precision is None else str(verdict.profile.precision),
        "tp": verdict.profile.tp,
        "pp": verdict.profile.pp,
        "serving": None if serving is None else serving.to_dict(),
        "per_gpu": _per_gpu(budget, None if stated is None else stated.full_bytes),
        "kv_cache_tokens": None
        if budget is None or context is None
        else budget.cache_tokens(context),
        "printed_kv_cache_tokens": None if budget is None else budget.printed_tokens,
        "kv_cache_bytes_per_request": None
        if budget is None or context is None
        else budget.request_bytes(context),
        "max_model_len": answer.longest,
        "max_concurrency": None
        if budget is None or context is None or budget.pool is None
        else round(budget.concurrency(context), 4),
        "required_bytes": None
        if need is None
        else {
            "stated": None if stated is None else need.full_bytes,
            "estimated": need.full_bytes if stated is None else need.estimated_bytes,
            "source": need.source,
        },
        "fits": answer.fits,
        "grade": verdict.grade,
        "reasons": [reason_to_dict(reason) for reason in answer.reasons],
        "changes": [change.to_dict() for change in answer.changes],
        "warnings": [*warnings(answer)],
        "notes": list(answer.notes),
    }


def _per_gpu(budget: Budget | None, stated: int | None) -> dict[str, Any] | None:
    if budget is None:
        if stated is None:
            return None
        nothing = dict.fromkeys(f"{name}_bytes" for name in _SIGNS)
        return {**nothing, "total_bytes": stated, "source": {**nothing, "total_bytes": "manifest"}}
    parts = {f"{name}_bytes": part for name, part in budget.parts.items()}
    exact = all(part.source == "exact" for part in parts.values())
    ranges = {name: [part.low, part.high] for name, part in parts.items() if part.low is not None}
    return {
        **{name: part.bytes for name, part in parts.items()},
        "total_bytes": sum(part.bytes for part in parts.values()),
        "limit_bytes": budget.limit,
        "gpu_bytes": budget.total,
        "stage": budget.stage,
        "source": {
            **{name: part.source for name, part in parts.items()},
            "total_bytes": "exact" if exact else "estimated",
        },
        "basis": {name: part.basis for name, part in parts.items()},
        "constants_from": budget.habits.source,
        "range": ranges,
    }


def warnings(answer: Answer) -> Iterator[str]:
    """Doubts that stand even where a switch forces a start."""
    budget, need = answer.budget, answer.verdict.need
    yield from (f"it does not run here: {message(reason)}" for reason in answer.others)
    if budget is None or need is None:
        return
    serving, most = budget.serving, budget.shape.max_position_embeddings
    if budget.starved:
        yield starved_message(budget)
    if need.disagrees:
        yield disagreement_message(need)
    if serving.max_model_len is not None and most is not None and serving.max_model_len > most:
        yield f"{serving.max_model_len:,} tokens are more than the model's own {most:,}"
    if serving.speculative_tokens and not budget.shape.drafter:
        yield "the model has no layers of its own that draft: a drafter's memory is not counted"
    yield from _unused(budget)
    yield from _smaller_fraction(answer, budget)


def _unused(budget: Budget) -> Iterator[str]:
    """Settings that the arithmetic does not use, and a version it does not know."""
    asked, habits = budget.asked, budget.habits
    if habits is NIM:
        given = [name for name in _NOT_NIMS if getattr(asked, name) != getattr(DEFAULTS, name)]
        if given:
            yield f"NIM 2.x's arithmetic does not use {', '.join(given)}"
    elif asked.engine_version is not None and habits.newest:
        from packaging.version import Version

        if (
            Version(asked.engine_version) > Version(habits.newest)
            and habits is spec_of(asked.engine).overheads[-1]
        ):
            yield (
                f"{asked.engine} {asked.engine_version} is newer than the newest whose habits are "
                f"known, {habits.newest}: its own may differ"
            )


_NOT_NIMS = (
    *("engine_version", "kv_cache_dtype", "memory_fraction", "max_num_batched_tokens"),
    *("max_num_seqs", "eager"),
)


def _smaller_fraction(answer: Answer, budget: Budget) -> Iterator[str]:
    """The fraction with which the engine would start in what is free now."""
    short = [reason for reason in answer.reasons if isinstance(reason, TooLittleFree)]
    if not short or budget.asked_at_start is None:
        return
    free = min(reason.have_bytes for reason in short)
    fraction = int(100 * cuda_total(budget.gpu, free) / max(1, budget.total)) / 100
    if 0 < fraction < (budget.serving.memory_fraction or 1):
        smaller = budget.replace(serving=budget.serving.replace(memory_fraction=fraction))
        context = budget.serving.max_model_len or 0
        longest = smaller.longest_context(context, budget.serving.concurrency)
        if longest is not None:
            yield f"with a fraction of {fraction:g} it starts now, and {longest:,} tokens fit"


def answer_text(decision: Decision, answer: Answer, model: str, style: Style) -> str:
    """The answer for people."""
    budget = answer.budget
    lines = [f"{style.paint(model, '1')} on {describe_machine(decision.inventory)}"]
    if budget is None:
        lines += [*_stated(answer), *_verdict(answer, style)]
        return "\n".join([*lines, *(f"note: {note}" for note in answer.notes)])
    lines += [_started(answer, budget), "", *_bars(answer, budget, style), *_table(budget, style)]
    lines += ["", *_verdict(answer, style), *_answers(answer, budget)]
    lines += [f"warning: {warning}" for warning in warnings(answer)]
    lines += [f"note: {note}" for note in answer.notes]
    return "\n".join(lines)


def _started(answer: Answer, budget: Budget) -> str:
    serving, profile = budget.serving, answer.verdict.profile
    version = f" {serving.engine_version}" if serving.engine_version else ""
    sizes = f"tp {serving.tp}" + (f", pp {serving.pp}" if serving.pp > 1 else "")
    weights = profile.precision or "the checkpoint's precision"
    return f"{profile.name}: {serving.engine}{version}, {weights} weights, {sizes}"


def _bars(answer: Answer, budget: Budget, style: Style) -> Iterator[str]:
    """A stacked bar for each GPU; they are drawn on a terminal only."""
    if not style.columns or not budget.total:
        return
    width = max(16, min(60, style.width - 24))
    whole = max(budget.total, sum(part.bytes for part in budget.parts.values()))
    cells, drawn, upto = "", 0, 0
    for name, part in budget.parts.items():
        sign, colour = _SIGNS[name]
        upto += part.bytes
        end = round(upto / whole * width)
        cells += style.paint(sign * (end - drawn), colour)
        drawn = end
    cells += "·" * (width - drawn)
    for index in answer.verdict.gpus or (0,):
        yield f"GPU {index:<3} {cells} {format_gib(budget.total)}"
    legend = (
        f"{style.paint(sign, colour)} {_words(name)}" for name, (sign, colour) in _SIGNS.items()
    )
    yield f"{'':8}{'  '.join(legend)}  · not taken"
    yield ""


def _words(name: str) -> str:
    return {"kv_cache": "KV cache"}.get(name, name)


def _table(budget: Budget, style: Style) -> Iterator[str]:
    rows = [_row(_words(name), part) for name, part in budget.parts.items()]
    left = budget.total - sum(part.bytes for part in budget.parts.values())
    rows.append(("not taken", format_gib(max(0, left)), "", "of what CUDA can use"))
    yield from style.table(rows)


def _row(name: str, part: Part) -> tuple[str, ...]:
    span = ""
    if part.low is not None and part.high is not None:
        span = f" ({part.low / GIB:.1f} to {part.high / GIB:.1f})"
    return name, format_gib(part.bytes), part.source + span, part.basis


def _verdict(answer: Answer, style: Style) -> Iterator[str]:
    match answer.fits:
        case True:
            yield style.paint("it fits", "32")
        case False:
            yield style.paint("it does not fit", "31")
        case _:
            yield style.paint("whether it fits is not known", "33")
    yield from (f"  {message(reason)}" for reason in answer.reasons)
    told = [change.message for change in answer.changes]
    if not told:
        told += remedies(answer.reasons, answer.verdict.profile.gpus_needed)
    yield from (f"  to change: {change}" for change in told)


def _answers(answer: Answer, budget: Budget) -> Iterator[str]:
    """The longest context, and how many requests of it at once."""
    serving, longest = budget.serving, answer.longest
    if not answer.divided:
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


def _stated(answer: Answer) -> Iterator[str]:
    need = answer.verdict.need
    if need is None:
        yield "what it needs is not known: nothing states it, and no shape gives it"
    else:
        yield f"needs {format_gib(need.full_bytes)} per GPU, {need.source}"
