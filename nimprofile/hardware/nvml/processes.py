"""The processes that read NVML: started, heard until a deadline, and ended.

Each runs a function of `reader`. A driver's library that crashes takes only its process along.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time

from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.nvml import failures
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.nvml.reader import END
from nimprofile.hardware.nvml.transcript import driver_text, how_it_ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

PATIENCE = 1.0
"""Seconds after which somebody at a terminal wants to know what is going on."""

BEAT = 0.05
"""Seconds between looks at a process that ended while another still holds its pipe."""

BURIAL = 0.5
"""Seconds to wait for the end of processes that were killed."""

MOST_BYTES = 16 << 20
"""What one process may write: 1,024 GPUs need a tenth of it."""


class Reader:
    """One process that reads NVML, and what it has written.

    `over` says that nothing more is heard of it; `ending` then is why it did not tell all, and None
    when it did.
    """

    def __init__(self, process: subprocess.Popen[bytes]):
        self.process = process
        self.out, self.err = bytearray(), bytearray()
        self.ending: Condition | None = None
        self.over = False
        for pipe in self.pipes():
            os.set_blocking(pipe, False)

    def pipes(self) -> list[int]:
        """Its standard output and standard error, as long as they are open."""
        both = (self.process.stdout, self.process.stderr)
        return [pipe.fileno() for pipe in both if pipe is not None and not pipe.closed]

    def take(self, pipe: int) -> bool:
        """Take down what is in a pipe; False when nothing is, or no more will come."""
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return False
        if pipe == self.pipes()[0]:
            self.out += data
        else:
            self.err = (self.err + data)[-(1 << 12) :]
        return bool(data)

    def look(self) -> None:
        """Conclude it if it has told all, ended, or writes without end."""
        if self.out.endswith(END):
            return self.conclude(None)
        if len(self.out) > MOST_BYTES:
            return self.conclude(Condition(Kind.ENDED, how="it writes without end", call=None))
        if self.process.poll() is not None:
            self.drain()
            return self.conclude(None if self.out.endswith(END) else self._how_it_ended())
        return None

    def drain(self) -> None:
        """Take down all that is in the pipes."""
        for pipe in self.pipes():
            while self.take(pipe) and len(self.out) <= MOST_BYTES:
                pass

    def conclude(self, ending: Condition | None) -> None:
        """Hear nothing more of it, and end the process if it still runs."""
        self.ending, self.over = ending, True
        self.process.kill()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _how_it_ended(self) -> Condition:
        code = self.process.returncode
        lines = self.err.decode(errors="replace").strip().splitlines() if code > 0 else []
        how = driver_text(lines[-1]) if lines else how_it_ended(code)
        return Condition(Kind.ENDED, how=how, call=None)


class Readers:
    """Processes that read NVML for at most `timeout` seconds; none is left when the block ends.

    `on_wait` is called once if they take longer than a second.
    """

    def __init__(self, timeout: float, on_wait: Callable[[], None]):
        self.timeout, self.on_wait = timeout, on_wait
        self.began = time.monotonic()
        self.waited = False
        self.readers: list[Reader] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for reader in self.readers:
            if not reader.over:  # an interrupt, say
                reader.conclude(None)
        until = time.monotonic() + BURIAL
        for reader in self.readers:
            _bury(reader.process, until - time.monotonic())

    @property
    def left(self) -> float:
        """Seconds until the deadline; below 0 after it."""
        return self.began + self.timeout - time.monotonic()

    def late(self) -> Condition:
        """That the deadline passed."""
        return Condition(Kind.NO_ANSWER, seconds=self.timeout, call=None)

    def start(self, job: str, *args: object) -> Reader:
        """Start one; NoGpuError when that is not possible."""
        if getattr(sys, "frozen", False) or not sys.executable:
            raise failures.cannot_start("this is a frozen application without a Python interpreter")
        # What this process can import the child can too, and nothing else runs before it: -S keeps
        # .pth files out, -P the current directory.
        here = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
        path = os.pathsep.join([*_folders(), here])
        told = "".join(f", {arg!r}" for arg in args)
        code = (
            "from nimprofile.hardware.nvml import reader; "
            f"reader.main({os.getpid()}, {int(self.timeout) + 2}, reader.{job}{told})"
        )
        try:
            process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-S", "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": path},
            )
        except OSError as error:
            raise failures.cannot_start(str(error.strerror)) from None
        self.readers.append(Reader(process))
        return self.readers[-1]

    def hear(self, reader: Reader) -> Answers:
        """Take down what it writes until it is over, or the deadline has passed."""
        with selectors.PollSelector() as selector:  # which takes no descriptor of its own
            for pipe in reader.pipes():
                selector.register(pipe, selectors.EVENT_READ)
            while not reader.over:
                if not self.waited and time.monotonic() - self.began > PATIENCE:
                    self.waited = True
                    self.on_wait()
                for key, _ in selector.select(max(0.0, min(self.left, BEAT))):
                    if not reader.take(key.fd):
                        selector.unregister(key.fd)
                        _wait(reader.process, BEAT)  # as a rule it is about to end
                late = self.left <= 0
                if late:
                    reader.drain()
                reader.look()
                if late and not reader.over:
                    reader.conclude(self.late())
        return Answers(bytes(reader.out).split(b"\n")[:-1], reader.ending)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it has ended, or does within this time."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def _bury(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a process that was killed, so that it is never a zombie of ours.

    In the kernel's uninterruptible sleep not even a kill helps: then a thread waits on.
    """
    if not _wait(process, seconds):
        from threading import Thread

        Thread(target=process.wait, daemon=True).start()


def _folders() -> Iterator[str]:
    """Where this process finds modules, for one that may have another current directory."""
    for folder in sys.path:
        if isinstance(folder, str):
            try:
                yield os.path.abspath(folder)
            except OSError:  # the current directory is gone
                continue
