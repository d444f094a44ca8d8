"""Results of the benchmarks that engines bring: `vllm bench serve` and `sglang.bench_serving`.

vLLM: `benchmark` in vllm/benchmarks/serve.py (`--save-result`), before 0.10 in
benchmarks/benchmark_serving.py. SGLang: `benchmark` in python/sglang/bench_serving.py
(`--output-file`), an object to a line. Names that end in `_ms` are milliseconds, `duration` is in
seconds. Which percentiles there are depends on `--percentile-metrics` and `--metric-percentiles`;
by default vLLM states no latency of whole requests. SGLang's `concurrency` is the mean of requests
in flight: the sum of their latencies, divided by the duration.
"""

from __future__ import annotations

from nimprofile.verify.load.load_report import LoadReport, Spread
from nimprofile.verify.load.results.figures import Figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_engine_benchmark(value: Any) -> bool:
    """Whether an object is the result of one of these."""
    return isinstance(value, dict) and {"completed", "output_throughput"} <= value.keys()


def read_engine_benchmark(
    value: dict[str, Any], source: str, line: int | None = None
) -> LoadReport:
    """The report of an object. Raises ResultsError."""
    figures = Figures(value, source, line=line)
    of_sglang = "mean_e2e_latency_ms" in figures or "total_output_tokens_retokenized" in figures
    failed = figures.whole("failed")
    completed = figures.whole("completed") or 0
    if failed is None:
        failed = _errors(value)
    return LoadReport(
        "sglang.bench_serving" if of_sglang else "vllm bench serve",
        source,
        figures.text("model_id") or figures.below("server_info").text("model_path"),
        concurrency=figures.whole("max_concurrency"),
        requests=figures.whole("num_prompts"),
        completed=completed,
        failed=failed,
        seconds=figures.number("duration"),
        ttft_ms=_spread(figures, "ttft", completed),
        tpot_ms=_spread(figures, "tpot", completed),
        latency_ms=_spread(figures, "e2e_latency" if of_sglang else "e2el", completed),
        prompt_tokens=figures.whole("total_input_tokens"),
        output_tokens=figures.whole("total_output_tokens"),
        tokens_from="tool",
        requests_per_second=figures.number("request_throughput"),
        output_tokens_per_second=figures.number("output_throughput"),
        mean_concurrency=figures.number("concurrency") if of_sglang else None,
    )


def _spread(figures: Figures, name: str, completed: int) -> Spread | None:
    """The spread of a figure; None where the benchmark states none, or had nothing to measure."""
    stated = {key: figures.number(f"{key}_{name}_ms") for key in _STATED}
    middle = stated["p50"] if stated["p50"] is not None else stated["median"]
    if not completed or all(value is None for value in stated.values()):
        return None
    return Spread(
        None,
        stated["mean"],
        least=stated["min"],
        p50=middle,
        p90=stated["p90"],
        p95=stated["p95"],
        p99=stated["p99"],
        most=stated["max"],
    )


_STATED = ("mean", "median", "min", "max", "p50", "p90", "p95", "p99")


def _errors(value: dict[str, Any]) -> int:
    """How many requests have an error among the details, where those are kept."""
    errors = value.get("errors")
    return sum(1 for error in errors if error) if isinstance(errors, list) else 0
