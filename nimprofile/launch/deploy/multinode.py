"""What does each container of a server run, when the server spans several nodes?

vLLM: docs/serving/parallelism_scaling.md and docs/deployment/frameworks/lws.md, by its own ranks,
and by Ray up to 0.17, whose images still have it; SGLang: docs/references/multi_node_deployment, by
its own ranks; NIM 2.x: `nim-serve-ray` (LLM 2.0 "multi-node-deployment", "cli-reference"), with
JSON logs off, which Ray's workers lack.
"""

from __future__ import annotations

from nimprofile.base.errors import LaunchError
from nimprofile.base.versions import satisfies
from nimprofile.launch.deploy.container import literal
from nimprofile.launch.flags import Spelling, read_flags
from nimprofile.launch.plan import Server
from nimprofile.launch.servers.nim import generation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.deploy.container import Container

    Member = tuple[list[str], list[str], list[dict[str, object]]]

RAY_PORT, SGLANG_PORT = 6379, 5000
LEADER, SIZE, RANK = "$(LWS_LEADER_ADDRESS)", "$(LWS_GROUP_SIZE)", "$(LWS_WORKER_INDEX)"
"""What LeaderWorkerSet tells each pod; Kubernetes puts the values in."""

OWN_RANKS = ">=0.18"
"""vLLM: since when its image has no Ray (requirements/cuda.txt); ranks of its own since 0.11.1."""

_JOINED = (
    "import ray,sys,time; ray.init('auto');"
    " [time.sleep(5) for _ in iter(lambda: len([n for n in ray.nodes() if n['Alive']])"
    " >= int(sys.argv[1]), True)]"
)
"""Returns once so many nodes have joined."""

_HEAD = f'ray start --head --port={RAY_PORT} && python3 -c "$0" "$1" && shift && exec "$@"'
"""A shell that is handed the server's arguments and never reads them as its own text."""


_JOIN = 'until ray start --address="$0" --block; do sleep 5; done'
"""The first pod may still be pulling its image."""


_OURS = frozenset(
    {
        *("--nnodes", "--node-rank", "--master-addr", "--headless", "--dist-init-addr"),
        "--distributed-executor-backend",
    }
)
_SPELLING = Spelling(
    {"-n": "--nnodes", "-r": "--node-rank", "--nccl-init-addr": "--dist-init-addr"}, {}, dashed=True
)


def member(container: Container, rank: int | None) -> Member:
    """The command, arguments and variables of the first pod, of the others, or of the only one.

    Raises LaunchError for a server that is not known to span nodes so.
    """
    command, args = list(map(literal, container.command)), list(map(literal, container.args))
    if rank is None:
        return command, args, []
    given = dict(read_flags(container.job.setup.arguments, _SPELLING))
    if ours := sorted(_OURS.intersection(given)):
        raise LaunchError(f"{ours[0]} is told to each pod by the LeaderWorkerSet: leave it out")
    return _of_several(container, rank, command, args)


def _of_several(container: Container, rank: int, command: list[str], args: list[str]) -> Member:
    match container.job.server:
        case Server.VLLM if satisfies(container.job.version, OWN_RANKS):
            ranks = ["--nnodes", SIZE, "--node-rank", RANK, "--master-addr", LEADER]
            return [*command, *ranks, *(["--headless"] if rank else [])], [], []
        case Server.VLLM if rank == 0:
            ray = ["--distributed-executor-backend", "ray"]
            head = [literal(word) for word in ("sh", "-c", _HEAD, _JOINED)]
            return [*head, SIZE, *command, *ray], [], []
        case Server.VLLM:
            join = [literal(word) for word in ("sh", "-c", _JOIN)]
            return [*join, f"{LEADER}:{RAY_PORT}"], [], []
        case Server.SGLANG:
            ranks = ["--nnodes", SIZE, "--node-rank", RANK]
            return [*command, *ranks, "--dist-init-addr", f"{LEADER}:{SGLANG_PORT}"], [], []
        case Server.NIM if generation(container.image) == 1:
            raise LaunchError("NIM 1.x spans nodes by MPI: render nim-operator starts it so")
        case Server.NIM:
            start = ["--head", "--port", str(RAY_PORT)]
            if rank:
                start = ["--head-address", f"{LEADER}:{RAY_PORT}"]
            return [], ["nim-serve-ray", *start, *args], _nim(container, rank)
    raise LaunchError(
        f"{container.job.server} on several nodes is not rendered: it starts its ranks by MPI"
        if container.job.server is Server.TENSORRT_LLM
        else f"{container.job.server} on several nodes is not known to work: --server vllm does it"
    )


def _nim(container: Container, rank: int) -> list[dict[str, object]]:
    """As the NIM Operator sets them (nimservice_types.go, v3.1.2)."""
    job = container.job
    told = {
        "NIM_MULTI_NODE": "1",
        "NIM_NUM_COMPUTE_NODES": str(container.nodes),
        "NIM_TENSOR_PARALLEL_SIZE": str(job.tp),
        "NIM_PIPELINE_PARALLEL_SIZE": str(job.pp),
        "NIM_NODE_RANK": RANK,
        "NIM_LEADER_ROLE": "0" if rank else "1",
        "NIM_JSONL_LOGGING": "0",
    }
    return [{"name": name, "value": value} for name, value in told.items()]
