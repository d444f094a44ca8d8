"""Whether the directory of downloaded models is there, and can be written by the server's user.

Mode bits do not say: a server of NFS maps root to nobody (`root_squash`, exports(5)) and may map
other users as it likes, a mount may be read-only, a disk full. So a file is written, synced,
renamed and deleted, as that user where this one may become him.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from nimprofile.base.printable import shown
from nimprofile.doctor.files.file_systems import file_system_of
from nimprofile.doctor.files.folders import cache_folder, why_none
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.users import can_be, first_told
from nimprofile.hardware.host import Host
from nimprofile.launch.downloads import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.files.file_systems import FileSystem
    from nimprofile.doctor.subject import Subject

NAME = "cache"
PROBE = b"written by nimprofile doctor\n" * 1024
"""What is written, of some blocks: an empty file can be made on a disk that is full."""


def cache(subject: Subject) -> Iterator[Finding]:
    """Whether the cache can be used, and what is to be known of where it is."""
    named = cache_folder(subject)
    if named is None:
        yield Finding(NAME, Status.SKIPPED, why_none(subject))
        return
    folder, variable = named
    there = existing(folder)
    if not os.path.isdir(there):
        fix = f"remove that file, or name another directory with {variable}"
        yield Finding(NAME, Status.FAILED, f"{shown(there)} is a file", fix=fix)
        return
    in_container = Host(subject.root).in_container()
    by_docker = not in_container and (subject.job is None or subject.job.server == "nim")
    if there != os.path.abspath(folder) and by_docker:
        yield _absent(folder, subject)
        return
    system = file_system_of(there, subject.root)
    for finding in _writable(there, variable, subject, system):
        yield (
            finding if there == os.path.abspath(folder) else _yet_to_make(folder, subject, finding)
        )
    if system is not None:
        yield from _placed(there, system, subject)


def _absent(folder: str, subject: Subject) -> Finding:
    """That a container's cache is not there: `docker run -v` makes it, for root alone.

    docs.docker.com/engine/storage/bind-mounts: with -v a directory that is missing is created. It
    is root's, for whom the daemon runs.
    """
    if subject.uid == 0:
        return Finding(NAME, Status.OK, f"{shown(folder)} is not there yet; Docker makes it")
    return Finding(
        NAME,
        Status.FAILED,
        f"there is no directory {shown(folder)}; Docker would make it for root, and user "
        f"{subject.uid} could not write there",
        fix=_making(folder, subject),
    )


def _yet_to_make(folder: str, subject: Subject, finding: Finding) -> Finding:
    """What was found of the directory above a cache that is not there.

    That one is not the server's: what is to be given to its user is the cache alone.
    """
    if finding.status is not Status.FAILED:
        return finding
    told = f"there is no directory {shown(folder)} yet, and {finding.finding}"
    given = "chown" in finding.fix
    return Finding(
        NAME, finding.status, told, fix=_making(folder, subject) if given else finding.fix
    )


def _making(folder: str, subject: Subject) -> str:
    """The command that makes a directory of the server's user."""
    return f"mkdir -p {shown(folder)} && chown {subject.uid}:{subject.group} {shown(folder)}"


def _writable(
    folder: str, variable: str, subject: Subject, system: FileSystem | None
) -> Iterator[Finding]:
    uid, found = subject.uid, os.stat(folder)
    of_whom = f"{found.st_uid}:{found.st_gid}, {stat.filemode(found.st_mode)}"
    where = f"{shown(folder)} ({of_whom}{'' if system is None else f', {system.kind}'})"
    if not can_be(subject):
        yield _judged(where, uid, found, subject)
        return
    why, tried = first_told(folder, subject, _steps)
    if not why:
        done = f"user {uid} wrote, synced, renamed and deleted a file in {where}"
        yield Finding(NAME, Status.OK, done)
        return
    if not tried:
        yield Finding(NAME, Status.UNKNOWN, f"user {uid} could not try to write in {where}: {why}")
        return
    full = os.strerror(28) in why or os.strerror(122) in why
    filled = variable == "NIM_CACHE_PATH" and _has_models(folder)
    fix = f"chown {uid}:{subject.group} {shown(folder)}"
    if found.st_uid not in {0, uid}:
        fix += f", or run the server as its owner, {found.st_uid}:{found.st_gid}"
    if system is not None and system.read_only:
        fix = f"mount {shown(system.place)} writable, or name another directory with {variable}"
    elif full:
        fix = f"make room there, or name another directory with {variable}"
    elif system is not None and system.network:
        fix += f"; where that changes nothing, look at the exports of {shown(system.device)} "
        fix += "(root_squash, all_squash, the map of users)"
    # A NIM is served of a cache that is filled and mounted read-only.
    status = Status.WARNING if filled and not full else Status.FAILED
    yield Finding(NAME, status, f"user {uid} cannot write in {where}: {why}", fix=fix)


