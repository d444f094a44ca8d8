"""Metrics in the text form of Prometheus: the few series that are looked for, and no others.

vLLM's names are those of vllm/v1/metrics/loggers.py: `vllm:kv_cache_usage_perc` since 0.9,
`vllm:gpu_cache_usage_perc` before; `vllm:cache_config_info` since its pull request 3100.
SGLang's are those of its pull request 1853: `sglang:token_usage`. A NIM 1.x names
`gpu_cache_usage_perc` without an engine
(docs.nvidia.com/nim/llama-3-1-nemotron-safety-guard-8b/observability, 1.14.0), TensorRT-LLM
`trtllm_kv_cache_utilization` (tensorrt_llm/metrics/collector.py).
"""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USAGES = (
    *("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    *("sglang:token_usage", "gpu_cache_usage_perc", "trtllm_kv_cache_utilization"),
)
"""Names of the used share of the KV cache, from 0 to 1."""

PREFIXES = {"vllm:": "vllm", "sglang:": "sglang"}
"""What the names of an engine's metrics begin with -> the engine."""

LONGEST_LINE = 1 << 14
MOST_TEXT = 1 << 17
"""Characters of a series, and of all that are read: the parser takes time with the square of the
labels of one, and an engine's longest that is read here has 2,000."""


class Sample(Record):
    """One series and its value.

    Attributes:
        name: of the metric.
        labels: name -> value.
        value: as a number.
    """

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str, *names: str) -> Iterator[Sample]:
    """The series of these names; lines that cannot be read are passed over."""
    from prometheus_client.parser import text_string_to_metric_families

    left = MOST_TEXT
    for line in text.split("\n"):  # a label can hold every other end of a line
        if not line.startswith(names) or len(line) > LONGEST_LINE:
            continue
        left -= len(line)
        if left < 0:
            return
        try:
            for family in text_string_to_metric_families(line):
                for found in family.samples:
                    if found.name in names:
                        yield Sample(found.name, found.labels, float(found.value))
        except (ValueError, KeyError, IndexError, TypeError):  # the parser's, of a broken line
            continue


def engine_of(text: str) -> str | None:
    """The engine whose metrics these are; None where none names itself, or several do."""
    found = {
        engine
        for prefix, engine in PREFIXES.items()
        if text.startswith(prefix) or f"\n{prefix}" in text
    }
    return found.pop() if len(found) == 1 else None


def kv_usage(text: str) -> float | None:
    """The used share of the KV cache of the fullest rank; None where no metric tells it."""
    for name in USAGES:
        shares = [found.value for found in samples(text, name) if 0 <= found.value <= 1]
        if shares:
            return max(shares)
    return None
