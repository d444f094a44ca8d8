"""The Compose file that serves a job.

github.com/compose-spec/compose-spec at 170098b (2026-06): deploy.md "devices", 05-services.md,
12-interpolation.md, where a dollar is written twice.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.launch.deploy.container import needs_one_node
from nimprofile.launch.servers.nim import published
from nimprofile.launch.servers.ranks import literal
from nimprofile.launch.setup import SHARED_MEMORY_GIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.deploy.container import Container

    Document = dict[str, Any]


def objects(container: Container, **_: object) -> list[Document]:
    """The one document; a Compose file has neither replicas nor pull secrets."""
    return [service(container)]


def service(container: Container) -> Document:
    """A Compose file of one service, on the GPUs that were selected."""
    needs_one_node(container, "Compose")
    plan, job = container.plan, container.job
    server: Document = {"image": container.image, "restart": "unless-stopped"}
    if container.command:
        server["entrypoint"] = [literal(argument) for argument in container.command[:1]]
        server["command"] = [literal(argument) for argument in container.command[1:]]
    elif container.args:
        server["command"] = [literal(argument) for argument in container.args]
    if environment := _environment(container):
        server["environment"] = environment
    if job.setup.user is not None and job.server is Server.NIM:
        server["user"] = job.setup.user
    server["ports"] = [published(job.setup.host, plan.port)]
    server["shm_size"] = f"{SHARED_MEMORY_GIB}gb"
    cache = job.setup.cache or container.cache_name
    volumes = [] if container.cache_gib is None else [_volume(cache, container.cache)]
    volumes += [{**_volume(path, path), "read_only": True} for path in container.mounts]
    if volumes:
        server["volumes"] = volumes
    if container.files:
        server["configs"] = [
            {"source": f"file-{at}", "target": file.path} for at, file in enumerate(container.files)
        ]
    device = {
        "driver": "nvidia",
        "device_ids": job.named_devices.split(","),
        "capabilities": ["gpu"],
    }
    server["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    server["healthcheck"] = {
        "test": ["CMD", "python3", "-c", _ASK, f"http://127.0.0.1:{plan.port}{plan.health}"],
        "interval": "10s",
        "timeout": "5s",
        "start_period": "60m",
    }
    if job.server is not Server.NIM:
        server["init"] = True  # the engine as process 1 would get no default for signals
    document: Document = {"services": {container.name: server}}
    if container.cache_gib is not None and "/" not in cache:
        document["volumes"] = {cache: {}}
    if container.files:
        document["configs"] = {
            f"file-{at}": {"content": literal(file.text)} for at, file in enumerate(container.files)
        }
    return document


_ASK = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=4)"


def _environment(container: Container) -> Document:
    """Variables; what is secret comes from the caller's environment, and is asked for there."""
    variables: Document = {name: literal(value) for name, value in container.env}
    for secret in container.secrets:
        name = secret.variable
        variables[name] = f"${{{name}:?set {name} where you start this}}" if secret.needed else None
    return variables


def _volume(source: str, target: str) -> Document:
    kind = "bind" if "/" in source else "volume"
    return {"type": kind, "source": literal(source), "target": literal(target)}
