"""The program on a terminal of its own: does every line fit, whatever it shows?"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from rich.cells import cell_len

from tests.support.command_line import environment, process

LLAMA = "--manifest llama-3.1-8b-instruct"
RESIZED = (
    f"list {LLAMA} --gpus 2xl40s,1xt4",
    f"explain {LLAMA} --gpus 1xl4",
    f"explain {LLAMA} --gpus 1xl4 vllm-bf16-tp1-pp1",
    "memory llama-3.1-8b-instruct --gpus 1xl40s --max-model-len 32768",
    "gpus --gpus 8xh100,1xt4",
)
COMMANDS = (
    *RESIZED,
    f"select {LLAMA} --gpus 8xh100",
    "gpus --known",
    "manifest show llama-3.1-70b-instruct",
    "manifest diff llama-3.1-8b-instruct llama-3.1-70b-instruct --gpus 8xh100",
    "policies",
    "engines",
)


def on_terminal(command, width, **variables):
    """What a terminal of this width gets, standard error included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    argv = [sys.executable, "-m", "nimprofile", *command.split()]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    variables = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | variables
    with subprocess.Popen(argv, **streams, env=environment(**variables), cwd="/"):
        os.close(theirs)
        chunks = []
        while chunk := _read(ours):
            chunks.append(chunk)
    os.close(ours)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the last process that had the terminal has left
        return b""


@pytest.mark.parametrize(
    ("command", "width"),
    [(command, 40) for command in COMMANDS]
    + [(command, width) for command in RESIZED for width in (60, 80, 100, 200)],
)
def test_no_line_is_longer_than_the_terminal_is_wide(command, width):
    text = on_terminal(command, width)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert len(lines) > 2
    assert [] == [line for line in lines if cell_len(line) > width]


@pytest.mark.parametrize("width", [60, 200])
def test_a_terminal_shows_every_profile_with_an_id_that_is_taken(width):
    rows = process("list", *LLAMA.split(), "--gpus", "1xl40s").stdout.decode().splitlines()
    drawn = "".join(on_terminal(f"list {LLAMA} --gpus 1xl40s", width).split())
    for _, id, name, _ in (row.split("\t") for row in rows):
        assert id[:12] in drawn
        assert name in drawn


ID_OF_LLAMA = process("select", *LLAMA.split(), "--gpus", "8xh100", "--format", "id").stdout


@pytest.mark.parametrize("width", [40, 60, 67, 68, 73, 100])
@pytest.mark.parametrize("command", ["select", "explain"])
def test_an_id_is_never_broken(command, width):
    id = ID_OF_LLAMA.decode().strip()
    subject = f" {id[:12]}" if command == "explain" else ""
    drawn = on_terminal(f"{command} {LLAMA} --gpus 8xh100{subject} --color never", width)
    (shown,) = {word for word in drawn.split() if id.startswith(word) and len(word) > 4}
    assert shown in {id, id[:12]}
    assert (shown == id) is (width >= 68 or (width >= 66 and command == "explain"))


@pytest.mark.parametrize("width", [50, 60])
def test_a_failure_is_told_in_lines_as_wide_as_the_terminal(width):
    text = on_terminal(f"select {LLAMA} --gpus 1xt4", width)
    assert [] == [line for line in text.splitlines() if cell_len(line) > width]
    first, *others = text.partition("How many")[0].splitlines()
    assert first.startswith("No profile found for the detected")
    assert {"  "} == {line[:2] for line in others}


def test_a_long_word_of_a_failure_is_left_whole():
    text = on_terminal(f"select {LLAMA} --gpus 1xt4 --profile nope", 40)
    assert ID_OF_LLAMA.decode().strip() in text


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_is_as_the_environment_wants_it(variables, coloured):
    text = on_terminal(f"list {LLAMA} --gpus 1xl40s", 120, **variables)
    assert coloured is ("\x1b[" in text)
    assert "runnable (4)" in text


def test_in_a_pipe_nothing_of_rich_is_imported_and_nothing_drawn():
    code = (
        "import sys; from nimprofile.cli.main import main; main(sys.argv[1:]); "
        "sys.exit(any(name.partition('.')[0] == 'rich' for name in sys.modules))"
    )
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", code, *command.split()],
            env=environment(),
            capture_output=True,
            check=False,
        )
        assert 0 == done.returncode, command
        assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("variables", [{"FORCE_COLOR": ""}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}])
def test_a_pipe_stays_a_pipe(variables):
    argv = ("list", *LLAMA.split(), "--gpus", "1xl40s")
    assert process(*argv).stdout == process(*argv, **variables).stdout


@pytest.mark.parametrize(
    ("flag", "variables", "coloured"),
    [
        ("always", {}, True),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {}, False),
    ],
)
def test_the_flag_beats_the_variables(flag, variables, coloured):
    done = process("policies", "--color", flag, **variables)
    assert (0, coloured) == (done.returncode, b"\x1b[" in done.stdout)


def test_without_colour_a_terminal_still_gets_tables():
    text = on_terminal("gpus --known --color never", 120)
    assert text.startswith("name for --gpus ")
    assert "\x1b" not in text


def test_forced_colour_draws_in_a_pipe_as_wide_as_columns_says():
    argv = ("list", *LLAMA.split(), "--gpus", "1xl40s")
    text = process(*argv, FORCE_COLOR="1", COLUMNS="60").stdout.decode()
    assert text.startswith("\x1b[32mrunnable (4)\x1b[0m\n  8019133bb7a9  \x1b[1m")
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 60 for line in text.splitlines())


def test_a_terminal_that_knows_only_ascii_gets_no_bars():
    command = "memory llama-3.1-8b-instruct --gpus 1xl40s --max-model-len 32768"
    text = on_terminal(command, 120, PYTHONIOENCODING="ascii")
    assert "weights" in text
    assert r"\u2588" not in text


STEERING = "x\x1b]0;title\x07\u202e[red]"


def test_what_others_wrote_steers_no_terminal(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    config = {"model_type": STEERING, "hidden_size": 64, "num_hidden_layers": 2}
    (folder / "config.json").write_text(json.dumps(config))
    for command in (f"memory {folder} --gpus 1xl4", f"manifest show {tmp_path}/{STEERING}"):
        drawn = on_terminal(command, 200)
        piped = process(*command.split())
        for text in (re.sub(r"\x1b\[[0-9;]*m", "", drawn), (piped.stdout + piped.stderr).decode()):
            assert r"x\x1b]0;title\x07\u202e[red]" in text
            assert text.replace("\n", "").isprintable()
