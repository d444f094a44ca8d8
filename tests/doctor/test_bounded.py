"""Work that may never return is done until a deadline, and leaves nothing behind."""

import io
import os
import signal
import threading
import time

import pytest

from nimprofile.base.errors import ManifestError
from nimprofile.doctor import bounded as module
from nimprofile.doctor.bounded import Outcome, bounded
from tests.support.doctor.deadlines import soon_late  # noqa: F401
from tests.support.nvml.processes import children_of


def hangs(*first):
    yield from first
    yield "so far"
    threading.Event().wait()


def ignores_what_can_be_ignored():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    yield from hangs()


def of_a_pipe(path):
    yield "so far"
    with open(path, encoding="utf-8") as file:  # nobody ever writes to it
        yield file.read()


def test_every_piece_tells_its_values_in_order():
    works = [lambda: [1, "two"], list, lambda: [{"three": (3,)}]]
    outcomes = [(1, "two"), (), ({"three": (3,)},)]
    assert [Outcome(values, "") for values in outcomes] == bounded(works, 5)


@pytest.mark.usefixtures("soon_late")
def test_a_piece_that_hangs_is_left_with_what_it_told_and_keeps_no_other_waiting():
    late, done = bounded([hangs, lambda: [1]], 60)
    assert Outcome(("so far",), "there was no answer within 60 s") == late
    assert Outcome((1,), "") == done


@pytest.mark.usefixtures("soon_late")
def test_signals_do_not_help_a_piece_to_live_longer():
    (outcome,) = bounded([ignores_what_can_be_ignored], 60)
    assert ("so far",) == outcome.values


@pytest.mark.usefixtures("soon_late")
def test_a_named_pipe_that_nobody_writes_to_ends_with_the_time(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    (outcome,) = bounded([lambda: of_a_pipe(path)], 60)
    assert Outcome(("so far",), "there was no answer within 60 s") == outcome


def test_no_process_is_left():
    before = children_of(os.getpid())
    bounded([hangs, lambda: [1]], 0.05)
    assert before == children_of(os.getpid())


def test_no_descriptor_is_left():
    before = os.listdir("/proc/self/fd")
    bounded([hangs, lambda: [1]], 0.05)
    assert before == os.listdir("/proc/self/fd")


@pytest.mark.usefixtures("soon_late")
def test_a_process_that_not_even_a_kill_ends_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "BURIAL", -1.0)
    monkeypatch.setattr(os, "kill", lambda process, number: killed.append(process))
    killed = []
    (outcome,) = bounded([lambda: hangs(os.getpid())], 60)
    monkeypatch.undo()
    assert (*killed, "so far") == outcome.values
    os.kill(killed[0], signal.SIGKILL)


def test_an_error_of_a_caller_comes_out_and_what_was_told_before_it():
    def fails():
        yield 1
        raise ManifestError("is none", source="m.yaml", line=3)

    (outcome,) = bounded([fails], 5)
    assert ((1,), "") == (outcome.values, outcome.ending)
    assert ("m.yaml:3: is none", 3) == (str(outcome.error), outcome.error.line)


def test_what_nothing_foresaw_is_told_with_its_kind():
    (outcome,) = bounded([lambda: [1 / 0]], 5)
    assert "it failed: ZeroDivisionError: division by zero" == outcome.ending


def test_a_process_that_ends_by_itself_is_told_as_such():
    (outcome,) = bounded([lambda: [os._exit(3)]], 5)
    assert "its process was ended" == outcome.ending


def test_what_tells_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 16)
    (outcome,) = bounded([lambda: iter(lambda: "x" * 1000, None)], 5)
    assert "it tells without end" == outcome.ending


def test_what_it_writes_to_standard_error_comes_with_it_and_goes_nowhere_else(capfd):
    def writes():
        import sys

        sys.stderr.write("a note\n")
        os.write(1, b"lost")
        yield 1

    (outcome,) = bounded([writes], 5)
    assert "a note\n" == outcome.written
    assert ("", "") == capfd.readouterr()


def test_it_has_no_descriptor_of_its_parent_but_those_that_are_named(tmp_path):
    with open(tmp_path / "kept", "w+b") as kept, open(tmp_path / "other", "w+b") as other:
        numbers = kept.fileno(), other.fileno()
        works = [lambda: [os.path.exists(f"/proc/self/fd/{number}") for number in numbers]]
        (outcome,) = bounded(works, 5, kept=[kept.fileno()])
    assert (True, False) == outcome.values


@pytest.mark.parametrize(("patience", "told"), [(0.0, [True]), (60.0, [])])
def test_who_waits_is_told_once(monkeypatch, patience, told):
    seen = []
    monkeypatch.setattr(module, "PATIENCE", patience)
    bounded([lambda: [time.sleep(0.02)]], 5, lambda: seen.append(True))
    assert told == seen


def test_the_last_value_of_one_that_was_cut_off_is_dropped():
    import pickle

    whole = pickle.dumps(1) + pickle.dumps("two")
    assert [1] == [*module._unpickled(whole[:-1])]
    assert [1, "two"] == [*module._unpickled(whole)]
    assert [] == [*module._unpickled(b"")]


def test_what_is_written_before_the_end_is_told(capsys):
    written = io.StringIO()
    assert [1] == [*module._told(lambda: [1], written)][:-1]
