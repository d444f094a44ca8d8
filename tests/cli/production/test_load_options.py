import argparse

import pytest

from nimprofile.cli.production import load_options
from nimprofile.cli.production.load_options import LoadArguments
from nimprofile.verify.load import plan
from nimprofile.verify.load.plan import LoadPlan


def _parsed(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    load_options.load_options(parser)
    return LoadArguments(**vars(parser.parse_args(words)))


def test_without_options_nothing_is_sent_and_the_bounds_are_those_of_a_plan():
    found, usual = _parsed(), LoadPlan()
    assert not found.smoke
    assert (usual.requests, usual.concurrency, usual.seconds) == (
        found.requests,
        found.concurrency,
        found.seconds,
    )
    assert (usual.prompt_tokens, usual.max_tokens) == (found.prompt_tokens, found.max_tokens)


def test_the_largest_figures_are_those_of_a_plan():
    names = ("MOST_REQUESTS", "MOST_CONCURRENCY", "MOST_SECONDS", "MOST_TOKENS")
    assert [getattr(plan, name) for name in names] == [
        getattr(load_options, name) for name in names
    ]


def test_tokens_are_read_as_everywhere():
    assert (8192, 1000) == (
        _parsed("--prompt-tokens", "8K").prompt_tokens,
        _parsed("--max-tokens", "1k").max_tokens,
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--requests", "0"), "no number of requests from 1 to 100,000"),
        (("--requests", "100001"), "no number of requests from 1 to 100,000"),
        (("--requests", "²"), "no number of requests"),
        (("--concurrency", "257"), "no number of requests at once from 1 to 256"),
        (("--seconds", "nan"), "no number of seconds above 0 and up to 3,600"),
        (("--seconds", "3601"), "no number of seconds"),
        (("--max-tokens", "2m"), "no number of tokens from 1 to 1,000,000"),
        (("--max-ttft", "-1"), "no number of milliseconds above 0"),
        (("--max-tpot", "inf"), "no number of milliseconds above 0"),
        (("--min-throughput", "fast"), "no number of tokens per second above 0"),
    ],
)
def test_a_figure_that_is_none_is_refused(words, problem):
    with pytest.raises(argparse.ArgumentError, match=problem):
        _parsed(*words)
