"""The rules that stand in for a cluster and for Compose: they refuse what those refuse."""

import copy

import pytest

from nimprofile.launch.deploy import compose, multinode
from tests.support.launch.cluster_rules import (
    complaints,
    compose_complaints,
    expanded,
    interpolated,
)
from tests.support.launch.deployments import HOME, objects


@pytest.mark.parametrize(
    "text", ["", "a", "$", "$$", "$(HOME)", "$$(HOME)", "${c}", "$c$", "a$b$$c"]
)
def test_a_literal_is_read_as_it_was(text):
    assert text == expanded(multinode.literal(text), HOME)
    assert text == interpolated(compose.literal(text), HOME)


@pytest.mark.parametrize(
    ("text", "read"),
    [("$(HOME)", "/root"), ("$$(HOME)", "$(HOME)"), ("$(NONE)", "$(NONE)"), ("$HOME", "$HOME")],
)
def test_a_cluster_reads_dollars_as_documented(text, read):
    assert read == expanded(text, HOME)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("$HOME", "/root"),
        ("${HOME}/a", "/root/a"),
        ("$$HOME", "$HOME"),
        ("$NONE.", "."),
        ("$(a)", "$(a)"),
    ],
)
def test_compose_reads_dollars_as_documented(text, read):
    assert read == interpolated(text, HOME)


def _set(thing, path, value):
    changed = copy.deepcopy(thing)
    *inside, last = path
    place = changed
    for step in inside:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


HUB = {
    **dict.fromkeys(("modelPuller", "pullSecret", "authSecret", "namespace", "modelName"), "a"),
    "endpoint": "https://hub.example",
}
POD = ("spec", "template", "spec")
SERVER = (*POD, "containers", 0)
PREDICTOR = ("spec", "predictor")
LEADER = ("spec", "leaderWorkerTemplate", "leaderTemplate")


