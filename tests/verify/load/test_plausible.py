import pytest

from nimprofile.verify.load.load_report import LoadReport, Spread
from nimprofile.verify.load.plausible import impossible, mean_in_flight


def _report(**changes):
    fields = {
        "concurrency": 4,
        "completed": 20,
        "seconds": 10.0,
        "latency_ms": Spread(20, 1900.0, least=1700.0, p50=1900.0, most=2100.0),
        "ttft_ms": Spread(20, 50.0, least=40.0, p50=50.0, most=60.0),
        "requests_per_second": 2.0,
    }
    return LoadReport("tool", "file", "model", **(fields | changes))


def test_a_sound_measurement_is_possible():
    assert () == impossible(_report())
    assert 3.8 == pytest.approx(mean_in_flight(_report()))


def test_more_in_flight_than_were_to_be_is_impossible():
    (problem,) = impossible(_report(concurrency=3))
    assert problem == (
        "Little's law: 2 requests per second of 1900 ms are 3.8 in flight on average, and 3 at "
        "most were to be"
    )


def test_another_mean_concurrency_than_follows_is_impossible():
    assert "and 2 is stated" in impossible(_report(mean_concurrency=2.0))[0]
    assert () == impossible(_report(mean_concurrency=3.81))


def test_without_a_latency_or_a_rate_nothing_is_said():
    assert None is mean_in_flight(_report(latency_ms=None))
    assert None is mean_in_flight(_report(seconds=None, requests_per_second=None))
    assert () == impossible(_report(latency_ms=None, concurrency=1))


def test_the_seconds_count_before_a_rate_that_is_stated():
    assert 1.9 == pytest.approx(mean_in_flight(_report(seconds=20.0)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests_per_second": 3.0}, "20 requests in 10 s are 2 per second, and 3 is stated"),
        (
            {"output_tokens": 1000, "output_tokens_per_second": 200.0},
            "1000 output tokens in 10 s are 100 per second, and 200 is stated",
        ),
        (
            {"ttft_ms": Spread(20, 2500.0)},
            "the mean time to first token, 2500 ms, is longer than the mean latency, 1900 ms",
        ),
        ({"tpot_ms": Spread(20, 9.0, p50=9.0, p90=8.0)}, "p50 is 9 ms, and p90 is 8 ms"),
        ({"tpot_ms": Spread(20, 12.0, p50=9.0, most=10.0)}, "is not between its least and most"),
    ],
)
def test_figures_that_contradict_each_other_are_impossible(changes, words):
    (problem,) = impossible(_report(**changes))
    assert words in problem


@pytest.mark.parametrize(
    ("rate", "least", "sound"), [(390.0, 40.0, True), (500.0, 40.0, False), (500.0, 5.0, True)]
)
def test_all_streams_together_have_no_more_tokens_than_each_can_have(rate, least, sound):
    report = LoadReport(
        "tool",
        "file",
        "model",
        concurrency=4,
        ttft_ms=Spread(least=least),
        tpot_ms=Spread(least=10.0),
        output_tokens_per_second=rate,
    )
    assert sound == (impossible(report) == ())
    assert () == impossible(report.replace(concurrency=None))


def test_means_over_moments_are_not_held_to_the_whole_run():
    report = _report(output_tokens=1000, output_tokens_per_second=200.0)
    assert () == impossible(report.replace(tool="guidellm 0.7.3"))
