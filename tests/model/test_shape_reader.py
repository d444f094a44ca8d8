"""Reading the shape of a model from its config.json, and what is said where it cannot be read."""

import json

import pytest

from nimprofile import (
    ModelError,
    shape_from_config,
)
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.model_configs import LLAMA_8B


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


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
        ({"vocab_size": 10**18}, "vocab_size: beyond what any model has"),
        ({"hidden_size": 10**400}, "hidden_size: beyond what any model has"),
        ({"hidden_size": -(10**30)}, "hidden_size: beyond what any model has"),
        ({"max_position_embeddings": 1e30}, "max_position_embeddings: beyond what any model has"),
        ({"vocab_size": "1" * 30}, "vocab_size: beyond what any model has"),
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


def test_a_vocabulary_that_is_not_there_is_assumed_and_said():
    found = shape_from_config({key: LLAMA_8B[key] for key in LLAMA_8B if key != "vocab_size"})
    assert (131_072, ("vocab_size is missing: 131,072 is assumed",)) == (
        found.vocab_size,
        found.notes,
    )


@pytest.mark.parametrize(
    ("scaling", "longest"),
    [
        (None, 4096),
        ({"rope_type": "linear", "factor": 4.0}, 16384),
        ({"type": "dynamic", "factor": "2"}, 8192),
        ({"type": "yarn", "factor": 4, "original_max_position_embeddings": 2048}, 8192),
        ({"type": "yarn", "factor": 2, "original_max_position_embeddings": 2048}, 4096),
        ({"rope_type": "llama3", "factor": 8.0}, 4096),
        ({"rope_type": "longrope", "factor": 8.0}, 4096),
        ({"rope_type": "default"}, 4096),
        ({"rope_type": "linear", "factor": "much"}, 4096),
        ("much", 4096),
    ],
)
def test_a_scaled_rotary_embedding_stretches_the_context_that_engines_take(scaling, longest):
    config = LLAMA_8B | {"max_position_embeddings": 4096, "rope_scaling": scaling}
    shape = shape_from_config(config)
    assert (4096, longest) == (shape.max_position_embeddings, shape.most_context)
