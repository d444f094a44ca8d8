"""The `docker run` that serves a job.

docs/deployment/docker.md of vLLM, docs/get_started/install.md of SGLang and the quick starts of
TensorRT-LLM and Triton: GPUs, shared memory, the cache of Hugging Face. NIM's: `servers/nim.py`.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.launch.deploy.container import FOLDER, needs_one_node
from nimprofile.launch.plan import LaunchPlan, PlanFile
from nimprofile.launch.planning import plan_of
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.servers.nim import published, volume
from nimprofile.launch.setup import SHARED_MEMORY_GIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.deploy.container import Container


def docker_plan(container: Container) -> LaunchPlan:
    """A plan whose program is `docker`; its files are written beside, and mounted."""
    needs_one_node(container, "docker run")
    job, inner = container.job, container.plan
    if job.server is Server.NIM:
        return plan_of(job)
    argv = ["docker", "run", "--rm", "--init", "--gpus", f'"device={job.named_devices}"']
    if server_spec(job.server).locks_memory:
        argv += ["--ulimit", "memlock=-1", "--ulimit", "stack=67108864"]
    argv += ["--shm-size", f"{SHARED_MEMORY_GIB}g", "-p", published(job.setup.host, inner.port)]
    if container.cache_gib is not None:
        cache = job.setup.cache or container.cache_name
        argv += ["-v", volume(cache, container.cache)]
    for path in container.mounts:
        argv += ["-v", volume(path, path, "ro")]
    setup = job.setup
    if "/" not in setup.folder:  # it would be a volume of Docker's
        setup = setup.replace(folder=f"./{setup.folder}")
    files = tuple(
        PlanFile(setup.file(file.path.removeprefix(f"{FOLDER}/")), file.text)
        for file in inner.files
    )
    for here, there in zip(files, inner.files, strict=True):
        argv += ["-v", volume(here.path, there.path, "ro")]
    for secret in container.secrets:
        argv += ["-e", secret.variable]
    program, *arguments = container.command
    argv += ["--entrypoint", program, container.image, *arguments]
    return inner.replace(argv=tuple(argv), env=(), files=files, notes=container.notes)
