"""A log's bytes: as they lie there, or as they come, while its server starts.

A log that is followed may not be there yet, may be moved away and begun anew, as logrotate does it,
or be cut to nothing. Only time ends the wait here; who reads stops when the server is ready.
"""

from __future__ import annotations

import os
import select
import sys
import time

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import OpenFile, descriptor_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE = 0.2
"""Seconds between two looks at a log that has said nothing new."""

PART = 1 << 16
"""Bytes that are read at once."""

MOST = 1 << 30
"""Bytes of a log that are read. One of a start has less than a thousandth of them; that of a server
which logs every request for weeks can be cut to its beginning: `head -c 1G LOG`."""

STANDARD_INPUT = "-"


class LogError(ManifestError):
    """A log cannot be read."""


class Deadline:
    """The end of a wait.

    Args:
        seconds: how long is waited at most; None: not at all.
        clock, sleep: for tests, those of `time` by default.
    """

    def __init__(
        self,
        seconds: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._clock, self._sleep = clock, sleep
        self.seconds = seconds
        self._end = None if seconds is None else clock() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; 0 when time is up, or nothing is waited for."""
        return 0.0 if self._end is None else max(0.0, self._end - self._clock())

    def pause(self) -> bool:
        """Wait a moment; False, at once, when time is up."""
        left = self.left
        if left:
            self._sleep(min(PAUSE, left))
        return left > 0


def log_parts(name: str, deadline: Deadline) -> Iterator[bytes]:
    """The bytes of a log in parts, until its end; where there is time left, those that come too.

    Args:
        name: the path of a regular file or a descriptor, or `-` for standard input.
        deadline: until when more is waited for.

    Raises LogError.
    """
    number = descriptor_of(name)
    if name == STANDARD_INPUT:
        parts = _of_input(deadline)
    elif number is not None:
        parts = _of_descriptor(number, name, deadline)
    else:
        parts = _of_file(name, deadline)
    read = 0
    for part in parts:
        read += len(part)
        if read > MOST:
            raise LogError(
                f"has more than {MOST >> 30} GiB, which no log of a start has", source=name
            )
        yield part


def _of_file(name: str, deadline: Deadline) -> Iterator[bytes]:
    """The bytes of a file; while there is time, of every file that comes to lie in its place."""
    again = True
    while again:
        while not os.path.lexists(name) and deadline.pause():
            pass
        with OpenFile(name, what="log", error=LogError, named=True) as file:
            known, read, again = _identity(name), 0, False
            while True:
                while part := file.read(PART):
                    read += len(part)
                    yield part
                if again or not deadline.pause():
                    break
                # Once more of what was written before it was moved away or cut.
                again = _identity(name) not in {known, None} or _size(name, read) < read
        yield b"\n"


def _identity(name: str) -> tuple[int, int] | None:
    """Which file a path is at the moment; None where there is none."""
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(name: str, otherwise: int) -> int:
    """Bytes of a file; `otherwise` where there is none."""
    try:
        return os.stat(name).st_size
    except OSError:
        return otherwise


def _of_input(deadline: Deadline) -> Iterator[bytes]:
    """The bytes of standard input, until it is closed or time is up."""
    if sys.stdin is None:
        raise LogError("standard input is closed")
    buffer = sys.stdin.buffer
    try:
        number = buffer.fileno()
    except (OSError, ValueError):  # no file behind it, as in a test
        while part := buffer.read(PART):
            yield part
        return
    yield from _of_descriptor(number, "<stdin>", deadline)


def _of_descriptor(number: int, name: str, deadline: Deadline) -> Iterator[bytes]:
    """The bytes that come by a descriptor of this process, until it is closed or time is up."""
    try:
        while _ready(number, deadline) and (part := os.read(number, PART)):
            yield part
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", source=name) from None


def _ready(number: int, deadline: Deadline) -> bool:
    """Wait until there is something to read; False when time is up. Without one, for ever."""
    left = None if deadline.seconds is None else deadline.left
    return bool(select.select([number], [], [], left)[0])
