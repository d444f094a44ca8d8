"""Documents that deploy a job: Docker, Compose, Kubernetes, the NIM Operator, KServe."""

from __future__ import annotations

import re

from nimprofile.base.expect import expect, expect_text
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.launch.job import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TARGETS = {
    "docker": "docker",
    "compose": "compose",
    "k8s": "kubernetes",
    "nim-operator": "nim_operator",
    "kserve": "kserve",
}
"""Each target and the module here whose `objects` makes its documents; Docker's makes a command."""

_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Rendered(Record):
    """What deploys a server: as values, as text, and what the operator should know."""

    value: Any
    text: str
    notes: tuple[str, ...]


def deployed(
    target: str,
    job: Job,
    *,
    replicas: int = 1,
    gpus_per_node: int = 8,
    secret: str | None = None,
    pull_secret: str | None = None,
) -> Rendered:
    """What deploys a job on a target.

    Args:
        target: one of `TARGETS`: `docker`, `compose`, `k8s`, `nim-operator`, `kserve`.
        job: what is served.
        replicas: how many servers; Docker and Compose have one.
        gpus_per_node: a job of more spans several nodes.
        secret: the Kubernetes secret that holds the key or token, under its variable's name.
        pull_secret: the Kubernetes secret to pull the image with; None is `ngc-secret` for a NIM
            and none for what is public; "" is none.

    Raises LaunchError: the target does not run it, or its image is not known.
    """
    from importlib import import_module

    from nimprofile.base.enums import Server
    from nimprofile.base.errors import LaunchError
    from nimprofile.base.formats.yaml_writer import deployment_yaml
    from nimprofile.base.secrets.output import concealed
    from nimprofile.launch.deploy.container import container_of

    expect_text("deployed: target", target)
    expect("deployed: job", job, Job, hint="job_of(decision, manifest, setup) makes one")
    expect("deployed: replicas", replicas, int)
    expect("deployed: gpus_per_node", gpus_per_node, int)
    if replicas < 1:
        raise LaunchError(f"{replicas} servers serve nobody")
    for what, name in (("secret", secret), ("pull secret", pull_secret)):
        if name and (_SECRET.fullmatch(name) is None or concealed(name) != name):
            problem = "is no name of a Kubernetes secret, such as ngc-api-secret"
            raise LaunchError(f"what is given for the {what} {problem}")  # it may be the key itself
    container = container_of(job, gpus_per_node=gpus_per_node, secret=secret)
    if target not in TARGETS:
        raise LaunchError(f"{quoted(target)} is no target that is known")
    if target == "docker":
        from nimprofile.launch.deploy.docker import docker_plan
        from nimprofile.launch.shell_script import shell_script

        plan = docker_plan(container)
        return Rendered(plan.to_dict(), shell_script(plan), plan.notes)
    if pull_secret is None and job.server is Server.NIM:
        pull_secret = "ngc-secret"  # noqa: S105 - a name
    module = import_module(f"nimprofile.launch.deploy.{TARGETS[target]}")
    objects = module.objects(container, replicas=replicas, pull_secret=pull_secret)
    value = objects[0] if len(objects) == 1 else objects
    origin = f"nimprofile: {job.profile.name} on {len(job.gpus)} × {job.gpus[0].label}"
    return Rendered(value, deployment_yaml(objects, [origin]), container.notes)
