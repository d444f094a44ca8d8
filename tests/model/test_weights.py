"""The bytes of weights on each rank: shares, what every rank holds, padding and stages."""

import pytest

from nimprofile import (
    Precision,
    shape_from_config,
)
from nimprofile.base.units import GIB
from nimprofile.model.weights import stages, weight_bytes
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.model_configs import DEEPSEEK_R1 as R1, LLAMA_8B


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


def test_what_a_rank_holds_is_its_share_and_all_of_what_is_replicated():
    whole, half = weight_bytes(shape(), None)[0], weight_bytes(shape(), None, 2)[0]
    norms = 65 * 4096 * 2
    assert whole - norms == 2 * (half - norms)


def test_kv_heads_beyond_their_number_are_replicated():
    eight, sixteen = (weight_bytes(shape(), None, tp)[0] for tp in (8, 16))
    kv = 32 * 2 * 4096 * 128 * 2  # one key and one value head a layer, on every rank
    norms = 65 * 4096 * 2
    assert eight - norms - kv == 2 * (sixteen - norms - kv)


def test_the_way_into_the_latent_space_is_on_every_rank():
    one, many = (weight_bytes(shape(R1), Precision.FP8, tp)[0] for tp in (1, 16))
    replicated = 61 * 7168 * (1536 + 512 + 64)
    assert many > one / 16 + replicated * 15 / 16


def test_a_tied_head_is_the_embedding_but_for_the_last_of_several_stages():
    tied = shape(tie_word_embeddings=True)
    assert shape().parameters - tied.parameters == 128256 * 4096
    first, last = weight_bytes(tied, None, 1, 2)
    assert first + 4096 * 2 == last


def test_the_remainder_of_layers_goes_to_the_stages_before_the_last():
    assert [(0, 8), (8, 16), (16, 24), (24, 32)] == stages(shape(), 4)
    assert [(0, 6), (6, 12), (12, 19), (19, 26), (26, 32)] == stages(shape(), 5)


def test_mxfp4_experts_are_padded_as_vllm_pads_them():
    gpt_oss = next(config for config in SAMPLE_CONFIGS if config["model_type"] == "gpt_oss")
    # A log of vLLM 0.19 prints 13.64 GiB; parameters x bits make 12.8.
    assert weight_bytes(shape_from_config(gpt_oss | {"vocab_size": 201088}), None)[0] / GIB == (
        pytest.approx(13.64, rel=0.02)
    )
