"""Suggestions with which the requests asked for would fit.

Every suggestion is tried: it is made only when the budget with it holds what was asked for.
"""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.record import Record
from nimprofile.base.units import MIB
from nimprofile.engines.compute_floors import RUNS_FROM
from nimprofile.engines.facts.nim import NIM
from nimprofile.engines.memory.estimate import kv_value_bytes, memory_budget, nim_budget
from nimprofile.engines.parallelism import indivisible
from nimprofile.engines.spec import spec_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.hardware.inventory import Gpu

MOST_RANKS = 16
LARGEST_FRACTION = 0.95
"""As far as engines are run in the logs of `docs/memory.md`."""

_NARROWER = (Precision.FP8, Precision.NVFP4, Precision.INT4_AWQ)


class Suggestion(Record):
    """One thing to change.

    Attributes:
        kind: `context`, `kv_cache`, `fraction`, `gpus` or `precision`.
        value: the new value: tokens, a format, a fraction, tensor-parallel ranks, a precision.
        message: the same in words, with the flag.
    """

    kind: str
    value: int | float | str
    message: str


_TRIES = 8
"""An engine takes more of a larger GPU: how large one must be is looked for anew."""


def size_of_enough(need: MemoryNeed, *, shortest: bool = False) -> int:
    """The total memory, in bytes, of a GPU on which the need holds, or does with a short context.

    What the manifest states is the same on every GPU.
    """
    budget = need.budget
    size = need.least_bytes if shortest else need.full_bytes
    if budget is None or need.estimated_bytes is not None:
        return size
    for _ in range(_TRIES):
        gpu = budget.gpu.replace(memory_total_mib=-(-size // MIB), memory_free_mib=None)
        larger = _changed(budget, gpu)
        if larger is None:
            break
        wanted = larger.least_bytes if shortest else larger.gpu_bytes(larger.wanted_cache)
        if wanted <= size:
            break
        size = wanted
    return size


def fits(budget: Budget) -> bool:
    """Whether the requests asked for fit."""
    context = budget.serving.max_model_len
    if budget.spare < 0 or context is None:
        return budget.spare >= 0
    return budget.concurrency(context) >= budget.serving.concurrency


def suggestions(need: MemoryNeed) -> tuple[Suggestion, ...]:
    """What would make it fit, the smallest change first.

    () when it fits, and when the manifest states the need, which only the manifest can change.
    """
    budget = need.budget
    if budget is None or need.estimated_bytes is not None or fits(budget):
        return ()
    return tuple(_tried(budget))


def _tried(budget: Budget) -> Iterator[Suggestion]:
    serving, context = budget.serving, budget.serving.max_model_len
    if context is not None:
        longest = budget.longest_context(context, serving.concurrency)
        if longest is not None:
            message = f"a context of {longest:,} tokens or less (--max-model-len {longest})"
            yield Suggestion("context", longest, message)
    if kv_value_bytes(budget.shape, serving, own=budget.habits.own_kv_format) > 1 and _fits_with(
        budget, kv_cache_dtype="fp8"
    ):
        yield Suggestion("kv_cache", "fp8", "an FP8 KV cache (--kv-cache-dtype fp8)")
    fraction = serving.memory_fraction or 1.0
    if fraction < LARGEST_FRACTION and _fits_with(budget, memory_fraction=LARGEST_FRACTION):
        flag = spec_of(serving.engine).fraction_flag
        message = f"more of the GPU for the engine ({flag} {LARGEST_FRACTION})"
        yield Suggestion("fraction", LARGEST_FRACTION, message)
    for tp in (serving.tp * 2**power for power in range(1, 5)):
        divided = not any(
            indivisible(
                budget.shape,
                serving.engine,
                tp,
                serving.pp,
                precision=serving.precision,
                version=budget.asked.engine_version,
            )
        )
        if tp <= MOST_RANKS and divided and _fits_with(budget, tp=tp):
            message = f"tensor parallelism of {tp}, on {tp * serving.pp} GPUs"
            yield Suggestion("gpus", tp, message)
            break
    for precision in _NARROWER:
        if _runs(budget, precision) and _fits_with(budget, precision=precision):
            message = f"another precision: {precision}"
            yield Suggestion("precision", str(precision), message)
            break


def _fits_with(budget: Budget, **changes: Any) -> bool:
    """Whether the requests fit when the engine is started with these changes."""
    if budget.habits is NIM and "kv_cache_dtype" in changes:
        return False  # NIM 2.x counts two bytes whatever the format
    changed = _changed(budget, **changes)
    return changed is not None and fits(changed)


def _changed(budget: Budget, gpu: Gpu | None = None, **changes: Any) -> Budget | None:
    """The budget after these changes to what was asked; defaults are filled in again."""
    weigh = nim_budget if budget.habits is NIM else memory_budget
    return weigh(budget.shape, budget.asked.replace(**changes), gpu or budget.gpu)


def _runs(budget: Budget, precision: Precision) -> bool:
    """Whether `precision` is narrower than the weights, and the GPU is known to run it."""
    current = budget.serving.precision
    capability, floor = budget.gpu.compute_capability, RUNS_FROM[precision]
    bits = budget.shape.dtype_bits if current is None else current.bits
    own = budget.shape.quantization is not None and current is None
    return not own and precision.bits < bits and capability is not None and capability >= floor
