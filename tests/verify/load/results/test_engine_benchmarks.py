from nimprofile.verify.load.results.engine_benchmarks import read_engine_benchmark
from nimprofile.verify.load.results.reader import read_results
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"


def test_vllm_s_figures():
    (report,) = read_results(LOADS / "vllm.json")
    assert ("vllm bench serve", "Qwen/Qwen3-VL-32B-Instruct-FP8", 1, 0, 6.68) == (
        report.tool,
        report.model,
        report.completed,
        report.failed,
        report.seconds,
    )
    assert (83.91, 83.91, 51.95, None) == (
        report.ttft_ms.mean,
        report.ttft_ms.p99,
        report.tpot_ms.p50,
        report.latency_ms,
    )


def test_sglang_s_figures():
    first, second = read_results(LOADS / "sglang.jsonl")
    assert ("sglang.bench_serving", 3.71, 33656.65, 57295.94) == (
        first.tool,
        first.mean_concurrency,
        first.latency_ms.mean,
        first.latency_ms.p95,
    )
    assert (1.47, 1.53, 24.81) == (second.tpot_ms.mean, second.tpot_ms.p99, second.ttft_ms.p99)


def test_a_run_in_which_nothing_was_answered_has_no_times():
    zeros = {"completed": 0, "output_throughput": 0.0, "mean_ttft_ms": 0.0, "median_ttft_ms": 0.0}
    assert None is read_engine_benchmark(zeros, "f").ttft_ms


def test_failures_are_counted_by_their_errors_where_no_number_is_stated():
    value = {"completed": 1, "output_throughput": 1.0, "errors": ["", "refused", "refused"]}
    assert 2 == read_engine_benchmark(value, "f").failed


def test_a_median_stands_for_p50_only_where_there_is_none():
    value = {"completed": 1, "output_throughput": 1.0, "median_ttft_ms": 5.0}
    assert 5.0 == read_engine_benchmark(value, "f").ttft_ms.p50
    assert 4.0 == read_engine_benchmark(value | {"p50_ttft_ms": 4.0}, "f").ttft_ms.p50
