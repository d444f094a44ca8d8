"""The container that starts a NIM."""

import pytest

from nimprofile import LaunchError, Server, parse_manifest
from tests.support.launch.cases import manifest_text, plan_for, plan_on_mig


def test_weights_of_ones_own_are_told_to_a_nim():
    text = manifest_text("vllm", {}).replace(
        "hf://meta-llama/Llama-3.1-8B-Instruct", "/models/mine"
    )
    argv = plan_for(Server.NIM, manifest=parse_manifest(text)).argv
    assert "NIM_MODEL_PATH=/models/mine" in argv
    assert "/models/mine:/models/mine:ro" in argv


def test_nim_needs_an_image_where_the_model_has_no_name_in_the_catalogue():
    text = manifest_text("vllm", {}).replace("meta/llama-3.1-8b-instruct", "my-llama")
    with pytest.raises(LaunchError, match="nobody says which NIM serves my-llama: name its image"):
        plan_for(Server.NIM, manifest=parse_manifest(text))


@pytest.mark.parametrize(
    ("model", "variable", "mount"),
    [
        ("acme/llama", "hf://acme/llama", None),
        ("ngc://acme/llama", "ngc://acme/llama", None),
        ("/models/llama", "/models/llama", "/models/llama:/models/llama:ro"),
    ],
)
def test_nim_is_told_of_a_model_of_ones_own(model, variable, mount):
    argv = plan_for(Server.NIM, model=model).argv
    assert f"NIM_MODEL_PATH={variable}" in argv
    assert mount is None or mount in argv


def test_a_path_with_a_colon_is_not_handed_to_docker():
    with pytest.raises(LaunchError, match="takes no path with a colon: /models:/etc"):
        plan_for(Server.NIM, model="/models:/etc")


def test_arguments_that_override_a_pinned_nim_are_refused():
    with pytest.raises(LaunchError, match="your --tensor-parallel-size 4 contradicts what was"):
        plan_for(Server.NIM, extra=("--tensor-parallel-size", "4"))


def test_a_mig_instance_is_named_to_docker_by_its_uuid():
    argv = plan_on_mig("MIG-2", Server.NIM).argv
    assert '"device=MIG-2"' == argv[argv.index("--gpus") + 1]


def test_a_tag_of_too_many_digits_says_no_generation():
    image = f"registry.example/nim:{'9' * 5000}.1"
    assert image in plan_for(Server.NIM, image=image).argv
