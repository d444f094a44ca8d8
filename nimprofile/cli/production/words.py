"""The words of a command line that a lock keeps, and how `check` and `exec` read them again."""

from __future__ import annotations

import os

from nimprofile.base.errors import LockError
from nimprofile.base.secrets.output import conceal
from nimprofile.cli.arguments import divided
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from nimprofile.lock.record import Lock

    Read = TypeVar("Read")

VALUED = frozenset(
    {
        *("--gpus", "--inventory", "--nvml-timeout", "--lock", "-o", "--output"),
        *("--format", "--color"),
    }
)
"""Options with a value that name the machine, a lock or the output; a lock keeps none of them."""

SWITCHES = frozenset({"--json", "--update", "--uuids", "--strict", "-h", "--help"})
"""Such options without a value."""


def read_with_locked(
    argv: Sequence[str],
    extra: tuple[str, ...],
    read: Callable[[Sequence[str], Mapping[str, object]], Read],
) -> Read:
    """Read a command line with the words of its lock before its own.

    Args:
        argv: the words before `--`, the command among them.
        extra: the words after `--`.
        read: reads words, with the fields that no option has.

    Raises LockError, also for words of the lock that this version does not read; UsageError.
    """
    words, given = with_locked(argv, extra)
    try:
        return read(words, given)
    except UsageError as error:
        if words == [*argv]:
            raise
        try:
            read(argv, given)  # are its own words to blame?
        except UsageError:
            raise error from None
        path = value_of(argv, "--lock") or value_of(argv, "-o", "--output") or ""
        raise LockError(error.args[0], source=path, place="words") from None


def with_locked(argv: Sequence[str], extra: tuple[str, ...]) -> tuple[list[str], dict[str, object]]:
    """A command line with the words of its lock before its own, and the fields that no option has.

    Args:
        argv: the words before `--`, the command among them.
        extra: the words after `--`.

    Raises LockError.
    """
    at = next(at for at, word in enumerate(argv) if word[:1] != "-")
    command, own = argv[at], [*argv[:at], *argv[at + 1 :]]
    if command == "lock":
        words = (*kept(own), *(("--", *extra) if extra else ()))
        path = value_of(own, "-o", "--output")
        if "--update" not in own or words or path is None or not os.path.lexists(path):
            return [*argv], {"extra": extra, "words": words}
        return _replayed(command, own, extra, path, words=True)
    path = value_of(own, "--lock") or "--"
    if path == "--" or not {"-h", "--help"}.isdisjoint(own):
        return [*argv], {"extra": extra}
    return _replayed(command, own, extra, path)


def _replayed(
    command: str, own: Sequence[str], extra: tuple[str, ...], path: str, *, words: bool = False
) -> tuple[list[str], dict[str, object]]:
    lock = _load(path)
    locked, after = divided(lock.words)
    if command == "exec":  # which starts what can be started in any case
        locked = tuple(word for word in locked if word != "--launchable")
    argv = [command, *locked, *own]
    extra = (*after, *extra)
    conceal([*argv, *extra], os.environ)
    return argv, {"extra": extra, **({"words": lock.words} if words else {"locked": lock})}


def _load(path: str) -> Lock:
    """A lock whose words say nothing but what is selected and started. Raises LockError."""
    from nimprofile.lock.reader import load_lock

    lock = load_lock(path)
    own, _ = divided(lock.words)
    if kept(own) != own:
        named = next(word for word in own if word.partition("=")[0] in VALUED | SWITCHES)
        problem = f"{named.partition('=')[0]} names the machine or the output, which no lock keeps"
        raise LockError(problem, source=path, place="words")
    if own and own[0][:1] != "-":
        raise LockError("the first word is no option", source=path, place="words")
    return lock


def kept(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a command line that a lock keeps: those of the selection and of the server."""
    left, skip = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        if skip:
            skip = False
        elif name in VALUED or word[:2] == "-o":
            skip = not equals and word in VALUED
        elif word not in SWITCHES:
            left.append(word)
    return tuple(left)


def value_of(words: Sequence[str], *names: str) -> str | None:
    """The last value that an option is given; None without one."""
    value = None
    for word, after in zip(words, [*words[1:], None], strict=True):
        name, equals, glued = word.partition("=")
        if name in names:
            value = glued if equals else after
        elif "-o" in names and word[:2] == "-o":
            value = word[2:]
    return value
