"""What on this host would keep a server from starting, and how to fix it.

It is checked before the start, because an engine can take minutes to fail.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import subprocess
import tempfile

from nimprofile.base.enums import Server
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.units import format_gib
from nimprofile.launch.downloads import cache_of, existing, free_bytes, to_download
from nimprofile.launch.flags import last_port
from nimprofile.launch.judged.weights_source import missing_weights
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.servers.nim import KEY
from nimprofile.launch.servers.triton import FLAGS as TRITON_FLAGS
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan

SHARED_MEMORY_MIB = 1024
"""Below this in /dev/shm, ranks of one engine are known to fail; Docker's own default is 64 MiB
(vLLM, docs/deployment/docker.md)."""

PATIENCE = 10.0
"""Seconds that another Python may take to say whether it has a module."""


class HostProblem(Record):
    """What is wrong on this host, and what to do; a fatal one keeps the server from starting."""

    problem: str
    fix: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.problem}: {self.fix}"


def host_problems(job: Job, plan: LaunchPlan, environ: Mapping[str, str]) -> Iterator[HostProblem]:
    """Everything on this host that is wrong, or likely to be."""
    yield from program_problems(plan, environ)
    yield from _ports(job, plan)
    yield from weights_problems(job)
    yield from adapter_problems(job)
    yield from _cache(job, environ)
    yield from file_problems(plan)
    if plan.server is Server.NIM and (problem := key_problem(environ)) is not None:
        yield problem
    if len(job.gpus) > 1 and plan.server is not Server.NIM:
        yield from shared_memory_problems()
    if plan.server in {Server.VLLM, Server.TRITON}:
        yield from variables_of_vllm(environ)


def key_problem(environ: Mapping[str, str]) -> HostProblem | None:
    """That NGC's key is not set; who needs none is in NIM LLM 2.0.13, get-started/configuration."""
    if environ.get(KEY, "").strip():
        return None
    fix = "set it: NGC wants it for images and weights, but for those of NIM 2.0.10 and later that "
    fix += "are of no production branch"
    return HostProblem(f"{KEY} is not set", fix, fatal=False)


def variables_of_vllm(environ: Mapping[str, str]) -> Iterator[HostProblem]:
    """Variables that vLLM takes for its port and its number of copies."""
    copies = environ.get("VLLM_DP_SIZE", "").strip() or "1"
    if copies != "1":
        yield HostProblem(
            "VLLM_DP_SIZE is set, and vLLM would want GPUs for as many copies of the model",
            "unset it: the profile was judged for one (vllm/envs.py, config/parallel.py)",
        )
    if environ.get("VLLM_PORT", "").startswith("tcp:"):
        yield HostProblem(
            "VLLM_PORT is a URL, which Kubernetes sets for a Service named vllm",
            "rename the Service, or set enableServiceLinks: false (vLLM, docs/deployment/k8s.md)",
        )


def program_problems(plan: LaunchPlan, environ: Mapping[str, str]) -> Iterator[HostProblem]:
    """The program that is started must be on the PATH."""
    program, path = plan.argv[0], environ.get("PATH")
    if (there := shutil.which(program, path=path)) is not None:
        if plan.argv[1] == "-m" and not _has_module(there, plan.argv[2].partition(".")[0]):
            fix = f"install it there, or run this in {plan.server}'s image"
            yield HostProblem(f"{there} has no {plan.argv[2]}", fix)
        return
    others = [
        server
        for server in Server
        if server not in {plan.server, Server.NIM}
        and shutil.which(server_spec(server).program, path=path)
    ]
    wanted = "Docker and the NVIDIA Container Toolkit" if program == "docker" else plan.server
    fix = f"install {wanted}, or run this in {plan.server}'s image"
    if others:
        fix += f"; {others[0]} is here, and --server {others[0]} selects for it"
    yield HostProblem(f"there is no {program} on the PATH", fix)


def _has_module(python: str, module: str) -> bool:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [python, "-c", code, module],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # what cannot be asked is found out by its start
        return True
    return done.returncode == 0


def _ports(job: Job, plan: LaunchPlan) -> Iterator[HostProblem]:
    ports = ports_of(plan)
    if (shared := shared_port(ports)) is not None:
        yield shared
        return
    for port in ports:
        if (problem := port_problem(job.setup.host, port)) is not None:
            yield problem


def ports_of(plan: LaunchPlan) -> tuple[int, ...]:
    """The ports that a server listens on: Triton's are three."""
    more = _MORE_PORTS if plan.server is Server.TRITON else ()
    return (plan.port, *(last_port(plan.argv, flag, TRITON_FLAGS, 0) for flag in more))


def shared_port(ports: tuple[int, ...]) -> HostProblem | None:
    """That a server is given one port twice; None when it is not."""
    for port in ports:
        if ports.count(port) > 1:
            fix = "name others with --port, or with --grpc-port and --metrics-port after --"
            return HostProblem(f"port {port} is that of two of Triton's services", fix)
    return None


_MORE_PORTS = ("--grpc-port", "--metrics-port")


