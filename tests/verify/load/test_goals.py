import pytest

from nimprofile.verify.judgement import Outcome
from nimprofile.verify.load.goals import Goals, judge_load
from nimprofile.verify.load.load_report import Failures, LoadReport, Spread


def _results(goals, **figures):
    figures = {"completed": 10} | figures
    return judge_load(LoadReport("tool", "file", "model", **figures), goals)


def _met(goals, **figures):
    (answered, result) = _results(goals, **figures).goals
    assert Outcome.PROVEN is answered.outcome
    return result.outcome


@pytest.mark.parametrize(
    ("figures", "outcome", "why"),
    [
        ({}, Outcome.PROVEN, "none failed"),
        ({"failed": 2}, Outcome.CONTRADICTED, "2 failed"),
        (
            {"failed": 2, "failures": (Failures("HTTP 429", 2, "slow down"),)},
            Outcome.CONTRADICTED,
            "2 failed, HTTP 429 first of all",
        ),
        ({"completed": 0, "unfinished": 3}, Outcome.CONTRADICTED, "none was answered before"),
        ({"completed": 5, "unfinished": 3}, Outcome.PROVEN, "none failed"),
    ],
)
def test_every_request_is_to_be_answered(figures, outcome, why):
    (result,) = _results(Goals(), **figures).goals
    assert outcome is result.outcome
    assert result.why.startswith(why)


def test_an_impossible_measurement_proves_and_contradicts_nothing():
    broken = Spread(p50=100.0, p90=50.0)
    found = _results(Goals(60.0, None, 5.0), ttft_ms=broken, output_tokens_per_second=9.0)
    assert [Outcome.NOT_OBSERVABLE] * 2 == [result.outcome for result in found.goals[1:]]
    assert "the measurement is impossible: time to first token: p50" in found.goals[1].why
    assert 1 == len(found.impossible)


@pytest.mark.parametrize(
    ("figures", "plain", "strict"),
    [
        ({"ttft_ms": Spread(p95=50.0)}, True, True),
        ({"ttft_ms": Spread(p95=150.0)}, False, False),
        ({}, True, False),
        ({"ttft_ms": Spread(p50=100.0, p90=50.0)}, True, False),
        ({"ttft_ms": Spread(p95=50.0), "failed": 1}, False, False),
    ],
)
def test_a_load_holds_where_nothing_is_contradicted_and_strictly_where_all_is_proven(
    figures, plain, strict
):
    found = _results(Goals(100.0), **figures)
    assert (plain, strict) == (found.holds(), found.holds(strict=True))


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
    result = judge_load(report, Goals(100.0)).goals[1]
    assert ("p95 120 ms is over 100 ms", "p95 at most 100 ms", "time to first token") == (
        result.why,
        result.wanted,
        result.goal,
    )
