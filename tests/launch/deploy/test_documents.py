"""What every target has in common: the same profile, paths, variables and notes."""

import pytest
import yaml

from nimprofile import bundled_manifests, load_manifest, mock_inventory, select
from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.documents import deployed
from nimprofile.launch.planning import job_of
from nimprofile.launch.setup import Setup
from nimprofile.selection.request import Request
from tests.support.launch.cluster_rules import complaints, containers, expanded, pods
from tests.support.launch.deployments import (
    CASES,
    FOLDER,
    HOME,
    ID,
    ODD,
    ON_KUBERNETES,
    ON_NODES,
    OWN,
    SERVERS,
    _pinned,
    composed,
    job_for,
    literals,
    objects,
    one,
    plan_inside,
    render,
    told,
)


@pytest.mark.parametrize(
    ("target", "case", "server"),
    [*ON_KUBERNETES, *ON_NODES, *(("compose", *each) for each in OWN)],
)
def test_the_text_says_the_same_as_the_value(target, case, server):
    rendered = render(target, case, server)
    found = [*yaml.safe_load_all(rendered.text)]
    assert rendered.value == (found[0] if len(found) == 1 else found)
    assert rendered.text == deployed(target, job_for(case, server)).text


def test_the_text_begins_with_what_it_serves_on_what():
    first, _, _ = render("k8s", "tp2", "vllm").text.partition("\n")
    assert "# nimprofile: vllm-bf16-tp2-pp1 on 2 × NVIDIA H100 80GB HBM3" == first


@pytest.mark.parametrize("name", bundled_manifests())
@pytest.mark.parametrize("target", ["k8s", "nim-operator"])
def test_every_bundled_manifest_is_deployed(name, target):
    manifest = load_manifest(name)
    decision = select(manifest, mock_inventory("8xh100"), Request())
    job = job_of(decision, manifest, Setup(server="nim"))
    found = deployed(target, job).value
    assert [] == complaints(found)
    assert {decision.selected.profile.id} == _pinned(found, target)


@pytest.mark.parametrize("target", ["compose", "docker", "k8s", "kserve", "nim-operator"])
def test_a_nim_is_pinned_to_the_profile(target):
    if target == "docker":
        pinned = {told(render(target, "tp1", "nim").value["argv"])["NIM_MODEL_PROFILE"]}
    elif target == "compose":
        pinned = {composed("tp1", "nim")[1]["environment"]["NIM_MODEL_PROFILE"]}
    else:
        pinned = _pinned(objects(target, "tp1", "nim"), target)
    assert {ID} == pinned


