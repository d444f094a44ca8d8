"""Does every architecture have the weights that were published, and the caches that its layers keep?"""

import json

import pytest

from nimprofile import (
    Engine,
    ModelError,
    Precision,
    Serving,
    memory_budget,
    shape_from_config,
)
from nimprofile.base.units import GIB
from nimprofile.model.architectures.registry import ARCHITECTURES
from nimprofile.model.config_fields import Config
from nimprofile.model.quantization import own_precision
from nimprofile.model.quantization_config import read_quantization
from nimprofile.model.shape import CacheKind
from nimprofile.model.storage import Storage
from nimprofile.model.weights import stages, weight_bytes
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.builders import make_gpu
from tests.support.model_configs import LLAMA_8B
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
R1 = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
    "num_nextn_predict_layers": 1,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
}


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


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


def test_an_unknown_architecture_says_so_and_has_no_layers():
    unknown = shape(model_type="mystery_9")
    assert (False, "mystery_9") == (unknown.known, unknown.architecture)
    assert ("model_type 'mystery_9' is not known: only weight bytes count",) == unknown.notes


@pytest.mark.parametrize("config", SAMPLE_CONFIGS, ids=lambda config: config["model_type"])
def test_without_a_model_type_the_keys_of_a_family_tell(config):
    bare = shape_from_config({key: value for key, value in config.items() if key != "model_type"})
    assert bare.known
    assert "there is no model_type: read as " in bare.notes[0]


def test_without_a_model_type_the_architecture_tells():
    bare = {key: value for key, value in LLAMA_8B.items() if key != "model_type"}
    named = shape_from_config(bare | {"architectures": ["Qwen2ForCausalLM"]})
    assert "qwen2" == named.architecture
    assert 32 * (4096 + 2 * 1024) == named.parameters - shape().parameters


def test_a_wrapper_is_read_by_its_text_config():
    wrapped = {"model_type": "mistral3", "text_config": LLAMA_8B | {"model_type": "mistral"}}
    assert shape().parameters == shape_from_config(wrapped).parameters


def test_an_encoder_that_is_not_known_is_noted():
    wrapped = {"model_type": "new_vl", "text_config": LLAMA_8B, "vision_config": {"depth": 2}}
    (note,) = shape_from_config(wrapped).notes
    assert "the encoder of vision_config is not counted" in note


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"num_hidden_layers": "many"}, "num_hidden_layers: 'many' is not a whole number"),
        ({"num_hidden_layers": 0}, "num_hidden_layers: 0 is not a whole number above 0"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers: 1000000000 layers are too many"),
        ({"vocab_size": 1.5}, "vocab_size: '1.5' is not a whole number"),
        ({"vocab_size": float("nan")}, "vocab_size: 'nan' is not a whole number"),
        ({"vocab_size": True}, "vocab_size: 'True' is not a whole number"),
        ({"tie_word_embeddings": 3}, "tie_word_embeddings: '3' is neither true nor false"),
        ({"layer_types": ["full_attention"]}, "layer_types: 1 kinds for 32 layers"),
        ({"layer_types": [1] * 32}, "layer_types: expected a list of texts"),
        ({"quantization_config": "fp8"}, "quantization_config: expected a mapping"),
        ({"model_type": 7}, "model_type: '7' is not a text"),
        ({"text_config": []}, "text_config: expected a mapping"),
        (
            {"quantization_config": {"quant_method": "awq", "bits": "x"}},
            "quantization_config.bits: 'x' is not a whole number",
        ),
    ],
)
def test_a_figure_that_is_none_is_named_with_its_place(change, problem):
    with pytest.raises(ModelError) as caught:
        shape(**change)
    assert problem == str(caught.value)


def test_figures_of_a_manifest_are_read_as_text():
    texts = json.loads(json.dumps(LLAMA_8B), parse_int=str)
    texts["tie_word_embeddings"] = "false"
    assert shape() == shape_from_config(texts)


# How it is stored.

FORMATS = [
    pytest.param({"quant_method": "fp8"}, "fp8", 8.0, id="fp8"),
    pytest.param(
        {"quant_method": "awq", "bits": 4, "group_size": 128}, "int4_awq", 4.15625, id="awq"
    ),
    pytest.param(
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True},
        "int4",
        4.125,
        id="gptq",
    ),
    pytest.param({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4", 4.5, id="nf4"),
    pytest.param({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4", 4.5, id="nvfp4"),
    pytest.param(
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "g": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}
            },
        },
        "fp8",
        8.0,
        id="compressed-tensors",
    ),
]


@pytest.mark.parametrize(("block", "precision", "bits"), FORMATS)
def test_matrices_have_the_bits_of_the_format_and_the_rest_stays_wide(block, precision, bits):
    quantized = shape(quantization_config=block)
    embeddings, matrices = 2 * 128256 * 4096, 32 * 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336)
    norms = 65 * 4096
    expected = 2 * (embeddings + norms) + matrices * bits / 8
    assert int(expected) == weight_bytes(quantized, None)[0]
    assert Precision(precision) == own_precision(quantized)
    assert int(expected) == weight_bytes(quantized, Precision(precision))[0]


def test_a_format_that_is_not_known_gives_no_weights():
    unknown = shape(quantization_config={"quant_method": "exl9"})
    assert not Storage(unknown, None).known


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("model.layers.3.self_attn", ["layers.3.self_attn.q_proj"]),
        ("model.layers.*.self_attn*", ["layers.3.self_attn.q_proj", "layers.4.self_attn.q_proj"]),
        ("re:.*layers\\.3\\..*", ["layers.3.self_attn.q_proj", "layers.3.mlp.up_proj"]),
        ("self_attn", ["layers.3.self_attn.q_proj", "layers.4.self_attn.q_proj"]),
        ("language_model.layers.3.mlp.up_proj", ["layers.3.mlp.up_proj"]),
        ("vision_tower.encoder.layers.3.self_attn.q_proj", []),
        ("mtp.layers.3.mlp.up_proj", []),
        ("gate", []),
    ],
)
def test_patterns_keep_the_modules_they_name_and_no_others(pattern, kept):
    scheme = read_quantization(Config({"quant_method": "fp8", "ignore": [pattern]}))
    storage = Storage(shape().replace(quantization=scheme), None)
    modules = {
        f"layers.{at}.{weights.name}": storage.format(weights, at)
        for at in (3, 4)
        for weights in shape().layers[0].weights
        if weights.name in {"self_attn.q_proj", "mlp.up_proj"}
    }
    assert kept == [name for name, form in modules.items() if form is None]


def test_mxfp4_experts_are_padded_as_vllm_pads_them():
    gpt_oss = next(config for config in SAMPLE_CONFIGS if config["model_type"] == "gpt_oss")
    # A log of vLLM 0.19 prints 13.64 GiB; parameters x bits make 12.8.
    assert weight_bytes(shape_from_config(gpt_oss | {"vocab_size": 201088}), None)[0] / GIB == (
        pytest.approx(13.64, rel=0.02)
    )


def test_the_table_of_architectures_is_in_the_field_s_spelling():
    assert all(name == name.lower() and name.isidentifier() for name in ARCHITECTURES)


def test_a_vocabulary_that_is_not_there_is_assumed_and_said():
    found = shape_from_config({key: LLAMA_8B[key] for key in LLAMA_8B if key != "vocab_size"})
    assert (131_072, ("vocab_size is missing: 131,072 is assumed",)) == (
        found.vocab_size,
        found.notes,
    )
