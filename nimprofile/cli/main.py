"""The command line: the table of its commands, and the exit code of each ending.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys

from nimprofile.base.errors import (
    DriftError,
    GpuMissingError,
    NimProfileError,
    NoGpuError,
    NotStartedError,
    RequirementError,
)
from nimprofile.base.secrets.output import conceal
from nimprofile.cli.arguments import divided, read_arguments
from nimprofile.cli.commands import (
    run_explain,
    run_gpus,
    run_list,
    run_memory,
    run_select,
)
from nimprofile.cli.console import (
    LostOutputError,
    OutputError,
    begin,
    drop_output,
    flush_output,
    json_is_out,
    write_error,
)
from nimprofile.cli.exit_codes import (
    BAD_INPUT,
    DONE,
    NO_GPU,
    NOT_AS_REQUIRED,
    NOT_STARTED,
    OUTPUT_FAILED,
    USAGE,
)
from nimprofile.cli.options import (
    Help,
    Version,
    add_command,
    explain_options,
    gpus_options,
    list_options,
    memory_options,
    select_options,
)
from nimprofile.cli.parsing.parser import HelpPrinted, Parser, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from nimprofile.base.record import Record
    from nimprofile.cli.options import Command


_EXAMPLES = """\
examples:
  nimprofile select --manifest llama-3.1-70b-instruct --expect-gpus 8
  nimprofile select --manifest llama-3.1-70b-instruct --gpus 8xh100
  nimprofile list --manifest model_manifest.yaml --inventory box.json
  nimprofile explain --manifest llama-3.1-8b-instruct --gpus 1xl4
  nimprofile gpus --gpus 2xl40s --json > box.json
exit codes:
  0 selected   1 no profile runs   2 usage   3 bad manifest, inventory or override
  4 no GPU could be read   5 not as --require, --expect-gpus or a lock says
  6 something on this host keeps the server from starting"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        conceal(_without_names(words), os.environ)
        code = _run(words)
        flush_output()
    except LostOutputError as lost:
        drop_output()
        if not lost.why:
            return DONE
        write_error([f"nimprofile: cannot write the output: {lost.why}"])
        return OUTPUT_FAILED
    except BaseException as error:  # noqa: BLE001 - the last door, of a SystemExit of others too
        from nimprofile.cli.processes.last_door import tell_failure

        return tell_failure(error, words)
    return code


def _run(argv: Sequence[str]) -> int:
    """Run one command line; LostOutputError when standard output cannot be written."""
    command = next((word for word in argv if word[:1] != "-"), None)
    extra: tuple[str, ...] = ()
    if command in _STARTING:
        argv, extra = divided(argv)
    begin(records=command == "exec" and _wants_records())
    try:
        given: dict[str, object] = {"extra": extra} if command in _STARTING else {}
        if command == "lock" or (command in _LOCKED and _names_lock(argv)):
            from nimprofile.cli.production.words import read_with_locked

            run, arguments = read_with_locked(argv, extra, _read)
        else:
            run, arguments = _read(argv, given)
        return run(arguments)
    except HelpPrinted:
        return DONE
    except NimProfileError as error:
        from nimprofile.cli.parsing.failures import report, wants_json

        code = next((code for kind, code in _CODES if isinstance(error, kind)), BAD_INPUT)
        hint = (error.hint or _help_for(argv)) if isinstance(error, UsageError) else ""
        report(error, code, hint, json=wants_json(argv) and not json_is_out())
        return code


def _read(argv: Sequence[str], given: Mapping[str, object]) -> tuple[Callable[[Any], int], Record]:
    only = argv[0] if argv and argv[0] in _COMMANDS else None
    return read_arguments(build_parser(only), argv, given)


def _without_names(argv: Sequence[str]) -> list[str]:
    """A command line without the options that name a secret of Kubernetes, and hold none."""
    own = list(argv[: argv.index("--")] if "--" in argv else argv)
    kept = [
        word
        for before, word in zip(["", *own], own, strict=False)
        if before not in _NAMES and word.partition("=")[0] not in _NAMES
    ]
    return [*kept, *argv[len(own) :]]


_NAMES = frozenset({"--secret", "--pull-secret"})


def _wants_records() -> bool:
    """Whether the log of `exec` is records of JSON; a value that is neither is said by `exec`."""
    from nimprofile.report.startup_log import wants_json

    try:
        return wants_json(os.environ)
    except NimProfileError:
        return False


def _help_for(argv: Sequence[str]) -> str:
    """The command that prints the help of this command line."""
    words = [word for word in argv[:2] if word[:1] != "-"]
    named = words[: 2 if words[:1] == ["manifest"] else 1]
    return " ".join(("nimprofile", *named, "--help"))


def _names_lock(argv: Sequence[str]) -> bool:
    return any(word == "--lock" or word[:7] == "--lock=" for word in argv)


