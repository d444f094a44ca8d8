"""How fast the weights are read: those of 70 GB take six minutes at 200 MB/s.

The article of which this project grew tells of eight GPUs of which four were used, for the cache
was on a slow network file system and a check before the start ran out of time.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress

from nimprofile.base.printable import shown
from nimprofile.base.units import format_gib
from nimprofile.doctor.files.file_systems import file_system_of
from nimprofile.doctor.files.folders import weights_folder, why_none
from nimprofile.doctor.files.walk import entries_below
from nimprofile.doctor.finding import Finding, Status
from nimprofile.launch.downloads import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject

NAME = "read speed"
SLOW = 200e6
"""Bytes a second below which a cache is called slow. Ours: a disk of NVMe reads ten times as fast,
one that turns about as fast, and weights of 70 GB take six minutes."""

MOST_BYTES = 256 << 20
MOST_SECONDS = 1.0
LEAST_BYTES = 4 << 20
"""Less than this says nothing about a speed."""

MOST_WRITTEN = 16 << 20
BLOCK = 4 << 20


def read_speed(subject: Subject) -> Iterator[Finding]:
    """The speed at which the largest file is read, or one that is written for it."""
    named = weights_folder(subject)
    if named is None:
        yield Finding(NAME, Status.SKIPPED, why_none(subject))
        return
    folder = existing(named)
    path = _largest(folder) if folder == os.path.abspath(named) else None
    try:
        measured = _read(path) if path is not None else _written_and_read(folder)
    except OSError as error:
        told = f"nothing could be read in {shown(folder)}: {error.strerror}"
        yield Finding(NAME, Status.UNKNOWN, told)
        return
    yield _judged(folder, measured, subject)


def _judged(folder: str, measured: tuple[int, float], subject: Subject) -> Finding:
    size, seconds = measured
    system = file_system_of(folder, subject.root)
    kind = "" if system is None else f" ({system.kind})"
    rate = size / max(seconds, 1e-9)
    told = f"{shown(folder)}{kind} gave {size >> 20} MiB at {_rate(rate)}"
    weights = _weights(subject)
    if weights is not None and rate < SLOW:
        told += f"; {format_gib(weights)} of weights take {_minutes(weights / rate)}"
    if rate >= SLOW:
        return Finding(NAME, Status.OK, told)
    fix = "keep the weights on a fast disk of this host, and give the start time (probes, timeouts)"
    return Finding(NAME, Status.WARNING, f"{told}, which is slow", fix=fix)


def _rate(rate: float) -> str:
    return f"{rate / 1e9:.1f} GB/s" if rate >= 1e9 else f"{rate / 1e6:.3g} MB/s"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def _weights(subject: Subject) -> int | None:
    """Bytes of the weights on disk, where the shape of the model tells."""
    shape = None if subject.job is None else subject.job.shape
    return None if shape is None else shape.checkpoint_bytes


def _largest(folder: str) -> str | None:
    """The largest file below a directory; None without one that is worth a measurement."""
    best, path = LEAST_BYTES - 1, None
    for entry in entries_below(folder):
        with suppress(OSError):  # it is gone meanwhile
            if entry.is_file(follow_symlinks=False):
                size = entry.stat(follow_symlinks=False).st_size
                best, path = (size, entry.path) if size > best else (best, path)
    return path


def _read(path: str) -> tuple[int, float]:
    """Read a file for a second at most: how many bytes it gave, and in how many seconds."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _measured(file)
    finally:
        os.close(file)


def _measured(file: int) -> tuple[int, float]:
    if hasattr(os, "posix_fadvise"):  # what is in memory already would be read from there
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    size, began = 0, time.monotonic()
    while size < MOST_BYTES and time.monotonic() - began < MOST_SECONDS:
        if not (got := len(os.read(file, BLOCK))):
            break
        size += got
    return size, time.monotonic() - began


def _written_and_read(folder: str) -> tuple[int, float]:
    """Write a file that has no name, and read it back."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as stream:
        began = time.monotonic()
        while stream.tell() < MOST_WRITTEN and time.monotonic() - began < MOST_SECONDS:
            stream.write(os.urandom(BLOCK))
            os.fsync(stream.fileno())
        stream.seek(0)
        return _measured(stream.fileno())
