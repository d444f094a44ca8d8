"""What a container is made of: nodes, names, labels, images and directories."""

import pytest

from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.container import container_of, dns_label, image_of, product_label
from tests.support.launch.cluster_rules import complaints
from tests.support.launch.deployments import job_for, render


@pytest.mark.parametrize(
    ("tp", "pp", "per_node", "nodes"),
    [(16, 1, 7, 4), (16, 1, 8, 2), (8, 2, 8, 2), (4, 3, 8, 3), (2, 4, 8, 1), (2, 4, 4, 2)],
)
def test_a_node_holds_whole_tensor_parallel_groups_where_it_can(tp, pp, per_node, nodes):
    job = job_for("tp1", "vllm")
    job = job.replace(facts=job.facts.replace(tp=tp, pp=pp), gpus=job.gpus * (tp * pp))
    container = container_of(job, gpus_per_node=per_node)
    assert (nodes, tp * pp // nodes) == (container.nodes, container.gpus)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("meta/llama-3.1-8b-instruct", "llama-3-1-8b-instruct"),
        ("Llama_3.1", "llama-3-1"),
        ("/models/my model", "my-model"),
        ("--a--", "a"),
        ("70b-chat", "m-70b-chat"),
        ("", "m"),
        ("模型", "m"),
        ("a" * 39 + "-bc", "a" * 39),
        ("a" * 100, "a" * 40),
    ],
)
def test_a_name_becomes_a_dns_label(text, name):
    assert name == dns_label(text)


@pytest.mark.parametrize("text", ["", "-", "1" * 60, "é" * 60, "a.b/c.d", "A" * 41, "9-"])
def test_a_dns_label_leaves_room_for_suffixes(text):
    name = dns_label(text)
    metadata = {"name": f"{name}-cache", "labels": {"a": name}}
    spec = {"accessModes": [], "resources": {"requests": {}}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }
    assert [] == complaints([claim])
    assert len(name) <= 42


@pytest.mark.parametrize(
    ("product", "label"),
    [
        ("NVIDIA H100 80GB HBM3", "NVIDIA-H100-80GB-HBM3"),
        ("NVIDIA A100-SXM4-40GB", "NVIDIA-A100-SXM4-40GB"),
        ("NVIDIA  RTX (TM) 6000,  Ada ", "NVIDIA-RTX-TM-6000-Ada"),
        ("Quadro® RTX_8000", "Quadro-RTX_8000"),
    ],
)
def test_a_product_is_labelled_as_feature_discovery_labels_it(product, label):
    assert label == product_label(product)


@pytest.mark.parametrize("model", ["./llama", "../llama"])
def test_a_container_wants_a_directory_from_the_root(model):
    with pytest.raises(LaunchError, match=r"a container has no \.+/llama: name the directory from"):
        render("k8s", "tp1", "vllm", fields={"model": model})


def test_tritons_other_ports_must_be_ports():
    with pytest.raises(LaunchError, match="Triton takes the two ports after 65534 too"):
        render("k8s", "tp1", "triton", fields={"port": 65534})


@pytest.mark.parametrize(
    ("server", "version", "image"),
    [
        ("vllm", "0.33.0", "vllm/vllm-openai:v0.33.0"),
        ("sglang", "0.5.23", "lmsysorg/sglang:v0.5.23"),
        ("tensorrt_llm", "1.2.1", "nvcr.io/nvidia/tensorrt-llm/release:1.2.1"),
        ("triton", "0.24.0", "nvcr.io/nvidia/tritonserver:26.07-vllm-python-py3"),
        ("triton", "0.10.2", "nvcr.io/nvidia/tritonserver:25.10-vllm-python-py3"),
        ("nim", "0.33.0", "nvcr.io/nim/meta/llama-3.1-8b-instruct:latest"),
    ],
)
def test_a_server_has_a_public_image_of_the_engines_version(server, version, image):
    job = job_for("tp1", server)
    assert image == image_of(job.replace(version=version))
    assert "registry.example/x:1" == image_of(
        job.replace(setup=job.setup.replace(image="registry.example/x:1"))
    )


def test_an_image_that_nobody_knows_is_asked_for():
    with pytest.raises(
        LaunchError, match=r"no Triton image is known to have vLLM 0\.1\.0.*--image"
    ):
        image_of(job_for("tp1", "triton").replace(version="0.1.0"))
    with pytest.raises(LaunchError, match="name its image with --image"):
        image_of(job_for("tp1", "nim").replace(name="Mine"))


def test_a_name_that_becomes_another_is_told():
    job = job_for("tp1", "vllm")
    named = job.replace(setup=job.setup.replace(name="Bad Name!"))
    container = container_of(named, gpus_per_node=8)
    said = "the deployment is called bad-name: 'Bad Name!' is no name in Kubernetes"
    assert ("bad-name", True) == (container.name, said in container.notes)


@pytest.mark.parametrize("name", [None, "good-name"])
def test_of_a_name_that_is_kept_nothing_is_told(name):
    job = job_for("tp1", "vllm")
    job = job.replace(setup=job.setup.replace(name=name))
    assert not [note for note in container_of(job, gpus_per_node=8).notes if "is called" in note]
