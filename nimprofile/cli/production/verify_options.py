"""The options of `verify`, and their record."""

from __future__ import annotations

import argparse

from nimprofile.base.printable import quoted
from nimprofile.cli import argument_types as read
from nimprofile.cli.arguments import MachineArguments, ServingArguments
from nimprofile.cli.options import add_format, machine_options
from nimprofile.cli.production.load_options import LoadArguments, load_options
from nimprofile.cli.selection_options import serving_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.manifest.profile_conditions import Condition

WAIT = 600.0
"""Seconds that `--wait` waits where it is given none: a first start loads tens of gigabytes."""

LONGEST_WAIT = 86_400


class VerifyArguments(LoadArguments):
    """The options of `nimprofile verify`."""

    _: KW_ONLY
    machine: MachineArguments
    serving: ServingArguments
    lock: str | None
    require: tuple[Condition, ...] | None
    manifest: str | None
    logs: tuple[str, ...] | None
    urls: tuple[str, ...] | None
    api_key_variable: str | None
    wait: float | None
    strict: bool
    format: str
    color: str


def verify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile verify`."""
    add = parser.add_argument_group("what is expected").add_argument
    add(
        "--lock",
        metavar="FILE",
        help="what this lock has, which `nimprofile lock` wrote (default: what --require says)",
    )
    add(
        "--require",
        action="extend",
        type=read.conditions,
        metavar="CONDITION,…",
        help="these conditions: precision=fp8,tp=8,kv_cache_tokens>=200000; given again, they add "
        "up (default: what --lock has)",
    )
    add(
        "--manifest",
        metavar="PATH",
        help="the manifest that the server selects from: it tells what the profiles that the "
        "server names are, and with --gpus or --inventory what each would show (default: that of "
        "the lock)",
    )
    add = parser.add_argument_group("what is looked at").add_argument
    add(
        "--logs",
        action="append",
        metavar="FILE",
        help="the log of the server's start, or - for standard input; repeatable (default: none)",
    )
    add(
        "--url",
        dest="urls",
        action="append",
        metavar="URL",
        help="ask the server at this address, as http://127.0.0.1:8000; repeatable (default: none)",
    )
    add(
        "--api-key-variable",
        metavar="NAME",
        help="the variable of the environment that has the server's key (default: "
        "NIMPROFILE_API_KEY)",
    )
    add(
        "--wait",
        nargs="?",
        type=_wait,
        const=WAIT,
        metavar="SECONDS",
        help="follow the logs, and ask again, until the server is ready or says why it is not, for "
        f"so long at most; without a value {WAIT:g} (default: take what is there)",
    )
    add(
        "--strict",
        action="store_true",
        help="exit with 5 also where something cannot be observed (default: only where it is "
        "contradicted)",
    )
    load_options(parser)
    machine_options(parser)
    serving_options(parser)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=VerifyArguments)


def _wait(text: str) -> float:
    """A number of seconds, up to a day."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= LONGEST_WAIT:
        problem = f"{quoted(text)} is no number of seconds up to {LONGEST_WAIT:,}"
        raise argparse.ArgumentTypeError(problem)
    return value
