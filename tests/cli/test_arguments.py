"""Every option of a command becomes a field of its record, and no option is lost on the way."""

import argparse
from pathlib import Path

import pytest

import nimprofile
from nimprofile.base.enums import Engine
from nimprofile.cli.arguments import GROUPS, read_arguments
from nimprofile.cli.main import build_parser


def commands(parser, name=""):
    """The parsers of all commands, those of `manifest` by their action, with their names."""
    inner = [
        action
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction) and action.choices
    ]
    if not inner:
        return {name: parser}
    return {
        key: leaf
        for choice, command in inner[0].choices.items()
        for key, leaf in commands(command, f"{name} {choice}".strip()).items()
    }


def fields(kind):
    return {
        name
        for field in kind._fields
        for name in (fields(GROUPS[field]) if field in GROUPS else [field])
    }


COMMANDS = commands(build_parser())


def test_every_command_is_looked_at():
    assert 25 == len(COMMANDS)
    assert {"select", "exec", "manifest build", "completion"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_a_command_are_the_fields_of_its_record(name):
    parser = COMMANDS[name]
    kind = parser.get_default("arguments")
    options = {action.dest for action in parser._actions} - {"help"}
    after_dashes = {"extra"} if "server" in kind._fields else set()
    of_locks = {"words", "locked"} & set(kind._fields)
    assert fields(kind) == options | after_dashes | of_locks


@pytest.mark.parametrize("command", ["select", "policies"])
def test_an_option_that_is_in_no_field_is_an_error(command):
    parser = build_parser(command)
    commands(parser)[command].add_argument("--colour")
    with pytest.raises(TypeError, match="Arguments has no field for colour"):
        read_arguments(parser, [command])


def read(*argv, extra=None):
    given = None if extra is None else {"extra": tuple(extra)}
    return read_arguments(build_parser(), argv, given)[1]


def test_the_groups_of_options_are_records_in_the_record():
    words = ("select", "--gpus", "8xh100", "--max-model-len", "8192", "--engine", "vllm")
    arguments = read(*words, "--engine", "sglang", "--format", "id")
    assert (("8xh100",), None, "id") == (
        arguments.machine.gpus,
        arguments.machine.inventory,
        arguments.format,
    )
    assert 8192 == arguments.selection.serving.max_model_len
    assert (Engine.VLLM, Engine.SGLANG) == arguments.selection.engine


def test_the_words_for_the_server_are_in_its_arguments():
    assert ("--seed", "7") == read("launch", extra=["--seed", "7"]).server.extra


def test_what_was_read_cannot_be_changed():
    arguments = read("launch", extra=[])
    with pytest.raises(AttributeError, match="LaunchArguments is frozen"):
        arguments.format = "json"
    with pytest.raises(AttributeError, match="SelectionArguments is frozen"):
        arguments.selection.lora = True


def test_what_argparse_makes_is_seen_by_one_module_alone():
    root = Path(nimprofile.__file__).parent
    # Servers print their arguments as `Namespace(…)`, which the readers of their logs know.
    seeing = {root / "cli" / "arguments.py", root / "verify" / "logs" / "settings.py"}
    outside = [path for path in root.rglob("*.py") if path not in seeing]
    texts = {path.name: path.read_text(encoding="utf-8") for path in outside}
    assert [] == [
        name for name, text in texts.items() if "Namespace" in text or "parse_args" in text
    ]
