"""The help of every command is in groups, says what happens without an option, and fits."""

import os

import pytest

from nimprofile.cli.main import build_parser
from tests.support.command_line import process

PROBLEM = "its help must say what happens without it: (default: …)"


def leaves(parser=None, path=()):
    parser = parser or build_parser()
    if not parser.commands:
        return [(path, parser)]
    kinds = parser._subparsers._group_actions[0].choices
    return [leaf for name, inner in kinds.items() for leaf in leaves(inner, (*path, name))]


LEAVES = leaves()
ARGUMENTS = [
    pytest.param(action, id=f"{' '.join(path)} {'/'.join(action.option_strings) or action.dest}")
    for path, parser in LEAVES
    for action in parser._actions
    if action.dest != "help"
]
OPTIONS = [param for param in ARGUMENTS if param.values[0].option_strings]


@pytest.mark.parametrize("action", ARGUMENTS)
def test_every_argument_is_explained(action):
    assert action.help


@pytest.mark.parametrize("action", OPTIONS)
def test_every_option_states_what_happens_without_it(action):
    stated = "default: " in action.help or "no default" in action.help or "same as" in action.help
    assert stated, PROBLEM


@pytest.mark.parametrize("action", ARGUMENTS)
def test_what_takes_a_value_has_a_name_for_it_in_capitals(action):
    if action.nargs == 0 or (action.option_strings and action.choices):
        return
    assert action.metavar == action.metavar.upper() != ""


@pytest.mark.parametrize("action", OPTIONS)
def test_a_variable_that_an_option_beats_is_told_with_its_default(action):
    _name, found, rest = action.help.partition("($NIM_")
    assert not found or "; default: " in rest


def test_the_program_lists_its_commands_under_their_title():
    out = process("--help").stdout.decode()
    assert "\ncommands:\n  COMMAND\n    select " in out


GROUPS = {
    "select": ["machine", "model and manifest", "selection", "serving and memory", "output"],
    "memory": ["machine", "selection", "serving and memory", "output"],
    "launch": [
        *("machine", "model and manifest", "selection", "serving and memory", "server", "output"),
    ],
    "exec": ["machine", "model and manifest", "selection", "serving and memory", "server", "lock"],
    "render": [
        *("machine", "model and manifest", "selection", "serving and memory", "server"),
        *("deployment", "output"),
    ],
    "gpus": ["machine", "output"],
    "manifest build": ["profiles", "model", "output"],
    "manifest diff": ["machine", "selection", "output"],
}


@pytest.mark.parametrize("command", GROUPS)
def test_the_options_are_in_groups(run, command):
    out = run(*command.split(), "--help")[1]
    titles = [line[:-1] for line in out.splitlines() if line[:1].islower() and line[-1:] == ":"]
    assert (
        GROUPS[command]
        == [t for t in titles if t not in {"options", "example"}][-len(GROUPS[command]) :]
    )


@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_only_the_help_itself_is_in_no_group(path):
    parser = dict(LEAVES)[path]
    loose = [action.dest for action in parser._optionals._group_actions]
    assert ["help"] == [name for name in loose if (*path, name) != ("manifest", "convert", "to")]


@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_the_usage_is_one_line(run, path):
    usage = run(*path, "--help")[1].partition("\n\n")[0]
    assert 1 == len(usage.splitlines())


@pytest.mark.parametrize("width", [60, 80, 132])
@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_the_help_fits_the_terminal(run, monkeypatch, path, width):
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((width, 20)))
    lines = run(*path, "--help")[1].partition("example:")[0].splitlines()[1:]
    names = [line for line in lines if line.startswith("  -") and "  " not in line[2:]]
    assert [] == [line for line in lines if len(line) > width and line not in names]
