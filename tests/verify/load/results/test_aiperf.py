import json

import pytest

from nimprofile.base.errors import ResultsError
from nimprofile.verify.load.results.aiperf import read_aiperf
from nimprofile.verify.load.results.reader import read_results
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"


def _aiperf(**changes):
    return json.loads((LOADS / "aiperf.json").read_text(encoding="utf-8")) | changes


def test_aiperf_s_figures():
    (report,) = read_results(LOADS / "aiperf.json")
    assert ("aiperf 0.13.0", "meta-llama/Llama-3.1-8B-Instruct", 4, 20, 2) == (
        report.tool,
        report.model,
        report.concurrency,
        report.completed,
        report.failed,
    )
    latency = report.latency_ms
    assert (20, 2620.71, 2568.73, 3371.24) == (
        latency.count,
        latency.mean,
        latency.p50,
        latency.p99,
    )
    assert (1.45, None) == (report.requests_per_second, report.ttft_ms)
    assert ["HTTP 503 2 unavailable"] == [
        f"{failure.what} {failure.count} {failure.example}" for failure in report.failures
    ]


def test_genai_perf_s_figures():
    (report,) = read_results(LOADS / "genai_perf.json")
    assert ("genai-perf", "meta/llama-3.1-8b-instruct", 80, 510.8) == (
        report.tool,
        report.model,
        report.completed,
        report.output_tokens_per_second,
    )
    assert (50.0, 66.0, 15.0) == (report.ttft_ms.mean, report.ttft_ms.p95, report.tpot_ms.mean)


def test_the_unit_says_what_a_figure_means():
    seconds = {"unit": "sec", "avg": 2.5, "p50": 2.4}
    assert 2500 == read_aiperf(_aiperf(request_latency=seconds), "f").latency_ms.mean
    with pytest.raises(ResultsError, match=r"f: request_latency\.unit: 'furlongs'"):
        read_aiperf(_aiperf(request_latency={"unit": "furlongs", "avg": 1}), "f")
    with pytest.raises(ResultsError, match=r"request_throughput\.unit: 'ms' is no unit of requ"):
        read_aiperf(_aiperf(request_throughput={"unit": "ms", "avg": 1}), "f")


def test_the_first_versions_had_no_version_and_another_place_for_the_concurrency():
    first = _aiperf(
        input_config={"loadgen": {"concurrency": 7}, "endpoint": {"model_names": ["m"]}},
        benchmark_duration={"unit": "sec", "avg": 12.0},
    )
    del first["schema_version"], first["aiperf_version"]
    report = read_aiperf(first, "f")
    assert ("aiperf", 7, "m", 12.0) == (
        report.tool,
        report.concurrency,
        report.model,
        report.seconds,
    )


def test_a_run_that_was_cancelled_says_so():
    assert "interrupted" == read_aiperf(_aiperf(was_cancelled=True), "f").ended
