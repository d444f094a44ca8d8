"""The objects of the NIM Operator that serve a job: a NIMCache, and a NIMService pinned to it.

github.com/NVIDIA/k8s-nim-operator v3.1.2: api/apps/v1alpha1, config/samples/nim.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.kubernetes import (
    STARTUP_SECONDS,
    access_mode,
    node_selector,
    resource,
    unique,
)
from nimprofile.launch.servers.nim import READY, generation
from nimprofile.launch.servers.ranks import RAY_PORT, literal
from nimprofile.launch.setup import SHARED_MEMORY_GIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.deploy.container import Container

    Object = dict[str, Any]


def objects(container: Container, *, replicas: int, pull_secret: str | None) -> list[Object]:
    """A cache that holds the profile alone, and the service that starts it.

    Raises LaunchError: it is no NIM, a model of one's own, or divided as the operator divides none.
    """
    _refuse(container)
    job = container.job
    secret = container.secrets[0].secret
    name = container.name
    source: Object = {"modelPuller": container.image, "authSecret": secret}
    if pull_secret:
        source["pullSecret"] = pull_secret
    source["model"] = {"profiles": [job.profile.id]}
    selector = node_selector(job.gpus)
    claim = {
        "create": True,
        "size": f"{container.cache_gib}Gi",
        "volumeAccessMode": access_mode(container, replicas),
    }
    image = _image(container.image)
    if pull_secret:
        image["pullSecrets"] = [pull_secret]
    environment = [
        {"name": variable, "value": literal(value)}
        for variable, value in container.env
        if variable not in _BY_OPERATOR
    ]
    service: Object = {"image": image, "authSecret": secret}
    if container.args:
        service["args"] = [literal(argument) for argument in container.args]
    if environment:
        service["env"] = environment
    service |= {
        "storage": {
            "nimCache": {"name": name, "profile": job.profile.id},
            "sharedMemorySizeLimit": f"{SHARED_MEMORY_GIB}Gi",
        },
        "replicas": replicas,
        "nodeSelector": selector,
        "resources": {"limits": {resource(job.gpus): str(container.gpus)}},
        "expose": {"service": {"type": "ClusterIP", "port": job.port}},
        "startupProbe": {
            "enabled": True,
            "probe": {
                "httpGet": {"path": READY, "port": "api"},
                "periodSeconds": 10,
                "failureThreshold": STARTUP_SECONDS // 10,
            },
        },
    }
    if container.nodes > 1:
        service["multiNode"] = _multi_node(container)
        # Ray's workers have no formatter for JSON logs (LLM 2.0, "multi-node-deployment").
        service["env"] = unique([*environment, {"name": "NIM_JSONL_LOGGING", "value": "0"}])
    head = {"apiVersion": "apps.nvidia.com/v1alpha1"}
    return [
        {
            **head,
            "kind": "NIMCache",
            "metadata": {"name": name},
            "spec": {
                "source": {"ngc": source},
                "storage": {"pvc": claim},
                "nodeSelector": selector,
            },
        },
        {**head, "kind": "NIMService", "metadata": {"name": name}, "spec": service},
    ]


def _refuse(container: Container) -> None:
    """Raise LaunchError for what the operator does not run."""
    job = container.job
    if job.server is not Server.NIM:
        raise LaunchError(f"the NIM Operator runs NIMs, not {job.server}: leave --server out")
    if job.model:
        raise LaunchError("a NIMCache of the catalogue has its own weights: leave --model out")
    if container.mounts:
        raise LaunchError("a NIMService mounts no directory of the host: leave the adapters out")
    if job.gpus[0].mig is not None:
        raise LaunchError("the NIM Operator gives a NIM whole GPUs: render k8s knows MIG instances")
    if container.nodes > 1 and container.args:
        raise LaunchError("the NIM Operator hands no arguments to several nodes: leave -- out")


def _image(image: str) -> Object:
    """A tag that moves is pulled anew, or a node's old image meets ids of a new one."""
    if "@" in image:
        raise LaunchError(f"a NIMService names its image by a tag, and {image} has a digest")
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:  # the colon was that of a port, or there was none
        repository, tag = image, "latest"
    policy = "Always" if tag == "latest" else "IfNotPresent"
    return {"repository": repository, "tag": tag, "pullPolicy": policy}


_BY_OPERATOR = frozenset({"NIM_MODEL_PROFILE", "NIM_SERVER_PORT"})
"""What the operator sets itself, from `storage.nimCache.profile` and `expose.service.port`."""


def _multi_node(container: Container) -> Object:
    """A stage on each node, which is all that the operator knows (`multiNode.parallelism`)."""
    job = container.job
    if (job.tp, job.pp) != (container.gpus, container.nodes):
        raise LaunchError(
            f"the NIM Operator puts one pipeline stage on each node, and tp {job.tp} × pp {job.pp} "
            f"takes {container.nodes} nodes of {container.gpus} GPUs"
        )
    first = generation(container.image) == 1  # later ones join through Ray (operator 3.1.1)
    return {
        "backendType": "lws",
        "parallelism": {"tensor": job.tp, "pipeline": job.pp},
        **({"mpi": {"mpiStartTimeout": 300}} if first else {"ray": {"rayPort": RAY_PORT}}),
    }
