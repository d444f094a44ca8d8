"""Is the pool paid for as vLLM pays, and does each engine take its fraction of the right thing?"""

import pytest

from nimprofile import Engine, Precision, Serving, memory_budget, mock_inventory, shape_from_config
from nimprofile.base.units import GIB, MIB
from nimprofile.engines.facts.sglang import default_fraction
from nimprofile.engines.facts.tensorrt_llm import TENSORRT_LLM
from nimprofile.engines.facts.vllm import VLLM
from nimprofile.engines.memory.budget import cuda_total, nvml_total
from nimprofile.engines.memory.need import MemoryNeed
from nimprofile.engines.memory.suggestions import suggestions
from nimprofile.engines.overheads import RESERVED_MOST
from nimprofile.engines.parallelism import indivisible
from nimprofile.engines.spec import spec_of
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.builders import make_gpu
from tests.support.model_configs import LLAMA_8B

LLAMA = shape_from_config(LLAMA_8B)
SAMPLES = {config["model_type"]: shape_from_config(config) for config in SAMPLE_CONFIGS}
H100 = mock_inventory("1xh100").gpus[0]
L4 = mock_inventory("1xl4").gpus[0]


def budget(shape=LLAMA, gpu=H100, **serving):
    return memory_budget(shape, Serving(**serving), gpu)


def need(found):
    return MemoryNeed(found.gpu_bytes(found.wanted_cache), 0, "estimated", budget=found)


# Blocks.


@pytest.mark.parametrize(("tp", "per_token"), [(1, 131072), (2, 65536), (8, 16384), (16, 16384)])
def test_a_token_costs_two_vectors_for_each_kv_head_of_a_rank(tp, per_token):
    assert 16 * per_token == budget(tp=tp).request_bytes(16) == budget(tp=tp).request_bytes(1)
    assert 32 * per_token == budget(tp=tp).request_bytes(17)


def test_a_latent_vector_is_on_every_rank():
    latent = SAMPLES["deepseek_v3"]
    per_token = 12 * (512 + 64) * 2
    for tp in (1, 16):
        assert 16 * per_token == budget(latent, tp=tp).request_bytes(16)


def test_sparse_latent_attention_keeps_an_index_and_a_layout_of_its_own_in_fp8():
    config = next(each for each in SAMPLE_CONFIGS if each["model_type"] == "deepseek_v3")
    config = config | {"model_type": "deepseek_v32", "index_n_heads": 64, "index_head_dim": 128}
    sparse = shape_from_config(config)
    assert 16 * 12 * (576 * 2 + 132) == budget(sparse).request_bytes(16)
    assert 16 * 12 * (656 + 132) == budget(sparse, kv_cache_dtype="fp8").request_bytes(16)