_CODES = (
    (NoGpuError, NO_GPU),
    (GpuMissingError, NOT_AS_REQUIRED),
    (RequirementError, NOT_AS_REQUIRED),
    (UsageError, USAGE),
    (DriftError, NOT_AS_REQUIRED),
    (NotStartedError, NOT_STARTED),
    (OutputError, OUTPUT_FAILED),
)
_STARTING = frozenset({"launch", "exec", "render", "lock", "check", "doctor"})
_LOCKED = frozenset({"check", "exec"})


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with `only`, of one command, which takes a tenth of the time."""
    parser: argparse.ArgumentParser = Parser(
        prog="nimprofile",
        formatter_class=Help,
        allow_abbrev=False,
        description="Choose the model-serving profile that runs on these GPUs, and say why.",
        epilog=_EXAMPLES,
    )
    nothing = argparse.SUPPRESS
    parser.add_argument(
        "--version", action=Version, nargs=0, default=nothing, help="print the version"
    )
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="COMMAND",
        title="commands",
        prog="nimprofile",  # or argparse formats a usage line to find it, for 4 ms
    )
    for name, (run, help, example, options) in _COMMANDS.items():
        if only in {None, name}:
            options(add_command(commands, name, run, help, example))
    return parser


def _late(module: str, name: str) -> Any:
    """A function that is imported when it is called."""

    def call(argument: object) -> object:
        from importlib import import_module

        return getattr(import_module(f"nimprofile.{module}"), name)(argument)

    return call


def _manifest(arguments: object) -> int:
    raise AssertionError(f"every action of manifest has a function of its own: {arguments}")


_COMMANDS: dict[str, Command] = {
    "select": (
        run_select,
        "print the profile that would run, and why",
        "nimprofile select --manifest llama-3.1-70b-instruct --gpus 8xh100 --format env",
        select_options,
    ),
    "list": (
        run_list,
        "print every profile by grade, with its reason",
        "nimprofile list --manifest llama-3.1-8b-instruct --gpus 1xl4",
        list_options,
    ),
    "explain": (
        run_explain,
        "say why a profile is chosen, is beaten or does not run; or explain the whole decision",
        "nimprofile explain --manifest llama-3.1-8b-instruct --gpus 1xl4 vllm-bf16-tp1-pp1",
        explain_options,
    ),
    "memory": (
        run_memory,
        "print what each GPU will hold, the longest context, and how many requests fit",
        "nimprofile memory llama-3.1-8b-instruct --gpus 1xl40s --max-model-len 32768",
        memory_options,
    ),
    "launch": (
        _late("cli.launch_commands", "launch"),
        "print the command that starts a server with the selected profile",
        "nimprofile launch --manifest gpt-oss-120b --gpus 2xh100 -- --seed 7",
        _late("cli.launch_options", "launch_options"),
    ),
    "exec": (
        _late("cli.launch_commands", "become"),
        "select, log the decision, and start the server in place of this process",
        "nimprofile exec --manifest /etc/model_manifest.yaml --engine vllm",
        _late("cli.launch_options", "exec_options"),
    ),
    "render": (
        _late("cli.launch_commands", "render"),
        "print what deploys that server: for Docker, Compose, Kubernetes, KServe, the NIM Operator",
        "nimprofile render k8s --manifest gpt-oss-120b --gpus 2xh100",
        _late("cli.launch_options", "render_options"),
    ),
    "doctor": (
        _late("cli.production.doctor", "doctor"),
        "look for what would keep the server from starting on this host, or make it slow",
        "nimprofile doctor --manifest gpt-oss-120b --server nim --cache /opt/nim-cache",
        _late("cli.production.doctor", "doctor_options"),
    ),
    "verify": (
        _late("cli.production.verify", "run_verify"),
        "say what a server really runs, by its log and its interfaces: proven or contradicted",
        "nimprofile verify --require precision=fp8,tp=8 --logs nim.log",
        _late("cli.production.verify_options", "verify_options"),
    ),
    "lock": (
        _late("cli.production.lock", "run_lock"),
        "put the choice of a profile on record, with everything that it was made of",
        "nimprofile lock --manifest gpt-oss-120b --gpus 2xh100 -o nimprofile.lock",
        _late("cli.production.lock", "lock_options"),
    ),
    "check": (
        _late("cli.production.check", "run_check"),
        "say whether the profile of a lock would be chosen today, and what has moved",
        "nimprofile check --lock nimprofile.lock",
        _late("cli.production.check", "check_options"),
    ),
    "manifest": (
        _manifest,
        "list, build, check, show, convert and compare manifests",
        "nimprofile manifest build ./my-model -o my-model.yaml",
        _late("cli.manifests.actions", "manifest_options"),
    ),
    "gpus": (
        run_gpus,
        "print the GPUs of this machine, or of the one that --gpus describes",
        "nimprofile gpus --gpus 8xh100 --json",
        gpus_options,
    ),
    "policies": (
        _late("cli.reference.tables", "run_policies"),
        "print every policy, with what it compares and in which order",
        "nimprofile policies",
        _late("cli.reference.tables", "policies_options"),
    ),
    "advisories": (
        _late("cli.production.advisories", "run_advisories"),
        "print the known issues of profiles, or one of them, each with its source",
        "nimprofile advisories nim-1.13-vllm-before-tensorrt-llm",
        _late("cli.production.advisories", "advisories_options"),
    ),
    "engines": (
        _late("cli.reference.tables", "run_engines"),
        "print which checkpoints and models each engine serves, on which GPUs, since when",
        "nimprofile engines --engine vllm",
        _late("cli.reference.tables", "engines_options"),
    ),
    "variables": (
        _late("cli.reference.tables", "run_variables"),
        "print which of NIM's variables are set, and what becomes of each",
        "nimprofile variables --all",
        _late("cli.reference.tables", "variables_options"),
    ),
    "schema": (
        _late("cli.reference.tables", "run_schema"),
        "print the JSON Schema of what a command prints or reads",
        "nimprofile schema decision > decision.schema.json",
        _late("cli.reference.tables", "schema_options"),
    ),
    "completion": (
        _late("cli.reference.completion", "run_completion"),
        "print a completion script for a shell",
        "nimprofile completion bash > ~/.local/share/bash-completion/completions/nimprofile",
        _late("cli.reference.completion", "completion_options"),
    ),
}
