"""The line of `docker run`, and the files that are written for it."""

import shlex

import pytest

from nimprofile.base.errors import LaunchError
from nimprofile.launch.deploy.container import image_of
from nimprofile.launch.deploy.documents import deployed
from tests.support.launch.deployments import FOLDER, OWN, job_for, plan_inside, render, words_inside


@pytest.mark.parametrize(("case", "server"), OWN)
def test_docker_runs_the_plan_whatever_dollars_are_in_it(case, server):
    rendered = render("docker", case, server)
    argv = rendered.value["argv"]
    at = argv.index(image_of(job_for(case, server)))
    program = [argv[argv.index("--entrypoint") + 1]] if server != "nim" else []
    assert words_inside(case, server) == program + argv[at + 1 :]
    assert argv == shlex.split(rendered.text)[-len(argv) :]


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


def test_an_instance_without_a_name_goes_to_kubernetes_alone():
    job = job_for("mig", "vllm").replace(devices=(), visible_devices=None)
    assert "nvidia.com/mig-3g.40gb" in deployed("k8s", job).text
    for target in ("docker", "compose"):
        with pytest.raises(LaunchError, match="MIG instance whose UUID is unknown"):
            deployed(target, job)


@pytest.mark.parametrize("target", ["docker", "compose"])
def test_a_port_is_published_on_the_address_that_was_asked_for(target):
    rendered = deployed(target, job_for("tp1", "vllm", host="127.0.0.1"))
    assert "127.0.0.1:8000:8000" in rendered.text
    assert "--host 0.0.0.0" in rendered.text.replace('"', "").replace("\n    - ", " ")
    assert "[::1]:8000:8000" in deployed(target, job_for("tp1", "nim", host="::1")).text
