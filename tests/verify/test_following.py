"""The bytes of a log, as they lie there or as they come."""

import io
import os
import threading

import pytest

from nimprofile.verify import following
from nimprofile.verify.following import Deadline, LogError, log_parts


class Steps:
    """A clock that goes on by what is slept, and does a step of a story each time."""

    def __init__(self, *steps):
        self.now, self.steps = 100.0, list(steps)

    def sleep(self, seconds):
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def deadline(self, seconds=5.0):
        return Deadline(seconds, clock=lambda: self.now, sleep=self.sleep)


def text(name, deadline):
    return b"".join(log_parts(str(name), deadline))


def lines(name, deadline):
    return text(name, deadline).split()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "server.log"
    path.write_bytes(b"one\ntwo\n")
    return path


def test_a_log_is_read_to_its_end_and_nothing_is_waited_for(log):
    assert [b"one", b"two"] == lines(log, Deadline(None))


def test_what_is_written_while_there_is_time_is_read_too(log):
    def write():
        with log.open("ab") as file:
            file.write(b"three\n")

    assert [b"one", b"two", b"three"] == lines(log, Steps(write).deadline())


def test_the_wait_ends_when_time_is_up(log):
    steps = Steps()
    assert [b"one", b"two"] == lines(log, steps.deadline(2.0))
    assert pytest.approx(102.0) == steps.now


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path):
    path = tmp_path / "late.log"
    steps = Steps(lambda: None, lambda: path.write_bytes(b"here\n"))
    assert [b"here"] == lines(path, steps.deadline())


def test_a_log_that_never_comes_is_an_error(tmp_path):
    with pytest.raises(LogError, match=r"late\.log: no such file"):
        lines(tmp_path / "late.log", Steps().deadline())


def test_a_log_that_is_moved_away_is_read_to_its_end_and_the_new_one_after_it(log):
    def rotate():
        with log.open("ab") as file:
            file.write(b"last")
        os.rename(log, f"{log}.1")
        log.write_bytes(b"next\n")

    assert [b"one", b"two", b"last", b"next"] == lines(log, Steps(rotate).deadline())


def test_a_log_that_is_moved_away_is_waited_for(log):
    steps = Steps(lambda: os.rename(log, f"{log}.1"), lambda: log.write_bytes(b"next\n"))
    assert [b"one", b"two", b"next"] == lines(log, steps.deadline())


def test_a_log_that_is_cut_to_nothing_is_read_from_its_beginning(log):
    assert [b"one", b"two", b"new"] == lines(
        log, Steps(lambda: log.write_bytes(b"new\n")).deadline()
    )


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError, match="only regular files are read"):
        text(tmp_path / "pipe", Deadline(None))
    with pytest.raises(LogError, match="directory"):
        text(tmp_path, Deadline(None))


def test_a_log_of_more_than_the_most_is_refused(log, monkeypatch):
    monkeypatch.setattr(following, "MOST", 4)
    with pytest.raises(LogError, match="no log of a start has"):
        text(log, Deadline(None))


def test_a_descriptor_is_read_until_it_is_closed():
    read, write = os.pipe()
    os.write(write, b"one\n")
    os.close(write)
    assert b"one\n" == text(f"/dev/fd/{read}", Deadline(None))
    os.close(read)


def test_a_descriptor_is_read_as_it_comes():
    read, write = os.pipe()
    os.write(write, b"one\n")
    parts = log_parts(f"/dev/fd/{read}", Deadline(9.0))
    assert b"one\n" == next(parts)
    threading.Timer(0.02, os.write, (write, b"two\n")).start()
    assert b"two\n" == next(parts)
    os.close(write)
    assert [] == [*parts]
    os.close(read)


def test_an_open_descriptor_is_left_when_time_is_up():
    read, write = os.pipe()
    assert b"" == text(f"/dev/fd/{read}", Deadline(0.01))
    os.close(write)
    os.close(read)


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\n")))
    assert b"one\n" == text("-", Deadline(None))


def test_a_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(LogError, match="standard input is closed"):
        text("-", Deadline(None))
