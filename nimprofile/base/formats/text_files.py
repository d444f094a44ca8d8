"""Files that others wrote: opened without waiting, of bounded size, and read as UTF-8.

Every file that is not a part of this package is opened here. A named pipe, a socket or a device
among them would keep a reader waiting for ever, or has no end, and is refused.
"""

from __future__ import annotations

import os
import stat
import sys

from nimprofile.base.errors import ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Self

MAX_BYTES = 64 << 20
"""Largest text that is read, in bytes. The largest manifests seen are under 10 MB."""

MAX_DEPTH = 64
"""Levels of mappings and lists, one within the other, that are read of YAML and of JSON."""

_FLAGS = os.O_RDONLY
for _flag in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"):  # some systems lack some
    _FLAGS |= getattr(os, _flag, 0)

_CLOSED = -1
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")


class OpenFile:
    """A file that others wrote, open for reading; a context manager.

    Args:
        name: its path.
        what: what it is to hold, for the error of a directory: `manifest`, `inventory`, `model`.
        error: what is raised of it.
        named: the operator named this very file, so that it may be a descriptor of this process,
            as `/dev/stdin` and `<(command)` are, with a pipe behind it.
        hint: text added to the error when there is no such file.

    Raises `error` for what is no regular file or cannot be read, here and from every method.
    """

    def __init__(
        self,
        name: str,
        *,
        what: str = "text",
        error: type[ManifestError] = ManifestError,
        named: bool = False,
        hint: Callable[[], str] | None = None,
    ):
        self.name, self._error = name, error
        self.size: int | None = None
        """In bytes; None of a pipe."""
        self._file = _CLOSED
        try:
            self._file = _copied(name) if named else _CLOSED
            problem = self._open(what if named else "") if self._file == _CLOSED else None
        except FileNotFoundError:
            problem = f"no such file{'' if hint is None else hint()}"
        except (OSError, ValueError) as reason:
            problem = f"cannot be read: {_reason(reason)}"
        if problem is not None:
            self.close()
            self._fail(problem)

    def _open(self, what: str) -> str | None:
        """Open the file; why it is not one to be read, None when it is."""
        # Opening a device can have effects, so it is looked at before; what was opened may be
        # another file than the one that was looked at, so it is looked at again.
        if (problem := _not_regular(os.stat(self.name), what)) is not None:
            return problem
        self._file = os.open(self.name, _FLAGS)
        found = os.fstat(self._file)
        self.size = found.st_size
        return _not_regular(found, what)

    def read(self, most: int) -> bytes:
        """The next bytes, `most` of them; fewer only where the file ends."""
        parts, left = [], most
        try:
            while left and (part := self._some(left)):
                parts.append(part)
                left -= len(part)
        except (OSError, ValueError) as error:
            self._fail(f"cannot be read: {_reason(error)}")
        return b"".join(parts)

    def read_whole(self, what: str, most: int) -> bytes:
        """All of it; an error where that is more than `most` bytes."""
        if self.size is not None and self.size > most:
            self._fail(_too_large(what, most))
        data = self.read(most + 1)
        if len(data) > most:
            self._fail(_too_large(what, most))
        return data

    def _some(self, most: int) -> bytes:
        while True:
            try:
                return os.read(self._file, min(most, 1 << 20))
            except BlockingIOError:
                if self.size is not None:  # as /proc/kmsg, which is called regular
                    raise
            _wait_for(self._file)

    def _fail(self, problem: str) -> NoReturn:
        raise self._error(problem, source=self.name) from None

    def close(self) -> None:
        """Close it; once more does nothing."""
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_regular(found: os.stat_result, what: str) -> str | None:
    """What is wrong with a file that is no regular one, `what` being named; None of one that is."""
    if stat.S_ISREG(found.st_mode):
        return None
    if what and stat.S_ISDIR(found.st_mode):
        return f"this is a directory; name the {what} file in it"
    return f"this is {kind_of(found)}, and only regular files are read"


def kind_of(found: os.stat_result) -> str:
    """What a file is that is no regular one: `a named pipe`."""
    return _KINDS.get(stat.S_IFMT(found.st_mode), "no file")


def _copied(name: str) -> int:
    """A copy of the descriptor that a path stands for; none where that is a regular file."""
    number = descriptor_of(name)
    if number is None or stat.S_IFMT(os.fstat(number).st_mode) in {stat.S_IFREG, stat.S_IFDIR}:
        return _CLOSED
    return os.dup(number)


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
}


def descriptor_of(name: str) -> int | None:
    """The number of the descriptor that a path stands for; None of any other path."""
    for folder in _DESCRIPTORS:
        number = name.removeprefix(folder)
        if number != name and number.isascii() and number.isdigit() and len(number) < 10:
            return int(number)
    return _STREAMS.get(name)


def _wait_for(file: int) -> None:
    """Wait until there is something to read, of what somebody else opened not to be waited for."""
    import select

    select.select([file], [], [])


def file_size(name: str) -> int:
    """Bytes of a regular file; 0 of anything else, and of what is not there."""
    try:
        found = os.stat(name)
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def names_in(folder: str) -> list[str]:
    """What lies in a directory, in order of name; nothing where it cannot be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError) and "null" in str(error):  # worded anew in Python 3.13
        return "a path has no NUL character"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _too_large(what: str, most: int) -> str:
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
    return f"larger than {size}, which no {what} is"


def read_stdin(what: str = "manifest") -> str:
    """Read standard input as `read_text` reads a file."""
    if sys.stdin is None:
        raise ManifestError("standard input is closed", source="<stdin>")
    data = bytearray()
    try:
        while (part := sys.stdin.buffer.read(MAX_BYTES + 1 - len(data))) != b"":
            if part is None:
                _wait_for(sys.stdin.fileno())
            else:
                data += part
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {_reason(error)}"
        raise ManifestError(problem, source="<stdin>") from None
    return decode(bytes(data), "<stdin>", what)


def read_text(
    name: str,
    *,
    what: str,
    error: type[ManifestError] = ManifestError,
    named: bool = True,
    most: int | None = None,
    hint: Callable[[], str] | None = None,
) -> str:
    """Read a file of at most `MAX_BYTES` as UTF-8.

    Args:
        name: its path.
        what: what it is to hold, for the error: `manifest`, `inventory`, `model`.
        error: what is raised of it.
        named: the operator named this very file, and it was not found in a folder.
        most: bytes that are read, where those are fewer than `MAX_BYTES`.
        hint: text added to the error when there is no such file.

    Raises ManifestError, or the `error` that is asked for.
    """
    most = MAX_BYTES if most is None else most
    with OpenFile(name, what=what, error=error, named=named, hint=hint) as file:
        data = file.read_whole(what, most)
    try:
        return decode(data, name, what)
    except ManifestError as problem:
        raise error(problem.problem, source=name, line=problem.line) from None


def decode(data: bytes, source: str, what: str = "manifest") -> str:
    """Decode the bytes of a text file. Raises ManifestError when they are no text."""
    if len(data) > MAX_BYTES:
        raise ManifestError(_too_large(what, MAX_BYTES), source=source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"not a text file: byte {error.start} is not UTF-8", source=source, line=line
        ) from None
    if "\0" in text:
        raise ManifestError("not a text file: it holds a NUL byte", source=source)
    if not text.strip():
        raise ManifestError("the file is empty", source=source)
    return text
