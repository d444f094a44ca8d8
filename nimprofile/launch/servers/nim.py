"""How a NIM container is started, pinned to a profile.

docs.nvidia.com/nim/large-language-models: 1.15 "configuration" and 2.0.12 "quickstart",
"environment-variables", "advanced-configuration", "finetune-lora"; examples of `docker run` with a
shared memory size and chosen GPUs: github.com/NVIDIA/nim-deploy, azureml notebooks. Arguments for
the engine follow the image's name since 2.0.11.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.launch.flags import merge_arguments, whole_number
from nimprofile.launch.plan import LaunchPlan
from nimprofile.launch.server_spec import ServerSpec, version_in_tag
from nimprofile.launch.servers.nim_environment import passed_on, variables
from nimprofile.launch.servers.ranks import LEADER, RANK, RAY_PORT
from nimprofile.launch.servers.vllm import FLAGS
from nimprofile.launch.setup import ANYWHERE, SHARED_MEMORY_GIB, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.job import Job
    from nimprofile.launch.servers.ranks import Member, Pod

CACHE = "/opt/nim/.cache"
READY, LIVE = "/v1/health/ready", "/v1/health/live"
KEY = "NGC_API_KEY"


def plan(job: Job) -> LaunchPlan:
    """`docker run` with the profile pinned and its GPUs alone."""
    setup = job.setup
    container_plan = inside(job)
    argv = ["docker", "run", "--rm", "--gpus", f'"device={job.named_devices}"']
    argv += ["--shm-size", f"{SHARED_MEMORY_GIB}GB", "-p", published(setup.host, job.port)]
    if setup.user is not None:
        argv += ["-u", setup.user]
    argv += ["-v", volume(setup.cache or "nim-cache", CACHE)]
    for path in job.mounts:
        argv += ["-v", volume(path, path, "ro")]
    argv += ["-e", KEY]
    if job.model and not is_path(job.model):
        argv += ["-e", "HF_TOKEN"]
    for name, value in container_plan.env:
        argv += ["-e", f"{name}={value}"]
    return container_plan.replace(argv=(*argv, image(job), *container_plan.argv), env=())


def volume(*parts: str) -> str:
    """A volume as `-v` takes it: its parts with colons between, of which none has one itself."""
    for part in parts:
        if ":" in part:
            raise LaunchError(f"docker run -v takes no path with a colon: {part}")
    return ":".join(parts)


def published(host: str, port: int) -> str:
    """A port of a container as `-p` takes it: on every address of the host, or on one."""
    if host in {ANYWHERE, "::"}:
        return f"{port}:{port}"
    host = "127.0.0.1" if host == "localhost" else host  # Docker takes addresses alone
    return f"[{host}]:{port}:{port}" if ":" in host else f"{host}:{port}:{port}"


def inside(job: Job) -> LaunchPlan:
    """The variables of a NIM's container, and the arguments for its own command."""
    return LaunchPlan(
        Server.NIM,
        job.setup.extra,
        variables(job, generation(image(job))),
        files=(),
        port=job.port,
        health=READY,
        notes=_notes(job),
    )


def image(job: Job) -> str:
    """The container's image: the one that is named, or that of the model's name in the catalogue.

    Raises LaunchError when there is neither.
    """
    if job.setup.image is not None:
        return job.setup.image
    publisher, divided, model = (job.name or "").partition("/")
    if not (divided and publisher and model and _PLAIN.issuperset(job.name or "")):
        raise LaunchError(
            f"nobody says which NIM serves {job.name or 'this model'}: name its image with --image"
        )
    return f"nvcr.io/nim/{publisher}/{model}:latest"


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-/")


def generation(image: str) -> int | None:
    """The first number of a NIM's version; None when its tag does not say."""
    return whole_number((version_in_tag(image) or "").partition(".")[0])


def _notes(job: Job) -> tuple[str, ...]:
    """What the variables leave out, or not all releases of NIM understand."""
    notes = list(job.notes)
    if version_in_tag(image(job)) is None:
        notes.append("the tag moves, and ids differ between releases: name one by --image")
    notes.append("ids are the image's own: `list-model-profiles` in it prints those it has")
    notes += passed_on(job, generation(image(job)))[1]
    if job.setup.extra:
        notes.append("what follows -- reaches the engine from NIM 2.0.11 on")
        notes += merge_arguments([], job.setup.extra, FLAGS)[1]  # they are named as vLLM's
    return tuple(notes)


def pod(pod: Pod) -> Member:
    """By Ray: NIM 2.x's `nim-serve-ray` (LLM 2.0 "multi-node-deployment", "cli-reference").

    The variables are as the NIM Operator sets them (nimservice_types.go, v3.1.2); JSON logs are
    off, which Ray's workers lack.
    """
    job = pod.job
    if generation(pod.image) == 1:
        raise LaunchError("NIM 1.x spans nodes by MPI: render nim-operator starts it so")
    start = ["--head", "--port", str(RAY_PORT)]
    if pod.rank:
        start = ["--head-address", f"{LEADER}:{RAY_PORT}"]
    values = {
        "NIM_MULTI_NODE": "1",
        "NIM_NUM_COMPUTE_NODES": str(pod.nodes),
        "NIM_TENSOR_PARALLEL_SIZE": str(job.tp),
        "NIM_PIPELINE_PARALLEL_SIZE": str(job.pp),
        "NIM_NODE_RANK": RANK,
        "NIM_LEADER_ROLE": "0" if pod.rank else "1",
        "NIM_JSONL_LOGGING": "0",
    }
    variables: list[dict[str, object]] = [
        {"name": name, "value": value} for name, value in values.items()
    ]
    return [], ["nim-serve-ray", *start, *pod.args], variables


SPEC = ServerSpec(
    server=Server.NIM,
    program="docker",
    flags=FLAGS,
    plan=plan,
    image=image,
    engine_in_image=lambda _: None,  # its tag is the NIM's own
    live=LIVE,
    pod=pod,
)