def test_a_window_holds_its_tokens_and_those_under_way():
    sliding = SAMPLES["gemma3_text"]  # 27 layers of 1,024 tokens, 5 of all
    serving = {"engine_version": "0.19.0", "max_num_batched_tokens": 2048}
    block = 16 * 2 * 8 * 256 * 2  # one layer's tokens in one block
    window = -(-(1023 + 2048) // 16) + 1
    groups = -(-27 // 5)  # groups of five layers, the last one padded
    expected = (8192 // 16 + groups * window) * 5 * block
    assert expected == budget(sliding, **serving).request_bytes(8192)


def test_before_the_hybrid_cache_a_window_was_cached_like_full_attention():
    sliding = SAMPLES["gemma3_text"]
    old = budget(sliding, engine_version="0.8.5")
    assert 8192 * 32 * 2 * 8 * 256 * 2 == old.request_bytes(8192)


def test_a_state_costs_the_same_for_any_length():
    hybrid = SAMPLES["nemotron_h"]  # 8 states, 2 layers of attention with 2 heads of 128
    pool = budget(hybrid, engine_version="0.19.0").pool
    state = 64 * 64 * 128 * 4 + (64 * 64 + 2 * 8 * 128) * 3 * 2
    assert pool.block_tokens * 2 * 2 * 128 * 2 >= state
    assert 0 == pool.block_tokens % 16
    # Four groups of two states take a block each; attention takes one for each block of tokens.
    assert 4 + 3 == pool.blocks(3 * pool.block_tokens)


def test_speculative_tokens_have_states_and_layers_of_their_own():
    drafting = budget(SAMPLES["deepseek_v3"], speculative_tokens=2)
    plain = budget(SAMPLES["deepseek_v3"])
    assert drafting.weights.bytes > plain.weights.bytes
    assert 13 * plain.request_bytes(16) == 12 * drafting.request_bytes(16)


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [("auto", 2), ("bf16", 2), ("fp8", 1), ("nvfp4", 9 / 16)]
)
def test_the_cache_has_the_format_asked_for(dtype, bytes_each):
    assert 16 * 65536 * bytes_each == budget(kv_cache_dtype=dtype).request_bytes(16)


def test_auto_takes_the_checkpoints_format_from_vllm_0_17_on():
    block = {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}
    shape = shape_from_config(LLAMA_8B | {"quantization_config": block})
    new, old = (budget(shape, engine_version=v).request_bytes(16) for v in ("0.17", "0.16"))
    assert 2 * new == old


# What is left.


def test_vllm_0_19_leaves_what_it_logged():
    # A log of Llama 3.1 8B on an H100: 58.11 GiB, 476,016 tokens, 58.11 requests of 8,192.
    gpu = make_gpu(total=round(79.19 * 1024), name=H100.name).replace(memory_reserved_mib=0)
    found = budget(
        gpu=gpu,
        engine_version="0.19.0",
        memory_fraction=0.95,
        max_model_len=8192,
        max_num_batched_tokens=8192,
        max_num_seqs=1024,
    )
    assert found.spare / GIB == pytest.approx(58.11, rel=0.001)
    assert found.printed_tokens == pytest.approx(476_016, rel=0.001)
    assert found.concurrency(8192) == pytest.approx(58.11, rel=0.001)


def test_sglang_leaves_what_it_logged():
    # A log on an H200: 139.2 GiB free before the weights, a fraction of 0.8718, 106.36 GiB of cache.
    gpu = make_gpu(total=round((139.2 + 0.55) * 1024)).replace(memory_reserved_mib=0)
    found = budget(gpu=gpu, engine=Engine.SGLANG, memory_fraction=0.8717961202189594)
    assert found.spare / GIB == pytest.approx(106.36, rel=0.005)


def test_tensorrt_llm_takes_a_fraction_of_what_is_free_at_last():
    found = budget(engine=Engine.TENSORRT_LLM, memory_fraction=0.5)
    assert found.spare == pytest.approx((found.total - found.held) / 2, abs=1)


def test_more_batched_requests_leave_less():
    assert budget(max_num_seqs=1024).spare < budget(max_num_seqs=256).spare


def test_cuda_graphs_count_from_vllm_0_20_unless_the_engine_is_eager():
    old, new = budget(engine_version="0.19.0"), budget(engine_version="0.20.0")
    assert old.overhead.bytes < new.overhead.bytes
    assert old.overhead.bytes == budget(engine_version="0.20.0", eager=True).overhead.bytes


@pytest.mark.parametrize(
    ("version", "since"),
    [
        (None, "0.29"),
        ("0.4.0.post1", "0"),
        ("0.8.3", "0.8"),
        ("0.10.2+nvmain", "0.9.2"),
        ("0.19.2rc1.dev134+gfe9c3d6c5", "0.18"),
        ("0.21.0", "0.21"),
        ("1.0", "0.29"),
    ],
)
def test_a_version_has_the_habits_of_its_generation(version, since):
    assert since == spec_of(Engine.VLLM).overheads_of(version).since


def test_every_generation_is_newer_than_the_one_before_and_has_a_source():
    since = [tuple(map(int, row.since.split("."))) for row in VLLM]
    assert sorted(since) == since
    assert all(row.source for row in (*VLLM, *TENSORRT_LLM))


@pytest.mark.parametrize(
    ("gib", "fraction"), [(80, 0.836), (24, 0.847), (0, 0.88)], ids=["80 GiB", "24 GiB", "unknown"]
)
def test_sglang_sets_aside_what_its_own_rule_says(gib, fraction):
    assert fraction == pytest.approx(default_fraction(gib * GIB, 1, 1), abs=0.002)


# The board.


@pytest.mark.parametrize(
    ("gpu", "cuda"),
    [
        pytest.param(make_gpu(total=81_559), 81_559 * MIB - RESERVED_MOST, id="most"),
        pytest.param(
            make_gpu(total=10_000).replace(memory_reserved_mib=300), 9_700 * MIB, id="told"
        ),
        pytest.param(
            make_gpu(total=90_000).replace(unified_memory=True), 100_000 * MIB, id="shared"
        ),
    ],
)
def test_what_cuda_can_use_of_a_board(gpu, cuda):
    total = gpu.memory_total_mib * MIB
    assert cuda == cuda_total(gpu, total)
    assert total == nvml_total(gpu, cuda)


# Dividing.


@pytest.mark.parametrize(
    ("shape", "tp", "pp", "whats"),
    [
        (LLAMA, 8, 1, []),
        (LLAMA, 16, 1, []),
        (LLAMA, 3, 1, ["attention heads", "KV heads", "the MLP's width"]),
        (LLAMA, 1, 33, ["layers"]),
        (SAMPLES["qwen3_moe"], 32, 1, []),
        (SAMPLES["nemotron_h"], 64, 1, ["attention heads"]),
    ],
)
def test_what_does_not_divide_is_named(shape, tp, pp, whats):
    assert whats == [misfit.what for misfit in indivisible(shape, Engine.VLLM, tp, pp)]


# Changes.


def test_what_fits_needs_no_change():
    assert () == suggestions(need(budget()))


def test_every_change_named_would_do():
    found = budget(gpu=L4, max_model_len=65536, memory_fraction=0.9)
    kinds = {change.kind: change.value for change in suggestions(need(found))}
    assert {"context", "gpus"} <= kinds.keys()
    shorter = budget(gpu=L4, max_model_len=kinds["context"], memory_fraction=0.9)
    assert shorter.concurrency(kinds["context"]) >= 1
    assert budget(gpu=L4, max_model_len=65536, tp=kinds["gpus"]).concurrency(65536) >= 1


def test_another_precision_is_named_only_where_the_gpu_runs_it():
    ampere = L4.replace(
        name="NVIDIA A10", compute_capability=mock_inventory("1xa10").gpus[0].compute_capability
    )
    asked = {"max_model_len": 65536, "precision": Precision.BF16}
    assert "fp8" in {change.value for change in suggestions(need(budget(gpu=L4, **asked)))}
    assert "fp8" not in {
        c.value for c in suggestions(need(budget(gpu=ampere, **asked))) if c.kind == "precision"
    }


@pytest.mark.parametrize(
    ("engine", "version", "whole"),
    [
        pytest.param(Engine.VLLM, "0.13.0", True, id="vLLM before it streamed"),
        pytest.param(Engine.VLLM, "0.14.0", False, id="vLLM that streams"),
        pytest.param(Engine.VLLM, None, False, id="the newest vLLM"),
        pytest.param(Engine.SGLANG, None, True, id="SGLang"),
    ],
)
def test_what_is_quantised_on_load_must_fit_as_it_is_stored(engine, version, whole):
    serving = Serving(engine, version, Precision.FP8, max_model_len=1024)
    found = memory_budget(LLAMA, serving, make_gpu(total=14 * 1024))
    assert 7 < found.weights.bytes / GIB < 9
    assert (14.9 < found.gpu_bytes(None) / GIB < 15.5) is whole
    assert (found.spare < 0, found.longest_context(1024)) == (
        (True, None) if whole else (False, 1024)
    )


def test_an_fp8_checkpoint_is_loaded_as_it_is():
    block = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    shape = shape_from_config(LLAMA_8B | {"quantization_config": block})
    serving = Serving(Engine.SGLANG, None, Precision.FP8)
    assert 0 == memory_budget(shape, serving, make_gpu(total=14 * 1024)).peak


def test_sglang_keeps_a_part_of_the_tokens_for_windows_of_two_kinds_of_model():
    sinks = SAMPLES["gpt_oss"]
    full, share = budget(sinks, tp=1), budget(sinks, engine=Engine.SGLANG)
    per_layer = 2 * sinks.kv_heads * 64 * 2
    whole = 12 * per_layer * 4096
    assert full.request_bytes(4096) > whole
    assert share.request_bytes(4096) == pytest.approx(1.8 * whole, rel=0.03)


def test_sglang_caches_other_windows_like_full_attention():
    sliding = SAMPLES["gemma3_text"]
    found = budget(sliding, engine=Engine.SGLANG)
    per_token = len(sliding.layers) * 2 * sliding.kv_heads * 256 * 2
    assert found.request_bytes(4096) == pytest.approx(4096 * per_token, rel=0.01)
