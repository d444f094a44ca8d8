"""The command of vLLM, and what changed from version to version."""

import pytest

from nimprofile import (
    LaunchError,
    Request,
    Server,
    Serving,
    launch_plan,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.model.shape import CacheKind
from tests.support.launch.cases import (
    manifest_of,
    manifest_text,
    on_load,
    plan_for,
    plan_on_mig,
    value_after,
)


@pytest.mark.parametrize(
    ("version", "flag"),
    [("0.33.0", "fp8_per_tensor"), ("0.31.0", "fp8_per_tensor"), ("0.30.2", "fp8")],
)
def test_vllm_is_told_to_quantise_in_the_words_of_its_version(version, flag):
    argv = plan_for(Server.VLLM, manifest=on_load("vllm"), engine_version=version).argv
    assert flag == argv[argv.index("--quantization") + 1]


def test_a_checkpoint_nobody_knows_is_left_to_the_engine():
    argv = plan_for(Server.VLLM, "fp8", model="acme/llama-fp8").argv
    assert "acme/llama-fp8" == argv[2]
    assert "--quantization" not in argv


@pytest.mark.parametrize(("server", "flag"), [(Server.VLLM, "--dtype"), (Server.SGLANG, "--dtype")])
def test_weights_of_16_bits_are_served_in_the_precision_of_the_profile(server, flag):
    argv = plan_for(server, "tp1").argv
    assert "bfloat16" == argv[argv.index(flag) + 1]


def test_a_quantised_model_computes_in_float16_where_there_is_no_bf16():
    text = manifest_text("vllm", {"precision": "nvfp4"})
    manifest = parse_manifest(text + "  requires: {compute_capability: '>=7.5'}\n")
    decision = select(
        manifest, mock_inventory("1xt4"), Request(serving=Serving(max_model_len=2048))
    )
    argv = launch_plan(decision, manifest).argv
    assert "float16" == argv[argv.index("--dtype") + 1]


def test_a_bf16_profile_is_served_in_float16_where_there_is_no_bf16():
    manifest = parse_manifest(manifest_text("vllm", {"precision": "bf16"}))
    request = Request(relax_memory=True, serving=Serving(max_model_len=2048))
    decision = select(manifest, mock_inventory("1xquadro_rtx_8000"), request)
    argv = launch_plan(decision, manifest).argv
    assert "float16" == argv[argv.index("--dtype") + 1]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--model", "acme/other"), "--model acme/other"),
        (("--model=acme/other",), "--model=acme/other"),
    ],
)
def test_another_model_after_the_dashes_is_refused(extra, said):
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.VLLM, extra=(*extra, "--seed", "7"))
    assert (
        f"your {said} contradicts what was judged, the model: name the weights with "
        "--model, before --"
    ) == str(caught.value)


def test_the_same_model_after_the_dashes_takes_the_place_of_ours():
    same = ("--model", "meta-llama/Llama-3.1-8B-Instruct")
    plan = plan_for(Server.VLLM, extra=(*same, "--seed", "7"))
    assert ("vllm", "serve", same[1], "--host") == plan.argv[:4]
    assert ("--seed", "7") == plan.argv[-2:]
    assert "--model" not in plan.argv


def test_vllm_runs_no_more_requests_in_a_step_than_tokens():
    with pytest.raises(LaunchError, match="no more requests in a step than tokens: 512 > 256"):
        plan_for(Server.VLLM, max_num_seqs=512, max_num_batched_tokens=256)
    argv = plan_for(Server.VLLM, "latency", engine_version="0.16.0", max_num_seqs=4096).argv
    assert "4096" == value_after(argv, "--max-num-batched-tokens")


def test_a_cache_that_a_version_has_not_is_refused():
    for version in ("0.17.0", "0.20.2"):
        with pytest.raises(LaunchError, match=r"has no NVFP4 KV cache; 0\.24 and later have"):
            plan_for(Server.VLLM, kv_cache_dtype="nvfp4", engine_version=version)
    with pytest.raises(
        LaunchError, match=r"cache on compute capability 9\.0, but on >=10\.0,<11\.0"
    ):
        plan_for(Server.VLLM, kv_cache_dtype="nvfp4", engine_version="0.31.0")
    argv = plan_for(Server.VLLM, kv_cache_dtype="nvfp4", engine_version="0.32.0").argv
    assert "nvfp4" == value_after(argv, "--kv-cache-dtype")
    with pytest.raises(LaunchError, match="wants GPUs of compute capability 10"):
        plan_for(Server.SGLANG, kv_cache_dtype="nvfp4")


def test_adapters_that_no_directory_holds_are_noted():
    notes = plan_for(Server.VLLM, "lora", adapters=()).notes
    assert ("no adapter is served at the start: none lies in /adapters",) == notes


def test_a_mig_instance_is_shown_by_its_uuid_where_vllm_reads_one():
    assert {"CUDA_VISIBLE_DEVICES": "MIG-2"} == plan_on_mig("MIG-2").environ
    with pytest.raises(LaunchError, match=r"vLLM 0\.23\.0 takes no MIG instance by its UUID"):
        plan_on_mig("MIG-2", engine_version="0.23.0")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": CacheKind.LATENT}, "for multi-head latent attention"),
        ({"values": 1024}, "for attention heads of 64"),
    ],
)
def test_an_nvfp4_cache_is_not_for_every_attention(changed, said):
    manifest = manifest_of("vllm", {})
    shape = manifest.checkpoints[0].shape
    layer = shape.layers[0].replace(cache=shape.layers[0].cache.replace(**changed))
    other = shape.replace(layers=(layer,) * len(shape.layers))
    setup = {"model": "/models/llama", "shape": other}
    with pytest.raises(LaunchError, match=f"has no NVFP4 KV cache {said}"):
        plan_for(Server.VLLM, manifest=manifest, kv_cache_dtype="nvfp4", **setup)


@pytest.mark.parametrize("server", [Server.VLLM, Server.SGLANG, Server.TENSORRT_LLM])
def test_a_cache_of_a_format_that_no_engine_has_is_refused(server):
    with pytest.raises(LaunchError, match="is not known to have a KV cache of int8: leave it out"):
        plan_for(server, kv_cache_dtype="int8")
