"""A little of `make attack`, always the same, and what its judge calls wrong."""

import os
import signal
import sys

import pytest

from tests.tools.attack.__main__ import PARTS, attempt
from tests.tools.attack.command_lines import words
from tests.tools.attack.shots import SECRET, Ending, Shot, bare_environment, fire, problems

SAMPLE = {"lines": 24, "files": 16, "signals": 6, "machines": 4}


@pytest.mark.parametrize(
    ("part", "number"), [(part, number) for part in PARTS for number in range(SAMPLE[part])]
)
def test_an_attack_finds_nothing(part, number):
    assert [] == attempt(part, 1, number).wrong


WELL = Ending(0, b"said\n", b"", 1.0, left_running=False)


@pytest.fixture
def shot(tmp_path):
    return Shot(["select", "--json"], tmp_path, bare_environment(tmp_path))


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        (WELL._replace(seconds=61), "did not end within 60 s"),
        (WELL._replace(code=-signal.SIGXCPU), "took more than 20 s of a processor, or was killed"),
        (WELL._replace(code=70, err=b"said"), "exit code 70, which is not promised"),
        (WELL._replace(code=3, out=b"", err=b""), "exit code 3 without a word"),
        (WELL._replace(left_running=True), "left a process running"),
        (WELL._replace(err=SECRET.encode()), "standard error: has the secret"),
        (WELL._replace(err=b"\x1b[31m"), "standard error: has the control characters ['\\x1b']"),
        (WELL._replace(err="\u202e".encode()), "standard error: has the control characters"),
        (WELL._replace(err=b"\xff"), "standard error: is no UTF-8 at 0"),
        (WELL._replace(err=b"Exception ignored in"), "standard error: has 'Exception ignored in'"),
        (WELL._replace(err=b"x" * 5_001), "standard error has a line of more than 5,000 bytes"),
        (WELL._replace(err=b"x\n" * 30_000), "standard error has 60,000 bytes"),
        (WELL._replace(out=b"said"), "standard output is no JSON, which --json asks for"),
    ],
)
def test_a_wrong_ending_is_called_wrong(shot, ending, problem):
    if ending.out == WELL.out:
        ending = ending._replace(out=b"{}")
    (found,) = problems(shot, ending)
    assert found.startswith(problem)


def test_a_file_with_the_secret_is_for_its_owner_alone(shot):
    file = shot.folder / "model.json"
    file.write_text(SECRET)
    file.chmod(0o600)
    assert [] == problems(shot, WELL._replace(out=b"{}"))
    file.chmod(0o644)
    found = ["model.json can be read by others and has the secret"]
    assert found == problems(shot, WELL._replace(out=b"{}"))


LEAVES = """\
from subprocess import DEVNULL, Popen
Popen(["sleep", "60"], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
"""


def test_what_is_left_running_is_seen_and_ended(tmp_path, monkeypatch):
    program = tmp_path / "leaves"
    program.write_text(f"#!{sys.executable}\n{LEAVES}")
    program.chmod(0o755)
    monkeypatch.setattr("tests.tools.attack.shots.PROGRAM", (str(program),))
    environ = bare_environment(tmp_path) | {"PATH": os.environ["PATH"]}
    assert fire(Shot([], tmp_path, environ)).left_running


def test_trials_are_repeated_by_their_number(monkeypatch):
    from random import Random

    assert words(Random("lines 1 5")) == words(Random("lines 1 5"))
    assert 20 < len({tuple(words(Random(str(number)))) for number in range(40)})
