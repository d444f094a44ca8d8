import os
import signal

import pytest

from nimprofile.base.errors import RequestError, ResultsError
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.production import load
from nimprofile.cli.production.load import measured
from nimprofile.cli.production.load_options import LoadArguments
from nimprofile.verify.judgement import Outcome
from tests.support.http import completions
from tests.support.http.server import serving
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"


def _arguments(**changes):
    fields = {
        "smoke": False,
        "requests": 5,
        "concurrency": 2,
        "seconds": 20.0,
        "prompt_tokens": 30,
        "max_tokens": 8,
        "served_model_name": None,
        "results": None,
        "max_ttft": None,
        "max_tpot": None,
        "min_throughput": None,
    }
    return LoadArguments(**(fields | changes))


def _path(name):
    return (str(LOADS / name),)


@pytest.fixture(autouse=True)
def _no_gpus(monkeypatch):
    """Reading the GPUs is a process each time, which tests/verify/load/test_watch.py has fakes of."""
    monkeypatch.setattr("nimprofile.verify.load.watch.gpus_here", lambda: ())


def test_without_anything_named_nothing_is_measured():
    assert () == measured(_arguments(), ["http://127.0.0.1:9"], None).judged


def test_every_run_of_a_results_file_is_judged():
    found = measured(_arguments(results=_path("guidellm.json"), max_ttft=70.0), [], None)
    assert [Outcome.PROVEN] * 2 == [each.goals[1].outcome for each in found.judged]
    assert [True, False] == [each.holds() for each in found.judged]


def test_results_that_cannot_be_read_are_an_error():
    with pytest.raises(ResultsError, match="no such file"):
        measured(_arguments(results=("none.json",)), [], None)


def test_requests_are_sent_to_each_address_with_the_key():
    with serving(completions.server_routes()) as one, serving(completions.server_routes()) as two:
        found = measured(_arguments(smoke=True), [one.url, two.url], "sesame-sesame")
    assert [4, 4] == [each.report.completed for each in found.judged]
    for server in (one, two):
        assert {"Bearer sesame-sesame"} == {
            asked.headers["Authorization"] for asked in server.asked
        }
        posts = [asked for asked in server.asked if asked.method == "POST"]
        assert (5, 2) >= (len(posts), server.most_at_once)
        assert 5 == len(posts)


def test_the_model_that_is_named_is_asked():
    with serving(completions.server_routes()) as server:
        found = measured(_arguments(smoke=True, served_model_name="mine"), [server.url], None)
    assert "mine" == found.judged[0].report.model


def test_requests_need_an_address():
    with pytest.raises(UsageError, match="name its address with --url"):
        measured(_arguments(smoke=True), [], None)


@pytest.mark.parametrize("goal", ["max_ttft", "max_tpot", "min_throughput"])
def test_a_goal_needs_a_measurement(goal):
    with pytest.raises(UsageError, match="are demanded of a measurement"):
        measured(_arguments(**{goal: 5.0}), ["http://127.0.0.1:9"], None)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(RequestError, match="--url"):
        measured(_arguments(smoke=True), ["ftp://x"], None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_requests_and_what_was_measured_is_kept(number):
    count = iter(range(1000))

    def way(visit):
        if next(count) == 3:
            os.kill(os.getpid(), number)
        completions.chat(2, first=0.005)(visit)

    before = signal.getsignal(number)
    with serving(completions.server_routes(way)) as server, serving({}) as other:
        arguments = _arguments(smoke=True, requests=1000)
        found = measured(arguments, [server.url, other.url], None)
    assert number == found.signal
    (only,) = found.judged
    assert ("interrupted", 0) == (only.report.ended, only.report.failed)
    assert 1 <= only.report.completed < 900
    assert before == signal.getsignal(number)
    assert [] == other.asked


def test_a_signal_before_the_first_request_does_what_it_did(monkeypatch):
    taken = []

    def models(visit):
        os.kill(os.getpid(), signal.SIGTERM)
        completions.models("m")(visit)

    before = signal.signal(signal.SIGTERM, lambda number, _: taken.append(number))
    try:
        routes = completions.server_routes() | {"/v1/models": models}
        with serving(routes) as server:
            found = measured(_arguments(smoke=True), [server.url], None)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ([signal.SIGTERM], None, 4) == (taken, found.signal, found.judged[0].report.completed)


def test_on_a_terminal_a_line_tells_how_far_it_is(monkeypatch):
    told = []
    monkeypatch.setattr(load, "watched", lambda: True)
    monkeypatch.setattr(load, "progress", told.append)
    with serving(completions.server_routes(completions.chat(2, first=0.01))) as server:
        measured(_arguments(smoke=True, requests=30), [server.url], None)
    assert any(line.startswith("29 of 29 requests answered, ") for line in told)
    assert "" == told[-1]
