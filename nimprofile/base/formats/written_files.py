"""Files that this package writes: whole or not at all, and never through a link.

A file is written beside its place and then put there, so that nobody reads half of one, whatever
ends this process meanwhile. What can only be overwritten where it lies, as a file that is mounted
by itself into a container, is the exception.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress

from nimprofile.base.formats.text_files import descriptor_of, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITE = os.O_WRONLY
for _flag in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"):  # some systems lack some
    _WRITE |= getattr(os, _flag, 0)
_CREATE = _WRITE | os.O_CREAT | os.O_EXCL

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links answer."""
_NO_PLACE_BESIDE = {errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS}
"""The answers where a file is mounted by itself, or its directory takes no new or renamed file."""


def write_file(
    path: str, text: str, *, overwrite: bool = False, private: bool = False, named: bool = False
) -> None:
    """Write a text file, in UTF-8.

    Where the file that is overwritten cannot be replaced, because it is mounted by itself or its
    directory may not be written to, it is written where it lies. Then a reader may see a part of
    the text meanwhile, and a full disk leaves a part of it in place of what was there.

    Args:
        path: of the file. A link is not followed, and what is no regular file is not written to.
        text: its text.
        overwrite: take the place of a file that is there. Its mode stays, and so do its owner and
            group where this user may give a file to them.
        private: only this user may read it, whoever owned the file before.
        named: the operator named this very file, so that it may be `/dev/null` or a descriptor of
            this process, as `/dev/stdout` and `>(command)` are.

    Raises:
        FileExistsError: there is such a file already.
        OSError: it cannot be written; `strerror` says why.
    """
    data = text.encode(errors="backslashreplace")
    if named and (stream := _stream(path)) is not None:
        with open(stream, "wb") as opened:
            opened.write(data)
        return
    try:
        there = _looked_at(path, overwrite=overwrite)
    except ValueError as error:  # a NUL, which no path has
        raise OSError(errno.EINVAL, str(error), path) from None
    mode = 0o600 if private else 0o666
    with _signals_held():
        beside = os.path.join(os.path.dirname(path), f".nimprofile-{os.urandom(8).hex()}")
        try:
            _create(beside, data, mode, None if private else there)
            if overwrite:
                os.replace(beside, path)
            else:
                _put(beside, path)
        except OSError as error:
            error.filename, error.filename2 = path, None
            if there is None or error.errno not in _NO_PLACE_BESIDE:
                raise
            if private and there.st_uid != os.geteuid():  # who could read it, or take it back
                raise
            _write_in_place(path, data, there, private=private)
        finally:
            with suppress(OSError):
                os.unlink(beside)


def _stream(path: str) -> int | None:
    """A copy of the descriptor that a path stands for, or the null device; None of another path."""
    number = descriptor_of(path)
    if number is not None:
        return os.dup(number)
    return os.open(path, os.O_WRONLY) if path == os.devnull else None


def _looked_at(path: str, *, overwrite: bool) -> os.stat_result | None:
    """The regular file that is to be overwritten; None where there is none."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(there.st_mode):
        problem = f"this is {kind_of(there)}, and only regular files are written"
        raise OSError(errno.EINVAL, problem, path)
    if not overwrite:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    return there


def _create(path: str, data: bytes, mode: int, before: os.stat_result | None) -> None:
    """Write a new file, with the owner, the group and the mode of the one before, if any."""
    file = os.open(path, _CREATE, mode)
    try:
        _write_all(file, data)
        if before is not None:
            _keep_owner_and_mode(path, before)
    finally:
        os.close(file)


def _keep_owner_and_mode(path: str, before: os.stat_result) -> None:
    """Give a new file the owner, the group and the mode of another, as far as this user may."""
    mode = stat.S_IMODE(before.st_mode)
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root gives files away
            os.chown(path, before.st_uid, -1)
        try:
            os.chown(path, -1, before.st_gid)
        except OSError:
            mode &= ~0o070  # it was not meant for this user's group
    os.chmod(path, mode)


def _write_in_place(path: str, data: bytes, there: os.stat_result, *, private: bool) -> None:
    """Write to the file that was looked at, which keeps its owner, and its mode unless private."""
    file = os.open(path, _WRITE)
    try:
        if not os.path.samestat(there, os.fstat(file)):
            raise OSError(errno.EBUSY, "another file took its place meanwhile", path)
        if private:
            os.chmod(path, 0o600)
        os.ftruncate(file, 0)
        _write_all(file, data)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _put(beside: str, path: str) -> None:
    """Give a file its place, where none may be."""
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, _CREATE))
        os.replace(beside, path)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals wait until a file is where it belongs."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
