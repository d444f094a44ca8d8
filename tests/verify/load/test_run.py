import json
import threading

import pytest

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.client import Client
from nimprofile.base.web.faults import WebError
from nimprofile.verify.load.plan import LoadPlan
from nimprofile.verify.load.plausible import impossible
from nimprofile.verify.load.run import Run
from tests.support.http import completions, ways
from tests.support.http.server import serving

CHAT, PLAIN = "/v1/chat/completions", "/v1/completions"


def _run(server, requests=6, concurrency=2, seconds=20.0, **more):
    plan = LoadPlan(requests, concurrency, seconds, max_tokens=8, prompt_tokens=30)
    return Run(Client(address_of(server.url), environ={}), plan, salt="salt", **more)


def _reported(way=None, *, routes=None, **more):
    with serving(routes or completions.server_routes(way)) as server:
        return _run(server, **more).report(), server


def _asked(server):
    return [asked for asked in server.asked if asked.path in {CHAT, PLAIN}]


def test_every_request_is_sent_once_and_the_first_is_not_among_the_figures():
    report, server = _reported(completions.chat(4))
    assert (6, 5, 0, 0, "all requests") == (
        len(_asked(server)),
        report.completed,
        report.failed,
        report.unfinished,
        report.ended,
    )
    assert (20, 35, "usage", "chat completions", "meta/llama-3.1-8b-instruct") == (
        report.output_tokens,
        report.prompt_tokens,
        report.tokens_from,
        report.interface,
        report.model,
    )
    assert (
        "the first request tried how the server is asked, and is not among the figures"
        in report.notes
    )
    assert () == impossible(report)


def test_one_request_alone_is_the_figures():
    report, server = _reported(requests=1)
    assert (1, 1, ()) == (len(_asked(server)), report.completed, report.notes)


def test_never_more_are_in_flight_than_asked():
    _, server = _reported(completions.chat(2, first=0.005), requests=20, concurrency=3)
    assert 3 == server.most_at_once


def test_times_are_those_that_the_server_takes():
    report, _ = _reported(completions.chat(3, first=0.03, every=0.005), requests=3)
    assert report.ttft_ms.least >= 30
    assert report.latency_ms.least >= 40


def test_no_two_requests_have_one_prompt():
    _, server = _reported()
    assert 6 == len({json.loads(asked.body)["messages"][0]["content"] for asked in _asked(server)})


def test_tokens_are_counted_in_parts_where_the_server_counts_none():
    report, _ = _reported(completions.chat(4, counted=False))
    assert (20, "chunks") == (report.output_tokens, report.tokens_from)


def test_a_server_without_chats_is_asked_for_completions():
    routes = completions.server_routes() | {PLAIN: completions.plain(4)}
    del routes[CHAT]
    report, server = _reported(routes=routes)
    assert [CHAT, *[PLAIN] * 5] == [asked.path for asked in _asked(server)]
    assert ("completions", 4) == (report.interface, report.completed)
    assert "the server refused another way to ask, HTTP 404: Not Found" in report.notes


def test_a_server_that_takes_no_stream_options_is_asked_without():
    def picky(visit):
        if b"stream_options" in visit.body:
            return completions.error(400, "stream_options: extra inputs are not permitted")(visit)
        return completions.chat(2)(visit)

    report, server = _reported(picky)
    assert (6, 4, "chunks") == (len(_asked(server)), report.completed, report.tokens_from)


def test_what_finds_the_way_counts_as_a_request():
    routes = completions.server_routes()
    del routes[CHAT]
    report, server = _reported(routes=routes, requests=1)
    assert (1, 0, 1, "HTTP 404") == (
        len(_asked(server)),
        report.completed,
        report.failed,
        report.failures[0].what,
    )


def test_a_server_that_refuses_the_first_request_is_asked_no_more():
    report, server = _reported(completions.error(401, "no key"))
    assert (1, "error", "HTTP 401", "no key") == (
        len(_asked(server)),
        report.ended,
        report.failures[0].what,
        report.failures[0].example,
    )


def test_failures_are_counted_and_nothing_is_sent_again():
    count = iter(range(100))

    def now_and_then(visit):
        way = completions.chat(2) if next(count) % 2 == 0 else completions.error(429, "slow down")
        way(visit)

    report, server = _reported(now_and_then, requests=11, concurrency=1)
    assert (11, 5, 5, "all requests") == (
        len(_asked(server)),
        report.completed,
        report.failed,
        report.ended,
    )


