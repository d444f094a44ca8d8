"""What does not divide is named: heads, widths, layers, and groups of weights that share a scale."""

import pytest

from nimprofile import Engine, Precision, shape_from_config
from nimprofile.engines.parallelism import indivisible
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.model_configs import LLAMA_8B

LLAMA = shape_from_config(LLAMA_8B)
SAMPLES = {config["model_type"]: shape_from_config(config) for config in SAMPLE_CONFIGS}

FP8_BLOCKS = {"quant_method": "fp8", "weight_block_size": [128, 128]}
MOE = LLAMA_8B | {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}
"""Qwen3-30B-A3B: its FP8 checkpoint does not start with tp 4 in vLLM up to 0.28."""


def torn(config, tp, precision=None, *, engine=Engine.VLLM, version="0.28.0", **changes):
    shape = shape_from_config(config | changes)
    misfits = indivisible(shape, engine, tp, 1, precision=precision, version=version)
    return [(misfit.what, misfit.number, misfit.by, misfit.divisor) for misfit in misfits]


@pytest.mark.parametrize(("tp", "groups"), [(1, False), (2, False), (4, True), (8, True)])
def test_blocks_of_experts_are_not_cut(tp, groups):
    found = torn(MOE, tp, quantization_config=FP8_BLOCKS)
    expected = [("groups of 128 in the experts' width", 6, "tp", tp)] if groups else []
    assert expected == found


@pytest.mark.parametrize(
    ("engine", "version", "starts"),
    [
        (Engine.VLLM, "0.28.0", False),
        (Engine.VLLM, "0.29.0", True),
        (Engine.VLLM, None, True),
        (Engine.SGLANG, None, False),
    ],
)
def test_vllm_divides_the_blocks_of_experts_since_0_29(engine, version, starts):
    found = torn(MOE, 4, engine=engine, version=version, quantization_config=FP8_BLOCKS)
    assert starts is (found == [])


def test_blocks_are_not_divided_below_32():
    odd = MOE | {"moe_intermediate_size": 704}  # 704 / 4 = 176 = 16 x 11
    assert [] != torn(odd, 4, version=None, quantization_config=FP8_BLOCKS)


def test_another_precision_has_no_blocks():
    assert [] == torn(MOE, 4, Precision.BF16, quantization_config=FP8_BLOCKS)
    assert [] != torn(MOE, 4, Precision.FP8, quantization_config=FP8_BLOCKS)


def test_what_is_quantised_on_load_has_no_blocks():
    assert [] == torn(MOE, 4, Precision.FP8)


def test_modules_that_are_left_alone_have_no_blocks():
    block = FP8_BLOCKS | {"modules_to_not_convert": ["experts"]}
    assert [] == torn(MOE, 4, quantization_config=block)


def test_groups_of_awq_are_those_of_a_row():
    # Qwen2.5-7B: 18,944 / 8 = 2,368 inputs of down_proj a rank, which is 18.5 groups of 128.
    config = LLAMA_8B | {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 112,
    }
    awq = {"quant_method": "awq", "bits": 4, "group_size": 128}
    found = torn(config, 8, quantization_config=awq)
    assert ("groups of 128 in the inputs of down_proj", 148, "tp", 8) in found
    assert [] == torn(config, 8)


def test_a_kv_head_that_ranks_share_is_not_cut():
    config = LLAMA_8B | {"num_key_value_heads": 2, "quantization_config": FP8_BLOCKS}
    assert [] == torn(config, 8)


def test_heads_narrower_than_a_block_are_cut():
    config = LLAMA_8B | {"head_dim": 64, "quantization_config": FP8_BLOCKS}
    assert {"groups of 128 in the outputs of k_proj", "groups of 128 in the outputs of v_proj"} == {
        name for name, *_ in torn(config, 8)
    }


def test_what_engines_pad_is_not_cut():
    block = {"weights": {"num_bits": 4, "type": "float", "strategy": "tensor_group"}}
    block["weights"] |= {"group_size": 16}
    nvfp4 = {"quant_method": "compressed-tensors", "config_groups": {"group_0": block}}
    nvfp4["config_groups"]["group_0"]["targets"] = ["Linear"]
    odd = MOE | {"moe_intermediate_size": 704}  # 704 / 8 = 88, which is 5.5 groups of 16
    assert [] == torn(odd, 8, quantization_config=nvfp4)


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
