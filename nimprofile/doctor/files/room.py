"""Whether the cache has room for what is yet to be downloaded."""

from __future__ import annotations

import os

from nimprofile.base.printable import shown
from nimprofile.base.units import format_gib
from nimprofile.doctor.files.folders import cache_folder, why_none
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.problems import findings_of
from nimprofile.launch.downloads import existing, free_bytes, to_download
from nimprofile.launch.preflight import room_problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject
    from nimprofile.launch.preflight import HostProblem

NAME = "space"


def space(subject: Subject) -> Iterator[Finding]:
    """Free bytes against those of the weights, and whether another file can be made at all."""
    named = cache_folder(subject)
    if named is None:
        yield Finding(NAME, Status.SKIPPED, why_none(subject))
        return
    folder, variable = named
    free = free_bytes(folder)
    if free is None:
        told = f"the file system of {shown(folder)} does not tell how much is free"
        yield Finding(NAME, Status.UNKNOWN, told)
        return
    system = os.statvfs(existing(folder))
    if system.f_files and not system.f_favail:
        fix = f"delete files there, or name another directory with {variable}"
        yield Finding(NAME, Status.FAILED, f"{shown(folder)} has no inode left", fix=fix)
    yield from findings_of(NAME, _problems(subject, folder, variable), _enough(subject, folder))


def _problems(subject: Subject, folder: str, variable: str) -> Iterator[HostProblem]:
    if subject.job is not None:
        yield from room_problems(subject.job, folder, variable, subject.environ)


def _enough(subject: Subject, folder: str) -> str:
    free = free_bytes(folder) or 0
    job = subject.job
    needed = None if job is None else to_download(job, folder, subject.environ)
    told = f"{shown(folder)} has {format_gib(free)} free"
    if needed is None:
        return f"{told}; nothing tells how much is to be downloaded"
    if not needed:
        return f"{told}, and the weights are there"
    return f"{told}, and {format_gib(needed)} are to be downloaded"
