import pytest

from nimprofile.verify.judgement import Outcome
from nimprofile.verify.load.goals import Goals, judged
from nimprofile.verify.load.load_report import LoadReport, Spread


def _met(goals, **figures):
    (result,) = judged(LoadReport("tool", "file", "model", **figures), goals)
    return result.outcome


def test_without_goals_nothing_is_judged():
    assert () == judged(LoadReport("tool", "file", "model"), Goals())


@pytest.mark.parametrize(
    ("spread", "met"),
    [
        (Spread(p95=100.0), Outcome.PROVEN),
        (Spread(p95=100.1), Outcome.CONTRADICTED),
        (Spread(p50=50.0, p99=99.0), Outcome.PROVEN),
        (Spread(p90=101.0, p99=200.0), Outcome.CONTRADICTED),
        (Spread(p90=99.0, p99=200.0), Outcome.NOT_OBSERVABLE),
        (Spread(mean=500.0), Outcome.NOT_OBSERVABLE),
        (Spread(most=80.0), Outcome.PROVEN),
        (None, Outcome.NOT_OBSERVABLE),
    ],
)
def test_a_time_is_judged_by_the_percentiles_that_decide_it(spread, met):
    assert met == _met(Goals(100.0), ttft_ms=spread)
    assert met == _met(Goals(max_tpot_ms=100.0), tpot_ms=spread)


@pytest.mark.parametrize(
    ("rate", "met"),
    [(100.0, Outcome.PROVEN), (99.9, Outcome.CONTRADICTED), (None, Outcome.NOT_OBSERVABLE)],
)
def test_a_rate_is_judged_by_itself(rate, met):
    assert met == _met(Goals(min_tokens_per_second=100.0), output_tokens_per_second=rate)


def test_parts_of_streams_prove_a_rate_and_do_not_contradict_it():
    goals = Goals(min_tokens_per_second=100.0)
    assert [Outcome.PROVEN, Outcome.NOT_OBSERVABLE] == [
        _met(goals, output_tokens_per_second=rate, tokens_from="chunks") for rate in (100.0, 50.0)
    ]


def test_the_sentence_has_the_figure_that_decides():
    report = LoadReport("tool", "file", "model", ttft_ms=Spread(p95=120.0))
    (result,) = judged(report, Goals(100.0))
    assert ("p95 120 ms is over 100 ms", "p95 at most 100 ms", "time to first token") == (
        result.why,
        result.wanted,
        result.goal,
    )
