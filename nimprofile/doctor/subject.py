"""`Subject`: what the checks of a host look at."""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import KW_ONLY

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.decision import Decision

CONTAINER_UID = 1000
"""The user that a NIM's container runs as, unless it is told another: "The container process runs
as user ID 1000" (docs.nvidia.com/nim/alpamayo/latest/configuration.html, "Model Cache")."""


class Subject(Record):
    """A host, and the server that is to be started on it.

    Attributes:
        environ: the variables that the server will see.
        uid: the user that the server runs as.
        setup: what the operator wants of the server.
        gid: the group that the server runs as; None is the one of the user, where this host knows
            him, else one with the number of the user.
        inventory: the machine; None where no GPU could be read.
        this_machine: the inventory was read here, and not described or taken from a file.
        manifest: what could run; None where none is named.
        decision: what was selected of it.
        job: what there is to start; None where nothing is.
        plan: what starts it.
        online: others may be asked over the network.
        seconds: how long one check may take.
        root: where the files of the system are: `/`, or where a test has put some of them.
    """

    environ: Mapping[str, str]
    uid: int
    setup: Setup
    _: KW_ONLY
    gid: int | None = None
    inventory: Inventory | None = None
    this_machine: bool = True
    manifest: Manifest | None = None
    decision: Decision | None = None
    job: Job | None = None
    plan: LaunchPlan | None = None
    online: bool = False
    seconds: float = 10.0
    root: str = "/"

    @property
    def group(self) -> int:
        """The group that the server runs as."""
        return group_of(self.uid) if self.gid is None else self.gid


def group_of(uid: int) -> int:
    """The group of a user; one of the same number where this host does not know him."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid
