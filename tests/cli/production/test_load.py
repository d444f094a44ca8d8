import json
import os
import signal
import subprocess
import sys

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
from tests.support.schemas import check

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


# `nimprofile verify` with them.


def test_results_alone_are_judged_and_nothing_is_said_of_a_server(run):
    code, out, err = run("verify", "--results", *_path("vllm.json"), "--max-ttft", "90")
    assert (0, "") == (code, err)
    lines = out.splitlines()
    assert lines[0].endswith("vllm.json by vllm bench serve, Qwen/Qwen3-VL-32B-Instruct-FP8")
    assert "proven\ttime to first token: p95 at most 90 ms\tp99 83.91 ms is not over 90 ms" in lines


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--max-ttft", "80"), 5),
        (("--max-tpot", "52"), 0),
        (("--min-throughput", "20"), 5),
        (("--strict", "--max-tpot", "52"), 0),
        (("--strict",), 0),
    ],
)
def test_a_goal_that_is_not_met_is_5(run, words, code):
    assert code == run("verify", "--results", *_path("vllm.json"), *words)[0]


def test_5_with_strict_where_a_goal_is_not_observable(run):
    words = ("verify", "--results", *_path("sglang.jsonl"), "--max-tpot", "50")
    assert [0, 5] == [run(*words)[0], run(*words, "--strict")[0]]


def test_an_impossible_measurement_is_called_that(run, tmp_path):
    value = json.loads((LOADS / "genai_perf.json").read_text(encoding="utf-8"))
    value["request_latency"] |= {"avg": 9000.0}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    code, out, _ = run("verify", "--results", path, "--max-ttft", "5000")
    assert 0 == code
    assert "impossible: latency: the mean, 9000 ms, is not between its least and most" in out
    assert 5 == run("verify", "--results", path, "--max-ttft", "5000", "--strict")[0]


def test_3_for_a_file_that_is_no_results(run, tmp_path):
    path = tmp_path / "results.json"
    path.write_text("{}", encoding="utf-8")
    code, out, err = run("verify", "--results", path)
    assert (3, "") == (code, out)
    assert "results.json: no results that are known; read are profile_export_aiperf.json" in err


def test_a_smoke_test_of_a_server(run):
    with serving(completions.server_routes(completions.chat(4))) as server:
        words = ("--smoke", "--requests", "5", "--min-throughput", "1")
        code, out, _ = run("verify", "--url", server.url, *words)
        failing = run("verify", "--url", server.url, "--smoke", "--max-ttft", "0.000001")[0]
    assert (0, 5) == (code, failing)
    lines = out.splitlines()
    assert any(line.startswith(f"load of {server.url} by nimprofile, meta/llama") for line in lines)
    assert any(line.startswith("4 requests answered, 4 at once at most, in ") for line in lines)
    assert "proven\trequests are answered: all\tnone failed" in lines


def test_the_json_of_a_smoke_test_is_as_its_schema_says(run):
    with serving(completions.server_routes()) as server:
        words = ("--smoke", "--requests", "3", "--results", *_path("guidellm.json"), "--json")
        code, out, _ = run("verify", "--url", server.url, *words)
    value = json.loads(out)
    check("verification", value)
    assert [15, 60, 2] == [load["report"]["completed"] for load in value["loads"]]
    assert (5, False, [True, False, True]) == (
        code,
        value["holds"],
        [load["holds"] for load in value["loads"]],
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--smoke", "--require", "tp=1", "--logs", "x"), "name its address with --url"),
        (("--max-ttft", "5", "--require", "tp=1", "--logs", "x"), "are demanded of a measurement"),
        (("--results", "x", "--requests", "0"), "no number of requests"),
    ],
)
def test_2_for_options_that_do_not_belong_together(run, words, problem):
    code, out, err = run("verify", *words)
    assert (2, "") == (code, out)
    assert problem in err


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_the_requests_and_what_was_measured_is_printed(name, code):
    count = iter(range(10_000))

    def way(visit):
        if next(count) == 5:
            process.send_signal(getattr(signal, name))
        completions.chat(2, first=0.005)(visit)

    with serving(completions.server_routes(way)) as server:
        words = ["verify", "--url", server.url, "--smoke", "--requests", "10000"]
        process = subprocess.Popen(
            [sys.executable, "-m", "nimprofile", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            text=True,
        )
        out, err = process.communicate(timeout=60)
    assert code == process.returncode
    assert "ended by a signal" in out
    assert "Traceback" not in err
    assert next(count) < 1000


def test_a_key_is_sent_and_never_printed(run, monkeypatch):
    key = "sk-very-secret-key-0123456789"
    monkeypatch.setenv("NIMPROFILE_API_KEY", key)

    def echo(visit):
        completions.error(401, f"wrong key {visit.headers['Authorization']}")(visit)

    with serving(completions.server_routes(echo)) as server:
        code, out, err = run("verify", "--url", server.url, "--smoke")
    assert 5 == code
    assert "HTTP 401" in out
    assert key not in out + err
    assert f"Bearer {key}" in {asked.headers.get("Authorization") for asked in server.asked}
