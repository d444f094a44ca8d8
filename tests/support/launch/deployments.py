"""Deployments shared by tests: cases, and what every target renders of them.

What a cluster accepts is in `cluster_rules.py`.
"""

import json
from functools import cache

from nimprofile import mock_inventory, select
from nimprofile.base.enums import Server
from nimprofile.hardware.inventory import MigInstance
from nimprofile.launch.deploy.container import image_of
from nimprofile.launch.deploy.documents import deployed
from nimprofile.launch.planning import job_of, plan_of
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import Setup
from nimprofile.selection.request import Request
from tests.support.builders import make_gpu, make_h100, make_inventory
from tests.support.launch.cases import LORA, manifest_of
from tests.support.launch.cluster_rules import containers, expanded, interpolated

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


@cache
def _rendered(target, case, server, fields, options):
    return deployed(target, job_for(case, server, **dict(fields)), **dict(options))


def render(target, case, server, *, fields=None, **options):
    """What a target renders of a case; the same again for the same arguments."""
    return _rendered(target, case, server, tuple((fields or {}).items()), tuple(options.items()))


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


def _pinned(found, target):
    """Every place where NIM's profile stands."""
    if target == "nim-operator":
        cache, service = found
        pinned = {service["spec"]["storage"]["nimCache"]["profile"]}
        return pinned.union(cache["spec"]["source"]["ngc"]["model"]["profiles"])
    return {
        literals(container)["NIM_MODEL_PROFILE"] for each in found for container in containers(each)
    }


ODD = "/models/$(HOME)/a$$b/$c"
