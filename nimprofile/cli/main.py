"""How is nimprofile used from a shell?

Results go to stdout and talk to stderr; the exit codes are a promise (`docs/cli.md`).
"""

from __future__ import annotations

import argparse
import io
import os
import sys

from nimprofile.base.errors import (
    GpuMissingError,
    InventoryError,
    NimProfileError,
    NoGpuError,
    NotStartedError,
)
from nimprofile.cli.console import print_json, style_of_stdout, tell
from nimprofile.cli.inputs import UsageError, inventory_of, judge, weigh
from nimprofile.cli.options import (
    Help,
    Version,
    add_command,
    completion_options,
    engines_options,
    explain_options,
    gpus_options,
    list_options,
    memory_options,
    policies_options,
    select_options,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from nimprofile.cli.options import Command, Run
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.dialects import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.decision import Decision

SELECTED, NOTHING_RUNS, USAGE, BAD_INPUT, NO_GPU, GPU_MISSING = 0, 1, 2, 3, 4, 5
NOT_STARTED, OUTPUT_FAILED, INTERRUPTED = 6, 74, 130

_EXAMPLES = """\
examples:
  nimprofile select --manifest llama-3.1-70b-instruct --expect-gpus 8
  nimprofile select --manifest llama-3.1-70b-instruct --gpus 8xh100
  nimprofile list --manifest model_manifest.yaml --inventory box.json
  nimprofile explain --manifest llama-3.1-8b-instruct --gpus 1xl4
  nimprofile gpus --gpus 2xl40s --json > box.json
exit codes:
  0 selected   1 no profile runs   2 usage   3 bad manifest, inventory or override
  4 no GPU could be read   5 not as many GPUs as --expect-gpus says
  6 something on this host keeps the server from starting"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    command = next((word for word in argv if word[:1] != "-"), None)
    argv, extra = _divided(command, argv)
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a name must not break an ASCII terminal
            sys.stdout.reconfigure(errors="backslashreplace")
        args = build_parser(command).parse_args(argv, argparse.Namespace(extra=extra))
        run: Run = args.run
        code = run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except NimProfileError as error:
        codes = (code for kind, code in _CODES if isinstance(error, kind))
        return _fail(error, next(codes, BAD_INPUT))
    except BrokenPipeError:  # the reader of our output went away: not our failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SELECTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # readers turn theirs into ours; this one is a full disk's
        return _fail(NimProfileError(f"cannot write the output: {error.strerror}"), OUTPUT_FAILED)
    return code


def _divided(command: str | None, argv: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The words before `--`, and for commands that start a server those after it."""
    if "--" not in argv or command not in _STARTING:
        return argv, []
    at = argv.index("--")
    return argv[:at], list(argv[at + 1 :])


_CODES = (
    (NoGpuError, NO_GPU),
    (GpuMissingError, GPU_MISSING),
    (UsageError, USAGE),
    (NotStartedError, NOT_STARTED),
)
_STARTING = frozenset({"launch", "exec", "render"})


def _fail(error: NimProfileError, code: int) -> int:
    if not error.told:
        tell([f"nimprofile: {error}"])
    return code


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with `only`, just that command gets its options, to save time."""
    parser = argparse.ArgumentParser(
        prog="nimprofile",
        formatter_class=Help,
        allow_abbrev=False,
        description="Choose the model-serving profile that runs on these GPUs, and say why.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="COMMAND",
        prog="nimprofile",  # or argparse formats a usage line to find it, for 4 ms
    )
    for name, (run, help, example, options) in _COMMANDS.items():
        command = add_command(commands, name, run, help, example)
        if only in (None, name):
            options(command)
    return parser


def _select(args: argparse.Namespace) -> int:
    decision = judge(args)[1]
    if args.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    _warn(decision.warnings, decision.inventory)
    chosen = decision.selected
    if chosen is None:
        from nimprofile.report.text import nothing_runs

        tell([nothing_runs(decision)])
        return NOTHING_RUNS if decision.pinned is None else BAD_INPUT
    match args.format:
        case "text":
            from nimprofile.report.text import select_text

            print(select_text(decision, style_of_stdout()))
        case "id":
            print(chosen.profile.id)
        case "name":
            print(chosen.profile.name)
        case "env":
            here = args.gpus is None and args.inventory is None  # the engine will run right here
            devices = _cuda(decision.inventory, chosen.gpus) if here else {}
            _print_exports({"NIM_MODEL_PROFILE": chosen.profile.id, **devices})
        case "cuda":
            _print_exports(_cuda(decision.inventory, chosen.gpus))
    return SELECTED


def _cuda(inventory: Inventory, gpus: tuple[int, ...]) -> dict[str, str]:
    from nimprofile.hardware.visible_devices import cuda_devices

    devices = cuda_devices(inventory, gpus)
    if devices is None:
        raise InventoryError("a MIG instance whose UUID is unknown cannot be named to CUDA")
    return devices.environ


def _print_exports(variables: dict[str, str]) -> None:
    from shlex import quote

    for name, value in variables.items():
        print(f"export {name}={quote(value)}")


def _list(args: argparse.Namespace) -> int:
    if args.nim and args.format == "json":
        raise UsageError("--nim is a layout of its own; leave --json out")
    decision = judge(args)[1]
    _warn_of_machine(decision)
    if decision.pinned is not None and decision.selected is None:
        from nimprofile.report.text import nothing_runs

        tell([nothing_runs(decision)])
    if args.nim:
        from nimprofile.report.nim_listing import nim_listing

        print(nim_listing(decision, None if args.nim == "auto" else args.nim), end="")
    elif args.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    else:
        from nimprofile.report.text import list_text

        print(list_text(decision, style_of_stdout()))
    return SELECTED


def _explain(args: argparse.Namespace) -> int:
    from nimprofile.report.text import explain_decision, explain_profile
    from nimprofile.report.to_json import decision_to_dict, explanation_to_dict

    manifest, decision = judge(args)
    if args.story_of is None:
        if args.format == "json":
            print_json(decision_to_dict(decision))
        else:
            print(explain_decision(decision, style_of_stdout()))
        return SELECTED
    _warn_of_machine(decision)
    verdict = decision.verdict(_named(args.story_of, manifest))
    if decision.pinned is not None and decision.pinned.profile.id == verdict.profile.id:
        verdict = decision.pinned
    if args.format == "json":
        print_json(explanation_to_dict(decision, verdict))
    else:
        print(explain_profile(decision, verdict, style_of_stdout()))
    return SELECTED


def _named(text: str, manifest: Manifest) -> Profile:
    """A profile by id, by name, or by the beginning of an id when only one begins so."""
    from nimprofile.selection.decision import find_pin
    from nimprofile.selection.request import Pin

    starts = [profile for profile in manifest.profiles if profile.id.startswith(text)]
    return starts[0] if len(starts) == 1 else find_pin(Pin(text, "PROFILE"), manifest)


def _memory(args: argparse.Namespace) -> int:
    from nimprofile.report.memory import Answer, answer_text, answer_to_dict

    manifest, decision, verdict = weigh(args)
    model = manifest.model or manifest.source
    answer = Answer(decision, verdict, manifest.shape_of(verdict.profile))
    if args.format == "json":
        print_json({"model": model, **answer_to_dict(answer)})
    else:
        print(answer_text(decision, answer, model, style_of_stdout()))
    return SELECTED if answer.fits else NOTHING_RUNS


def _gpus(args: argparse.Namespace) -> int:
    if args.known:
        if any(value is not None for value in (args.gpus, args.inventory, args.record)):
            raise UsageError(
                "--known prints the catalogue; leave --gpus, --inventory and --record out"
            )
        from nimprofile.hardware.catalog import products

        if args.format == "json":
            from nimprofile.report.to_json import product_to_dict

            print_json([product_to_dict(product) for product in products()])
        else:
            from nimprofile.report.tables import products_text

            print(products_text(products(), style_of_stdout()))
        return SELECTED
    inventory = inventory_of(args)
    if args.record is not None:
        from nimprofile.hardware.inventory_file import record

        record(inventory, args.record)
        if args.record != "-":
            tell([f"nimprofile: recorded {len(inventory.gpus)} GPUs in {args.record}"])
    elif args.format == "json":
        print_json(inventory.to_dict())
    else:
        from nimprofile.report.tables import gpus_text
        from nimprofile.selection.messages import machine_messages

        style = style_of_stdout()
        print(gpus_text(inventory, style))
        if not style.columns:
            tell(machine_messages(inventory))
    return SELECTED if inventory.offered or not inventory.gpus else NO_GPU


def _policies(args: argparse.Namespace) -> int:
    from nimprofile.selection.rank import POLICIES

    if args.format == "json":
        from nimprofile.report.to_json import policy_to_dict

        print_json([policy_to_dict(policy) for policy in POLICIES.values()])
    else:
        from nimprofile.report.tables import policies_text

        print(policies_text(POLICIES.values(), style_of_stdout()))
    return SELECTED


def _engines(args: argparse.Namespace) -> int:
    from nimprofile.manifest.profile import Engine

    engines = tuple(dict.fromkeys(args.engine or Engine))
    if args.format == "json":
        from nimprofile.report.to_json import engine_to_dict

        print_json([engine_to_dict(engine) for engine in engines])
    else:
        from nimprofile.report.tables import engines_text

        print(engines_text(engines, style_of_stdout()))
    return SELECTED


def _completion(args: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(build_parser(), args.shell))
    return SELECTED


def _warn(warnings: Iterable[str], inventory: Inventory) -> None:
    tell(f"warning: {warning}" for warning in warnings)
    tell(f"note: {remark}" for remark in inventory.remarks)


def _warn_of_machine(decision: Decision) -> None:
    """What a list of profiles does not say: which GPUs are not there for any of them."""
    from nimprofile.selection.decision import missing_warnings

    _warn(missing_warnings(decision), decision.inventory)


def _late(module: str, name: str) -> Any:
    """A function that is imported when it is called."""

    def call(subject: argparse.Namespace | argparse.ArgumentParser) -> object:
        from importlib import import_module

        return getattr(import_module(f"nimprofile.{module}"), name)(subject)

    return call


def _manifest(args: argparse.Namespace) -> int:
    raise AssertionError(f"every action of manifest sets its own: {args.action}")


_COMMANDS: dict[str, Command] = {
    "select": (
        _select,
        "print the profile that would run, and why",
        "nimprofile select --manifest llama-3.1-70b-instruct --gpus 8xh100 --format env",
        select_options,
    ),
    "list": (
        _list,
        "print every profile by grade, with its reason",
        "nimprofile list --manifest llama-3.1-8b-instruct --gpus 1xl4",
        list_options,
    ),
    "explain": (
        _explain,
        "tell the story of one profile, or of the whole decision",
        "nimprofile explain --manifest llama-3.1-8b-instruct --gpus 1xl4 vllm-bf16-tp1-pp1",
        explain_options,
    ),
    "memory": (
        _memory,
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
        "select, log the decision, and become the server",
        "nimprofile exec --manifest /etc/model_manifest.yaml --engine vllm",
        _late("cli.launch_options", "exec_options"),
    ),
    "render": (
        _late("cli.launch_commands", "render"),
        "print what deploys it, for Docker, Compose, Kubernetes, KServe or the NIM Operator",
        "nimprofile render k8s --manifest gpt-oss-120b --gpus 2xh100",
        _late("cli.launch_options", "render_options"),
    ),
    "manifest": (
        _manifest,
        "build, check, show, convert and compare manifests",
        "nimprofile manifest build ./my-model -o my-model.yaml",
        _late("cli.manifest_commands", "manifest_options"),
    ),
    "gpus": (
        _gpus,
        "print the GPUs of this machine, or of --gpus",
        "nimprofile gpus --gpus 8xh100 --json",
        gpus_options,
    ),
    "policies": (
        _policies,
        "print every ranking policy",
        "nimprofile policies",
        policies_options,
    ),
    "engines": (
        _engines,
        "print which checkpoints and models each engine serves, on which GPUs, since when",
        "nimprofile engines --engine vllm",
        engines_options,
    ),
    "completion": (
        _completion,
        "print a completion script for a shell",
        "nimprofile completion bash > ~/.local/share/bash-completion/completions/nimprofile",
        completion_options,
    ),
}
