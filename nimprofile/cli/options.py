"""The options of the commands."""

from __future__ import annotations

import argparse
import os

from nimprofile.cli import argument_types as read, arguments as records
from nimprofile.cli.selection_options import selection_options, serving_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
    Run: TypeAlias = Callable[[Any], int]
    Command: TypeAlias = tuple[Run, str, str, Callable[[argparse.ArgumentParser], None]]
    """What runs it with its record, its help, an example, and what adds its options."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, which argparse would take 4 ms an option set to find out."""

    def __init__(self, prog: str):
        try:
            width = os.get_terminal_size().columns - 2
        except OSError:
            width = 100
        super().__init__(prog, max_help_position=30, width=width)


class Version(argparse.Action):
    """`--version`, without importing the package's metadata for every other command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and leave."""
        from nimprofile import __version__

        print(f"nimprofile {__version__}")
        parser.exit()


def add_command(
    commands: Commands, name: str, run: Run, help: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with its help and an example; the caller adds its options and its record."""
    command = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=Help,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    return command


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add `--format` with its first value as the default, and `--json`."""
    parser.add_argument(
        "--format",
        choices=formats,
        default=formats[0],
        help="how to print (default: %(default)s)",
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="--format json"
    )
    if "text" in formats:
        parser.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="tables and colour in a pipe too, or no colour (default: auto, by NO_COLOR, "
            "FORCE_COLOR and whether the output is a terminal)",
        )


def machine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which machine."""
    machine = parser.add_mutually_exclusive_group()
    add = machine.add_argument
    add(
        "--inventory",
        metavar="FILE",
        help="GPUs from a file, or - for standard input (default: this machine's)",
    )
    add(
        "--gpus",
        action="append",
        metavar="SPEC",
        help="GPUs by name: 8xh100, h100:8, or 4xl40s,1xt4; given again, they add up",
    )
    parser.add_argument(
        "--expect-gpus", type=read.count, metavar="N", help="fail unless just N GPUs can be used"
    )
    parser.add_argument(
        "--nvml-timeout",
        type=read.seconds,
        metavar="SECONDS",
        help="how long to wait for the driver (default: 15)",
    )


def memory_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile memory`."""
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL_OR_MANIFEST",
        help="a config.json, a directory with one, a manifest, or a bundled manifest's name",
    )
    machine_options(parser)
    add("--profile", metavar="PROFILE", help="of a manifest: this one (default: the selected one)")
    add(
        "--policy",
        type=read.policy,
        default="auto",
        help="whose arithmetic (default: that of the NIM at hand, or the engine's)",
    )
    add("--engine", type=read.engine, help="the engine (default: vllm)")
    add("--precision", type=read.precision, help="of the weights (default: the checkpoint's)")
    add("--tp", type=read.count, metavar="N", help="tensor parallel ranks (default: all the GPUs)")
    add("--pp", type=read.count, metavar="N", help="pipeline stages (default: 1)")
    serving_options(parser)
    add(
        "--concurrency",
        type=read.number,
        default=1,
        metavar="N",
        help="requests at once (default: 1)",
    )
    add(
        "--speculative-tokens",
        type=read.number,
        default=0,
        metavar="N",
        help="drafted by the model",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.MemoryArguments)


def select_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile select`."""
    machine_options(parser)
    selection_options(parser)
    parser.add_argument(
        "--launchable",
        action="store_true",
        help="pass over what cannot be started from what is here, as launch and exec do",
    )
    add_format(parser, "text", "json", "id", "name", "env", "cuda")
    parser.set_defaults(arguments=records.SelectArguments)


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile list`."""
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json")
    parser.add_argument(
        "--nim",
        nargs="?",
        const="auto",
        choices=("auto", "1.0", "1.3", "2.0", "speech"),
        help="print NIM's own list-model-profiles layout, of this generation",
    )
    parser.set_defaults(arguments=records.ListArguments)


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile explain`."""
    parser.add_argument(
        "subject", nargs="?", metavar="PROFILE", help="an id, its beginning, or a name"
    )
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.ExplainArguments)


def gpus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile gpus`."""
    machine_options(parser)
    parser.add_argument("--known", action="store_true", help="print every product --gpus knows")
    parser.add_argument(
        "--record", metavar="FILE", help="write a capture with made-up UUIDs and no serial numbers"
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.GpusArguments)
