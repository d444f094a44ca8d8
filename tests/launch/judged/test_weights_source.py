"""Where the weights of a profile are, and which of them are refused."""

import pytest

from nimprofile import LaunchError, Server, parse_manifest
from tests.support.launch.cases import LLAMA, STORED, manifest_text, plan_for


def test_a_checkpoint_in_another_format_is_not_started():
    text = manifest_text("vllm", {"precision": "fp8"}).replace(STORED["fp8"], STORED["nvfp4"])
    with pytest.raises(
        LaunchError, match="wants fp8 weights, and the checkpoint is stored as nvfp4"
    ):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


def test_weights_nobody_names_are_asked_for():
    text = manifest_text("vllm", {}).replace("  path: hf://meta-llama/Llama-3.1-8B-Instruct\n", "")
    with pytest.raises(LaunchError, match="nobody says where the weights of vllm-bf16-tp1-pp1 are"):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


def test_a_refusal_repeats_little_of_a_long_name():
    text = manifest_text("vllm", {"profile": "Qx W" * 6000})
    text = text.replace("  path: hf://meta-llama/Llama-3.1-8B-Instruct\n", "")
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.VLLM, manifest=parse_manifest(text))
    assert 600 > len(str(caught.value))


@pytest.mark.parametrize("path", ["ngc://nim/meta/llama", "s3://bucket/llama"])
def test_weights_that_an_engine_is_not_known_to_read_are_refused(path):
    text = manifest_text("vllm", {}).replace("hf://meta-llama/Llama-3.1-8B-Instruct", path)
    with pytest.raises(LaunchError, match="vllm is not known to read"):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


def test_the_checkpoint_of_the_profile_is_the_one_that_is_served():
    entry = "- name: it\n  path: hf://meta-llama/Llama-3.1-8B-Instruct"
    other = f"- name: other\n  path: hf://acme/other\n  model_shape: {LLAMA % ''}\n"
    text = manifest_text("vllm", {"checkpoint": "it"}).replace(entry, other + entry)
    assert (
        "meta-llama/Llama-3.1-8B-Instruct"
        == plan_for(Server.VLLM, manifest=parse_manifest(text)).argv[2]
    )
