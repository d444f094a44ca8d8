import pytest

from nimprofile.verify.load.results.reader import read_results
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"


def test_each_benchmark_is_a_report():
    alone, four = read_results(LOADS / "guidellm.json")
    assert [(1, 15, 0), (4, 60, 1)] == [
        (report.concurrency, report.completed, report.failed) for report in (alone, four)
    ]
    assert ("guidellm 0.7.3", "meta/llama-3.1-8b-instruct", 30.0, 2) == (
        four.tool,
        four.model,
        four.seconds,
        four.unfinished,
    )


def test_latencies_are_seconds_there_and_the_time_per_token_leaves_the_first_out():
    report = read_results(LOADS / "guidellm.json")[1]
    assert 1950 == report.latency_ms.mean
    assert (15.0, 15.7) == (report.tpot_ms.mean, report.tpot_ms.p95)


def test_requests_per_second_are_those_of_the_whole_run():
    report = read_results(LOADS / "guidellm.json")[1]
    assert 2.0 == report.requests_per_second
    assert any("GuideLLM's own figure" in note for note in report.notes)


@pytest.mark.parametrize("name", ["concurrency", "completed", "ttft_ms", "seconds", "model"])
def test_a_report_of_0_2_has_the_same_figures(name):
    (old,) = read_results(LOADS / "guidellm_0.2.json")
    new = read_results(LOADS / "guidellm.json")[1]
    assert getattr(new, name) == getattr(old, name)
