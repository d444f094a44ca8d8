"""The objects of Kubernetes: containers, files, claims, probes, secrets and GPUs; KServe's pods too."""

import pytest

from nimprofile import load_manifest, mock_inventory, select
from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.documents import deployed
from nimprofile.launch.planning import job_of
from nimprofile.launch.setup import Setup
from nimprofile.selection.request import Request
from tests.support.launch.cluster_rules import PROBES, complaints, containers, expanded, pods
from tests.support.launch.deployments import (
    CASES,
    HOME,
    ID,
    LIVE,
    ODD,
    ON_KUBERNETES,
    ON_NODES,
    OWN,
    READY,
    SERVERS,
    job_for,
    objects,
    one,
    plan_inside,
    render,
    words_inside,
)


@pytest.mark.parametrize(("target", "case", "server"), ON_KUBERNETES)
def test_a_cluster_accepts_what_is_rendered(target, case, server):
    assert [] == complaints(objects(target, case, server))


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


@pytest.mark.parametrize(("case", "server"), OWN)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_container_runs_the_plan_whatever_dollars_are_in_it(target, case, server):
    found = objects(target, case, server)
    (container,) = [each for thing in found for each in containers(thing)]
    words = [*container.get("command", ()), *container.get("args", ())]
    assert words_inside(case, server) == [expanded(word, HOME) for word in words]
    assert ("command" in container) == (server != "nim")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", ["k8s", "kserve"])
def test_a_directory_with_dollars_is_mounted_where_it_is_read(target, server):
    found = objects(target, "tp1", server, fields={"model": ODD})
    (container,) = [each for thing in found for each in containers(thing)]
    assert ODD in [each["mountPath"] for each in container["volumeMounts"]]


def test_no_gpu_is_named_where_the_cluster_gives_it():
    for server in SERVERS:
        for target in ("k8s", "kserve"):
            for case in ("tp2", "mig"):
                text = render(target, case, server).text
                assert "CUDA" not in text
                assert "MIG-1" not in text


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


def test_a_deployment_never_has_two_servers_on_the_same_gpus():
    deployment = one(objects("k8s", "tp1", "vllm", replicas=3), "Deployment")
    strategy = deployment["spec"]["strategy"]
    assert {"maxSurge": 0, "maxUnavailable": 1} == strategy["rollingUpdate"]
    assert 3 == deployment["spec"]["replicas"]


def test_a_nim_may_write_its_cache():
    for target in ("k8s", "kserve"):
        for server in SERVERS:
            found = objects(target, "tp1", server)
            (pod,) = [pod for each in found for _, pod in pods(each).values()]
            context = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
            assert (context if server == "nim" else None) == pod.get("securityContext")


@pytest.mark.parametrize("name", ["NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb", "NVIDIA H100 MIG"])
def test_an_instance_that_no_resource_stands_for_is_refused(name):
    job = job_for("mig", "vllm")
    job = job.replace(gpus=(job.gpus[0].replace(name=name),))
    with pytest.raises(LaunchError):
        deployed("k8s", job)


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


@pytest.mark.parametrize("target", ["k8s", "kserve", "nim-operator"])
def test_gpus_of_two_products_have_no_label(target):
    job = job_for("tp2", "nim")
    job = job.replace(gpus=(job.gpus[0], job.gpus[1].replace(name="NVIDIA L40S")))
    with pytest.raises(LaunchError, match=r"no one product.*H100.*L40S"):
        deployed(target, job)


def test_nothing_is_kept_of_weights_that_are_there():
    found = objects("k8s", "tp1", "vllm", fields={"model": "/models/llama"})
    assert "PersistentVolumeClaim" not in {each["kind"] for each in found}
