"""Quantised checkpoints: the bits that each way of writing a format makes."""

import pytest

from nimprofile import (
    Precision,
    shape_from_config,
)
from nimprofile.model.quantization import own_precision
from nimprofile.model.weights import weight_bytes
from tests.support.model_configs import LLAMA_8B


def shape(config=LLAMA_8B, **changes):
    return shape_from_config(config | changes)


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
