"""Results of GuideLLM: `benchmarks.json`, one report for each benchmark in it.

src/guidellm/benchmark/schemas/{report,benchmark,metrics}.py of github.com/vllm-project/guidellm,
0.7.3 (report version 2), and src/guidellm/benchmark/benchmark.py of 0.2.1 and 0.3.0: the figures of
successful requests are under `metrics.NAME.successful`. `request_latency` is in seconds; names that
end in `_ms` are milliseconds. Its `time_per_output_token_ms` counts the first token too
(src/guidellm/schemas/request_stats.py); `inter_token_latency_ms` does not, and is what is read.
"""

from __future__ import annotations

from nimprofile.verify.load.load_report import LoadReport, Spread
from nimprofile.verify.load.results.figures import Figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_guidellm(value: Any) -> bool:
    """Whether a document is a report of GuideLLM."""
    benchmarks = value.get("benchmarks") if isinstance(value, dict) else None
    return isinstance(benchmarks, list) and any(
        isinstance(item, dict) and isinstance(item.get("metrics"), dict) for item in benchmarks
    )


def read_guidellm(value: dict[str, Any], source: str) -> tuple[LoadReport, ...]:
    """The report of each benchmark of a document. Raises ResultsError."""
    version = Figures(value.get("metadata"), source, "metadata").text("guidellm_version")
    tool = "guidellm" if version is None else f"guidellm {version}"
    return tuple(
        _read(Figures(item, source, f"benchmarks[{place}]"), tool)
        for place, item in enumerate(value["benchmarks"])
        if isinstance(item, dict) and isinstance(item.get("metrics"), dict)
    )


def _read(benchmark: Figures, tool: str) -> LoadReport:
    metrics = benchmark.below("metrics")
    totals = metrics.below("request_totals")
    if "successful" not in totals:
        totals = benchmark.below("request_totals")  # before 0.4
    seconds = _seconds(benchmark)
    completed = totals.whole("successful") or 0
    return LoadReport(
        tool,
        benchmark.source,
        _model(benchmark),
        concurrency=_concurrency(benchmark),
        completed=completed,
        failed=totals.whole("errored") or 0,
        unfinished=totals.whole("incomplete") or 0,
        seconds=seconds,
        ttft_ms=_spread(metrics, "time_to_first_token_ms"),
        tpot_ms=_spread(metrics, "inter_token_latency_ms"),
        latency_ms=_spread(metrics, "request_latency", 1000),
        prompt_tokens=_sum(metrics, "prompt_token_count"),
        output_tokens=_sum(metrics, "output_token_count"),
        tokens_from="tool",
        # Its own rates are means over the moments of a run, and weigh those.
        requests_per_second=completed / seconds if seconds else None,
        output_tokens_per_second=_successful(metrics, "output_tokens_per_second").number("mean"),
        notes=(_OF_RATES,),
    )


_OF_RATES = (
    "requests per second are those that were completed, divided by the seconds: "
    "GuideLLM's own figure is a mean over the moments of the run"
)


def _successful(metrics: Figures, name: str) -> Figures:
    return metrics.below(name).below("successful")


def _seconds(benchmark: Figures) -> float | None:
    """Seconds of the part that was measured, without its beginning and end."""
    duration = benchmark.number("duration")
    if duration is not None:
        return duration
    for holder, first, last in (
        (benchmark.below("scheduler_metrics"), "measure_start_time", "measure_end_time"),
        (benchmark, "start_time", "end_time"),
    ):
        began, ended = holder.number(first), holder.number(last)
        if began is not None and ended is not None and ended >= began:
            return ended - began
    return None


def _model(benchmark: Figures) -> str | None:
    """The model: in the configuration of the backend, before 0.4 in what the worker told."""
    return (
        benchmark.below("config").below("backend").text("model")
        or benchmark.below("worker").text("backend_model")
        or benchmark.below("benchmarker").below("backend").text("model")
    )


def _concurrency(benchmark: Figures) -> int | None:
    for holder in (
        benchmark.below("config").below("strategy"),
        benchmark.below("args").below("strategy"),
    ):
        if holder.text("type_") == "synchronous":
            return 1
        for name in ("streams", "max_concurrency"):
            if name in holder:
                return holder.whole(name)
    return None


def _spread(metrics: Figures, name: str, scale: float = 1) -> Spread | None:
    found = _successful(metrics, name)
    percentiles = found.below("percentiles")

    count = found.whole("count")
    if count == 0 or not found.values:  # a spread over nothing is all zeros there
        return None
    middle = percentiles.scaled("p50", scale)
    return Spread(
        count,
        found.scaled("mean", scale),
        least=found.scaled("min", scale),
        p50=found.scaled("median", scale) if middle is None else middle,
        p90=percentiles.scaled("p90", scale),
        p95=percentiles.scaled("p95", scale),
        p99=percentiles.scaled("p99", scale),
        most=found.scaled("max", scale),
    )


def _sum(metrics: Figures, name: str) -> int | None:
    number = _successful(metrics, name).number("total_sum")
    return None if number is None else round(number)
