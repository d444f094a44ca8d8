"""The program: `python -m nimprofile`, and the script `nimprofile`.

A command lives for some 50 ms, of which the interpreter would spend a quarter on work that no
command needs: compiling regular expressions that are never used, looking for translations and for
garbage, and taking itself apart. `docs/performance.md` has the figures. This is done to the process
of the program alone, never to one that imports the package.
"""

from __future__ import annotations

import gc
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

SELDOM_USED = frozenset({"argparse", "gettext", "json", "locale", "nimprofile", "yaml"})
"""Packages that compile regular expressions when they are imported, and use few of them. PyYAML's
take 6 of the 11 ms of its import, and libyaml has no use for them."""


def entry() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    gc.disable()
    re.compile = compile_late(re.compile)
    import argparse
    import os

    from nimprofile.cli.main import main

    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions, and is answered
        from nimprofile.cli.reference.completion import complete

        complete()
    argparse._ = _as_it_is  # type: ignore[attr-defined] # our words are English too
    leave(main())


def _as_it_is(words: str | None) -> str | None:
    """What gettext makes of words for which there is no translation."""
    return words


def leave(code: int) -> NoReturn:
    """End the process without taking it apart, unless a debugger or a profiler watches it."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        sys.exit(code)
    import atexit
    import os

    from nimprofile.cli.console import flush_what_can_be

    atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does where it leaves like this
    flush_what_can_be()
    os._exit(code)


class LatePattern:
    """A regular expression that is compiled when it is first used."""

    def __init__(self, compile_now: Callable[[], object]):
        self._compile_now = compile_now

    def __getattr__(self, name: str) -> Any:
        """An attribute of the pattern itself, kept for the next time."""
        value = getattr(self._compile_now(), name)
        setattr(self, name, value)
        return value


def compile_late(compile_now: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but late for the packages that seldom use what they compile."""

    def compile(*words: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001 - as warnings does
        if caller.partition(".")[0] in SELDOM_USED:
            return LatePattern(lambda: compile_now(*words))
        return compile_now(*words)

    return compile


if __name__ == "__main__":
    entry()
