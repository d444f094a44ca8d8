"""Work that is done as the user of the server, where this one may become him."""

from __future__ import annotations

import os
from functools import partial

from nimprofile.doctor.bounded import bounded
from nimprofile.hardware.nvml.reader import end_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nimprofile.doctor.subject import Subject

SHARE = 0.8
"""Of the time of a check, for the work in it: the check has yet to tell what came of it."""


def can_be(subject: Subject) -> bool:
    """Whether this user is that of the server, or can become him."""
    return os.geteuid() in {0, subject.uid}


def first_told(
    folder: str, subject: Subject, work: Callable[[int], Iterator[str]]
) -> tuple[str, bool]:
    """The first that is told of a directory, as the user of the server; "" when nothing is.

    A container sees the directory without those above it, which may be closed to that user: so it
    is opened before, and the work takes its descriptor.

    Args:
        folder: the directory.
        subject: whose user; `can_be` holds.
        work: takes the directory's descriptor.

    Returns what is told, and whether that is of the work: else it did not come to its end.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.geteuid() == subject.uid:
            return next(iter(work(opened)), ""), True
        become = partial(_as_user, work, opened, subject)
        (outcome,) = bounded([become], subject.seconds * SHARE, kept=(opened,))
    finally:
        os.close(opened)
    if outcome.values:
        return str(outcome.values[0]), True
    return outcome.ending, not outcome.ending


def _as_user(work: Callable[[int], Iterator[str]], opened: int, subject: Subject) -> Iterator[str]:
    os.setgroups([])
    os.setgid(subject.group)
    os.setuid(subject.uid)
    end_with(os.getppid(), int(subject.seconds) + 2)  # the kernel forgot it with the old user
    yield from work(opened)
