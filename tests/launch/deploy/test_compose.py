"""The Compose file: what Compose accepts, reads and mounts."""

import subprocess
import sys

import pytest

from tests.support.launch.cluster_rules import compose_complaints
from tests.support.launch.deployments import (
    CASES,
    OWN,
    READY,
    SERVERS,
    composed,
    objects,
    plan_inside,
    render,
    words_inside,
)


@pytest.mark.parametrize(("case", "server"), OWN)
def test_compose_accepts_what_is_rendered(case, server):
    (document,) = objects("compose", case, server)
    assert [] == compose_complaints(document)


@pytest.mark.parametrize(("case", "server"), OWN)
def test_compose_runs_the_plan_whatever_dollars_are_in_it(case, server):
    _, service = composed(case, server)
    words = [*service.get("entrypoint", ()), *service.get("command", ())]
    assert words_inside(case, server) == words
    assert ("entrypoint" in service) == (server != "nim")
    if server != "nim":
        assert 1 == len(service["entrypoint"])  # what follows is the command's


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("server", ["triton", "tensorrt_llm"])
def test_compose_has_the_files_of_the_plan(case, server):
    document, service = composed(case, server)
    there = {
        each["target"]: document["configs"][each["source"]]["content"]
        for each in service.get("configs", ())
    }
    assert {file.path: file.text for file in plan_inside(case, server).files} == there


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


def test_compose_and_docker_take_secrets_from_where_they_are_started():
    with pytest.raises(LookupError, match="set NGC_API_KEY where you start this"):
        composed("tp1", "nim", {})
    assert "k" == composed("tp1", "nim")[1]["environment"]["NGC_API_KEY"]
    assert {"HF_TOKEN": None} == composed("tp1", "vllm", {})[1]["environment"]
    for server, name in (("nim", "NGC_API_KEY"), ("vllm", "HF_TOKEN")):
        argv = render("docker", "tp1", server).value["argv"]
        assert "-e" == argv[argv.index(name) - 1]


def test_a_nim_runs_as_whom_it_is_told():
    assert "5:6" == composed("tp1", "nim", user="5:6")[1]["user"]


def test_compose_keeps_models_in_a_directory_beside_it():
    (document,) = objects("compose", "tp1", "vllm", fields={"cache": "./cache"})
    assert [] == compose_complaints(document)
    (service,) = document["services"].values()
    assert "bind" == service["volumes"][0]["type"]
