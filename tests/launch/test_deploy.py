"""Does every file that deploys a server say what the decision says, in a form that is accepted?

What is accepted: `cluster_rules.py`. What is in it: here.
"""

import copy
import json
import os
import shlex
import stat
import subprocess
import sys
from functools import cache

import pytest
import yaml

from nimprofile import bundled_manifests, load_manifest, mock_inventory, select
from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.yaml_writer import deployment_yaml
from nimprofile.hardware.inventory import MigInstance
from nimprofile.launch.deploy import compose, multinode
from nimprofile.launch.deploy.container import container_of, dns_label, image_of, product_label
from nimprofile.launch.deploy.documents import deployed
from nimprofile.launch.planning import job_of, plan_of
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import Setup
from nimprofile.selection.request import Request
from tests.launch.test_servers import LORA, manifest_of
from tests.support.builders import make_gpu, make_h100, make_inventory
from tests.support.cluster_rules import (
    PROBES,
    complaints,
    compose_complaints,
    containers,
    expanded,
    interpolated,
    pods,
)

ID = "0123456789abcdef" * 4
FOLDER = "/etc/nimprofile"
HOME = {"HOME": "/root", "HOSTNAME": "pod-0", "c": "sea", "NGC_API_KEY": "k"}
GROUP = {
    "LWS_LEADER_ADDRESS": "llama-0.llama.default",
    "LWS_GROUP_SIZE": "2",
    "LWS_WORKER_INDEX": "1",
}
READY = {
    "vllm": "/health",
    "sglang": "/health",
    "tensorrt_llm": "/health",
    "triton": "/v2/health/ready",
    "nim": "/v1/health/ready",
}
LIVE = READY | {"triton": "/v2/health/live", "nim": "/v1/health/live"}
INSTANCE = make_gpu(
    1,
    total=40448,
    name="NVIDIA H100 80GB HBM3 MIG 3g.40gb",
    uuid="MIG-1",
    mig=MigInstance(0, 1, 0),
)
SLICED = make_inventory(make_h100().replace(uuid="GPU-1", mig_enabled=True), INSTANCE)

CASES = {
    "tp1": ({}, "1xh100", Setup()),
    "tp2": ({"tp": "2"}, "2xh100", Setup()),
    "lora": ({"feat_lora": "true"}, "1xh100", LORA),
    "a directory": ({}, "1xh100", Setup(model="/models/llama")),
    "mig": ({}, SLICED, Setup()),
    "another port": ({}, "1xh100", Setup(port=9000)),
    "dollars": (
        {},
        "1xh100",
        Setup(model="/models/llama", served_name="$(HOME) ${c}", extra=("--x", "$$(HOME)$c", "5$")),
    ),
}
NODES = {
    "tp8 pp2": ({"tp": "8", "pp": "2"}, "16xh100", Setup()),
    "tp16": ({"tp": "16"}, "16xh100", Setup()),
    "arguments": ({"tp": "8", "pp": "2"}, "16xh100", Setup(extra=("--x", "$(HOME)$$"))),
}
SERVERS = tuple(map(str, Server))
OWN = [(case, server) for case in CASES for server in SERVERS]
OPERATED = ["tp1", "tp2", "another port"]
ON_KUBERNETES = [
    *(("k8s", *each) for each in OWN),
    *(("kserve", *each) for each in OWN),
    *(("nim-operator", case, "nim") for case in OPERATED),
]
ON_NODES = [
    *(("k8s", case, server) for case in NODES for server in ("vllm", "sglang", "nim")),
    ("nim-operator", "tp8 pp2", "nim"),
]


@cache
def job_for(case, server, **fields):
    """The job of a case, some of its setup different."""
    tags, machine, setup = (CASES | NODES)[case]
    inventory = mock_inventory(machine) if isinstance(machine, str) else machine
    manifest = manifest_of(server_spec(Server(server)).runs[-2:][0], tags)
    decision = select(manifest, inventory, Request(lora=case == "lora"))
    assert decision.selected is not None, decision.rejected
    return job_of(decision, manifest, setup.replace(server=server, **fields))


def render(target, case, server, *, fields=None, **options):
    return deployed(target, job_for(case, server, **(fields or {})), **options)


def objects(target, case, server, *, fields=None, **options):
    """What is rendered, as its text says too: `test_the_text_says_the_same_as_the_value`."""
    value = render(target, case, server, fields=fields, **options).value
    return json.loads(json.dumps(value if isinstance(value, list) else [value]))


def one(found, kind):
    (thing,) = (each for each in found if each["kind"] == kind)
    return thing


def composed(case, server, variables=HOME, **fields):
    """A Compose file and its service, as Compose reads them."""
    document = interpolated(objects("compose", case, server, fields=fields)[0], variables)
    (service,) = document["services"].values()
    return document, service


def plan_inside(case, server, **fields):
    """The plan in a container, on whatever GPUs that has; NIM's starts it, on GPUs by name."""
    job = job_for(case, server, **fields)
    devices = (("CUDA_VISIBLE_DEVICES", "0"),) if server == "nim" else ()
    return plan_of(job.replace(devices=devices, setup=job.setup.replace(folder=FOLDER)))


