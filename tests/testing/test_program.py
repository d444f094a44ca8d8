"""`python -m nimprofile.testing`: does a shell get a fake driver without a line of Python?"""

import subprocess
import sys

import pytest

from tests.support.command_line import environment
from tests.support.paths import CORPUS


def program(*words, **variables):
    """`python -m nimprofile.testing` as a shell runs it."""
    argv = [sys.executable, "-m", "nimprofile.testing", *words]
    done = subprocess.run(
        argv, env=environment(**variables), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


GPUS = (sys.executable, "-m", "nimprofile", "gpus")


@pytest.mark.parametrize(
    ("machine", "names"),
    [
        ("2xl40s,1xt4", ["NVIDIA L40S", "NVIDIA L40S", "Tesla T4"]),
        (str(CORPUS / "machines" / "8xh100.json"), ["NVIDIA H100 80GB HBM3"] * 8),
    ],
)
def test_a_command_finds_the_machine(machine, names):
    code, out, _ = program(machine, *GPUS)
    assert (0, names) == (code, [line.split("\t")[1] for line in out.splitlines()])


@pytest.mark.parametrize("dashes", [(), ("--",)])
def test_the_exit_code_is_the_commands(dashes):
    assert 5 == program("2xl40s", *dashes, *GPUS, "--expect-gpus", "3")[0]


def test_without_a_command_it_is_a_shell(tmp_path):
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\necho $NIMPROFILE_FAKE_NVML | cut -c 1\n")
    shell.chmod(0o755)
    assert (0, "{\n", "") == program("1xt4", SHELL=str(shell))


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ([], 2, "usage: "),
        (["--nonsense"], 2, "usage: "),
        (["2xnothing"], 3, "nimprofile.testing: 'nothing' is not a known GPU"),
        (["token=s3cr3t7"], 3, "nimprofile.testing: 'token=***' is not a known GPU"),
        (["1xt4", "no-such-program"], 127, "nimprofile.testing: no-such-program: No such file"),
    ],
)
def test_what_cannot_be_done_is_said(words, code, problem):
    got, out, err = program(*words)
    assert (code, "") == (got, out)
    assert err.startswith(problem)


def test_help_is_printed():
    code, out, err = program("--help")
    assert (0, "") == (code, err)
    assert out.startswith("usage: python -m nimprofile.testing MACHINE [COMMAND …]\n")
