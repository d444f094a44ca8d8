import io
import sys

from nimprofile.cli.production import progress as module
from nimprofile.cli.production.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _terminal(monkeypatch):
    """A terminal in place of standard error, which pytest sets anew for each test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(module, "_drawn", 0)
    monkeypatch.setenv("COLUMNS", "20")
    return terminal


def test_a_shorter_line_leaves_nothing_of_the_one_before(monkeypatch):
    terminal = _terminal(monkeypatch)
    for text in ("3 of 10 answered", "done", ""):
        progress(text)
    assert "\r3 of 10 answered\rdone            \r    \r" == terminal.getvalue()


def test_a_line_is_no_longer_than_the_terminal_and_steers_nothing(monkeypatch):
    terminal = _terminal(monkeypatch)
    progress("\x1b[2J" + "x" * 100)
    assert 20 == len(terminal.getvalue())
    assert "\x1b" not in terminal.getvalue()


def test_elsewhere_nothing_is_written(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    progress("3 of 10")
    assert "" == stream.getvalue()


def test_a_terminal_that_is_gone_changes_nothing(monkeypatch):
    terminal = _terminal(monkeypatch)

    def gone(_):
        raise OSError

    monkeypatch.setattr(terminal, "write", gone)
    progress("3 of 10")
    assert None is sys.stderr
