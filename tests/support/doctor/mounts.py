"""Runs a command in a name space of its own, in which a directory is a mount with a fault.

`python mounts.py KIND FOLDER COMMAND …`; KIND is one of those below. It is started by `unshare`.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

READ_ONLY = 1
LAZY = 2
"""MS_RDONLY of mount(2), MNT_DETACH of umount2(2)."""


def mounted(kind, folder):
    """Mount it; what must stay open as long as it is."""
    if kind == "hung":  # a file system of FUSE whose program answers nothing
        device = os.open("/dev/fuse", os.O_RDWR)
        _mount(
            "server:/export",
            folder,
            "fuse.hung",
            0,
            f"fd={device},rootmode=40000,user_id=0,group_id=0",
        )
        return device
    flags = READ_ONLY if kind == "read-only" else 0
    size = {"small": "size=64k", "full": "size=64k", "read-only": "size=1m"}[kind]
    _mount("none", folder, "tmpfs", flags, size)
    if kind == "full":
        with open(os.path.join(folder, "all"), "wb") as file:
            file.write(b"x" * (60 << 10))
    return None


def _mount(device, folder, kind, flags, options):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [word.encode() for word in (device, folder, kind)]
    if libc.mount(*words, flags, options.encode()):
        sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")


def main(kind, folder, *command):
    """Mount, run the command, and leave with its exit code."""
    kept = mounted(kind, folder)
    code = subprocess.call(command, stdin=subprocess.DEVNULL)
    ctypes.CDLL(None).umount2(folder.encode(), LAZY)
    if kept is not None:
        os.close(kept)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
