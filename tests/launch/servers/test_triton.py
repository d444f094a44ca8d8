"""The model repository and the command of Triton."""

import json

import pytest

from nimprofile import LaunchError, Server, Setup, job_of, mock_inventory, select
from tests.support.launch.cases import ADAPTERS, manifest_of, plan_for


def test_triton_runs_a_version_of_vllm_that_its_newest_image_has():
    assert "0.24.0" == job_for_server(Server.TRITON).version
    assert "0.33.0" == job_for_server(Server.VLLM).version


def job_for_server(server):
    manifest = manifest_of("vllm", {})
    return job_of(select(manifest, mock_inventory("1xh100")), manifest, Setup(server=server))


def test_triton_has_the_layout_that_its_backend_documents():
    plan = plan_for(Server.TRITON, "lora")
    root = "./model_repository/meta-llama-3.1-8b-instruct"
    assert [f"{root}/config.pbtxt", f"{root}/1/model.json", f"{root}/1/multi_lora.json"] == [
        file.path for file in plan.files
    ]
    assert 'backend: "vllm"' in plan.files[0].text
    assert "KIND_MODEL" in plan.files[0].text
    assert dict(ADAPTERS) == json.loads(plan.files[2].text)
    model = json.loads(plan.files[1].text)
    assert (True, 32) == (model["enable_lora"], model["max_lora_rank"])


@pytest.mark.parametrize("flag", ["--http-port", "--grpc-port", "--metrics-port"])
@pytest.mark.parametrize("port", ["0", "70000", "9" * 5000])
def test_a_service_of_triton_listens_on_a_port(flag, port):
    with pytest.raises(LaunchError, match=f"your {flag} 9*.* cannot be listened on"):
        plan_for(Server.TRITON, extra=(flag, port))


def test_the_services_of_triton_listen_where_they_are_told():
    argv = plan_for(Server.TRITON, extra=("--grpc-port", "65535", "--metrics-port=9")).argv
    assert ("--grpc-port", "65535", "--metrics-port=9") == argv[-3:]
    assert 1 == argv.count("--grpc-port")