def words_inside(case, server):
    """What a container runs: all of the plan, or for NIM what follows the image."""
    argv = [*plan_inside(case, server).argv]
    if server == "nim":
        return argv[argv.index(image_of(job_for(case, server))) + 1 :]
    return argv


def told(argv):
    """The variables that `docker run` is given, but for those it takes from its own."""
    named = [argv[at + 1] for at, word in enumerate(argv) if word == "-e"]
    return dict(each.split("=", 1) for each in named if "=" in each)


def literals(container, variables=HOME):
    """The variables of a container as it sees them, but for the secrets."""
    plain = [each for each in container.get("env", []) if "value" in each]
    return {each["name"]: expanded(each["value"], variables) for each in plain}


# It is accepted


@pytest.mark.parametrize(("target", "case", "server"), ON_KUBERNETES)
def test_a_cluster_accepts_what_is_rendered(target, case, server):
    assert [] == complaints(objects(target, case, server))


@pytest.mark.parametrize(("target", "case", "server"), ON_NODES[:-1])
def test_a_cluster_accepts_a_server_on_several_nodes(target, case, server):
    assert [] == complaints(objects(target, case, server))


def test_a_cluster_accepts_a_nimservice_on_several_nodes():
    assert [] == complaints(objects(*ON_NODES[-1]))


@pytest.mark.parametrize(("case", "server"), OWN)
def test_compose_accepts_what_is_rendered(case, server):
    (document,) = objects("compose", case, server)
    assert [] == compose_complaints(document)


@pytest.mark.parametrize(
    ("target", "case", "server"),
    [*ON_KUBERNETES, *ON_NODES, *(("compose", *each) for each in OWN)],
)
def test_the_text_says_the_same_as_the_value(target, case, server):
    rendered = render(target, case, server)
    found = [*yaml.safe_load_all(rendered.text)]
    assert rendered.value == (found[0] if len(found) == 1 else found)
    assert rendered.text == render(target, case, server).text


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


def _pinned(found, target):
    """Every place where NIM's profile stands."""
    if target == "nim-operator":
        cache, service = found
        pinned = {service["spec"]["storage"]["nimCache"]["profile"]}
        return pinned.union(cache["spec"]["source"]["ngc"]["model"]["profiles"])
    return {
        literals(container)["NIM_MODEL_PROFILE"] for each in found for container in containers(each)
    }


# Is it the decision?


@pytest.mark.parametrize("target", ["compose", "docker", "k8s", "kserve", "nim-operator"])
def test_a_nim_is_pinned_to_the_profile(target):
    if target == "docker":
        pinned = {told(render(target, "tp1", "nim").value["argv"])["NIM_MODEL_PROFILE"]}
    elif target == "compose":
        pinned = {composed("tp1", "nim")[1]["environment"]["NIM_MODEL_PROFILE"]}
    else:
        pinned = _pinned(objects(target, "tp1", "nim"), target)
    assert {ID} == pinned


@pytest.mark.parametrize(
    ("case", "resource", "count"),
    [("tp1", "gpu", "1"), ("tp2", "gpu", "2"), ("mig", "mig-3g.40gb", "1")],
)
@pytest.mark.parametrize(
    ("target", "server"), [("k8s", "vllm"), ("k8s", "nim"), ("kserve", "triton")]
)
def test_a_container_is_limited_to_its_gpus(target, server, case, resource, count):
    found = objects(target, case, server)
    (container,) = [each for thing in found for each in containers(thing)]
    assert {"limits": {f"nvidia.com/{resource}": count}} == container["resources"]


@pytest.mark.parametrize(("case", "count"), [("tp1", "1"), ("tp2", "2"), ("tp8 pp2", "8")])
def test_a_nimservice_is_limited_to_its_gpus(case, count):
    spec = one(objects("nim-operator", case, "nim"), "NIMService")["spec"]
    assert {"limits": {"nvidia.com/gpu": count}} == spec["resources"]


