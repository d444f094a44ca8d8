"""`nimprofile completion`: what makes a shell complete our commands."""

from __future__ import annotations

from nimprofile.cli.arguments import CompletionArguments
from nimprofile.cli.exit_codes import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def completion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile completion`."""
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(arguments=CompletionArguments)


def run_completion(arguments: CompletionArguments) -> int:
    """Print the script that a shell reads."""
    import shtab

    from nimprofile.cli.main import build_parser

    print(shtab.complete(build_parser(), arguments.shell))
    return DONE
