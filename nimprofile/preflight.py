"""What on this host would keep a server from starting, and what is the fix?

Looked at before the engine takes minutes to find it out.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile

from nimprofile.job import is_path
from nimprofile.plan import Server
from nimprofile.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.job import Job
    from nimprofile.plan import LaunchPlan

SHARED_MEMORY_MIB = 1024
"""Below this in /dev/shm, ranks of one engine are known to fail; Docker's own default is 64 MiB
(vLLM, docs/deployment/docker.md)."""

PROGRAMS = {
    Server.VLLM: "vllm",
    Server.SGLANG: "sglang",
    Server.TENSORRT_LLM: "trtllm-serve",
    Server.TRITON: "tritonserver",
    Server.NIM: "docker",
}


class Trouble(Record):
    """What is wrong, and what to do; a `fatal` one keeps the server from starting."""

    problem: str
    fix: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.problem}: {self.fix}"


def troubles(job: Job, plan: LaunchPlan, environ: Mapping[str, str]) -> Iterator[Trouble]:
    """Everything that is wrong here, the fatal and the doubtful."""
    yield from _program(plan, environ)
    yield from _port(job, plan)
    yield from _model(job)
    yield from _cache(job, environ)
    yield from _files(plan)
    if len(job.gpus) > 1 and plan.server is not Server.NIM:
        yield from _shared_memory()
    if plan.server is Server.VLLM and environ.get("VLLM_PORT", "").startswith("tcp:"):
        yield Trouble(
            "VLLM_PORT is a URL, which Kubernetes sets for a Service named vllm",
            "rename the Service, or set enableServiceLinks: false (vLLM, docs/deployment/k8s.md)",
        )


def _program(plan: LaunchPlan, environ: Mapping[str, str]) -> Iterator[Trouble]:
    program, path = plan.argv[0], environ.get("PATH")
    if shutil.which(program, path=path) is not None:
        return
    there = [
        server
        for server, name in PROGRAMS.items()
        if server not in {plan.server, Server.NIM} and shutil.which(name, path=path)
    ]
    fix = f"install {plan.server}, or run this in its image"
    if there:
        fix += f"; {there[0]} is here, and --server {there[0]} selects for it"
    yield Trouble(f"there is no {program} on the PATH", fix)


def _port(job: Job, plan: LaunchPlan) -> Iterator[Trouble]:
    family = socket.AF_INET6 if ":" in job.setup.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((job.setup.host, plan.port))
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or str(error)
            yield Trouble(
                f"port {plan.port} of {job.setup.host} cannot be listened on ({told})",
                "stop what holds it, or name another with --port or NIM_SERVER_PORT",
            )


def _model(job: Job) -> Iterator[Trouble]:
    if is_path(job.model) and not os.path.isfile(os.path.join(job.model, "config.json")):
        missing = "no such directory" if not os.path.isdir(job.model) else "it has no config.json"
        yield Trouble(
            f"the weights are to be in {job.model}, and there is {missing}",
            "mount them there, or name another directory with --model or NIM_MODEL_PATH",
        )
    for name, path in job.setup.adapters if job.lora else ():
        if not os.path.isfile(os.path.join(path, "adapter_config.json")):
            yield Trouble(
                f"the adapter {name} in {path} has no adapter_config.json", "mount it whole"
            )


def _cache(job: Job, environ: Mapping[str, str]) -> Iterator[Trouble]:
    """A model that is downloaded must have where to go."""
    if job.server is Server.NIM:
        folder, variable = job.setup.cache, "--cache"
        if not is_path(folder):
            return
    else:
        offline = environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
        if is_path(job.model) or offline:
            return
        folder, variable = _hub_cache(environ), "HF_HOME"
    if (closed := _closed(folder)) is not None:
        yield Trouble(
            f"the cache {folder} cannot be written ({closed})",
            f"mount it writable for user {os.getuid()}, or name another with {variable}",
        )


def _hub_cache(environ: Mapping[str, str]) -> str:
    """Where huggingface_hub keeps models: its documentation, "Environment variables"."""
    if cache := environ.get("HF_HUB_CACHE"):
        return cache
    home = environ.get("HF_HOME") or os.path.join(
        environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", "/"), ".cache"),
        "huggingface",
    )
    return os.path.join(home, "hub")


def _files(plan: LaunchPlan) -> Iterator[Trouble]:
    for folder in dict.fromkeys(os.path.dirname(file.path) for file in plan.files):
        if (closed := _closed(folder)) is not None:
            fix = "name another directory with --dir"
            yield Trouble(f"files of the plan cannot be written in {folder} ({closed})", fix)


def _closed(folder: str) -> str | None:
    """Why nothing can be written in a directory that may be yet to make; None when it can."""
    there = os.path.abspath(folder)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        return f"{there} is a file"
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:  # root may everything but write to a read-only mount
        return f"{there}: {error.strerror}"


def _shared_memory() -> Iterator[Trouble]:
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - its size is all that is asked
    except OSError:
        return
    size = found.f_frsize * found.f_blocks >> 20
    if size < SHARED_MEMORY_MIB:
        yield Trouble(
            f"/dev/shm has {size} MiB, and the ranks of an engine talk through it",  # noqa: S108
            "start the container with --ipc=host or --shm-size=16g",
            fatal=False,
        )