def _judged(where: str, uid: int, found: os.stat_result, subject: Subject) -> Finding:
    """What owner and mode say, where nobody here can write as that user."""
    bits = 0o300 if found.st_uid == uid else 0o030 if found.st_gid == subject.group else 0o003
    if found.st_mode & bits == bits or uid == 0:
        return Finding(
            NAME,
            Status.UNKNOWN,
            f"by its owner and mode user {uid} can write in {where}; only he or root can try it",
            fix=f"run the doctor as that user, or as root: sudo -u '#{uid}' nimprofile doctor …",
        )
    return Finding(
        NAME,
        Status.FAILED,
        f"by its owner and mode user {uid} cannot write in {where}",
        fix=f"sudo chown {uid}:{subject.group} the directory, or name the user that the server "
        f"runs as with --uid",
    )


def _steps(opened: int) -> Iterator[str]:
    """Write, sync, rename and delete a file; gives the step that cannot be done, and why."""
    name = f".nimprofile-doctor-{os.urandom(8).hex()}"  # another host may try at the same time
    step = "making a directory"
    try:
        os.mkdir(name, 0o700, dir_fd=opened)
        step = "making a file"
        inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=opened)
        try:
            file = os.open("a", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=inside)
            with os.fdopen(file, "wb") as stream:
                step = "writing to a file"
                stream.write(PROBE)
                stream.flush()
                step = "syncing a file"
                os.fsync(stream.fileno())
            step = "renaming a file"
            os.rename("a", "b", src_dir_fd=inside, dst_dir_fd=inside)
            step = "deleting a file"
            os.unlink("b", dir_fd=inside)
        finally:
            for left in ("a", "b"):
                with suppress(OSError):
                    os.unlink(left, dir_fd=inside)
            os.close(inside)
        step = "deleting a directory"
        os.rmdir(name, dir_fd=opened)
    except OSError as error:
        with suppress(OSError):
            os.rmdir(name, dir_fd=opened)
        yield f"{step}: {error.strerror}"


def _has_models(folder: str) -> bool:
    """Whether a NIM has downloaded something into this cache."""
    return os.path.isdir(os.path.join(folder, "ngc", "hub"))


def _placed(folder: str, system: FileSystem, subject: Subject) -> Iterator[Finding]:
    """What is to be known of the file system that a cache is on."""
    local = "keep the cache on a disk of this host"
    if system.network:
        # "NFS-backed home directories are frequently not writable by UID 1000 and can additionally
        # fail with Stale file handle": docs.nvidia.com/nim/alpamayo/latest/configuration.html.
        on = f"{shown(folder)} is on {shown(system.device)}, by {system.kind}"
        slow = "a server that is slow or gone keeps the start waiting"
        yield Finding(NAME, Status.WARNING, f"{on}: {slow}", fix=local)
    elif system.by_a_program:
        on = f"{shown(folder)} is on {shown(system.device)}, through FUSE ({system.kind})"
        yield Finding(NAME, Status.WARNING, f"{on}: its program must answer every read", fix=local)
    elif system.in_memory:
        on = f"{shown(folder)} is on {system.kind}: weights would take the host's memory"
        yield Finding(NAME, Status.WARNING, f"{on}, and are lost with it", fix=local)
    elif system.kind == "overlay" and Host(subject.root).in_container():
        on = f"{shown(folder)} is in the container itself: every new one downloads again"
        yield Finding(NAME, Status.WARNING, on, fix="mount a directory or a volume there")
