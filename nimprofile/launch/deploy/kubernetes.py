"""The Kubernetes objects of a job: Deployment or LeaderWorkerSet, Service, claim of the cache.

Probes, shared memory and the claim for the cache: docs/deployment/k8s.md of vLLM (v0.33),
deploy/k8s-onprem of Triton, and the NIM Operator's defaults (api/apps/v1alpha1, v3.1.2). Pods of
one server on several nodes: sigs.k8s.io/lws v0.10.0, docs/examples/vllm and its `LWS_…` variables.
"""

from __future__ import annotations

import re

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.printable import quoted
from nimprofile.launch.deploy.container import FOLDER, product_label
from nimprofile.launch.deploy.multinode import member
from nimprofile.launch.servers.ranks import literal
from nimprofile.launch.setup import SHARED_MEMORY_GIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.deploy.container import Container

    Object = dict[str, Any]

STARTUP_SECONDS = 3600
"""How long a first start may take: the weights are downloaded, and an engine may be built."""


def objects(container: Container, *, replicas: int, pull_secret: str | None) -> list[Object]:
    """A PersistentVolumeClaim, a ConfigMap where there are files, the pods, and a Service."""
    documents = claims(container, replicas)
    if container.files:
        documents.append(config_map(container))
    if container.nodes > 1:
        documents.append(_leader_worker_set(container, replicas, pull_secret))
    else:
        documents.append(_deployment(container, replicas, pull_secret))
    documents.append(_service(container))
    return documents


def _deployment(container: Container, replicas: int, pull_secret: str | None) -> Object:
    labels = _labels(container)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(container),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": ROLLING,
            "template": {
                "metadata": {"labels": labels},
                "spec": pod(container, "server", pull_secret),
            },
        },
    }


def _leader_worker_set(container: Container, replicas: int, pull_secret: str | None) -> Object:
    leader, worker = (
        pod(container, name, pull_secret, rank=rank)
        for name, rank in (("leader", 0), ("worker", 1))
    )
    labels = _labels(container)
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": metadata(container),
        "spec": {
            "replicas": replicas,
            "leaderWorkerTemplate": {
                "size": container.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {
                    "metadata": {"labels": {**labels, "role": "leader"}},
                    "spec": leader,
                },
                "workerTemplate": {"metadata": {"labels": labels}, "spec": worker},
            },
        },
    }


def pod(
    container: Container, name: str, pull_secret: str | None, *, rank: int | None = None
) -> Object:
    """The pod of a server; of several nodes, that of the first or of the others."""
    job = container.job
    volumes: list[Object] = [
        {
            "name": "shm",
            "emptyDir": {"medium": "Memory", "sizeLimit": f"{SHARED_MEMORY_GIB}Gi"},
        },
    ]
    mounts: list[Object] = [
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - of the container
    ]
    if container.cache_gib is not None:
        claim = {"claimName": container.cache_name}
        volumes.append({"name": "cache", "persistentVolumeClaim": claim})
        mounts.append({"name": "cache", "mountPath": container.cache})
    for at, path in enumerate(container.mounts):
        volumes.append({"name": f"host-{at}", "hostPath": {"path": path, "type": "Directory"}})
        mounts.append({"name": f"host-{at}", "mountPath": path, "readOnly": True})
    if container.files:
        items = [
            {"key": _key(at), "path": file.path.removeprefix(f"{FOLDER}/")}
            for at, file in enumerate(container.files)
        ]
        volumes.append(
            {"name": "files", "configMap": {"name": f"{container.name}-files", "items": items}}
        )
        mounts.append({"name": "files", "mountPath": FOLDER, "readOnly": True})
    server: Object = {"name": name, "image": container.image}
    command, args, extra = member(container, rank)
    server |= {key: value for key, value in (("command", command), ("args", args)) if value}
    if env := unique([*_env(container), *extra]):
        server["env"] = env
    if not rank:
        server["ports"] = [{"name": "http", "containerPort": container.plan.port}]
        server |= probes(container)
    server["resources"] = {"limits": {resource(job.gpus): str(container.gpus)}}
    server["volumeMounts"] = mounts
    spec: Object = {"containers": [server], "volumes": volumes}
    spec["nodeSelector"] = node_selector(job.gpus)
    if job.server is Server.NIM:
        # NIM runs as user 1000, and its cache must be writable for it (LLM "configuration").
        spec["securityContext"] = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
    if pull_secret:
        spec["imagePullSecrets"] = [{"name": pull_secret}]
    spec["terminationGracePeriodSeconds"] = 60
    spec["automountServiceAccountToken"] = False
    spec["enableServiceLinks"] = False  # a Service called vllm would set VLLM_PORT to a URL
    return spec