def port_problem(host: str, port: int) -> HostProblem | None:
    """Why nothing can listen there; None when something can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        fix = "stop what holds it, or name another with --port or NIM_SERVER_PORT"
        number = getattr(error, "errno", None)
        if isinstance(error, socket.gaierror) or number in _NOT_HERE:
            fix = "name an address of this host with --host"
        elif number == errno.EACCES:
            fix = "name a port from 1024 on with --port or NIM_SERVER_PORT: those below are root's"
        return HostProblem(f"port {port} of {host} cannot be listened on ({why})", fix)
    return None


_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def is_taken(address: str, port: int) -> bool | None:
    """Whether something listens at a number of this host, which has no name; None: not known."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:  # IPv4 is asked about by itself
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return True if error.errno == errno.EADDRINUSE else None
    return False


def weights_problems(job: Job) -> Iterator[HostProblem]:
    """A directory of weights must have them, and a name must be one of Hugging Face's."""
    fix = "mount them there, or name another with --model or NIM_MODEL_PATH"
    if is_path(job.model):
        if not os.path.isfile(os.path.join(job.model, "config.json")):
            is_there = os.path.isdir(job.model)
            missing = "it has no config.json" if is_there else "there is no such directory"
            yield HostProblem(f"the weights are to be in {job.model}, and {missing}", fix)
        elif (lacks := missing_weights(job.model)) is not None:
            fetch = "fetch them (`hf download NAME --local-dir DIR`), "
            yield HostProblem(
                f"the weights are to be in {job.model}, and it has {lacks}", fetch + fix
            )
    elif job.model and job.server is not Server.NIM and _REPOSITORY.fullmatch(job.model) is None:
        yield HostProblem(f"{quoted(job.model)} is no directory, and no name on Hugging Face", fix)


_REPOSITORY = re.compile(r"[\w.-]+(?:/[\w.-]+)?", re.ASCII)


def adapter_problems(job: Job) -> Iterator[HostProblem]:
    """A directory of adapters must be there, and have some."""
    source = job.setup.peft_source if job.lora else None
    if source is None or job.setup.adapters:
        return
    if not os.path.isdir(source):
        yield HostProblem(f"there is no directory {source} of adapters", "mount it there")
    elif job.server is not Server.NIM:  # which looks again, every NIM_PEFT_REFRESH_INTERVAL
        yield HostProblem(
            f"no directory in {source} has an adapter_config.json",
            "name the directory whose directories are the adapters",
        )


def _cache(job: Job, environ: Mapping[str, str]) -> Iterator[HostProblem]:
    """The cache that a model is downloaded into must be writable, and have room for it."""
    cache = cache_of(job, environ)
    if cache is None:
        return
    folder, variable = cache
    if (why := why_not_writable(folder)) is not None:
        if variable == "NIM_CACHE_PATH":  # a NIM is served of a cache that is filled and read-only
            return
        yield HostProblem(
            f"the cache {folder} cannot be written ({why})",
            f"mount it writable for user {os.getuid()}, or name another with {variable}",
        )
        return
    yield from room_problems(job, folder, variable, environ)


def room_problems(
    job: Job, folder: str, variable: str, environ: Mapping[str, str]
) -> Iterator[HostProblem]:
    """A cache must have room for what is yet to be downloaded."""
    needed, free = to_download(job, folder, environ), free_bytes(folder)
    if needed is not None and free is not None and needed > free:
        smaller = ", unless the NIM's own are smaller" if job.server is Server.NIM else ""
        yield HostProblem(
            f"the cache {folder} has {format_gib(free)} free, and {format_gib(needed)} of weights "
            f"are to be downloaded{smaller}",
            f"make room there, or name another with {variable}",
            fatal=job.server is not Server.NIM,
        )


def file_problems(plan: LaunchPlan) -> Iterator[HostProblem]:
    """The directories of the plan's files must be writable."""
    for folder in dict.fromkeys(os.path.dirname(file.path) for file in plan.files):
        if (why := why_not_writable(folder)) is not None:
            fix = "name another directory with --dir"
            yield HostProblem(f"files of the plan cannot be written in {folder} ({why})", fix)


def why_not_writable(folder: str) -> str | None:
    """Why a directory, there or yet to be made, cannot be written; None when it can."""
    there = existing(folder)
    if not os.path.isdir(there):
        return f"{there} is a file"
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:  # root can write anywhere but on a read-only mount
        return f"{there}: {error.strerror}"


def shared_memory_bytes() -> int | None:
    """The size of /dev/shm; None without one."""
    try:
        filesystem = os.statvfs("/dev/shm")  # noqa: S108 - its size is all that is asked
    except OSError:
        return None
    return filesystem.f_frsize * filesystem.f_blocks


def shared_memory_problems() -> Iterator[HostProblem]:
    """The ranks of an engine need more shared memory than Docker gives by default."""
    size = shared_memory_bytes()
    if size is not None and size >> 20 < SHARED_MEMORY_MIB:
        yield HostProblem(
            f"/dev/shm has {size >> 20} MiB, and the ranks of an engine talk through it",  # noqa: S108
            "start the container with --ipc=host or --shm-size=16g",
            fatal=False,
        )
