"""Whether the user of the server can read a directory of weights, in the place where he sees it."""

from __future__ import annotations

import os
import stat

from nimprofile.base.enums import Server
from nimprofile.base.formats.text_files import names_in
from nimprofile.base.printable import shown
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.users import can_be, first_told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject

MOST_FILES = 1000
"""Files of one directory that are opened; the weights of the largest models are 200."""


def unreadable(check: str, folder: str, subject: Subject) -> Iterator[Finding]:
    """What of a directory of weights the user of the server cannot read; nothing where he can.

    Args:
        check: the name of the check.
        folder: a directory that is there.
        subject: whose user.
    """
    if subject.job is not None and subject.job.server is Server.NIM:
        yield from _outside(check, folder)
    if not can_be(subject):
        told = f"whether user {subject.uid} can read {shown(folder)}, only he or root can try"
        yield Finding(check, Status.UNKNOWN, told)
        return
    try:
        why, tried = first_told(folder, subject, _closed)
    except OSError as error:
        why, tried = f"{shown(folder)}: {error.strerror}", True
    if why and tried:
        fix = f"chmod -R a+rX {shown(folder)}, or run the server as the owner of it"
        yield Finding(check, Status.FAILED, f"user {subject.uid} cannot read {why}", fix=fix)
    elif why:
        told = f"whether user {subject.uid} can read {shown(folder)} is not known: {why}"
        yield Finding(check, Status.UNKNOWN, told)


def _closed(opened: int) -> Iterator[str]:
    """The files that cannot be opened for reading, each with the reason."""
    try:
        names = sorted(os.listdir(opened))[:MOST_FILES]
    except OSError as error:
        yield f"the directory of the weights: {error.strerror}"
        return
    for name in names:
        try:
            if stat.S_ISREG(os.stat(name, dir_fd=opened).st_mode):
                os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened))
        except OSError as error:
            yield f"{shown(name)}: {error.strerror}"


def _outside(check: str, folder: str) -> Iterator[Finding]:
    """Links to files that a container does not see, as those of a snapshot in Hugging Face's cache.

    "snapshots … contains symlinks to the blobs": huggingface_hub, guide "Understand caching".
    """
    inside = os.path.realpath(folder)
    links = [name for name in names_in(folder) if os.path.islink(os.path.join(folder, name))]
    out = [
        name
        for name in links
        if not os.path.realpath(os.path.join(folder, name)).startswith(f"{inside}/")
    ]
    if out:
        more = f" and {len(out) - 1} more" if len(out) > 1 else ""
        yield Finding(
            check,
            Status.FAILED,
            f"{shown(out[0])}{more} in {shown(folder)} is a link out of that directory, which is "
            "all that the container sees",
            fix="copy the files there (`hf download NAME --local-dir DIR`, `cp -L`)",
        )
