"""The program: `python -m nimprofile`, and the script `nimprofile`.

A command lives for some 50 ms, of which the interpreter would spend a quarter on work that no
command needs: compiling regular expressions that are never used, looking for translations and for
garbage, and taking itself apart. `docs/performance.md` has the figures. This is done to the process
of the program alone, never to one that imports the package.

Nothing is imported above `entry` that an interpreter has not imported by itself: signals are taken
before that, and what goes wrong in an import is told like any other failure.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

SELDOM_USED = frozenset({"argparse", "gettext", "json", "locale", "nimprofile", "yaml"})
"""Packages that compile regular expressions when they are imported, and use few of them. PyYAML's
take 6 of the 11 ms of its import, and libyaml has no use for them."""

ENDING = ("SIGHUP", "SIGINT", "SIGTERM")
"""The signals that end the program: a terminal that is closed, Ctrl-C, and `docker stop`."""


def entry() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    try:
        take_signals()
        code = _run()
    except BaseException as error:  # noqa: BLE001 - the last door
        code = _failed(error)
    leave(code)


def _run() -> int:
    import gc
    import re

    gc.disable()
    re.compile = compile_late(re.compile)
    import argparse

    from nimprofile.cli.main import main

    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions, and is answered
        from nimprofile.cli.reference.completion import complete

        complete()
    argparse._ = _as_it_is  # type: ignore[attr-defined] # our words are English too
    return main()


def take_signals() -> None:
    """End at once when one of `ENDING` comes, until another program takes the place of this one.

    Process 1 of a container gets no signal that it does not take: the kernel has no default for it.
    What the caller ignores stays ignored, as nohup wants it.
    """
    # Built in; the module `signal` makes enumerations of it, for a millisecond.
    import _signal  # type: ignore[import-not-found]

    numbers = [getattr(_signal, name) for name in ENDING if hasattr(_signal, name)]
    for number in numbers:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _end)
    if hasattr(_signal, "pthread_sigmask"):
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, numbers)


def _end(number: int, _: object) -> NoReturn:
    """End as a shell reports that signal, and leave no process behind.

    An exception would be lost where Python cannot raise one, as in what a library calls back.
    """
    for child in _children():
        try:
            os.kill(child, 9)
        except OSError:  # it has ended by itself
            continue
    os._exit(128 + number)


def _children() -> list[int]:
    """The processes that this one has started, where Linux tells them."""
    found: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except OSError:
        pass
    return found


def _failed(error: BaseException) -> int:
    """Tell what went wrong outside of a command, as in an import, and the exit code of it."""
    try:
        from nimprofile.cli.processes.last_door import tell_failure

        return tell_failure(error, sys.argv[1:])
    except BaseException:  # noqa: BLE001 - an installation of which not even that can be imported
        os.write(2, f"nimprofile: {type(error).__name__}: nothing can be imported\n".encode())
        return 70


def _as_it_is(words: str | None) -> str | None:
    """What gettext makes of words for which there is no translation."""
    return words


def leave(code: int) -> NoReturn:
    """End the process without taking it apart, unless a debugger or a profiler watches it."""
    if _is_watched():
        sys.exit(code)
    try:
        import atexit

        from nimprofile.cli.console import flush_what_can_be

        atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does where it leaves like this
        flush_what_can_be()
    finally:
        os._exit(code)


def _is_watched() -> bool:
    """Whether a debugger or a profiler follows this process, as Python 3.12 has it or before."""
    monitoring = getattr(sys, "monitoring", None)
    tools = () if monitoring is None else map(monitoring.get_tool, range(6))
    return sys.gettrace() is not None or sys.getprofile() is not None or any(tools)


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
