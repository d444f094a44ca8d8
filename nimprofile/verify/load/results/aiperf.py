"""Results of AIPerf and of GenAI-Perf, which have one form.

`profile_export_aiperf.json`: docs/reference/json-export-schema.md of github.com/ai-dynamo/aiperf,
schema 1.0 to 1.5; `unit` says what a value means, and a metric that was not measured is left out.
AIPerf 0.1 wrote the same without a version (aiperf/common/models/export_models.py). Where the
concurrency stands: `input_config.loadgen.concurrency`, later `input_config.phases[]`.

`profile_export_genai_perf.json`: genai_perf/export_data/json_exporter.py and
genai_perf/metrics/llm_metrics.py of github.com/triton-inference-server/perf_analyzer.
`inter_token_latency` of both is (latency - time to first token) / (output tokens - 1).
"""

from __future__ import annotations

from nimprofile.verify.load.load_report import Failures, LoadReport, Spread
from nimprofile.verify.load.results.figures import Figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METRICS = ("request_latency", "time_to_first_token", "request_throughput")
MOST_FAILURES = 20


def is_aiperf(value: Any) -> bool:
    """Whether a document has the metrics of AIPerf or GenAI-Perf, each with its unit."""
    return isinstance(value, dict) and any(
        isinstance(value.get(name), dict) and "unit" in value[name] for name in _METRICS
    )


def read_aiperf(value: dict[str, Any], source: str) -> LoadReport:
    """The report of a document. Raises ResultsError."""
    figures = Figures(value, source)
    completed = _value(figures, "request_count", whole=True)
    failures = _failures(figures)
    failed = _value(figures, "error_request_count", whole=True)
    if failed is None:
        failed = sum(failure.count for failure in failures)
    latency = _spread(figures, "request_latency")
    if completed is None:
        completed = (latency and latency.count) or 0
    return LoadReport(
        _tool(figures),
        source,
        _model(figures),
        concurrency=_concurrency(figures),
        completed=int(completed),
        failed=int(failed),
        seconds=_seconds(figures),
        ttft_ms=_spread(figures, "time_to_first_token"),
        tpot_ms=_spread(figures, "inter_token_latency"),
        latency_ms=latency,
        prompt_tokens=_tokens(figures, "total_isl", "input_sequence_length"),
        output_tokens=_tokens(figures, "total_osl", "output_sequence_length"),
        tokens_from="tool",
        requests_per_second=_rate(figures, "request_throughput", "requests"),
        output_tokens_per_second=_rate(figures, "output_token_throughput", "tokens"),
        failures=failures,
        ended="interrupted" if value.get("was_cancelled") is True else "all requests",
    )


def _tool(figures: Figures) -> str:
    version = figures.text("aiperf_version")
    if version is not None:
        return f"aiperf {version}"
    if "schema_version" in figures or "error_summary" in figures or "benchmark_duration" in figures:
        return "aiperf"
    return "genai-perf"


def _model(figures: Figures) -> str | None:
    """The first model of the configuration: each program and version keeps it elsewhere."""
    config = figures.below("input_config")
    for holder, name in (
        (config.below("endpoint"), "model_names"),
        (config, "model_names"),
        (config, "models"),
    ):
        names = holder.values.get(name)
        if isinstance(names, dict):
            names = names.get("items")
        if isinstance(names, list) and names:
            first = names[0]
            named = Figures({"name": first} if isinstance(first, str) else first, "").text("name")
            if named is not None:
                return named
    return None


def _concurrency(figures: Figures) -> int | None:
    config = figures.below("input_config")
    phases = config.values.get("phases")
    for place, phase in enumerate(phases if isinstance(phases, list) else ()):
        if isinstance(phase, dict) and "profiling" in (phase.get("name"), phase.get("kind")):
            return Figures(phase, figures.source, f"input_config.phases[{place}]").whole(
                "concurrency"
            )
    return config.below("loadgen").whole("concurrency")


def _spread(figures: Figures, name: str) -> Spread | None:
    if name not in figures:
        return None
    metric = figures.below(name)
    scale = metric.milliseconds_to("unit")

    return Spread(
        metric.whole("count"),
        metric.scaled("avg", scale),
        least=metric.scaled("min", scale),
        p50=metric.scaled("p50", scale),
        p90=metric.scaled("p90", scale),
        p95=metric.scaled("p95", scale),
        p99=metric.scaled("p99", scale),
        most=metric.scaled("max", scale),
    )


def _value(figures: Figures, name: str, *, whole: bool = False) -> float | None:
    metric = figures.below(name)
    return metric.whole("avg") if whole else metric.number("avg")


def _rate(figures: Figures, name: str, kind: str) -> float | None:
    if name not in figures:
        return None
    metric = figures.below(name)
    metric.require_unit("unit", kind)
    return metric.number("avg")


def _seconds(figures: Figures) -> float | None:
    if "benchmark_duration" not in figures:
        return None
    metric = figures.below("benchmark_duration")
    number, scale = metric.number("avg"), metric.milliseconds_to("unit")
    return None if number is None else number * scale / 1000


def _tokens(figures: Figures, total: str, each: str) -> int | None:
    """Tokens of all requests: as a total, or as the sum over requests."""
    number = _value(figures, total)
    if number is None:
        number = figures.below(each).number("sum")
    return None if number is None else round(number)


def _failures(figures: Figures) -> tuple[Failures, ...]:
    summary = figures.values.get("error_summary")
    found = []
    for place, entry in enumerate(summary[:MOST_FAILURES] if isinstance(summary, list) else ()):
        error = Figures(entry, figures.source, f"error_summary[{place}]")
        details = error.below("error_details")
        code = details.whole("code")
        what = f"HTTP {code}" if code else details.text("type") or "an error"
        found.append(Failures(what, error.whole("count") or 0, details.text("message") or ""))
    return tuple(found)
