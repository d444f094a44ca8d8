"""Patterns name the modules they cover and no others."""

import pytest

from nimprofile import (
    shape_from_config,
)
from nimprofile.model.config_fields import Config
from nimprofile.model.module_patterns import ModulePatterns
from nimprofile.model.quantization_config import read_quantization
from nimprofile.model.storage import Storage
from tests.support.model_configs import LLAMA_8B


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


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


@pytest.mark.parametrize(
    ("patterns", "position"),
    [
        pytest.param(("q_proj", "self_attn"), 0, id="the first of two that name it"),
        pytest.param(("mlp", "self_attn", "q_proj"), 1, id="whatever part it names"),
        pytest.param(("mlp", "re:.*q_proj", "self_attn"), 1, id="an expression before a name"),
        pytest.param(("self_attn", "re:.*q_proj"), 0, id="a name before an expression"),
        pytest.param(("mlp", "*_proj", "q_proj"), 1, id="a wildcard before a name"),
        pytest.param(("qkv_proj",), 0, id="a joined matrix"),
        pytest.param(("mlp", "lm_head"), None, id="none"),
        pytest.param((), None, id="no patterns"),
    ],
)
def test_the_first_pattern_that_names_a_module_decides(patterns, position):
    assert position == ModulePatterns(patterns).first("layers.3.self_attn.q_proj")


@pytest.mark.parametrize(
    ("pattern", "by_layer"),
    [
        ("self_attn.q_proj", False),
        ("*.q_proj", True),
        ("mlp.experts.0.up_proj", False),
        ("self_attn*", True),
        ("q_proj.*", False),
        ("model.layers.3.mlp", True),
        ("3.mlp", True),
        ("re:.*lm_head", True),
    ],
)
def test_patterns_that_may_tell_layers_apart_are_known(pattern, by_layer):
    assert by_layer is ModulePatterns((pattern,)).by_layer
