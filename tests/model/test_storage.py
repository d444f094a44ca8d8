"""How each weight of a model is stored, worked out once for a shape."""

import pytest

from nimprofile import Precision, shape_from_config
from nimprofile.model import storage
from nimprofile.model.storage import MOST_KEPT, Storage, storage_of
from nimprofile.model.weights import weight_bytes
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.support.model_configs import LLAMA_8B

NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
MOE = next(config for config in SAMPLE_CONFIGS if config["model_type"] == "qwen3_5_moe_text")
LAYERS = len(shape_from_config(MOE).layers)
EXPERTS = 16 * 3 * 768 * 4096
"""Weights of the routed experts of a layer."""


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


def kept_in(*patterns, config=MOE):
    return shape(config, quantization_config=NVFP4 | {"ignore": [*patterns]})


def test_a_format_that_is_not_known_gives_no_weights():
    unknown = shape(quantization_config={"quant_method": "exl9"})
    assert not Storage(unknown, None).known


def test_it_is_worked_out_once_for_a_shape_and_a_precision():
    llama = shape()
    assert storage_of(llama, Precision.FP8) is storage_of(llama, Precision.FP8)
    assert storage_of(llama, Precision.FP8) is not storage_of(shape(), Precision.FP8)
    assert storage_of(llama, Precision.FP8) is not storage_of(llama, Precision.BF16)


def test_the_checkpoints_own_precision_is_how_it_is_stored():
    quantized = kept_in()
    assert storage_of(quantized, None) is storage_of(quantized, Precision.NVFP4)
    assert storage_of(quantized, None) is not storage_of(quantized, Precision.FP8)


def test_no_more_are_kept_than_models_in_use_have():
    for _ in range(3 * MOST_KEPT):
        storage_of(shape(), None)
    assert len(storage._recent) <= MOST_KEPT


def test_layers_of_one_kind_are_stored_alike():
    assert 2 == len(storage_of(shape(MOE), None).kinds)
    assert 2 == len(storage_of(kept_in("lm_head", "mlp.gate"), None).kinds)
    assert 3 == len(storage_of(kept_in("model.layers.1.linear_attn.out_proj"), None).kinds)


@pytest.mark.parametrize(
    "pattern",
    [
        "model.language_model.layers.1.mlp.experts",
        "layers.1.mlp.experts*",
        "[1].mlp.experts",
        "1.mlp.experts",
        r"re:.*\.1\.mlp\.experts.*",
    ],
)
def test_experts_kept_in_one_layer_are_kept_in_that_layer_only(pattern):
    whole, some = (storage_of(kept_in(*kept), None).layer_bytes(2) for kept in ((), [pattern]))
    assert [1] == [at for at in range(LAYERS) if some[at] != whole[at]]
    assert EXPERTS // 2 * (16 - 4.5) / 8 == some[1] - whole[1]


def test_thousands_of_names_keep_what_each_names():
    single = [f"model.layers.{n}.mlp.experts.{m}.up_proj" for n in range(LAYERS) for m in (7, 8)]
    kept = [f"model.layers.{n}.mlp.experts" for n in range(LAYERS)]
    by_name = kept_in(*single * 50, *kept)
    assert weight_bytes(kept_in("mlp.experts"), None, 4) == weight_bytes(by_name, None, 4)


def test_modules_with_formats_of_their_own_have_them_in_their_layer():
    algorithms = {n: "FP8" if n == 1 else "NVFP4" for n in range(LAYERS)}
    layers = {
        f"model.layers.{n}.mlp.experts": {"quant_algo": name} for n, name in algorithms.items()
    }
    block = {"quant_method": "modelopt", "quantized_layers": layers}
    mixed = storage_of(shape(MOE, quantization_config=block), None)
    formats = {
        at: {form.name for weights in layer.weights if (form := mixed.format(weights, at))}
        for at, layer in enumerate(mixed.shape.layers)
    }
    assert {"fp8"} == formats.pop(1)
    assert [{"nvfp4"}] * (LAYERS - 1) == [*formats.values()]
