import pytest

from nimprofile.verify.load.completions import FIRST_WAY, Answered, Refusal
from nimprofile.verify.load.plan import LoadPlan
from nimprofile.verify.load.summary import summary


def _summary(*answers):
    return summary(
        answers,
        source="http://127.0.0.1:8000",
        model="m",
        way=FIRST_WAY,
        plan=LoadPlan(10, 2, 5),
        unfinished=0,
        ended="all requests",
        notes=(),
    )


def _answered(began, first, ended, **more):
    return Answered(
        began, ended, first=first, **{"tokens": 11, "prompt_tokens": 7, "parts": 5} | more
    )


def test_times_are_those_of_each_request():
    report = _summary(_answered(0.0, 0.1, 1.1), _answered(0.5, 0.8, 1.8))
    assert (200, 100) == pytest.approx((report.ttft_ms.mean, report.tpot_ms.mean))
    assert (1100, 1300) == pytest.approx((report.latency_ms.least, report.latency_ms.most))


def test_rates_are_those_of_the_seconds_from_the_first_request_to_the_last_end():
    report = _summary(_answered(1.0, 1.1, 2.0), _answered(2.0, 2.1, 3.0))
    assert (2.0, 11.0, 1.0) == pytest.approx(
        (report.seconds, report.output_tokens_per_second, report.requests_per_second)
    )
    assert (22, 14, "usage") == (report.output_tokens, report.prompt_tokens, report.tokens_from)


def test_where_one_answer_has_no_number_of_tokens_the_parts_are_counted_and_called_so():
    report = _summary(_answered(0, 0.1, 1.1), _answered(0, 0.1, 1.1, tokens=None))
    assert (10, "chunks") == (report.output_tokens, report.tokens_from)
    assert 250 == pytest.approx(report.tpot_ms.mean)


def test_one_token_has_no_time_per_token():
    assert None is _summary(_answered(0, 0.5, 0.5, tokens=1)).tpot_ms


def test_an_answer_without_text_counts_without_a_first_token():
    report = _summary(_answered(0.0, None, 1.0, tokens=0, parts=0))
    assert (1, None, None, 0) == (
        report.completed,
        report.ttft_ms,
        report.tpot_ms,
        report.output_tokens,
    )


def test_failures_are_counted_by_kind_and_in_no_figure():
    refusal = Refusal(429, "HTTP 429", "slow down")
    other = Refusal(None, "cut-off", "it broke")
    report = _summary(
        _answered(0, 0.1, 1.1),
        Answered(0.0, 0.2, refusal=other),
        Answered(0.0, 0.1, refusal=refusal),
        Answered(0.0, 0.1, refusal=refusal.replace(text="slower")),
    )
    assert (1, 3, 1) == (report.completed, report.failed, report.latency_ms.count)
    assert [("HTTP 429", 2, "slow down"), ("cut-off", 1, "it broke")] == [
        (failure.what, failure.count, failure.example) for failure in report.failures
    ]


def test_nothing_has_no_figures():
    report = _summary()
    assert (0, None, None, None, None) == (
        report.completed,
        report.seconds,
        report.output_tokens_per_second,
        report.latency_ms,
        report.tokens_from,
    )