@pytest.mark.parametrize(
    ("target", "case", "server"), [*ON_KUBERNETES, ("k8s", "tp16", "vllm"), ON_NODES[-1]]
)
def test_pods_go_to_nodes_with_the_product_that_was_judged(target, case, server):
    found = objects(target, case, server)
    selectors = [pod["nodeSelector"] for each in found for _, pod in pods(each).values()]
    selectors += [each["spec"]["nodeSelector"] for each in found if each["kind"] == "NIMCache"]
    assert selectors
    for selector in selectors:
        assert {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"} == selector


@pytest.mark.parametrize(("target", "case", "server"), ON_KUBERNETES)
def test_the_objects_carry_the_profile_and_one_name(target, case, server):
    found = objects(target, case, server)
    heads = [each["metadata"] for each in found]
    name = heads[-1]["name"]
    assert ("home-c" if case == "dollars" else "llama-3-1-8b-instruct") == name
    assert {name, f"{name}-cache", f"{name}-files"} >= {head["name"] for head in heads}
    if target != "nim-operator":
        annotations = [head["annotations"] for head in heads if "annotations" in head]
        assert {ID} == {each["nimprofile/profile-id"] for each in annotations}


# The command


@pytest.mark.parametrize(("case", "server"), OWN)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_container_runs_the_plan_whatever_dollars_are_in_it(target, case, server):
    found = objects(target, case, server)
    (container,) = [each for thing in found for each in containers(thing)]
    words = [*container.get("command", ()), *container.get("args", ())]
    assert words_inside(case, server) == [expanded(word, HOME) for word in words]
    assert ("command" in container) == (server != "nim")


@pytest.mark.parametrize(("case", "server"), OWN)
def test_compose_runs_the_plan_whatever_dollars_are_in_it(case, server):
    _, service = composed(case, server)
    words = [*service.get("entrypoint", ()), *service.get("command", ())]
    assert words_inside(case, server) == words
    assert ("entrypoint" in service) == (server != "nim")
    if server != "nim":
        assert 1 == len(service["entrypoint"])  # what follows is the command's


@pytest.mark.parametrize(("case", "server"), OWN)
def test_docker_runs_the_plan_whatever_dollars_are_in_it(case, server):
    rendered = render("docker", case, server)
    argv = rendered.value["argv"]
    at = argv.index(image_of(job_for(case, server)))
    program = [argv[argv.index("--entrypoint") + 1]] if server != "nim" else []
    assert words_inside(case, server) == program + argv[at + 1 :]
    assert argv == shlex.split(rendered.text)[-len(argv) :]


ODD = "/models/$(HOME)/a$$b/$c"


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


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_directory_with_dollars_is_mounted_where_it_is_read(target, server):
    found = objects(target, "tp1", server, fields={"model": ODD})
    (container,) = [each for thing in found for each in containers(thing)]
    assert ODD in [each["mountPath"] for each in container["volumeMounts"]]


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


def test_the_operator_is_told_what_it_does_not_know_itself():
    fields = {"served_name": "my $(HOME)", "extra": ("--x", "$c$$"), "port": 9000}
    spec = one(objects("nim-operator", "tp1", "nim", fields=fields), "NIMService")["spec"]
    assert {"NIM_SERVED_MODEL_NAME": "my $(HOME)"} == literals(spec)
    assert ["--x", "$c$$"] == [expanded(word, HOME) for word in spec["args"]]
    assert {"type": "ClusterIP", "port": 9000} == spec["expose"]["service"]


def test_no_gpu_is_named_where_the_cluster_gives_it():
    for server in SERVERS:
        for target in ("k8s", "kserve"):
            for case in ("tp2", "mig"):
                text = render(target, case, server).text
                assert "CUDA" not in text
                assert "MIG-1" not in text


# Files, models and adapters


@pytest.mark.parametrize(("case", "server"), [(case, "triton") for case in CASES])
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_pod_has_the_files_of_the_plan(target, case, server):
    found = objects(target, case, server)
    data = one(found, "ConfigMap")["data"]
    (pod,) = [pod for each in found for _, pod in pods(each).values()]
    (volume,) = [each["configMap"] for each in pod["volumes"] if each["name"] == "files"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "files"]
    there = {f"{mount['mountPath']}/{each['path']}": data[each["key"]] for each in volume["items"]}
    assert {file.path: file.text for file in plan_inside(case, server).files} == there
    assert mount["readOnly"] is True


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("server", ["triton", "tensorrt_llm"])
def test_compose_has_the_files_of_the_plan(case, server):
    document, service = composed(case, server)
    there = {
        each["target"]: document["configs"][each["source"]]["content"]
        for each in service.get("configs", ())
    }
    assert {file.path: file.text for file in plan_inside(case, server).files} == there


def test_docker_writes_the_files_and_mounts_them_alone():
    rendered = render("docker", "tp1", "triton", fields={"folder": "/run/serving"})
    plan = plan_inside("tp1", "triton")
    wanted = {file.path.replace(FOLDER, "/run/serving"): file.text for file in plan.files}
    assert wanted == rendered.value["files"]
    for file in plan.files:
        mount = f"{file.path.replace(FOLDER, '/run/serving')}:{file.path}:ro"
        assert mount in rendered.value["argv"]
    assert "./serving/" in render("docker", "tp1", "triton", fields={"folder": "serving"}).text
    assert "model_repository/meta-llama-3.1-8b-instruct/config.pbtxt" in rendered.text


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


# Shared memory, the cache, ports and probes


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


def test_shared_memory_is_16_gib_with_the_operator():
    spec = one(objects("nim-operator", "tp2", "nim"), "NIMService")["spec"]
    assert "16Gi" == spec["storage"]["sharedMemorySizeLimit"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_models_are_kept_on_a_claim_that_holds_them(target, server):
    found = objects(target, "tp1", server)
    claim = one(found, "PersistentVolumeClaim")
    inside = "/opt/nim/.cache" if server == "nim" else "/root/.cache/huggingface"
    (pod,) = [pod for each in found for _, pod in pods(each).values()]
    names = {
        each["persistentVolumeClaim"]["claimName"]: each["name"]
        for each in pod["volumes"]
        if "persistentVolumeClaim" in each
    }
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert inside == mounts[names[claim["metadata"]["name"]]]
    # 16 GB of weights and a quarter more, in steps of 10 GiB
    assert {"requests": {"storage": "20Gi"}} == claim["spec"]["resources"]


@pytest.mark.parametrize(
    ("case", "replicas", "mode"),
    [("tp1", 1, "ReadWriteOnce"), ("tp1", 2, "ReadWriteMany"), ("tp8 pp2", 1, "ReadWriteMany")],
)
def test_a_claim_is_shared_where_several_pods_use_it(case, replicas, mode):
    claim = one(objects("k8s", case, "nim", replicas=replicas), "PersistentVolumeClaim")
    assert [mode] == claim["spec"]["accessModes"]
    cache = one(objects("nim-operator", case, "nim", replicas=replicas), "NIMCache")
    wanted = {"create": True, "size": "20Gi", "volumeAccessMode": mode}
    assert {"pvc": wanted} == cache["spec"]["storage"]


def test_a_claim_has_a_quarter_more_than_the_weights():
    manifest = load_manifest("llama-3.1-70b-instruct")
    decision = select(manifest, mock_inventory("8xh100"), Request())
    claim = deployed("k8s", job_of(decision, manifest, Setup(server="nim"))).value[0]
    # 141.1 GB, or 131.4 GiB
    assert "170Gi" == claim["spec"]["resources"]["requests"]["storage"]


def test_a_model_of_unknown_size_has_a_cache_that_is_said_to_be_a_guess():
    job = job_for("tp1", "vllm").replace(shape=None)
    rendered = deployed("k8s", job)
    assert "200Gi" == rendered.value[0]["spec"]["resources"]["requests"]["storage"]
    assert any("a guess" in note for note in rendered.notes)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
@pytest.mark.parametrize(("case", "port"), [("tp1", 8000), ("another port", 9000)])
def test_probes_ask_where_the_server_answers(target, server, case, port):
    found = objects(target, case, server)
    (container,) = [each for thing in found for each in containers(thing)]
    assert [{"name": "http", "containerPort": port}] == container["ports"]
    asked = [
        (container[name]["httpGet"]["path"], container[name]["httpGet"]["port"]) for name in PROBES
    ]
    assert [(READY[server], "http"), (READY[server], "http"), (LIVE[server], "http")] == asked
    if target == "k8s":
        service = one(found, "Service")
        assert [{"name": "http", "port": port, "targetPort": "http"}] == service["spec"]["ports"]


@pytest.mark.parametrize(("target", "case", "server"), ON_KUBERNETES)
def test_a_first_start_may_take_an_hour(target, case, server):
    found = objects(target, case, server)
    (container,) = [each for thing in found for each in containers(thing)]
    probe = container["startupProbe"]
    assert 3600 == probe["periodSeconds"] * probe["failureThreshold"]


def test_the_operator_asks_nim_whether_it_is_ready():
    spec = one(objects("nim-operator", "tp1", "nim"), "NIMService")["spec"]
    probe = spec["startupProbe"]
    assert probe["enabled"] is True
    assert {"path": "/v1/health/ready", "port": "api"} == probe["probe"]["httpGet"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("case", "port"), [("tp1", 8000), ("another port", 9000)])
def test_compose_asks_where_the_server_answers(server, case, port):
    _, service = composed(case, server)
    assert [f"{port}:{port}"] == service["ports"]
    assert f"http://127.0.0.1:{port}{READY[server]}" == service["healthcheck"]["test"][-1]


def test_the_healthcheck_is_a_program_that_fails_where_nobody_answers():
    _, service = composed("tp1", "vllm")
    kind, program, *words = service["healthcheck"]["test"]
    assert ("CMD", "python3") == (kind, program)
    words[-1] = "http://127.0.0.1:1/health"  # a port that nothing listens on
    assert (
        0 != subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode
    )
    assert 0 == subprocess.run([sys.executable, *words[:-1], "data:,ok"], check=False).returncode


@pytest.mark.parametrize(
    ("case", "devices"), [("tp1", ["0"]), ("tp2", ["0", "1"]), ("mig", ["MIG-1"])]
)
def test_compose_and_docker_have_the_gpus_that_were_selected(case, devices):
    for server in SERVERS:
        _, service = composed(case, server)
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        wanted = {"driver": "nvidia", "device_ids": devices, "capabilities": ["gpu"]}
        assert wanted == device
        argv = render("docker", case, server).value["argv"]
        assert f'"device={",".join(devices)}"' == argv[argv.index("--gpus") + 1]


@pytest.mark.parametrize("server", SERVERS)
def test_compose_keeps_models_in_a_volume_or_where_it_is_told(server):
    document, service = composed("tp1", server)
    inside = "/opt/nim/.cache" if server == "nim" else "/root/.cache/huggingface"
    name = "llama-3-1-8b-instruct-cache"
    assert {"type": "volume", "source": name, "target": inside} == service["volumes"][0]
    assert {name: {}} == document["volumes"]
    document, service = composed("tp1", server, cache="/var/$cache")
    assert {"type": "bind", "source": "/var/$cache", "target": inside} == service["volumes"][0]
    assert "volumes" not in document


@pytest.mark.parametrize("server", SERVERS)
def test_an_engine_is_not_process_1_without_a_reaper(server):
    assert (server != "nim") == composed("tp1", server)[1].get("init", False)
    assert (server != "nim") == ("--init" in render("docker", "tp1", server).value["argv"])


# Secrets


@pytest.mark.parametrize(("case", "server"), OWN)
@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_no_secret_stands_in_a_file(target, case, server, monkeypatch):
    monkeypatch.setenv("NGC_API_KEY", "nvapi-1234")
    monkeypatch.setenv("HF_TOKEN", "hf_1234")
    assert "1234" not in render(target, case, server).text.replace(ID, "")


@pytest.mark.parametrize(
    ("case", "server", "wanted"),
    [
        ("tp1", "nim", [{"name": "mine", "key": "NGC_API_KEY"}]),
        ("tp1", "vllm", [{"name": "mine", "key": "HF_TOKEN", "optional": True}]),
        ("tp1", "triton", [{"name": "mine", "key": "HF_TOKEN", "optional": True}]),
        ("a directory", "vllm", []),
    ],
)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_secret_is_referred_to_by_its_name(target, case, server, wanted):
    found = objects(target, case, server, secret="mine")
    (container,) = [each for thing in found for each in containers(thing)]
    secrets = [each for each in container.get("env", []) if "valueFrom" in each]
    assert wanted == [each["valueFrom"]["secretKeyRef"] for each in secrets]
    assert [each["name"] for each in secrets] == [each["key"] for each in wanted]


def test_compose_and_docker_take_secrets_from_where_they_are_started():
    with pytest.raises(LookupError, match="set NGC_API_KEY where you start this"):
        composed("tp1", "nim", {})
    assert "k" == composed("tp1", "nim")[1]["environment"]["NGC_API_KEY"]
    assert {"HF_TOKEN": None} == composed("tp1", "vllm", {})[1]["environment"]
    for server, name in (("nim", "NGC_API_KEY"), ("vllm", "HF_TOKEN")):
        argv = render("docker", "tp1", server).value["argv"]
        assert "-e" == argv[argv.index(name) - 1]


@pytest.mark.parametrize(
    ("server", "asked", "wanted"),
    [("nim", None, "ngc-secret"), ("nim", "mine", "mine"), ("vllm", "mine", "mine")],
)
def test_an_image_is_pulled_with_a_secret(server, asked, wanted):
    for target in ("k8s", "kserve"):
        found = objects(target, "tp1", server, pull_secret=asked)
        (pod,) = [pod for each in found for _, pod in pods(each).values()]
        assert [{"name": wanted}] == pod["imagePullSecrets"]


def test_a_public_image_is_pulled_without():
    (pod,) = [pod for each in objects("k8s", "tp1", "vllm") for _, pod in pods(each).values()]
    assert "imagePullSecrets" not in pod


def test_the_operator_has_the_secrets_it_is_told():
    found = objects("nim-operator", "tp1", "nim", secret="key", pull_secret="pull")
    source = one(found, "NIMCache")["spec"]["source"]["ngc"]
    spec = one(found, "NIMService")["spec"]
    assert ("key", "pull") == (source["authSecret"], source["pullSecret"])
    assert ("key", ["pull"]) == (spec["authSecret"], spec["image"]["pullSecrets"])
    found = objects("nim-operator", "tp1", "nim")
    source = one(found, "NIMCache")["spec"]["source"]["ngc"]
    assert ("ngc-api-secret", "ngc-secret") == (source["authSecret"], source["pullSecret"])


# What each kind of object is for


def test_a_deployment_never_has_two_servers_on_the_same_gpus():
    deployment = one(objects("k8s", "tp1", "vllm", replicas=3), "Deployment")
    strategy = deployment["spec"]["strategy"]
    assert {"maxSurge": 0, "maxUnavailable": 1} == strategy["rollingUpdate"]
    assert 3 == deployment["spec"]["replicas"]


def test_kserve_runs_a_container_of_our_own_as_a_deployment():
    service = one(objects("kserve", "tp1", "vllm", replicas=2), "InferenceService")
    annotations = service["metadata"]["annotations"]
    assert "Standard" == annotations["serving.kserve.io/deploymentMode"]
    predictor = service["spec"]["predictor"]
    assert (2, 2) == (predictor["minReplicas"], predictor["maxReplicas"])
    assert ["kserve-container"] == [each["name"] for each in predictor["containers"]]


def test_a_nim_may_write_its_cache():
    for target in ("k8s", "kserve"):
        for server in SERVERS:
            found = objects(target, "tp1", server)
            (pod,) = [pod for each in found for _, pod in pods(each).values()]
            context = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
            assert (context if server == "nim" else None) == pod.get("securityContext")


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


@pytest.mark.parametrize("target", ["compose", "k8s", "kserve"])
def test_a_nim_that_downloads_from_hugging_face_may_have_a_token(target):
    fields = {"model": "hf://meta-llama/Llama-3.1-8B-Instruct"}
    assert "HF_TOKEN" in render("docker", "tp1", "nim", fields=fields).text
    assert "HF_TOKEN" in render(target, "tp1", "nim", fields=fields).text


def test_a_nim_runs_as_whom_it_is_told():
    assert "5:6" == composed("tp1", "nim", user="5:6")[1]["user"]


def test_compose_keeps_models_in_a_directory_beside_it():
    (document,) = objects("compose", "tp1", "vllm", fields={"cache": "./cache"})
    assert [] == compose_complaints(document)
    (service,) = document["services"].values()
    assert "bind" == service["volumes"][0]["type"]


@pytest.mark.parametrize("name", ["NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb", "NVIDIA H100 MIG"])
def test_an_instance_that_no_resource_stands_for_is_refused(name):
    job = job_for("mig", "vllm")
    job = job.replace(gpus=(job.gpus[0].replace(name=name),))
    with pytest.raises(LaunchError):
        deployed("k8s", job)


# Several nodes


@pytest.mark.parametrize(("target", "case", "server"), ON_NODES[:-1])
def test_a_group_has_a_pod_for_each_node_and_serves_from_its_first(target, case, server):
    found = objects(target, case, server, replicas=3)
    group = one(found, "LeaderWorkerSet")
    assert 3 == group["spec"]["replicas"]
    assert 2 == group["spec"]["leaderWorkerTemplate"]["size"]
    leader, worker = containers(group)
    for container in (leader, worker):
        assert {"limits": {"nvidia.com/gpu": "8"}} == container["resources"]
        assert "/dev/shm" in [each["mountPath"] for each in container["volumeMounts"]]
    assert [{"name": "http", "containerPort": 8000}] == leader["ports"]
    assert READY[server] == leader["readinessProbe"]["httpGet"]["path"]
    assert not worker.keys() & {"ports", *PROBES}  # only the first has the HTTP interface
    selector = one(found, "Service")["spec"]["selector"].items()
    (first, _), (other, _) = pods(group).values()
    assert selector <= first.items()
    assert not selector <= other.items()


@pytest.mark.parametrize("case", NODES)
def test_sglang_tells_each_pod_its_rank(case):
    leader, worker = containers(one(objects("k8s", case, "sglang"), "LeaderWorkerSet"))
    assert leader["command"] == worker["command"]
    ranks = ["--nnodes", "2", "--node-rank", "1"]
    address = ["--dist-init-addr", "llama-0.llama.default:5000"]
    words = [expanded(word, HOME | GROUP) for word in worker["command"]]
    assert [*plan_inside(case, "sglang").argv, *ranks, *address] == words


@pytest.mark.parametrize("case", NODES)
def test_nim_starts_ray_on_each_node(case):
    leader, worker = containers(one(objects("k8s", case, "nim"), "LeaderWorkerSet"))
    extra = words_inside(case, "nim")
    wanted = ["nim-serve-ray", "--head", "--port", "6379", *extra]
    assert wanted == [expanded(word, HOME | GROUP) for word in leader["args"]]
    wanted = ["nim-serve-ray", "--head-address", "llama-0.llama.default:6379", *extra]
    assert wanted == [expanded(word, HOME | GROUP) for word in worker["args"]]
    tp, pp = (NODES[case][0].get(key, "1") for key in ("tp", "pp"))
    more = {
        "NIM_MULTI_NODE": "1",
        "NIM_NUM_COMPUTE_NODES": "2",
        "NIM_TENSOR_PARALLEL_SIZE": tp,
        "NIM_PIPELINE_PARALLEL_SIZE": pp,
        "NIM_JSONL_LOGGING": "0",
    }
    for container, role, rank in ((leader, "1", "1"), (worker, "0", "1")):
        found = literals(container)
        assert rank == expanded(found.pop("NIM_NODE_RANK"), GROUP)
        assert told(plan_inside(case, "nim").argv) | more | {"NIM_LEADER_ROLE": role} == found


@pytest.mark.parametrize("case", NODES)
def test_vllm_tells_each_pod_its_rank_and_the_others_to_serve_nobody(case):
    leader, worker = containers(one(objects("k8s", case, "vllm"), "LeaderWorkerSet"))
    ranks = ["--nnodes", "2", "--node-rank", "1", "--master-addr", "llama-0.llama.default"]
    wanted = [*plan_inside(case, "vllm").argv, *ranks]
    assert wanted == [expanded(word, HOME | GROUP) for word in leader["command"]]
    assert [*leader["command"], "--headless"] == worker["command"]


def on_ray(case):
    """The plan of a vLLM whose image has Ray, and the containers of its group."""
    job = job_for(case, "vllm").replace(version="0.17.0")
    plan = plan_of(job.replace(devices=(), setup=job.setup.replace(folder=FOLDER)))
    return plan, *containers(one(deployed("k8s", job).value, "LeaderWorkerSet"))


@pytest.mark.parametrize("case", NODES)
def test_an_older_vllm_starts_ray_waits_for_the_others_and_runs_the_plan(case, tmp_path):
    plan, leader, worker = on_ray(case)
    log = tmp_path / "log"
    for name in ("ray", "python3", "vllm"):
        program = tmp_path / name
        each = (
            f'for word in {name} "$@"; do printf "%s\\0" "$word"; done >> {shlex.quote(str(log))}'
        )
        program.write_text(f"#!/bin/sh\n{each}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    words = [expanded(word, HOME | GROUP) for word in leader["command"]]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(words, env={"PATH": path, "c": "sea"}, check=True)
    ray = ["ray", "start", "--head", "--port=6379"]
    waits = ["python3", "-c", words[3], "2"]
    serves = [*plan.argv, "--distributed-executor-backend", "ray"]
    assert [*ray, *waits, *serves] == log.read_text().split("\0")[:-1]
    log.unlink()
    joins = [expanded(word, HOME | GROUP) for word in worker["command"]]
    subprocess.run(joins, env={"PATH": path}, check=True)
    wanted = ["ray", "start", "--address=llama-0.llama.default:6379", "--block"]
    assert wanted == log.read_text().split("\0")[:-1]


def test_an_older_vllm_waits_until_all_nodes_are_there(tmp_path):
    (tmp_path / "ray.py").write_text(
        "import time\n"
        "time.sleep = lambda seconds: print('slept', seconds)\n"
        "init = print\n"
        "seen = iter([[1], [1, 0], [1, 1, 0]])\n"
        "nodes = lambda: [{'Alive': bool(alive)} for alive in next(seen)]\n"
    )
    _, leader, _ = on_ray("tp16")
    program, count = (expanded(word, GROUP) for word in leader["command"][3:5])
    done = subprocess.run(
        [sys.executable, "-c", program, count],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ["auto", "slept 5", "slept 5"] == done.stdout.splitlines()


def test_the_operator_puts_a_stage_on_each_node():
    spec = one(objects("nim-operator", "tp8 pp2", "nim"), "NIMService")["spec"]
    wanted = {
        "backendType": "lws",
        "parallelism": {"tensor": 8, "pipeline": 2},
        "ray": {"rayPort": 6379},
    }
    assert wanted == spec["multiNode"]
    assert "multiNode" not in one(objects("nim-operator", "tp2", "nim"), "NIMService")["spec"]


@pytest.mark.parametrize("case", ["tp16", "tp8 pp2"])
@pytest.mark.parametrize(
    ("target", "server", "problem"),
    [
        ("k8s", "tensorrt_llm", "starts its ranks by MPI"),
        ("k8s", "triton", "not known to work"),
        *(("docker", server, "docker run is one node") for server in SERVERS),
        *(("compose", server, "Compose is one node") for server in SERVERS),
        *(("kserve", server, "is one node") for server in SERVERS),
    ],
)
def test_several_nodes_are_refused_where_they_do_not_work(target, server, case, problem):
    with pytest.raises(LaunchError, match=problem):
        render(target, case, server)


@pytest.mark.parametrize(
    ("case", "per_node", "nodes", "gpus"),
    [("tp16", 16, 1, "16"), ("tp16", 8, 2, "8"), ("tp16", 5, 4, "4"), ("tp2", 1, 2, "1")],
)
def test_a_node_has_no_more_gpus_than_it_is_said_to(case, per_node, nodes, gpus):
    found = objects("k8s", case, "vllm", gpus_per_node=per_node)
    groups = [each["spec"] for each in found if each["kind"] == "LeaderWorkerSet"]
    assert [nodes] * (nodes > 1) == [each["leaderWorkerTemplate"]["size"] for each in groups]
    limits = [each["resources"]["limits"] for thing in found for each in containers(thing)]
    assert [{"nvidia.com/gpu": gpus}] * min(nodes, 2) == limits


@pytest.mark.parametrize(
    ("tp", "pp", "per_node", "nodes"),
    [(16, 1, 7, 4), (16, 1, 8, 2), (8, 2, 8, 2), (4, 3, 8, 3), (2, 4, 8, 1), (2, 4, 4, 2)],
)
def test_a_node_holds_whole_tensor_parallel_groups_where_it_can(tp, pp, per_node, nodes):
    job = job_for("tp1", "vllm")
    job = job.replace(profile=job.profile.replace(tp=tp, pp=pp))
    container = container_of(job, gpus_per_node=per_node)
    assert (nodes, tp * pp // nodes) == (container.nodes, container.gpus)


def test_a_node_of_no_gpus_is_refused():
    with pytest.raises(LaunchError, match="a node of 0 GPUs serves nothing"):
        render("k8s", "tp1", "vllm", gpus_per_node=0)


@pytest.mark.parametrize(
    ("instance", "resource"),
    [("3g.40gb", "mig-3g.40gb"), ("1g.10gb+me", "mig-1g.10gb.me"), ("1g.20gb", "mig-1g.20gb")],
)
def test_an_instance_is_a_resource_of_its_board(instance, resource):
    job = job_for("mig", "vllm")
    gpu = job.gpus[0].replace(name=f"NVIDIA A100-SXM4-80GB MIG {instance}")
    found = deployed("k8s", job.replace(gpus=(gpu,))).value
    assert [] == complaints(found)
    ((_, pod),) = [each for thing in found for each in pods(thing).values()]
    limits = pod["containers"][0]["resources"]["limits"]
    assert {f"nvidia.com/{resource}": "1"} == limits
    assert {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"} == pod["nodeSelector"]


@pytest.mark.parametrize(("target", "case", "server"), [("k8s", "tp1", "vllm"), *ON_NODES[:-1]])
def test_a_pod_gets_nothing_of_the_cluster_that_it_did_not_ask_for(target, case, server):
    found = [pod for each in objects(target, case, server) for _, pod in pods(each).values()]
    wanted = {"enableServiceLinks": False, "automountServiceAccountToken": False}
    assert [wanted] * len(found) == [{key: pod[key] for key in wanted} for pod in found]


# What is not rendered


def test_an_unknown_target_is_refused():
    with pytest.raises(LaunchError, match="'helm' is no target that is known"):
        render("helm", "tp1", "vllm")


@pytest.mark.parametrize("target", ["k8s", "kserve", "nim-operator"])
def test_gpus_of_two_products_have_no_label(target):
    job = job_for("tp2", "nim")
    job = job.replace(gpus=(job.gpus[0], job.gpus[1].replace(name="NVIDIA L40S")))
    with pytest.raises(LaunchError, match=r"no one product.*H100.*L40S"):
        deployed(target, job)


def test_an_instance_without_a_name_goes_to_kubernetes_alone():
    job = job_for("mig", "vllm").replace(devices=(), visible_devices=None)
    assert "nvidia.com/mig-3g.40gb" in deployed("k8s", job).text
    for target in ("docker", "compose"):
        with pytest.raises(LaunchError, match="MIG instance whose UUID is unknown"):
            deployed(target, job)


# Small functions


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


@pytest.mark.parametrize("target", ["docker", "compose"])
def test_a_port_is_published_on_the_address_that_was_asked_for(target):
    rendered = deployed(target, job_for("tp1", "vllm", host="127.0.0.1"))
    assert "127.0.0.1:8000:8000" in rendered.text
    assert "--host 0.0.0.0" in rendered.text.replace('"', "").replace("\n    - ", " ")
    assert "[::1]:8000:8000" in deployed(target, job_for("tp1", "nim", host="::1")).text


def test_nothing_is_kept_of_weights_that_are_there():
    found = objects("k8s", "tp1", "vllm", fields={"model": "/models/llama"})
    assert "PersistentVolumeClaim" not in {each["kind"] for each in found}


@pytest.mark.parametrize("model", ["./llama", "../llama"])
def test_a_container_wants_a_directory_from_the_root(model):
    with pytest.raises(LaunchError, match=r"a container has no \.+/llama: name the directory from"):
        render("k8s", "tp1", "vllm", fields={"model": model})


def test_tritons_other_ports_must_be_ports():
    with pytest.raises(LaunchError, match="Triton takes the two ports after 65534 too"):
        render("k8s", "tp1", "triton", fields={"port": 65534})


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


@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_the_image_that_is_named_is_used(target):
    fields = {"image": "registry.example/llm@sha256:12"}
    for server in SERVERS:
        assert "registry.example/llm@sha256:12" in render(target, "tp1", server, fields=fields).text


AMBIGUOUS = [
    *("yes", "No", "on", "OFF", "true", "null", "~", "", "1", "1_0", "0x1f", "0o7", "012", "1e3"),
    *(".5", "12:30:00", "2026-01-01", "<<", "=", "- a", "a: b", "a #b", "*a", "&a", "!a", "%a"),
    *(
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'",
        '"',
        "\\",
        "a\n",
        "\na",
        " a\n b",
        "\t",
        "\u0085",
        "é",
        "\x07",
    ),
]


def test_a_text_is_read_as_it_was_and_as_a_text():
    assert AMBIGUOUS == yaml.safe_load(deployment_yaml([AMBIGUOUS]))
    document = {text: text for text in AMBIGUOUS}
    assert document == yaml.safe_load(deployment_yaml([document]))


@pytest.mark.parametrize("letter", ["y", "Y", "n", "N"])
def test_a_lone_letter_is_no_boolean(letter):
    assert f'- "{letter}"\n' == deployment_yaml([[letter]])


def test_documents_are_divided_and_comments_stay_comments():
    text = deployment_yaml([{"a": 1}, {"b": 2}], ["one\nkind: Secret", "two"])
    assert [{"a": 1}, {"b": 2}] == [*yaml.safe_load_all(text)]
    assert ["# one?kind: Secret", "# two"] == text.splitlines()[:2]


def test_what_stands_twice_is_written_twice():
    same = {"a": "b"}
    assert "a:\n  a: b\nb:\n  a: b\n" == deployment_yaml([{"a": same, "b": same}])


# The rules themselves


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
