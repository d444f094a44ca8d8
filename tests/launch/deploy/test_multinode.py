"""A server on several nodes: a LeaderWorkerSet, the rank of each pod, and what is refused."""

import os
import shlex
import stat
import subprocess
import sys

import pytest

from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.documents import deployed
from nimprofile.launch.planning import plan_of
from tests.support.launch.cluster_rules import PROBES, complaints, containers, expanded, pods
from tests.support.launch.deployments import (
    FOLDER,
    GROUP,
    HOME,
    NODES,
    ON_NODES,
    READY,
    SERVERS,
    job_for,
    literals,
    objects,
    one,
    plan_inside,
    render,
    told,
    words_inside,
)


@pytest.mark.parametrize(("target", "case", "server"), ON_NODES[:-1])
def test_a_cluster_accepts_a_server_on_several_nodes(target, case, server):
    assert [] == complaints(objects(target, case, server))


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


def test_a_node_of_no_gpus_is_refused():
    with pytest.raises(LaunchError, match="a node of 0 GPUs serves nothing"):
        render("k8s", "tp1", "vllm", gpus_per_node=0)
