"""The parser of every command: argparse, whose errors are a `UsageError` of one sentence.

argparse words an error differently from one version of Python to the next, prints the whole usage
before it, and in 3.11 and 3.12 fails on a value that is `--`. So what can be seen to be wrong
before argparse begins is found here, in the same words everywhere.
"""

from __future__ import annotations

import argparse
import sys

from nimprofile.base.errors import NimProfileError
from nimprofile.cli.console import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from _typeshed import SupportsWrite


class UsageError(NimProfileError):
    """Words that cannot be read, or flags that do not go together.

    Attributes:
        hint: the command that prints the help that bears on it, or "" where the caller knows it.
    """

    def __init__(self, problem: str, *, hint: str = ""):
        super().__init__(problem)
        self.hint = hint


class HelpPrinted(SystemExit):
    """The end of a command line that asks for help or for the version, which is printed by then.

    It is told by its class from the SystemExit of an import or a library, which answers nothing.
    """


class Parser(argparse.ArgumentParser):
    """A parser that raises a `UsageError`, where argparse prints its usage and leaves."""

    @property
    def flags(self) -> dict[str, argparse.Action]:
        """Each spelling of an option, and what it does."""
        return self._option_string_actions

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that this parser has; none for one that has options alone."""
        kinds = self._subparsers._group_actions if self._subparsers else ()  # noqa: SLF001
        return tuple(name for kind in kinds for name in kind.choices or ())

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error of this command line."""
        raise UsageError(problem, hint=f"{self.prog} --help")

    def error(self, message: str) -> NoReturn:
        """What argparse found, in our words."""
        from nimprofile.cli.parsing.mistakes import reworded

        self.refuse(reworded(message, self))

    def exit(self, *_: object) -> NoReturn:
        """What argparse does after help or the version."""
        raise HelpPrinted(0)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the words of this command, all of which must be known.

        Raises UsageError.
        """
        words = list(args)
        self._check_flags(words)
        known, more = super().parse_known_args(words, namespace)
        if more:
            from nimprofile.cli.parsing.mistakes import too_many

            self.refuse(too_many(more, self))
        return known, []

    def _check_flags(self, words: Sequence[str]) -> None:
        """Refuse an option that there is not, and a value that argparse does not survive."""
        inner = bool(self.commands)
        for word in words:
            if word == "--" or (inner and word[:1] != "-"):
                return  # the rest are values, or a command's own
            if not is_flag(word):
                continue
            name, value = divided(word, self.flags)
            if value == "--":
                self.refuse(f"{name}: '--' is no value")
            if name not in self.flags:
                from nimprofile.cli.parsing.mistakes import unknown_flag

                self.refuse(unknown_flag(name, self))

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse a value that is none of the choices; argparse's own words vary by version."""
        if action.choices is not None and value not in action.choices:
            from nimprofile.cli.parsing.mistakes import unknown_choice

            self.refuse(unknown_choice(action, value))

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Help that cannot be written is an error, which argparse keeps to itself."""
        if file is None or file is sys.stdout:  # None is a closed output, not standard error
            put(message, end="")
        else:
            super()._print_message(message, file)


def is_flag(word: str) -> bool:
    """Whether argparse takes a word for an option: not `-`, a number, or words with a space."""
    if len(word) < 2 or word[0] != "-" or " " in word.partition("=")[0]:
        return False
    return not word[1:].replace(".", "", 1).isdecimal()


def divided(word: str, flags: dict[str, argparse.Action]) -> tuple[str, str | None]:
    """The option of a word, and the value it has in the same word, or None."""
    name, equals, value = word.partition("=")
    if word[:2] != "--" and name not in flags and word[:2] in flags and len(word) > 2:
        return word[:2], word[2:]
    return name, value if equals else None
