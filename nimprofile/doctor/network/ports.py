"""Whether the ports of a server are free, on every address that a client may reach it by."""

from __future__ import annotations

import os
import re
from itertools import islice

from nimprofile.base.enums import Server
from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import OpenFile
from nimprofile.base.printable import quoted
from nimprofile.doctor.finding import Finding, Status
from nimprofile.launch.preflight import is_taken, port_problem, ports_of, shared_port
from nimprofile.launch.setup import ANYWHERE, PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject

CHECK = "port"


def ports(subject: Subject) -> Iterator[Finding]:
    """Whether the ports of the server are free; where nothing is selected, the port alone."""
    host = subject.setup.host
    if subject.plan is not None:
        yield from port_findings(subject.plan.server, host, ports_of(subject.plan), subject.root)
    else:
        numbers = (subject.setup.port or PORT,)
        yield from port_findings(subject.setup.server, host, numbers, subject.root)


def port_findings(
    server: Server | None, host: str, ports: tuple[int, ...], root: str = "/"
) -> Iterator[Finding]:
    """One finding for each port of a server.

    Args:
        server: what is started; None where that is not known.
        host: the address that it listens on.
        ports: what it listens on.
        root: where the host's files are; for tests.
    """
    if (shared := shared_port(ports)) is not None:
        yield Finding(CHECK, Status.FAILED, shared.problem, fix=shared.fix)
        return
    for port in ports:
        yield _finding(host, port, server, root)


def _finding(host: str, port: int, server: Server | None, root: str) -> Finding:
    if (problem := port_problem(host, port)) is not None:
        whole = problem.problem + _held_by(port, root)
        return Finding(CHECK, Status.FAILED, whole, fix=problem.fix)
    free = [host]
    for other in _also(host):
        taken = is_taken(other, port)
        if taken is None:
            continue  # this host has no such addresses
        if not taken:
            free.append(other)
            continue
        held = f"port {port} is free on {host}, but taken on {other}{_held_by(port, root)}"
        if server is Server.NIM:  # Docker publishes on both, unless an address is named
            fix = "stop what holds it, name another with --port, or one address with --host"
            return Finding(CHECK, Status.FAILED, f"{held}: Docker publishes on both", fix=fix)
        return Finding(
            CHECK,
            Status.WARNING,
            f"{held}: a client that looks localhost up may reach that",
            fix="stop what holds it, or let clients name 127.0.0.1",
        )
    return Finding(CHECK, Status.OK, f"port {port} is free on {' and '.join(free)}")


def _also(host: str) -> tuple[str, ...]:
    """The addresses of the other family by which clients take the same server to be reached."""
    return {ANYWHERE: ("::",), "::": (ANYWHERE,), "127.0.0.1": ("::1",), "localhost": ("::1",)}.get(
        host, ()
    )


MOST_PROCESSES, MOST_FILES = 4096, 1024
"""So many processes, and so many open files of each, are looked through for who holds a port."""

_MOST_TABLE = 1 << 20
_LISTENS = "0A"  # TCP_LISTEN of the kernel's include/net/tcp_states.h


def _held_by(port: int, root: str) -> str:
    """Who listens on a port, as far as this user may see it; "" where that cannot be told."""
    inodes = {
        inode
        for table in ("proc/net/tcp", "proc/net/tcp6")
        for inode in listening(_read(os.path.join(root, table)), port)
    }
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        processes = [name for name in os.listdir(os.path.join(root, "proc")) if name.isdigit()]
    except OSError:
        return ""
    for process in processes[:MOST_PROCESSES]:
        if _has_open(os.path.join(root, "proc", process, "fd"), wanted):
            name = _read(os.path.join(root, "proc", process, "comm")).strip()
            return f"; process {process} ({quoted(name)}) listens there"
    return ""


def listening(table: str, port: int) -> Iterator[str]:
    """The inodes of what listens on a port, by the text of `/proc/net/tcp` or `tcp6` (proc(5))."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != _LISTENS or _PORT.fullmatch(words[1]) is None:
            continue
        if int(words[1].rpartition(":")[2], 16) == port and words[9].isdigit():
            yield words[9]


_PORT = re.compile(r"[0-9A-F]+:[0-9A-F]{1,8}")


def _has_open(folder: str, wanted: set[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(os.readlink(entry.path) in wanted for entry in islice(entries, MOST_FILES))
    except OSError:  # another user's, or gone
        return False


def _read(path: str) -> str:
    try:
        with OpenFile(path) as file:
            return file.read(_MOST_TABLE).decode(errors="replace")
    except ManifestError:
        return ""