@pytest.mark.parametrize("server", SERVERS)
def test_a_path_with_dollars_is_the_same_in_the_command_and_in_files(server):
    plan = plan_inside("tp1", server, model=ODD)
    assert ODD in f"{plan.argv} {plan.env} {plan.files}"
    for target in ("k8s", "kserve"):
        found = objects(target, "tp1", server, fields={"model": ODD})
        (container,) = [each for thing in found for each in containers(thing)]
        if server == "nim":
            assert ODD == literals(container)["NIM_MODEL_PATH"]
        else:
            assert [*plan.argv] == [expanded(word, HOME) for word in container["command"]]
        if server == "triton":
            data = one(found, "ConfigMap")["data"]
            assert {file.text for file in plan.files} == {*data.values()}
    document, service = composed("tp1", server, model=ODD)
    if server == "nim":
        assert ODD == service["environment"]["NIM_MODEL_PATH"]
    else:
        assert [*plan.argv] == service["entrypoint"] + service["command"]
    contents = [each["content"] for each in document.get("configs", {}).values()]
    assert [file.text for file in plan.files] == contents
    mounted = service["volumes"][-1]
    assert ODD == mounted["source"] == mounted["target"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("target", ["k8s", "kserve", "compose"])
def test_a_nim_is_told_the_same_wherever_it_runs(target, case):
    wanted = told(plan_inside(case, "nim").argv)
    assert ID == wanted["NIM_MODEL_PROFILE"]
    if target == "compose":
        found = composed(case, "nim")[1]["environment"]
        found.pop("NGC_API_KEY")
    else:
        things = objects(target, case, "nim")
        (found,) = (literals(container) for each in things for container in containers(each))
    assert wanted == found


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("case", "path"), [("lora", "/adapters"), ("a directory", "/models/llama"), ("tp1", None)]
)
def test_a_directory_of_the_host_stands_at_the_same_place_and_is_read_only(server, case, path):
    wanted = [] if path is None else [(path, path, True)]
    for target in ("k8s", "kserve"):
        found = objects(target, case, server)
        (pod,) = [pod for each in found for _, pod in pods(each).values()]
        hosts = {each["name"]: each["hostPath"] for each in pod["volumes"] if "hostPath" in each}
        mounts = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] in hosts]
        assert wanted == [
            (hosts[each["name"]]["path"], each["mountPath"], each["readOnly"]) for each in mounts
        ]
        assert all("Directory" == each["type"] for each in hosts.values())
    binds = [each for each in composed(case, server)[1]["volumes"] if each["type"] == "bind"]
    assert wanted == [(each["source"], each["target"], each["read_only"]) for each in binds]
    argv = render("docker", case, server).value["argv"]
    assert [f"{source}:{target}:ro" for source, target, _ in wanted] == [
        word for word in argv if word.endswith(":ro") and FOLDER not in word
    ]


@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_adapters_that_are_not_served_are_not_mounted(target):
    fields = {"peft_source": "/adapters"}
    assert "/adapters" not in render(target, "tp1", "vllm", fields=fields).text


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_who_deploys_is_told_what_every_node_must_have(target, server):
    told_so = "the host must have /adapters"
    assert (told_so in render(target, "lora", server).notes) == (
        target != "docker" or server != "nim"
    )
    assert told_so not in render(target, "tp1", server).notes


@pytest.mark.parametrize("server", SERVERS)
def test_shared_memory_is_16_gib_everywhere(server):
    for target in ("k8s", "kserve"):
        found = objects(target, "tp2", server)
        (pod,) = [pod for each in found for _, pod in pods(each).values()]
        (name,) = [
            mount["name"]
            for mount in pod["containers"][0]["volumeMounts"]
            if mount["mountPath"] == "/dev/shm"
        ]
        (volume,) = [each for each in pod["volumes"] if each["name"] == name]
        assert {"medium": "Memory", "sizeLimit": "16Gi"} == volume["emptyDir"]
    assert "16gb" == composed("tp2", server)[1]["shm_size"]
    argv = render("docker", "tp2", server).value["argv"]
    assert "16g" == argv[argv.index("--shm-size") + 1].lower().removesuffix("b")


@pytest.mark.parametrize(("case", "server"), OWN)
@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_no_secret_stands_in_a_file(target, case, server, monkeypatch):
    monkeypatch.setenv("NGC_API_KEY", "nvapi-1234")
    monkeypatch.setenv("HF_TOKEN", "hf_1234")
    assert "1234" not in deployed(target, job_for(case, server)).text.replace(ID, "")


@pytest.mark.parametrize("target", ["compose", "k8s", "kserve"])
def test_a_nim_that_downloads_from_hugging_face_may_have_a_token(target):
    fields = {"model": "hf://meta-llama/Llama-3.1-8B-Instruct"}
    assert "HF_TOKEN" in render("docker", "tp1", "nim", fields=fields).text
    assert "HF_TOKEN" in render(target, "tp1", "nim", fields=fields).text


def test_an_unknown_target_is_refused():
    with pytest.raises(LaunchError, match="'helm' is no target that is known"):
        render("helm", "tp1", "vllm")


@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_the_image_that_is_named_is_used(target):
    fields = {"image": "registry.example/llm@sha256:12"}
    for server in SERVERS:
        assert "registry.example/llm@sha256:12" in render(target, "tp1", server, fields=fields).text