def unique(variables: list[Object]) -> list[Object]:
    """Variables of which each stands once: the last of a name holds."""
    return list({variable["name"]: variable for variable in variables}.values())


def _env(container: Container) -> list[Object]:
    return [
        *({"name": name, "value": literal(value)} for name, value in container.env),
        *_secret_env(container),
    ]


def _secret_env(container: Container) -> list[Object]:
    """References to secrets, never what they hold."""
    variables = []
    for secret in container.secrets:
        reference: Object = {"name": secret.secret, "key": secret.variable}
        if not secret.needed:
            reference["optional"] = True
        variables.append({"name": secret.variable, "valueFrom": {"secretKeyRef": reference}})
    return variables


def probes(container: Container) -> Object:
    """Startup as long as a first start takes; then readiness, and liveness less often."""
    period = 10

    def get(path: str) -> Object:
        return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": period}

    health, live = container.plan.health, container.live
    return {
        "startupProbe": {**get(health), "failureThreshold": STARTUP_SECONDS // period},
        "readinessProbe": {**get(health), "timeoutSeconds": 5},
        "livenessProbe": {**get(live), "timeoutSeconds": 5, "failureThreshold": 6},
    }


def claims(container: Container, replicas: int) -> list[Object]:
    """Room for a model that is downloaded, so that a restart does not do it again."""
    if container.cache_gib is None:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": container.cache_name, "labels": _labels(container)},
            "spec": {
                "accessModes": [access_mode(container, replicas)],
                "resources": {"requests": {"storage": f"{container.cache_gib}Gi"}},
            },
        }
    ]


def access_mode(container: Container, replicas: int) -> str:
    """How many nodes mount the cache."""
    return "ReadWriteMany" if replicas * container.nodes > 1 else "ReadWriteOnce"


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
"""A new server beside the old would want GPUs that the old one still holds."""


def config_map(container: Container) -> Object:
    """The files of a plan; a key has no slash, so the volume says where each belongs."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{container.name}-files", "labels": _labels(container)},
        "data": {_key(at): file.text for at, file in enumerate(container.files)},
    }


def _key(at: int) -> str:
    return f"file-{at}"


def _service(container: Container) -> Object:
    name, selector = container.name, _labels(container)
    if container.nodes > 1:
        selector = {**selector, "role": "leader"}
        name = f"{name}-leader"  # LeaderWorkerSet makes a headless Service of its own name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": _labels(container)},
        "spec": {
            "selector": selector,
            "ports": [{"name": "http", "port": container.plan.port, "targetPort": "http"}],
        },
    }


def _labels(container: Container) -> dict[str, str]:
    return {"app.kubernetes.io/name": container.name}


def metadata(container: Container) -> Object:
    """Its name, and which profile it is."""
    profile = container.job.profile
    return {
        "name": container.name,
        "labels": _labels(container),
        "annotations": {"nimprofile/profile": profile.name, "nimprofile/profile-id": profile.id},
    }


_MIG = re.compile(r"(?P<board>.+) MIG (?P<profile>[0-9]+g\.[0-9]+gb(?:\+[a-z0-9.]+)*)")
"""The instances that the device plugin has a resource for: all compute slices of a GPU instance."""


def resource(gpus: tuple[Gpu, ...]) -> str:
    """What the device plugin calls these GPUs; MIG instances as under its strategy `mixed`."""
    if (mig := _mig(gpus)) is not None:
        return f"nvidia.com/mig-{mig['profile'].replace('+', '.')}"
    return "nvidia.com/gpu"


def node_selector(gpus: tuple[Gpu, ...]) -> dict[str, str]:
    """The label of nodes with the product that was judged."""
    mig = _mig(gpus)
    names = {gpu.name for gpu in gpus if gpu.name}
    if len(names) != 1:
        raise LaunchError(f"the GPUs have no one product to select nodes by: {sorted(names)}")
    product = names.pop() if mig is None else mig["board"]
    label = product_label(product)
    if _LABEL.fullmatch(label) is None:
        raise LaunchError(f"no node is labelled with the product {quoted(product)}")
    return {"nvidia.com/gpu.product": label}


_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def _mig(gpus: tuple[Gpu, ...]) -> re.Match[str] | None:
    if not gpus or gpus[0].mig is None:
        return None
    mig = _MIG.fullmatch(gpus[0].name or "")
    if mig is None:
        raise LaunchError(f"Kubernetes has no resource for {gpus[0].label}")
    return mig
