"""What the last start in a log came to: for each fact the values that count, the decisive first.

A server tells some facts once for each of its processes, and some several times while it measures.
"""

from __future__ import annotations

import sys

from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.verify.observation import Observation

_FULLEST = frozenset({Fact.WEIGHTS_BYTES, Fact.CUDA_GRAPHS_BYTES})
"""Of the GPU that holds most, as `Expected` has them."""

_SMALLEST = frozenset(
    {
        Fact.KV_CACHE_BYTES,
        Fact.KV_CACHE_TOKENS,
        Fact.KV_CACHE_BLOCKS,
        Fact.GPU_MEMORY_BYTES,
        Fact.MAX_CONCURRENCY,
    }
)
"""Of the GPU that has least: a server serves as much as that one can.
vLLM: `get_kv_cache_configs` in vllm/v1/core/kv_cache_utils.py takes the smallest number of blocks;
SGLang: `profile_max_num_token` in python/sglang/srt/model_executor/model_runner.py the least free
memory."""

SEVERAL = frozenset(
    {
        Fact.FINDING,
        Fact.FAILURE,
        Fact.GPU_NAME,
        Fact.PROFILE_ID,
        Fact.PROFILE_NAME,
        Fact.TAG,
        Fact.KERNEL,
        Fact.ATTENTION_BACKEND,
    }
)
"""Facts of which a start may tell several that do not replace each other."""

_CONSTANT = frozenset({Fact.ENGINE, Fact.TP, Fact.PP, Fact.DP, Fact.PRECISION, Fact.OBJECTIVE})
"""Facts that no server changes while it starts, so that two values contradict each other."""

_OF_EACH_STAGE = ("GPU KV cache size", "Maximum concurrency for ")
"""Lines that one process of vLLM prints for each stage (vllm/v1/core/kv_cache_utils.py, 0.8)."""


def last_start(told: Iterable[Observation]) -> dict[Fact, tuple[Observation, ...]]:
    """What counts of the observations of one log, by fact.

    Only what follows the last `Fact.START` counts. Of one process the later value replaces the
    earlier one, for TensorRT-LLM tells of a small KV cache first, with which it measures. All
    weights stay, for a draft model has its own, and all that vLLM tells of the stages of a
    pipeline. Where several values are left, the first one is of the fullest GPU for sizes of
    weights and CUDA graphs, and of the GPU that has least for the KV cache; else it is the last
    that was told. A failure that the server outlived is left out.
    """
    latest: dict[Fact, dict[tuple[str, object], Observation]] = {}
    for each in told:
        if each.fact is Fact.START:
            latest.clear()
            continue
        several = (
            each.fact in SEVERAL | _CONSTANT | _FULLEST
            or each.text.startswith(_OF_EACH_STAGE)
            or not each.place.startswith("line ")  # an interface tells what is, once
        )
        process = each.process if each.fact in _FULLEST | _SMALLEST else ""
        of_fact = latest.setdefault(each.fact, {})
        key = (process, each.value if several else None)
        of_fact.pop(key, None)
        of_fact[key] = each
    lengths = latest.get(Fact.MAX_MODEL_LEN, {}).values()
    if served := [each for each in lengths if each.text.startswith(_OF_EACH_STAGE)]:
        # A model that drafts tells a context of its own, and what requests may have comes last.
        latest[Fact.MAX_MODEL_LEN] = {("", each.value): each for each in served}
    counting = {fact: tuple(_ordered(fact, by.values())) for fact, by in latest.items()}
    return _without_survived(counting)


def _without_survived(
    counting: dict[Fact, tuple[Observation, ...]],
) -> dict[Fact, tuple[Observation, ...]]:
    """Without the failures after which the same log says that the server is ready."""
    ready = max((_line_of(each) for each in counting.get(Fact.READY, ()) if each.value), default=0)
    failures = [each for each in counting.get(Fact.FAILURE, ()) if _line_of(each) >= ready]
    if failures:
        return counting | {Fact.FAILURE: tuple(failures)}
    return {fact: told for fact, told in counting.items() if fact is not Fact.FAILURE}


def _line_of(observation: Observation) -> int:
    """The number of a line; of what no line told, one behind all of them."""
    number = observation.place.removeprefix("line ")
    return int(number) if number.isascii() and number.isdigit() else sys.maxsize


def _ordered(fact: Fact, told: Iterable[Observation]) -> list[Observation]:
    if fact in SEVERAL:
        return list(told)
    unlike = {each.value: each for each in told}
    if fact in _FULLEST | _SMALLEST:
        return sorted(unlike.values(), key=lambda each: each.value, reverse=fact in _FULLEST)
    return list(unlike.values())[::-1]
