"""Work that may never return: each piece in a process of its own, heard until a deadline.

A read of a network mount whose server is gone waits in the kernel, and no exception, signal or
thread ends that wait. The process that waits is killed, and where not even that ends it, it is left
behind: it holds no descriptor of ours but standard input.
"""

from __future__ import annotations

import errno
import io
import os
import pickle
import selectors
import signal
import sys
import time
import warnings
from contextlib import suppress
from functools import partial

from nimprofile.base.errors import NimProfileError
from nimprofile.base.record import Record
from nimprofile.hardware.nvml.reader import end_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from dataclasses import KW_ONLY

MOST_BYTES = 32 << 20
"""What one piece of work may tell: a decision among thousands of profiles is a tenth of it."""

PATIENCE = 1.0
"""Seconds after which somebody at a terminal wants to know what is going on."""

BURIAL = 0.2
"""Seconds to wait for the end of processes that were killed."""


class Outcome(Record):
    """What became of a piece of work.

    Attributes:
        values: what it gave before its end.
        ending: why it did not come to its end; "" where it did.
        error: the error that it raised, of those that a caller can meet.
        written: what it wrote to standard error.
    """

    values: tuple[object, ...]
    ending: str
    _: KW_ONLY
    error: NimProfileError | None = None
    written: str = ""


def bounded(
    works: Sequence[Callable[[], Iterable[object]]],
    seconds: float,
    on_wait: Callable[[], None] = lambda: None,
    kept: Collection[int] = (),
) -> list[Outcome]:
    """Do all these at once, and say after these seconds at the latest what became of each.

    Args:
        works: functions whose values can be pickled.
        seconds: how long they may take.
        on_wait: is called once if they take longer than a second.
        kept: open descriptors that the work uses.
    """
    children: list[_Child] = []
    began = time.monotonic()
    try:
        for work in works:
            children.append(_Child(work, seconds, kept))  # noqa: PERF401 - those that are, if one is not
        _hear(children, began, seconds, on_wait)
    finally:
        for child in children:
            child.end()
        _bury([child.process for child in children])
    return [child.outcome(seconds) for child in children]


class _Child:
    """One process, and what it has told."""

    def __init__(self, work: Callable[[], Iterable[object]], seconds: float, kept: Collection[int]):
        self.heard, self.over, self.code = bytearray(), False, 0
        self.pipe, out = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Another thread may hold a lock for ever in the copy of it: the deadline ends that too.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process = os.fork()
        if not self.process:
            _work(work, out, partial(end_with, parent, int(seconds) + 2), kept)
        os.close(out)
        os.set_blocking(self.pipe, False)

    def take(self) -> None:
        """Take down what is in the pipe."""
        try:
            while len(self.heard) <= MOST_BYTES:
                if not (data := os.read(self.pipe, 1 << 16)):
                    self.over = True
                    return
                self.heard += data
        except BlockingIOError:
            return
        self.over = True

    def end(self) -> None:
        """Hear no more of it."""
        os.close(self.pipe)
        try:
            os.kill(self.process, signal.SIGKILL)
        except ProcessLookupError:
            return

    def outcome(self, seconds: float) -> Outcome:
        """What became of the work."""
        values = [*_unpickled(self.heard)]
        if values and isinstance(last := values[-1], _Last):
            told = (*values[:-1],)
            return Outcome(told, last.ending, error=last.error, written=last.written)
        if not self.over:
            return Outcome((*values,), f"there was no answer within {seconds:g} s")
        much = len(self.heard) > MOST_BYTES
        return Outcome((*values,), "it tells without end" if much else "its process was ended")


class _Last(Record):
    """The last that a piece of work tells."""

    ending: str
    error: NimProfileError | None
    written: str


def _hear(
    children: Sequence[_Child], began: float, seconds: float, on_wait: Callable[[], None]
) -> None:
    waited = False
    with selectors.PollSelector() as selector:
        for child in children:
            selector.register(child.pipe, selectors.EVENT_READ, child)
        while selector.get_map() and (left := began + seconds - time.monotonic()) > 0:
            for key, _ in selector.select(min(left, PATIENCE)):
                key.data.take()
                if key.data.over:
                    selector.unregister(key.fd)
            if not waited and time.monotonic() - began > PATIENCE:
                waited = True
                on_wait()
    for child in children:
        if not child.over:
            child.take()


def _work(
    work: Callable[[], Iterable[object]],
    out: int,
    end_in_time: Callable[[], None],
    kept: Collection[int],
) -> None:
    """Do the work in the new process, which ends here."""
    code = 1
    try:
        for name in ("SIGHUP", "SIGTERM"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        end_in_time()
        _let_go({out, *kept})
        sys.stderr = written = io.StringIO()
        with os.fdopen(out, "wb") as pipe:
            for value in _told(work, written):
                pickle.dump(value, pipe)
                pipe.flush()
        code = 0
    finally:
        os._exit(code)


def _let_go(kept: Collection[int]) -> None:
    """Close what was inherited, so that nobody waits for the end of a pipe that this one holds."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(null, number)
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no Linux
        numbers = [*range(256)]
    for number in numbers:
        if number > 2 and number not in kept:
            with suppress(OSError):  # the one that listed the others
                os.close(number)


def _told(work: Callable[[], Iterable[object]], written: io.StringIO) -> Iterator[object]:
    try:
        yield from work()
    except NimProfileError as error:
        yield _Last("", error, written.getvalue())
    except Exception as error:  # noqa: BLE001 - it is told, and the other pieces of work go on
        yield _Last(f"it failed: {type(error).__name__}: {error}", None, written.getvalue())
    else:
        yield _Last("", None, written.getvalue())


def _unpickled(data: bytes | bytearray) -> Iterator[object]:
    """The values that a process of ours has told; the last may be cut off."""
    stream = io.BytesIO(data)
    while True:
        try:
            yield pickle.load(stream)  # noqa: S301 - of a copy of this very process
        except (EOFError, pickle.UnpicklingError):
            return


def _bury(processes: Iterable[int]) -> None:
    """Wait for the end of processes, so that none is a zombie of ours; not for one that hangs."""
    left = [*processes]
    until = time.monotonic() + BURIAL
    while left := [process for process in left if not _ended(process)]:
        if time.monotonic() > until:
            from threading import Thread

            for process in left:
                Thread(target=os.waitpid, args=(process, 0), daemon=True).start()
            return
        time.sleep(0.002)


def _ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except OSError as error:
        return error.errno == errno.ECHILD
