"""The objects of the NIM Operator, and what it is not given."""

import pytest

from nimprofile.base.errors import LaunchError
from tests.support.launch.cluster_rules import complaints, expanded
from tests.support.launch.deployments import HOME, ON_NODES, literals, objects, one, render


def test_a_cluster_accepts_a_nimservice_on_several_nodes():
    assert [] == complaints(objects(*ON_NODES[-1]))


@pytest.mark.parametrize(("case", "count"), [("tp1", "1"), ("tp2", "2"), ("tp8 pp2", "8")])
def test_a_nimservice_is_limited_to_its_gpus(case, count):
    spec = one(objects("nim-operator", case, "nim"), "NIMService")["spec"]
    assert {"limits": {"nvidia.com/gpu": count}} == spec["resources"]


def test_the_operator_is_told_what_it_does_not_know_itself():
    fields = {"served_name": "my $(HOME)", "extra": ("--x", "$c$$"), "port": 9000}
    spec = one(objects("nim-operator", "tp1", "nim", fields=fields), "NIMService")["spec"]
    assert {"NIM_SERVED_MODEL_NAME": "my $(HOME)"} == literals(spec)
    assert ["--x", "$c$$"] == [expanded(word, HOME) for word in spec["args"]]
    assert {"type": "ClusterIP", "port": 9000} == spec["expose"]["service"]


def test_shared_memory_is_16_gib_with_the_operator():
    spec = one(objects("nim-operator", "tp2", "nim"), "NIMService")["spec"]
    assert "16Gi" == spec["storage"]["sharedMemorySizeLimit"]


def test_the_operator_asks_nim_whether_it_is_ready():
    spec = one(objects("nim-operator", "tp1", "nim"), "NIMService")["spec"]
    probe = spec["startupProbe"]
    assert probe["enabled"] is True
    assert {"path": "/v1/health/ready", "port": "api"} == probe["probe"]["httpGet"]


def test_the_operator_has_the_secrets_it_is_told():
    found = objects("nim-operator", "tp1", "nim", secret="key", pull_secret="pull")
    source = one(found, "NIMCache")["spec"]["source"]["ngc"]
    spec = one(found, "NIMService")["spec"]
    assert ("key", "pull") == (source["authSecret"], source["pullSecret"])
    assert ("key", ["pull"]) == (spec["authSecret"], spec["image"]["pullSecrets"])
    found = objects("nim-operator", "tp1", "nim")
    source = one(found, "NIMCache")["spec"]["source"]["ngc"]
    assert ("ngc-api-secret", "ngc-secret") == (source["authSecret"], source["pullSecret"])


def test_the_operator_downloads_and_starts_one_image():
    fields = {"image": "registry.example:5000/nim/llama:1.8.4"}
    found = objects("nim-operator", "tp1", "nim", fields=fields, replicas=2)
    spec = one(found, "NIMService")["spec"]
    puller = one(found, "NIMCache")["spec"]["source"]["ngc"]["modelPuller"]
    assert "registry.example:5000/nim/llama:1.8.4" == puller
    image = spec["image"]
    assert ("registry.example:5000/nim/llama", "1.8.4") == (image["repository"], image["tag"])
    assert 2 == spec["replicas"]


@pytest.mark.parametrize(
    ("case", "server", "problem"),
    [
        ("tp1", "vllm", "runs NIMs, not vllm"),
        ("a directory", "nim", "leave --model out"),
        ("lora", "nim", "leave the adapters out"),
        ("tp16", "nim", "one pipeline stage on each node"),
    ],
)
def test_the_operator_refuses_what_it_would_not_run(case, server, problem):
    with pytest.raises(LaunchError, match=problem):
        render("nim-operator", case, server)


def test_the_operator_is_told_no_part_of_a_registry_as_a_tag():
    fields = {"image": "registry.example:5000/nim/llama"}
    try:
        found = objects("nim-operator", "tp1", "nim", fields=fields)
    except LaunchError:
        return
    image = one(found, "NIMService")["spec"]["image"]
    wanted = ("registry.example:5000/nim/llama", "latest")
    assert wanted == (image["repository"], image["tag"])


def test_the_operator_is_given_no_instance_to_which_it_would_add_a_whole_gpu():
    with pytest.raises(LaunchError):
        render("nim-operator", "mig", "nim")


def test_the_operator_is_given_no_arguments_that_it_drops():
    with pytest.raises(LaunchError):
        render("nim-operator", "arguments", "nim")


def test_the_operator_puts_a_stage_on_each_node():
    spec = one(objects("nim-operator", "tp8 pp2", "nim"), "NIMService")["spec"]
    wanted = {
        "backendType": "lws",
        "parallelism": {"tensor": 8, "pipeline": 2},
        "ray": {"rayPort": 6379},
    }
    assert wanted == spec["multiNode"]
    assert "multiNode" not in one(objects("nim-operator", "tp2", "nim"), "NIMService")["spec"]


@pytest.mark.parametrize(
    ("image", "repository", "tag", "policy"),
    [
        ("nvcr.io/nim/a:2.0.12", "nvcr.io/nim/a", "2.0.12", "IfNotPresent"),
        ("nvcr.io/nim/a", "nvcr.io/nim/a", "latest", "Always"),
        ("registry.example:5000/a", "registry.example:5000/a", "latest", "Always"),
    ],
)
def test_the_operator_is_told_repository_and_tag(image, repository, tag, policy):
    service = one(objects("nim-operator", "tp1", "nim", fields={"image": image}), "NIMService")
    wanted = {"repository": repository, "tag": tag, "pullPolicy": policy}
    assert wanted.items() <= service["spec"]["image"].items()


def test_the_operator_takes_no_digest():
    with pytest.raises(LaunchError, match="names its image by a tag"):
        render("nim-operator", "tp1", "nim", fields={"image": f"a@sha256:{'0' * 64}"})