def test_a_server_that_only_fails_is_left_alone():
    count = iter(range(1000))

    def once(visit):
        (completions.chat(2) if next(count) == 0 else completions.error(503, "no"))(visit)

    report, server = _reported(once, requests=500, concurrency=2)
    assert "error" == report.ended
    assert 20 <= len(_asked(server)) <= 24


@pytest.mark.parametrize(
    ("way", "what"),
    [
        (completions.cut_off(), "cut-off"),
        (completions.stream(completions.event("{nonsense")), "a part that is no JSON"),
        (completions.stream(completions.part("a")), "cut-off"),
        (ways.hung_up, "cut-off"),
        (ways.raw(b"SSH-2.0-x\r\n"), "not-http"),
        (ways.gzip_bomb, "encoded"),
        (ways.answer(b"", 500), "HTTP 500"),
        (ways.redirect("http://127.0.0.2/"), "HTTP 307"),
    ],
)
def test_an_answer_that_is_none_is_a_failure_with_its_kind(way, what):
    report, _ = _reported(way, requests=1)
    assert (0, 1, what) == (report.completed, report.failed, report.failures[0].what)


def test_the_time_ends_a_run_and_what_is_in_flight_is_no_failure():
    count = iter(range(100))

    def stuck(visit):
        (completions.chat(2) if next(count) < 3 else completions.never_ending)(visit)

    report, _ = _reported(stuck, requests=50, concurrency=2, seconds=0.3)
    assert ("time", 0) == (report.ended, report.failed)
    assert max(report.unfinished, report.completed) <= 2  # fewer on a busy machine


def test_a_first_request_that_does_not_end_in_time_is_unfinished():
    report, server = _reported(ways.silent, seconds=0.2)
    assert (1, 0, 0, 1, "time") == (
        len(_asked(server)),
        report.completed,
        report.failed,
        report.unfinished,
        report.ended,
    )


def test_a_run_can_be_stopped_and_reports_what_was_measured():
    stopped = []

    def stop_at_three(progress):
        if progress.answered >= 3 and not stopped:
            stopped.append(progress)
            run.stop()

    with serving(completions.server_routes(completions.chat(2, first=0.01))) as server:
        run = _run(server, 1000, on_progress=stop_at_three)
        report = run.report()
    assert "interrupted" == report.ended
    assert 3 <= report.completed < 100


def test_nothing_is_under_way_after_a_run_was_stopped():
    begun, gone = threading.Event(), threading.Event()

    def stuck(visit):
        begun.set()
        completions.never_ending(visit)
        gone.set()

    with serving(completions.server_routes(stuck)) as server:
        run = _run(server)
        stopping = threading.Thread(target=lambda: (begun.wait(10), run.stop()))
        stopping.start()
        report = run.report()
        stopping.join()
        assert gone.wait(10)
    assert ("interrupted", 1) == (report.ended, report.unfinished)


def test_the_model_that_is_named_is_asked_for_and_the_list_is_not_needed():
    with serving({CHAT: completions.chat(1)}) as server:
        plan = LoadPlan(1, model="mine")
        report = Run(Client(address_of(server.url), environ={}), plan, salt="s").report()
    assert "mine" == report.model == json.loads(server.asked[0].body)["model"]


def test_a_server_without_models_is_an_error():
    with serving({}) as server, pytest.raises(RequestError, match="answers HTTP 404"):
        _run(server).report()


def test_a_server_that_is_not_there_is_an_error():
    with serving({}) as server:
        pass
    with pytest.raises(WebError, match="nothing listens"):
        _run(server).report()


def test_a_mistake_in_a_thread_is_raised_where_the_run_was_asked_for(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("nimprofile.verify.load.run.read_answer", broken)
    with (
        serving(completions.server_routes()) as server,
        pytest.raises(ZeroDivisionError),
    ):
        _run(server).report()


def test_figures_that_may_be_those_of_this_program_are_called_so(monkeypatch):
    monkeypatch.setattr("nimprofile.verify.load.run.LEAST_SECONDS", 0)
    monkeypatch.setattr("nimprofile.verify.load.run.MOST_OF_PROCESSOR", 0)
    report, _ = _reported()
    assert any(note.startswith("this program used ") for note in report.notes)


def test_progress_is_told_in_numbers_that_only_grow():
    told = []
    with serving(completions.server_routes(completions.chat(2, first=0.005))) as server:
        _run(server, 40, on_progress=told.append).report()
    assert [each.answered for each in told] == sorted(each.answered for each in told)
    assert all(each.answered <= each.of == 39 for each in told[1:])
