"""The container of a job: image, secrets, cache, mounts and number of nodes."""

from __future__ import annotations

import re

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.units import GIB
from nimprofile.engines.memory.components import weights_of
from nimprofile.engines.serving import Serving
from nimprofile.launch.planning import plan_of
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.servers import nim
from nimprofile.launch.setup import ANYWHERE, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan, PlanFile

FOLDER = "/etc/nimprofile"
"""Where a plan's files stand in the container."""

HUGGINGFACE_CACHE = "/root/.cache/huggingface"
"""The images of vLLM, SGLang, TensorRT-LLM and Triton run as root (their `docker run` pages)."""


class Secret(Record):
    """A variable that comes from a secret store, and never stands in a file.

    Attributes:
        variable: its name in the container.
        secret: the name of the Kubernetes secret, which has a key of the variable's name.
        needed: the container does not start without it.
    """

    variable: str
    secret: str
    needed: bool


class Container(Record):
    """A server in a container, whatever runs it.

    Attributes:
        name: of the deployment: a DNS label.
        job: what is served.
        plan: how, inside the container.
        image: with its tag.
        secrets: variables that are secret.
        cache: where models are kept between starts, inside.
        cache_gib: how much room they want; None when nothing is downloaded.
        mounts: directories of the host that it reads, at the same place inside.
        gpus: GPUs of each container.
        nodes: containers that serve it together.
        notes: what the operator should know.
    """

    name: str
    job: Job
    plan: LaunchPlan
    _: KW_ONLY
    image: str
    secrets: tuple[Secret, ...]
    cache: str
    cache_gib: int | None
    mounts: tuple[str, ...]
    gpus: int
    nodes: int
    notes: tuple[str, ...]

    @property
    def env(self) -> tuple[tuple[str, str], ...]:
        """Variables, none of them secret."""
        return self.plan.env

    @property
    def cache_name(self) -> str:
        """What the room for models is called, where it has a name of its own."""
        return f"{self.name}-cache"

    @property
    def files(self) -> tuple[PlanFile, ...]:
        """What the server reads."""
        return self.plan.files

    @property
    def command(self) -> tuple[str, ...]:
        """What runs instead of the image's own command; () is the image's own."""
        return () if self.job.server is Server.NIM else self.plan.argv

    @property
    def args(self) -> tuple[str, ...]:
        """What the image's own command is given."""
        return self.plan.argv if self.job.server is Server.NIM else ()

    @property
    def live(self) -> str:
        """The path that answers as long as the process is not to be killed."""
        return server_spec(self.job.server).live or self.plan.health


def container_of(job: Job, *, gpus_per_node: int, secret: str | None = None) -> Container:
    """The container of a job; the cluster gives it GPUs, so none are named.

    Raises LaunchError: the profile does not divide into nodes, or no image is known.
    """
    needed = job.tp * job.pp
    nodes = _nodes(job, gpus_per_node)
    setup = job.setup.replace(folder=FOLDER, cache="", host=ANYWHERE)
    inner = job.replace(devices=(), visible_devices="", setup=setup)
    is_nim = job.server is Server.NIM
    plan = nim.inside(inner) if is_nim else plan_of(inner)
    size, notes = _room(job)
    if job.gpus and job.gpus[0].mig is not None:
        notes += ("MIG instances are asked for as under the device plugin's strategy mixed",)
    for path in job.mounts:
        if not path.startswith("/"):
            raise LaunchError(f"a container has no {path}: name the directory from the root")
    if job.mounts:
        notes += (f"the host must have {', '.join(job.mounts)}",)
    name = dns_label(job.setup.name or job.served_name or job.model)
    if job.setup.name not in {None, "", name}:
        notes += (
            f"the deployment is called {name}: {quoted(job.setup.name)} is no name in Kubernetes",
        )
    return Container(
        name,
        job,
        plan,
        image=image_of(job),
        secrets=_secrets(job, secret),
        cache=nim.CACHE if is_nim else HUGGINGFACE_CACHE,
        cache_gib=size,
        mounts=job.mounts,
        gpus=needed // nodes,
        nodes=nodes,
        notes=(*plan.notes, *notes),
    )


def _nodes(job: Job, gpus_per_node: int) -> int:
    """The fewest nodes, each with whole tensor-parallel groups where a node holds one."""
    if gpus_per_node < 1:
        raise LaunchError(f"a node of {gpus_per_node} GPUs serves nothing")
    needed = job.tp * job.pp
    return next(
        nodes
        for nodes in range(-(-needed // gpus_per_node), needed + 1)
        if needed % nodes == 0 and (job.tp > gpus_per_node or (needed // nodes) % job.tp == 0)
    )


def _secrets(job: Job, secret: str | None) -> tuple[Secret, ...]:
    secrets: tuple[Secret, ...] = ()
    if job.server is Server.NIM:
        secrets = (Secret(nim.KEY, secret or "ngc-api-secret", needed=True),)
        secret = None
    if job.model and not is_path(job.model):
        secrets += (Secret("HF_TOKEN", secret or "hf-token", needed=False),)
    return secrets


def _room(job: Job) -> tuple[int | None, tuple[str, ...]]:
    """GiB for the weights as they are stored, a quarter more for what a download leaves behind."""
    if is_path(job.model) and job.server is not Server.NIM:
        return None, ()
    weights = None if job.shape is None else weights_of(job.shape, Serving())
    if weights is None:
        return 200, ("nothing is known of the weights' size: the cache of 200 GiB is a guess",)
    stored = sum(part.bytes for part in weights)
    return -(-int(stored * 1.25) // (10 * GIB)) * 10, ()


def image_of(job: Job) -> str:
    """The image that is named, or the server's public one of the engine's version."""
    if job.setup.image is not None:
        return job.setup.image
    return server_spec(job.server).image(job)


def needs_one_node(container: Container, what: str) -> None:
    """Raise LaunchError when it takes several."""
    if container.nodes > 1:
        raise LaunchError(
            f"{what} is one node, and {container.job.profile.name} takes {container.nodes} nodes "
            f"of {container.gpus} GPUs: render k8s spans them"
        )


def dns_label(text: str) -> str:
    """A name that Kubernetes takes everywhere: RFC 1035, with room for the suffixes of pods."""
    name = (
        _ODD.sub("-", text.rstrip("/").rpartition("/")[2].lower())
        .strip("-")[:MOST_LETTERS]
        .strip("-")
    )
    return name if name[:1].isalpha() else f"m-{name}".strip("-")


_ODD = re.compile(r"[^a-z0-9]+")
MOST_LETTERS = 40


def product_label(product: str) -> str:
    """A product's name as GPU feature discovery writes the label nvidia.com/gpu.product.

    github.com/NVIDIA/k8s-device-plugin v0.20.0, internal/lm/resource.go.
    """
    return "-".join(re.sub(r"[^A-Za-z0-9\-_. ]", "", product).split())
