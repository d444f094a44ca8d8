"""The options that commands take, their help and their completion."""

import os
import shlex

import pytest

import nimprofile
from nimprofile.cli.main import build_parser


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param((), id="no command"),
        pytest.param(("chose",), id="unknown command"),
        pytest.param(("select", "--colour"), id="unknown option"),
        pytest.param(("select", "--man", "x"), id="an option cut short"),
        pytest.param(("select", "--format", "xml"), id="unknown format"),
        pytest.param(("list", "--format", "id"), id="a format of another command"),
        pytest.param(("select", "--policy", "best"), id="unknown policy"),
        pytest.param(("select", "--engine", "triton"), id="unknown engine"),
        pytest.param(("select", "--tags", "fp8"), id="tags without ="),
        pytest.param(("select", "--gpus", "1xt4", "--inventory", "-"), id="two machines"),
        pytest.param(("list", "--nim", "1.9"), id="unknown layout"),
        pytest.param(("completion", "pwsh"), id="unknown shell"),
        pytest.param(("gpus", "--manifest", "x"), id="an option of another command"),
        pytest.param(("policies", "extra"), id="a word too many"),
    ],
)
def test_2_for_a_wrong_command_line(run, argv):
    code, out, err = run(*argv)
    assert (2, "") == (code, out)
    command = argv[0] if argv and argv[0] != "chose" else ""
    first, second = err.splitlines()
    assert first.startswith("nimprofile: ")
    assert " ".join(["help: nimprofile", *filter(None, [command]), "--help"]) == second


def test_an_unknown_policy_lists_the_known_ones(run):
    assert (
        "'best' is not a policy; known: auto, nim, nim-1.0" in run("select", "--policy", "best")[2]
    )


def test_an_unknown_engine_lists_the_known_ones(run):
    assert "known: tensorrt_llm, vllm, sglang" in run("select", "--engine", "triton")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_prints_a_script_that_asks_the_program(run, shell):
    code, out, err = run("completion", shell)
    assert (0, "") == (code, err)
    assert "nimprofile" in out
    assert "_ARGCOMPLETE=1" in out or "_ARGCOMPLETE 1" in out


# Help.


def test_version_is_the_packages(run):
    assert (0, f"nimprofile {nimprofile.__version__}\n", "") == run("--version")


def test_help_lists_commands_examples_and_exit_codes(run):
    code, out, _ = run("--help")
    assert 0 == code
    for word in ("select", "explain", "examples:", "exit codes:", "4 no GPU could be read"):
        assert word in out


@pytest.mark.parametrize("command", ["select", "list", "explain", "gpus", "policies", "completion"])
def test_every_command_has_help_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert 0 == code
    assert f"usage: nimprofile {command}" in out
    assert f"example:\n  nimprofile {command}" in out


@pytest.mark.parametrize("command", ["select", "list", "explain", "gpus", "policies", "completion"])
def test_the_example_of_every_command_runs(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    help = run(command, "--help")[1]
    example = help.rpartition("example:\n  nimprofile ")[2].partition(" > ")[0]
    assert 0 == run(*shlex.split(example))[0]


def test_help_is_as_wide_as_the_terminal(run, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((60, 20)))
    assert max(map(len, run("policies", "--help")[1].splitlines())) <= 60


def test_a_parser_can_be_built_whole():
    args = build_parser().parse_args(["list", "--nim", "--gpus", "1xt4"])
    assert ("auto", ["1xt4"]) == (args.nim, args.gpus)
