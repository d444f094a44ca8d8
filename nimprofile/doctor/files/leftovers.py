"""What earlier starts left in the cache: parts of downloads, locks, a manifest of another model.

huggingface_hub downloads into `blobs/HASH.incomplete`, renames it when it is whole, and holds a
lock in `.locks` meanwhile (file_download.py, 0.36; its guide "Understand caching").

A NIM of 2.0.2 and later that is free of a model writes the manifest that it makes at the start into
its cache, and takes it from there later: release notes of NIM LLM 2.0.2, "Runtime Manifest Caching
for Air-Gapped Redeployments"; "Later starts that mount the same cache reuse the manifest", page
"About Model-Free NIM" of 2.0.13; from 2.1.4 on only where making one fails. The file is called
`nim_runtime_manifest.yaml`, and is deleted to have it made anew: kubernetes.recipes, "Rebuild NIM
with Custom Model on Kubernetes".
"""

from __future__ import annotations

import os
import stat
import time

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import MAX_BYTES, OpenFile
from nimprofile.base.printable import shown
from nimprofile.base.units import format_gib
from nimprofile.doctor.files.folders import cache_folder, why_none
from nimprofile.doctor.files.walk import entries_below
from nimprofile.doctor.finding import Finding, Status
from nimprofile.launch.downloads import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject

NAME = "leftovers"
RUNTIME_MANIFEST = "nim_runtime_manifest.yaml"
INCOMPLETE = ".incomplete"
UNDER_WAY = 120.0
"""Seconds without a write after which a download is taken to have stopped."""


def leftovers(subject: Subject) -> Iterator[Finding]:
    """Unfinished downloads, locks that somebody holds, and a runtime manifest."""
    named = cache_folder(subject)
    if named is None:
        yield Finding(NAME, Status.SKIPPED, why_none(subject))
        return
    folder = existing(named[0])
    if folder != os.path.abspath(named[0]):
        yield Finding(NAME, Status.OK, f"{shown(named[0])} is not there yet")
        return
    parts, locks, manifests = [], [], []
    for entry in entries_below(folder):
        if entry.name == RUNTIME_MANIFEST:
            manifests.append(entry.path)
        elif entry.name.endswith(INCOMPLETE):
            parts.append(entry)
        elif entry.name.endswith(".lock"):
            locks.append(entry.path)
    found = [*_parts(parts), *_locks(locks)]
    found += [_manifest(path, subject) for path in manifests]
    yield from found
    if not found:
        yield Finding(NAME, Status.OK, f"nothing in {shown(folder)} is left of an earlier start")


def _parts(entries: list[os.DirEntry[str]]) -> Iterator[Finding]:
    """Downloads that were not finished, or go on."""
    sizes, youngest = 0, None
    for entry in entries:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:  # it was finished meanwhile
            continue
        if stat.S_ISREG(found.st_mode):
            sizes += found.st_size
            youngest = max(found.st_mtime, youngest or found.st_mtime)
    if youngest is None:
        return
    some = f"{len(entries)} files are" if len(entries) > 1 else "1 file is"
    age = time.time() - youngest
    first = shown(entries[0].path)
    told = f"{some} a part of a download, {format_gib(sizes)}, of which {first} is one"
    if age < UNDER_WAY:
        yield Finding(NAME, Status.WARNING, f"{told}; it goes on", fix="wait for its end")
    else:
        fix = "start the download again, which goes on with them, or delete them"
        yield Finding(NAME, Status.WARNING, f"{told}; it stopped {_ago(age)} ago", fix=fix)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def _locks(paths: list[str]) -> Iterator[Finding]:
    """Locks that a process holds: another download waits for its end."""
    ways = {path: _held(path) for path in paths}
    stale = [path for path, held in ways.items() if held is None]
    held = [path for path, held in ways.items() if held]
    if stale:
        # huggingface_hub, utils/_fixes.py, WeakFileLock: "It will default to a SoftFileLock if the
        # filesystem does not support flock", whose file is the lock.
        yield Finding(
            NAME,
            Status.WARNING,
            f"the file system has no flock, and {shown(stale[0])} is there: huggingface_hub takes "
            "it for a lock that is held",
            fix="delete it where nothing is being downloaded",
        )
    if held:
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        yield Finding(
            NAME,
            Status.WARNING,
            f"a process holds {shown(held[0])}{more}: whatever downloads the same waits for it",
            fix="wait for its end, or end it: `fuser` on that file names it",
        )


def _held(path: str) -> bool | None:
    """Whether a process holds a lock; None where the file system has no such locks."""
    import errno
    import fcntl

    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return None if error.errno == errno.ENOSYS else False
    finally:
        os.close(file)
    return False


def _manifest(path: str, subject: Subject) -> Finding:
    """A manifest that a NIM left: whether it still has the profile that is to be started."""
    wanted = _wanted(subject)
    try:
        with OpenFile(path) as file:
            text = file.read_whole("manifest", MAX_BYTES)
            written = time.strftime("%Y-%m-%d", time.gmtime(os.stat(path).st_mtime))
    except (ManifestError, OSError) as error:
        return Finding(NAME, Status.UNKNOWN, f"{shown(path)} cannot be read: {error}")
    about = f"{shown(path)}, of {written}, is the manifest that an earlier NIM made"
    fix = "delete it before the start, unless the start is offline"
    if wanted is None:
        told = f"{about}, and one of 2.0 takes its profiles from it"
        return Finding(NAME, Status.WARNING, told, fix=fix)
    if wanted.encode(errors="replace") in text:
        return Finding(NAME, Status.OK, f"{about}, and it has {shown(wanted)}")
    told = f"{about}, and it has no {shown(wanted)}: a NIM of 2.0 would not find that profile"
    return Finding(NAME, Status.WARNING, told, fix=fix)


def _wanted(subject: Subject) -> str | None:
    """The profile that a NIM is to start; None where nothing is known of it."""
    if subject.job is not None:
        return subject.job.profile.id
    pin = subject.environ.get("NIM_MODEL_PROFILE", "").strip()
    return pin or None
