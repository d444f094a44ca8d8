"""The pool is paid for as vLLM and SGLang pay."""

import pytest

from nimprofile import Engine, Serving, memory_budget, mock_inventory, shape_from_config
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.model_configs import LLAMA_8B

LLAMA = shape_from_config(LLAMA_8B)

SAMPLES = {config["model_type"]: shape_from_config(config) for config in SAMPLE_CONFIGS}

H100 = mock_inventory("1xh100").gpus[0]


def budget(shape=LLAMA, gpu=H100, **serving):
    return memory_budget(shape, Serving(**serving), gpu)


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