@pytest.mark.parametrize(
    ("where", "kind", "path", "value"),
    [
        (("k8s", "tp1", "vllm"), "Deployment", ("spec", "replica"), 1),
        (("k8s", "tp1", "vllm"), "Deployment", ("spec", "selector", "matchLabels", "a"), "b"),
        (("k8s", "tp1", "vllm"), "Deployment", ("metadata", "name"), "Big"),
        (("k8s", "tp1", "vllm"), "Deployment", ("metadata", "labels", "a"), "b/c"),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "name"), "a_b"),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "command", 0), 1),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "ports", 0, "name"), "web"),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "ports", 0, "containerPort"), 70000),
        (
            ("k8s", "tp1", "vllm"),
            "Deployment",
            (*SERVER, "resources", "limits", "nvidia.com/gpu"),
            "0.5",
        ),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "resources", "limits", "memory"), "1GB"),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "volumeMounts", 0, "name"), "none"),
        (("k8s", "tp1", "vllm"), "Deployment", (*SERVER, "volumeMounts", 0, "mountPath"), "a"),
        (
            ("k8s", "tp1", "vllm"),
            "Deployment",
            (*SERVER, "env", 0),
            {"name": "HF_TOKEN", "value": "x"},
        ),
        (
            ("k8s", "tp1", "vllm"),
            "Deployment",
            (*POD, "volumes", 0, "emptyDir", "sizeLimit"),
            "16GB",
        ),
        (("k8s", "tp1", "vllm"), "PersistentVolumeClaim", ("metadata", "name"), "other"),
        (("k8s", "tp1", "vllm"), "Service", ("spec", "selector", "a"), "b"),
        (("k8s", "tp1", "vllm"), "Service", ("spec", "ports", 0, "targetPort"), "web"),
        (("k8s", "tp1", "vllm"), "Service", ("metadata", "name"), "1a"),
        (("k8s", "tp1", "triton"), "ConfigMap", ("data", "a/b"), ""),
        (("k8s", "tp1", "triton"), "ConfigMap", ("data", "file-0"), None),
        (("kserve", "tp1", "vllm"), "InferenceService", (*PREDICTOR, "nodeSelectors"), {}),
        (("kserve", "tp1", "vllm"), "InferenceService", (*PREDICTOR, "model"), {}),
        (("kserve", "tp1", "vllm"), "InferenceService", (*PREDICTOR, "minReplicas"), "1"),
        (
            ("kserve", "tp1", "vllm"),
            "InferenceService",
            (*PREDICTOR, "containers", 0, "name"),
            "server",
        ),
        (("kserve", "tp1", "vllm"), "InferenceService", ("metadata", "name"), "1a"),
        (("k8s", "tp16", "vllm"), "LeaderWorkerSet", ("spec", "size"), 2),
        (("k8s", "tp16", "vllm"), "LeaderWorkerSet", ("spec", "leaderWorkerTemplate", "size"), 0),
        (("k8s", "tp16", "vllm"), "LeaderWorkerSet", (*LEADER, "spec", "container"), []),
        (("k8s", "tp16", "vllm"), "LeaderWorkerSet", (*LEADER, "metadata", "labels", "role"), "x"),
        (("nim-operator", "tp1", "nim"), "NIMCache", ("spec", "source", "hf"), HUB),
        (("nim-operator", "tp1", "nim"), "NIMCache", ("spec", "source", "ngc"), None),
        (
            ("nim-operator", "tp1", "nim"),
            "NIMCache",
            ("spec", "source", "ngc", "modelEndpoint"),
            "x",
        ),
        (("nim-operator", "tp1", "nim"), "NIMCache", ("spec", "source", "ngc", "pullSecrets"), []),
        (("nim-operator", "tp1", "nim"), "NIMCache", ("spec", "storage", "pvc", "size"), "20GB"),
        (("nim-operator", "tp1", "nim"), "NIMService", ("spec", "authSecret"), None),
        (("nim-operator", "tp1", "nim"), "NIMService", ("spec", "image", "tag"), None),
        (
            ("nim-operator", "tp1", "nim"),
            "NIMService",
            ("spec", "image", "pullSecrets"),
            [{"name": "a"}],
        ),
        (
            ("nim-operator", "tp1", "nim"),
            "NIMService",
            ("spec", "storage", "nimCache", "profile"),
            "x",
        ),
        (("nim-operator", "tp1", "nim"), "NIMService", ("spec", "resources", "limits"), {}),
        (("nim-operator", "tp1", "nim"), "NIMService", ("spec", "scale"), {"enabled": True}),
        (
            ("nim-operator", "tp1", "nim"),
            "NIMService",
            ("spec", "startupProbe", "probe", "path"),
            "/",
        ),
        (("nim-operator", "tp8 pp2", "nim"), "NIMService", ("spec", "multiNode", "size"), 2),
        (
            ("nim-operator", "tp8 pp2", "nim"),
            "NIMService",
            ("spec", "multiNode", "mpi"),
            {"mpiStartTimeout": 1},
        ),
    ],
)
def test_a_cluster_refuses_what_is_wrong(where, kind, path, value):
    found = objects(*where)
    changed = [_set(each, path, value) if each["kind"] == kind else each for each in found]
    assert set(complaints(changed)) - set(complaints(found))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("imagee",), "a"),
        (("environment", "NGC_API_KEY"), "k"),
        (("volumes", 0, "source"), "other"),
        (("deploy", "resources", "reservations", "devices", 0, "capabilities"), None),
        (("deploy", "resources", "reservations", "devices", 0, "count"), 1),
        (("configs",), [{"source": "none", "target": "/a"}]),
    ],
)
def test_compose_refuses_what_is_wrong(path, value):
    (document,) = objects("compose", "tp1", "nim")
    ((name, _),) = document["services"].items()
    assert compose_complaints(_set(document, ("services", name, *path), value))
