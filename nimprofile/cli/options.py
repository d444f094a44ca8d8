"""The options of the commands."""

from __future__ import annotations

import argparse
import os

from nimprofile.cli import argument_types as read, arguments as records
from nimprofile.cli.console import put
from nimprofile.cli.selection_options import selection_options, serving_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
    Run: TypeAlias = Callable[[Any], int]
    Group: TypeAlias = argparse._ArgumentGroup  # noqa: SLF001
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
        self._action_max_length = 14  # argparse leaves out the indent of commands below others

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        """Name the arguments by their places; the options are explained below, each by itself."""
        if usage is None and all(action.nargs != argparse.PARSER for action in actions):
            places = [self._format_args(a, a.metavar) for a in actions if not a.option_strings]
            usage = " ".join(("%(prog)s", "[OPTIONS]", *places))
        super().add_usage(usage, actions, groups, prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """A sentence broken into lines; examples have lines of their own."""
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)  # noqa: SLF001


class Version(argparse.Action):
    """`--version`, without importing the package's metadata for every other command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and leave."""
        from nimprofile import __version__

        put(f"nimprofile {__version__}")
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


def add_format(parser: argparse.ArgumentParser, *formats: str) -> Group:
    """Add `--format` with its first value as the default, and `--json`."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        choices=formats,
        default=formats[0],
        help="how to print it (default: %(default)s)",
    )
    group.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="the same as --format json, and errors in JSON too",
    )
    if "text" in formats:
        group.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="tables and colour in a pipe too, or no colour (default: auto, which goes by "
            "NO_COLOR, FORCE_COLOR and whether the output is a terminal)",
        )
    return group


def machine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which machine."""
    group = parser.add_argument_group("machine")
    add = group.add_mutually_exclusive_group().add_argument
    add(
        "--inventory",
        metavar="FILE",
        help="take the GPUs from a file that `gpus --json` wrote, or - for standard input "
        "(default: the GPUs of this machine)",
    )
    add(
        "--gpus",
        action="append",
        metavar="SPEC",
        help="take GPUs by name: 8xh100, h100x8, h100:8, or 4xl40s,1xt4; given again, they add up; "
        "`gpus --known` lists the names (default: the GPUs of this machine)",
    )
    group.add_argument(
        "--expect-gpus",
        type=read.count,
        metavar="N",
        help="exit with 5 unless exactly N GPUs can be used (default: any number will do)",
    )
    group.add_argument(
        "--nvml-timeout",
        type=read.seconds,
        metavar="SECONDS",
        help="how long to wait for the driver (default: 15)",
    )


def memory_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile memory`."""
    parser.add_argument(
        "model",
        metavar="MODEL_OR_MANIFEST",
        help="a config.json, a directory with one, a manifest, or a bundled manifest's name",
    )
    machine_options(parser)
    add = parser.add_argument_group("selection").add_argument
    add(
        "--profile",
        metavar="PROFILE",
        help="weigh this profile of the manifest, by its id or name (default: the one that would "
        "be selected, among those that the options below describe)",
    )
    add(
        "--policy",
        type=read.policy,
        default="auto",
        metavar="POLICY",
        help="select by this policy; nim-2.0 weighs by NIM's own arithmetic, the others by the "
        "engine's (default: auto, that of the NIM at hand)",
    )
    add(
        "--engine",
        type=read.engine,
        metavar="ENGINE",
        help="the engine that serves (default: vllm)",
    )
    add(
        "--precision",
        type=read.precision,
        metavar="PRECISION",
        help="the precision of the weights, such as fp8 (default: the checkpoint's)",
    )
    add(
        "--tp",
        type=read.count,
        metavar="N",
        help="how many tensor parallel ranks there are (default: as many as GPUs)",
    )
    add(
        "--pp", type=read.count, metavar="N", help="how many pipeline stages there are (default: 1)"
    )
    add = serving_options(parser).add_argument
    add(
        "--concurrency",
        type=read.number,
        default=1,
        metavar="N",
        help="how many requests of the longest context must fit at once (default: %(default)s)",
    )
    add(
        "--speculative-tokens",
        type=read.number,
        default=0,
        metavar="N",
        help="how many tokens the model's own layers for it predict ahead (default: %(default)s)",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.MemoryArguments)


def select_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile select`."""
    machine_options(parser)
    selection_options(parser)
    output = add_format(parser, "text", "json", "id", "name", "env", "cuda")
    output.add_argument(
        "--launchable",
        action="store_true",
        help="pass over candidates that cannot be started from what is here, as launch and exec "
        "do (default: name the best candidate all the same)",
    )
    parser.set_defaults(arguments=records.SelectArguments)


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile list`."""
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json").add_argument(
        "--nim",
        nargs="?",
        const="auto",
        choices=("auto", "1.0", "1.3", "2.0", "speech"),
        help="print what NIM's own list-model-profiles prints, in the layout of this generation or "
        "of speech NIMs; without a value, that of the policy or the manifest (default: our own "
        "list)",
    )
    parser.set_defaults(arguments=records.ListArguments)


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile explain`."""
    parser.add_argument(
        "subject",
        nargs="?",
        metavar="PROFILE",
        help="explain this profile, by its id, the beginning of it, or its name (default: explain "
        "the whole decision)",
    )
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.ExplainArguments)


def gpus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile gpus`."""
    machine_options(parser)
    output = add_format(parser, "text", "json")
    output.add_argument(
        "--known",
        action="store_true",
        help="print every product that --gpus knows (default: print a machine)",
    )
    output.add_argument(
        "--record",
        metavar="FILE",
        help="write the machine to this new file, with made-up UUIDs and no serial numbers "
        "(default: print it)",
    )
    parser.set_defaults(arguments=records.GpusArguments)
