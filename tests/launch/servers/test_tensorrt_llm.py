"""The command and the options file of TensorRT-LLM, and what changed from version to version."""

import json

import pytest

from nimprofile import LaunchError, Server, parse_manifest
from tests.support.launch.cases import manifest_text, on_load, plan_for, value_after


def test_tensorrt_llm_quantises_nothing_and_says_what_would_do():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.TENSORRT_LLM, manifest=on_load("tensorrt_llm"))
    assert (
        "tensorrt_llm makes no fp8 of a 16-bit checkpoint, which tensorrt_llm-fp8-tp1-pp1 wants: "
        "name a directory with weights stored so with --model, select another profile (vllm and "
        "sglang would make it: --engine), or let NIM find its own with --server nim"
    ) == str(caught.value)


def test_tensorrt_llm_is_told_the_served_name_once_it_has_a_flag_for_it():
    argv = plan_for(Server.TENSORRT_LLM, served_name="llama", engine_version="1.3.0rc7").argv
    assert "llama" == value_after(argv, "--served_model_name")
    plan = plan_for(Server.TENSORRT_LLM, served_name="llama", engine_version="1.3.0rc6")
    assert "--served_model_name" not in plan.argv
    assert "trtllm-serve 1.3.0rc6 has no flag for the served name llama" in plan.notes[0]


def test_tensorrt_llm_has_its_cache_in_the_file_and_nowhere_else():
    plan = plan_for(Server.TENSORRT_LLM, memory_fraction=0.8, kv_cache_dtype="fp8")
    cache = json.loads(plan.files[0].text)["kv_cache_config"]
    assert {"dtype": "fp8", "free_gpu_memory_fraction": 0.8} == cache
    assert not any("fraction" in word for word in plan.argv)


def test_tensorrt_llm_is_told_the_modules_where_no_adapter_is_there_at_the_start():
    plan = plan_for(Server.TENSORRT_LLM, "lora", adapters=())
    lora = json.loads(plan.files[0].text)["lora_config"]
    assert ["attn_q", "attn_k", "attn_v"] == lora["lora_target_modules"]
    assert "lora_dir" not in lora


def test_tensorrt_llm_converts_what_is_stored_otherwise():
    manifest = parse_manifest(manifest_text("tensorrt_llm", {"precision": "fp16"}))
    plan = plan_for(Server.TENSORRT_LLM, manifest=manifest)
    assert {"dtype": "float16"} == json.loads(plan.files[0].text)


def test_a_version_that_listens_on_ipv4_alone_is_given_no_other_address():
    with pytest.raises(LaunchError, match=r"trtllm-serve 1\.2\.1 listens on no IPv6 address"):
        plan_for(Server.TENSORRT_LLM, host="::")
    assert "::" in plan_for(Server.TENSORRT_LLM, host="::", engine_version="1.1.0").argv
