"""Architectures have the weights that were published, and the caches that their layers keep."""

import json

import pytest

from nimprofile import (
    Engine,
    ModelError,
    Serving,
    memory_budget,
    shape_from_config,
)
from nimprofile.base.units import GIB
from nimprofile.model.architectures.registry import ARCHITECTURES
from nimprofile.model.shape import CacheKind
from nimprofile.model.weights import weight_bytes
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.builders import make_gpu
from tests.support.model_configs import DEEPSEEK_R1 as R1, LLAMA_8B
from tests.support.paths import CORPUS

MODELS_FILE = CORPUS / "memory" / "models.jsonl"

QWEN_72B = LLAMA_8B | {
    "model_type": "qwen2",
    "hidden_size": 8192,
    "intermediate_size": 29568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "vocab_size": 152064,
}


def recorded(model):
    """The whole config.json of a model of the corpus."""
    rows = map(json.loads, MODELS_FILE.read_text(encoding="utf-8").splitlines())
    return next(row["config"] for row in rows if row["model"] == model)


FLASH, PRO = "deepseek-ai/DeepSeek-V4-Flash-0731", "deepseek-ai/DeepSeek-V4-Pro"


@pytest.mark.parametrize(
    ("model", "parameters", "checkpoint_bytes"),
    [(FLASH, 284_334_567_511, 159_609_485_896), (PRO, 1_572_999_528_803, 864_704_792_696)],
)
def test_deepseek_v4_has_the_weights_of_its_checkpoints(model, parameters, checkpoint_bytes):
    flash = shape_from_config(recorded(model))
    assert parameters == flash.parameters
    made = weight_bytes(flash, None, draft=True)[0] - flash.table_bytes
    assert 0.995 < made / checkpoint_bytes < 1  # its 32-bit numbers count 16


def test_deepseek_v4_pays_for_tokens_under_way():
    # vLLM issue 44376, 0.22 with 16,384 tokens under way: 6.66 GiB for 30,000 tokens.
    serving = Serving(Engine.VLLM, "0.33.0", max_num_batched_tokens=8192, max_model_len=30000)
    found = memory_budget(shape_from_config(recorded(FLASH)), serving, make_gpu(total=140_000))
    assert 6.66 == pytest.approx(found.request_bytes(30000) / GIB, rel=0.06)


def test_deepseek_v4_wants_a_ratio_for_every_layer():
    config = recorded(FLASH) | {"compress_ratios": [4, 128, 7]}
    with pytest.raises(ModelError, match=r"expected 43 of 0, 4, 128") as caught:
        shape_from_config(config)
    assert "compress_ratios" == caught.value.place


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        pytest.param(LLAMA_8B, 8_030_261_248, id="Llama 3.1 8B"),
        pytest.param(QWEN_72B, 72_706_203_648, id="Qwen2.5 72B"),
        # The published 671,026,419,200 count a bias of each routed expert, 58 x 256.
        pytest.param(R1, 671_026_419_200 - 58 * 256, id="DeepSeek R1"),
    ],
)
def test_parameters_are_the_published_ones(config, parameters):
    assert parameters == shape_from_config(config).parameters


@pytest.mark.parametrize("config", SAMPLE_CONFIGS, ids=lambda config: config["model_type"])
def test_every_sample_is_known(config):
    assert shape_from_config(config).known


KINDS = {
    "llama": {"full": 32},
    "qwen3_moe": {"full": 32},
    "deepseek_v3": {"latent": 12},
    "gemma3_text": {"sliding": 27, "full": 5},
    "gpt_oss": {"sliding": 12, "full": 12},
    "nemotron_h": {"state": 8, "full": 2},
    "qwen3_5_moe_text": {"state": 30, "full": 10},
}


@pytest.mark.parametrize("config", SAMPLE_CONFIGS, ids=lambda config: config["model_type"])
def test_layers_keep_what_their_kind_keeps(config):
    kinds = [layer.cache.kind for layer in shape_from_config(config).layers if layer.cache]
    counted = {kind: kinds.count(CacheKind(kind)) for kind in KINDS[config["model_type"]]}
    assert KINDS[config["model_type"]] == counted
    assert len(kinds) == sum(counted.values())


def test_three_of_four_layers_of_llama_4_attend_within_a_chunk():
    llama_4 = LLAMA_8B | {
        "model_type": "llama4_text",
        "num_local_experts": 16,
        "num_experts_per_tok": 1,
        "attention_chunk_size": 8192,
    }
    chunked = [layer.cache.kind is CacheKind.CHUNKED for layer in shape_from_config(llama_4).layers]
    assert [True, True, True, False] * 8 == chunked


def test_the_table_of_architectures_is_in_the_field_s_spelling():
    assert all(name == name.lower() and name.isidentifier() for name in ARCHITECTURES)
