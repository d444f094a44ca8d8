"""What each container of a server runs when the server spans several nodes."""

from __future__ import annotations

from nimprofile.base.errors import LaunchError
from nimprofile.launch.flags import FlagSyntax, last_given
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.servers.ranks import Pod, literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.deploy.container import Container
    from nimprofile.launch.servers.ranks import Member

_OURS = frozenset(
    {
        *("--nnodes", "--node-rank", "--master-addr", "--headless", "--dist-init-addr"),
        "--distributed-executor-backend",
    }
)
_FLAGS = FlagSyntax(
    {"-n": "--nnodes", "-r": "--node-rank", "--nccl-init-addr": "--dist-init-addr"}, {}, dashed=True
)


def member(container: Container, rank: int | None) -> Member:
    """The command, arguments and variables of the first pod, of the others, or of the only one.

    Raises LaunchError for a server that is not known to span nodes so.
    """
    command, args = list(map(literal, container.command)), list(map(literal, container.args))
    if rank is None:
        return command, args, []
    given = last_given(container.job.setup.arguments, _FLAGS)
    if ours := sorted(_OURS.intersection(given)):
        raise LaunchError(f"{ours[0]} is told to each pod by the LeaderWorkerSet: leave it out")
    job = container.job
    spec = server_spec(job.server)
    if spec.pod is None:
        raise LaunchError(f"{job.server} on several nodes {spec.one_node}")
    return spec.pod(
        Pod(
            job=job,
            image=container.image,
            nodes=container.nodes,
            rank=rank,
            command=command,
            args=args,
        )
    )
