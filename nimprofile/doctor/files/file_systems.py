"""On which file system a directory is: its kind, its device, and how it is mounted.

Linux tells of every mount in `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
"""

from __future__ import annotations

import os
import re

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import OpenFile
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

MOST_BYTES = 4 << 20
"""Of the list of mounts: a host of 10,000 containers has so many."""

NETWORK = frozenset(
    {
        *("9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "daos", "fhgfs", "gfs", "gfs2"),
        *("glusterfs", "gpfs", "ibrix", "lustre", "ncpfs", "nfs", "nfs4", "nfsd", "ocfs2"),
        *("orangefs", "panfs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "snfs", "vboxsf"),
        *("vmhgfs", "vxfs", "wekafs"),
    }
)
"""File systems whose data are on another host: those that coreutils' `stat` (src/stat.c, release
9.5) calls remote, and those of storage systems for clusters, as their own pages name them:
docs.weka.io (wekafs), docs.daos.io (daos), doc.beegfs.io (beegfs)."""

MEMORY = frozenset({"tmpfs", "ramfs"})


class FileSystem(Record):
    """A file system, as it is mounted.

    Attributes:
        kind: `ext4`, `nfs4`, `fuse.sshfs`.
        device: what is mounted: a device, or a server and its directory.
        place: where it is mounted.
        read_only: nothing can be written there by anybody.
    """

    kind: str
    device: str
    place: str
    _: KW_ONLY
    read_only: bool

    @property
    def network(self) -> bool:
        """Whether its data are on another host, as far as its kind tells."""
        return self.kind in NETWORK

    @property
    def by_a_program(self) -> bool:
        """Whether a program of this host answers for it (FUSE): most often for a remote storage."""
        return self.kind == "fuse" or self.kind.startswith("fuse.")

    @property
    def in_memory(self) -> bool:
        """Whether what is written there takes the host's memory, and is lost with the mount."""
        return self.kind in MEMORY


def file_system_of(folder: str, root: str = "/") -> FileSystem | None:
    """The file system that a directory is on; None where the system does not tell.

    Args:
        folder: a directory that is there.
        root: where `proc` is.
    """
    there = os.path.realpath(folder)
    best = None
    for mounted in _mounts(root):  # of two in one place, the later one hides the other
        place = mounted.place.rstrip("/")
        inside = there == place or there.startswith(f"{place}/")
        if inside and (best is None or len(place) >= len(best.place.rstrip("/"))):
            best = mounted
    return best


def _mounts(root: str) -> Iterator[FileSystem]:
    try:
        with OpenFile(os.path.join(root, "proc/self/mountinfo")) as file:
            text = file.read(MOST_BYTES).decode(errors="surrogateescape")
    except ManifestError:
        return
    for line in text.split("\n"):
        mount, _, system = line.partition(" - ")
        fields, about = mount.split(" "), system.split(" ")
        if len(fields) >= 6 and len(about) >= 2:
            options = {*fields[5].split(","), *(about[2].split(",") if len(about) > 2 else ())}
            kind, device, place = map(_plain, (about[0], about[1], fields[4]))
            yield FileSystem(kind, device, place, read_only="ro" in options)


def _plain(field: str) -> str:
    r"""A field without its escapes: a space is `\040` there."""
    return re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), field)
