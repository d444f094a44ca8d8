"""`MemoryReport`: what a memory budget says of a profile on a machine, with its warnings."""

from __future__ import annotations

from nimprofile.base.units import MIB
from nimprofile.engines.facts.nim import NIM
from nimprofile.engines.memory.budget import cuda_total
from nimprofile.engines.memory.suggestions import suggestions
from nimprofile.engines.serving import DEFAULTS
from nimprofile.engines.spec import spec_of
from nimprofile.selection.messages import disagreement_message, message, starved_message
from nimprofile.selection.reasons import TooLittleFree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.model.shape import ModelShape
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict

MEMORY_KINDS = frozenset(
    {"divisibility", "gpu_count", "mig", "memory_total", "memory_context", "memory_free"}
)
"""Reasons that are about memory and the division of the model; a budget has no others."""

_WISHES = frozenset({"lora", "tags", "gpu_not_empty", "engine"})
_SHORT = frozenset({"memory_total", "memory_context", "memory_free"})
_UNDIVIDED = frozenset({"divisibility", "gpu_count", "mig"})


class MemoryReport:
    """Whether a profile fits, with how long a context, and what it would take otherwise.

    Attributes:
        verdict: of the profile that the budget is for.
        budget: of the fullest GPU; None when the model's shape does not give it.
        reasons: why it does not fit, those about memory and division only.
        other_reasons: why it does not run, other than memory, division and wishes.
        fits: there are no reasons; None when nothing is known of the need.
        longest: the longest context, in tokens; None when none fits, or it is not known.
        whole: the context that is asked for, of which the longest is a part.
        suggestions: changes that would make it fit, when nothing but memory is short.
        divides: whether the model divides among the GPUs, and they are there.
        notes: what was assumed of the model.
    """

    def __init__(self, decision: Decision, verdict: Verdict, shape: ModelShape | None):
        need, self.verdict = verdict.need, verdict
        self.notes = () if shape is None else shape.notes
        self.budget = budget = None if need is None else need.budget
        held = (*verdict.reasons, *verdict.waived)
        self.reasons = tuple(reason for reason in held if reason.kind in MEMORY_KINDS)
        self.other_reasons = tuple(
            reason for reason in held if reason.kind not in MEMORY_KINDS | _WISHES
        )
        unknown = need is None or (budget is not None and not budget.total)
        self.fits = False if self.reasons else None if unknown else True
        self.longest: int | None = None
        self.whole = None if budget is None else budget.serving.max_model_len
        if decision.request.serving.fit_context and shape is not None:
            self.whole = decision.request.serving.max_model_len or shape.max_position_embeddings
        if need is not None and budget is not None and need.max_model_len is not None:
            sizes = [budget.gpu.memory_total_mib or 0]
            if budget.habits is NIM:  # which asks for what is free, and for nothing at start
                gpus = [gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus]
                sizes += [gpu.memory_free_mib for gpu in gpus if gpu.memory_free_mib is not None]
            self.longest = need.longest_context(min(sizes) * MIB)
        kinds = {reason.kind for reason in self.reasons}
        only_short = bool(kinds) and kinds <= _SHORT
        self.suggestions = suggestions(need) if need is not None and only_short else ()
        self.divides = kinds.isdisjoint(_UNDIVIDED)


def memory_warnings(report: MemoryReport) -> Iterator[str]:
    """What to know of the budget, even where a switch forces a start."""
    budget, need = report.budget, report.verdict.need
    yield from (f"it does not run here: {message(reason)}" for reason in report.other_reasons)
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
    yield from _smaller_fraction(report, budget)


def _unused(budget: Budget) -> Iterator[str]:
    """Settings that the arithmetic does not use, and a version newer than those it knows."""
    asked, habits = budget.asked, budget.habits
    if habits is NIM:
        given = [name for name in _UNUSED_BY_NIM if getattr(asked, name) != getattr(DEFAULTS, name)]
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


_UNUSED_BY_NIM = (
    *("engine_version", "kv_cache_dtype", "memory_fraction", "max_num_batched_tokens"),
    *("max_num_seqs", "eager"),
)


def _smaller_fraction(report: MemoryReport, budget: Budget) -> Iterator[str]:
    """The fraction with which the engine would start in what is free now."""
    short = [reason for reason in report.reasons if isinstance(reason, TooLittleFree)]
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
