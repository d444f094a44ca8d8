"""Which stream gets what, how it looks on a terminal, and what a lost stream means."""

import io
import json
import sys
from pathlib import Path

import pytest

from nimprofile.base.errors import NimProfileError
from nimprofile.cli.console import print_json, put, tell
from nimprofile.cli.main import main
from nimprofile.cli.parsing.failures import report
from tests.support.command_line import ID_BF16, Terminal, process, shell


def test_a_terminal_gets_columns_and_colour(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(
        f"\x1b[32mrunnable (1)\x1b[0m\n  {ID_BF16[:12]}  \x1b[1mvllm"
    )


def test_no_color_takes_the_colour_away_and_leaves_the_columns(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(f"runnable (1)\n  {ID_BF16[:12]}  vllm")


def test_a_dumb_terminal_gets_no_colour(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(f"runnable (1)\n  {ID_BF16[:12]}  vllm")


def test_an_empty_no_color_is_none(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "")
    main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert "\x1b[" in terminal.getvalue()


def test_a_terminal_that_knows_only_ascii_gets_escapes():
    argv = ("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100")
    done = process(*argv, PYTHONIOENCODING="ascii")
    assert (0, b"") == (done.returncode, done.stderr)
    assert rb"gpus     0 (1 \xd7 NVIDIA H100 80GB HBM3)" in done.stdout


def test_help_for_a_terminal_that_knows_only_ascii_is_whole():
    done = process("select", "--help", PYTHONIOENCODING="ascii")
    assert (0, b"") == (done.returncode, done.stderr)
    assert rb"--tags TAG=VALUE,\u2026" in done.stdout


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
UNBUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"])
NOTHING_RUNS = "select --manifest llama-3.1-8b-instruct --gpus 1xt600"


@FULL
@UNBUFFERED
@pytest.mark.parametrize(
    "command",
    ["policies", "gpus --known --json", "completion bash", "--version", "--help", "list --help"],
)
def test_74_when_the_output_cannot_be_written(command, unbuffered):
    done = shell(f'"$0" -m nimprofile {command} > /dev/full', PYTHONUNBUFFERED=unbuffered)
    assert 74 == done.returncode
    assert done.stderr.startswith(b"nimprofile: cannot write the output: ")
    assert 1 == done.stderr.count(b"\n")


@FULL
@UNBUFFERED
def test_74_when_a_message_follows_what_cannot_be_written(unbuffered):
    done = shell(
        f'"$0" -m nimprofile {NOTHING_RUNS} --json > /dev/full', PYTHONUNBUFFERED=unbuffered
    )
    assert (74, b"nimprofile: cannot write the output: No space left on device\n") == (
        done.returncode,
        done.stderr,
    )


@FULL
@UNBUFFERED
@pytest.mark.parametrize("stderr", ["2> /dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("policies", 0),
        (NOTHING_RUNS, 1),
        ("select --nonsense", 2),
        ("select --manifest nope --gpus 1xt4", 3),
        ("policies > /dev/full", 74),
    ],
)
def test_a_message_that_is_lost_leaves_the_exit_code(command, code, stderr, unbuffered):
    done = shell(f'"$0" -m nimprofile {command} {stderr}', PYTHONUNBUFFERED=unbuffered)
    assert (code, b"") == (done.returncode, done.stderr)


@UNBUFFERED
def test_one_log_of_both_streams_reads_in_order(unbuffered):
    done = shell(f'"$0" -m nimprofile {NOTHING_RUNS} --json 2>&1', PYTHONUNBUFFERED=unbuffered)
    output, message, _ = done.stdout.decode().partition("No profile found")
    assert message
    assert json.loads(output)["selected"] is None


def test_without_a_standard_error_nothing_goes_to_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    tell(["a message"])
    assert "" == capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        "policies",
        "select --manifest llama-3.1-8b-instruct --gpus 1xh100",
        "manifest convert llama-3.1-8b-instruct --to v2",
        "--help",
        "select --help",
        "--version",
    ],
)
def test_74_when_standard_output_is_closed(command):
    done = shell(f'"$0" -m nimprofile {command} >&-')
    expected = b"nimprofile: cannot write the output: Bad file descriptor\n"
    assert (74, expected) == (done.returncode, done.stderr)


def test_a_command_that_prints_nothing_needs_no_standard_output(tmp_path):
    done = shell(f'"$0" -m nimprofile gpus --gpus 1xt4 --record {tmp_path}/box.json >&-')
    assert 0 == done.returncode
    assert (tmp_path / "box.json").exists()


def test_a_reader_that_goes_away_is_not_a_failure():
    done = shell('set -o pipefail; "$0" -m nimprofile gpus --known --json | true')
    assert (0, b"") == (done.returncode, done.stderr)


class Full(io.TextIOWrapper):
    """A file on a full disk."""

    full = True

    def flush(self):
        if self.full:
            raise OSError(28, "No space left on device")
        super().flush()


def test_a_full_disk_is_reported_when_the_output_is_flushed(monkeypatch, capsys, tmp_path):
    with open(tmp_path / "out", "wb") as file:
        full = Full(file, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", full)
            code = main(["policies"])
        full.full = False
        full.close()
    expected = "nimprofile: cannot write the output: No space left on device\n"
    assert (74, expected) == (code, capsys.readouterr().err)


def test_74_without_a_standard_output(monkeypatch, manifest):
    monkeypatch.setattr(sys, "stdout", None)
    assert 74 == main(["list", "--manifest", manifest, "--gpus", "1xh100"])


class Gone(io.TextIOWrapper):
    """A pipe whose reader has gone away."""

    broken = True

    def flush(self):
        if self.broken:
            raise BrokenPipeError
        super().flush()


def test_a_broken_pipe_is_caught_when_the_output_is_flushed(monkeypatch, tmp_path):
    with open(tmp_path / "out", "wb") as file:
        gone = Gone(file, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", gone)
            code = main(["policies"])
        gone.broken = False
        gone.close()
    assert 0 == code


def test_a_message_steers_no_terminal_and_forges_no_other(capsys):
    tell(["note: a\nwarning: forged \x1b[31m", "one\n  line"])
    forged = "note: a" + r"\nwarning: forged \x1b[31m"
    assert [forged, r"one\n  line"] == capsys.readouterr().err.splitlines()


def test_an_error_has_its_own_lines_below_it_and_none_of_what_it_repeats(capsys):
    error = NimProfileError("no a\n  forged", "these:\n  forged", "b")
    report(error, 3, json=False)
    lines = [r"nimprofile: no a\n  forged", r"  these:\n  forged", "  b"]
    assert lines == capsys.readouterr().err.splitlines()


def test_a_remark_of_an_inventory_steers_no_terminal_and_forges_no_warning(capsys, tmp_path):
    forged = {"gpus": [], "remarks": ["a\nwarning: forged \x1b[31m"]}
    (tmp_path / "box.json").write_text(json.dumps(forged))
    main(["gpus", "--inventory", str(tmp_path / "box.json")])
    assert "note: a" + r"\nwarning: forged \x1b[31m" + "\n" == capsys.readouterr().err


def test_a_terminal_gets_messages_in_lines_as_wide_as_it_is_and_a_pipe_does_not(
    monkeypatch, capsys
):
    tell(["  one two three four five"])
    assert "  one two three four five\n" == capsys.readouterr().err
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "12")
    tell(["short", "  one two three four five", f"see {'x' * 20} there"])
    lines = ["short", "  one two", "    three", "    four", "    five", "see"]
    assert [*lines, "  " + "x" * 20, "  there"] == terminal.getvalue().splitlines()


def test_of_what_is_printed_only_tabs_and_ends_of_lines_stay(capsys):
    put("a\tb\n\x1b]0;it\x07\u202e")
    assert "a\tb\n" + r"\x1b]0;it\x07\u202e" + "\n" == capsys.readouterr().out


def test_json_that_is_printed_has_no_control_character_and_is_the_same_json(capsys):
    text = "".join(map(chr, (*range(0xA1), 0x202E, 0x2028, 0xFEFF, 0xD800, 0xE0041)))
    print_json({"it": text})
    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert {"it": text} == json.loads(printed)


def test_a_message_is_short_whatever_it_quotes(capsys):
    tell(["warning: " + "x" * 10**6, "note: " + "so it is " * 10**5])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: xxx")
    assert second.endswith("so it is ")
    assert 500 > len(first)
    assert 5000 > len(second)
