"""Changes with which the requests asked for would fit.

Every change is tried: it is suggested only when the budget with it holds what was asked for.
"""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.record import Record
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

MOST_RANKS = 16
LARGEST_FRACTION = 0.95
"""As far as engines are run in the logs of `docs/memory.md`."""

_NARROWER = (Precision.FP8, Precision.NVFP4, Precision.INT4_AWQ)


class Change(Record):
    """One thing to change.

    Attributes:
        kind: `context`, `kv_cache`, `fraction`, `gpus` or `precision`.
        value: what to make it: tokens, a format, a fraction, tensor-parallel ranks, a precision.
        message: the same in words, with the flag.
    """

    kind: str
    value: int | float | str
    message: str


def fits(found: Budget) -> bool:
    """Whether the requests asked for fit."""
    context = found.serving.max_model_len
    if found.spare < 0 or context is None:
        return found.spare >= 0
    return found.concurrency(context) >= found.serving.concurrency


def changes(need: MemoryNeed) -> tuple[Change, ...]:
    """What would make it fit, the least change first.

    () when it fits, and when the manifest states the need, which nothing but the manifest changes.
    """
    found = need.budget
    if found is None or need.estimated_bytes is not None or fits(found):
        return ()
    return tuple(_tried(found))


def _tried(found: Budget) -> Iterator[Change]:
    serving, context = found.serving, found.serving.max_model_len
    if context is not None:
        longest = found.longest_context(context, serving.concurrency)
        if longest is not None:
            told = f"a context of {longest:,} tokens or less (--max-model-len {longest})"
            yield Change("context", longest, told)
    if kv_value_bytes(found.shape, serving, own=found.habits.own_kv_format) > 1 and _would(
        found, kv_cache_dtype="fp8"
    ):
        yield Change("kv_cache", "fp8", "an FP8 KV cache (--kv-cache-dtype fp8)")
    fraction = serving.memory_fraction or 1.0
    if fraction < LARGEST_FRACTION and _would(found, memory_fraction=LARGEST_FRACTION):
        flag = spec_of(serving.engine).fraction_flag
        told = f"more of the GPU for the engine ({flag} {LARGEST_FRACTION})"
        yield Change("fraction", LARGEST_FRACTION, told)
    for tp in (serving.tp * 2**power for power in range(1, 5)):
        divided = not any(
            indivisible(
                found.shape,
                serving.engine,
                tp,
                serving.pp,
                precision=serving.precision,
                version=found.asked.engine_version,
            )
        )
        if tp <= MOST_RANKS and divided and _would(found, tp=tp):
            told = f"tensor parallelism of {tp}, on {tp * serving.pp} GPUs"
            yield Change("gpus", tp, told)
            break
    for precision in _NARROWER:
        if _runs(found, precision) and _would(found, precision=precision):
            told = f"another precision: {precision}"
            yield Change("precision", str(precision), told)
            break


def _would(found: Budget, **different: Any) -> bool:
    if found.habits is NIM and "kv_cache_dtype" in different:
        return False  # NIM 2.x counts two bytes whatever the format
    budget = _with(found, **different)
    return budget is not None and fits(budget)


def _with(found: Budget, **different: Any) -> Budget | None:
    """The budget of the same, started differently; what was not asked for is the engine's again."""
    weigh = nim_budget if found.habits is NIM else memory_budget
    return weigh(found.shape, found.asked.replace(**different), found.gpu)


def _runs(found: Budget, precision: Precision) -> bool:
    """Whether it would narrow the weights, and the GPU is known to run it."""
    now = found.serving.precision
    capability, floor = found.gpu.compute_capability, RUNS_FROM[precision]
    bits = found.shape.dtype_bits if now is None else now.bits
    own = found.shape.quantization is not None and now is None
    return not own and precision.bits < bits and capability is not None and capability >= floor
