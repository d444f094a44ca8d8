"""Are a model's files read exactly, and what is wrong with them named?"""

import json
import os
import struct

import pytest

from nimprofile import ModelError, Precision, Serving, load_model, memory_budget, mock_inventory
from tests.support.model_configs import LLAMA_8B

H100 = mock_inventory("1xh100").gpus[0]


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def tensors(path, **sizes):
    """Write a safetensors file: its header, and as many zeros as its tensors have bytes."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, size in sizes.items():
        header[name.replace("__", ".")] = {
            "dtype": "U8",
            "shape": [size],
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, path.stat().st_size + at)


def test_a_directory_and_its_config_are_the_same(tmp_path):
    write(tmp_path, config__json=LLAMA_8B)
    assert load_model(tmp_path) == load_model(tmp_path / "config.json")


def test_the_index_has_the_exact_bytes(tmp_path):
    index = {"metadata": {"total_size": 16_060_556_376}, "weight_map": {}}
    write(tmp_path, config__json=LLAMA_8B)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    found = memory_budget(load_model(tmp_path), Serving(), H100)
    assert (16_060_556_376, "exact") == (found.weights.bytes, found.weights.source)
    half = memory_budget(load_model(tmp_path), Serving(tp=2), H100)
    assert half.weights.bytes == pytest.approx(16_060_556_376 / 2, rel=1e-4)


def test_headers_have_them_too_and_go_before_the_index(tmp_path):
    write(tmp_path, config__json=LLAMA_8B)
    tensors(tmp_path / "model-1.safetensors", a=1000, b=24)
    tensors(tmp_path / "model-2.safetensors", c=76)
    (tmp_path / "model.safetensors.index.json").write_text('{"metadata": {"total_size": 5}}')
    assert 1100 == load_model(tmp_path).checkpoint_bytes


def test_layers_that_only_draft_are_not_counted(tmp_path):
    write(tmp_path, config__json=LLAMA_8B | {"num_nextn_predict_layers": 1})
    names = {"model__layers__0__a": 10, "model__layers__32__b": 20, "mtp__c": 30}
    tensors(tmp_path / "model.safetensors", **names)
    assert 10 == load_model(tmp_path).checkpoint_bytes


def test_the_bytes_of_a_checkpoint_say_nothing_of_another_precision(tmp_path):
    write(tmp_path, config__json=LLAMA_8B)
    tensors(tmp_path / "model.safetensors", a=16_060_556_376)
    found = memory_budget(load_model(tmp_path), Serving(precision=Precision.FP8), H100)
    assert "estimated" == found.weights.source


def test_an_unknown_model_has_only_its_bytes(tmp_path):
    write(tmp_path, config__json={"model_type": "mystery"})
    assert None is memory_budget(load_model(tmp_path), Serving(), H100)
    tensors(tmp_path / "model.safetensors", a=2**34)
    found = memory_budget(load_model(tmp_path), Serving(tp=2), H100)
    assert (2**33, None) == (found.weights.bytes, found.pool)


def test_modelopts_own_file_says_how_it_is_stored(tmp_path):
    quantization = {
        "quant_algo": "FP8",
        "kv_cache_quant_algo": "FP8",
        "exclude_modules": ["lm_head"],
    }
    write(tmp_path, config__json=LLAMA_8B, hf_quant_config__json={"quantization": quantization})
    scheme = load_model(tmp_path).quantization
    assert ("modelopt", 8) == (scheme.method, scheme.kv_bits)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "config.json: no such file"),
        ({"config__json": ""}, "config.json: the file is empty"),
        ({"config__json": "{"}, "config.json:1: not JSON"),
        ({"config__json": "[]"}, "config.json: expected a mapping"),
        ({"config__json": "[" * 100_000}, "config.json: nested more than 64 levels deep"),
        ({"config__json": b"\xff\xfe"}, "config.json:1: not a text file"),
        ({"config__json": {"model_type": "llama"}}, "config.json: num_hidden_layers is missing"),
        (
            {"config__json": LLAMA_8B, "m__safetensors": b"\x01"},
            "m.safetensors: not a safetensors file: its header is no JSON",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, files, problem):
    with pytest.raises(ModelError) as caught:
        load_model(write(tmp_path, **files))
    assert problem in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({}, "this is no model's config.json", id="nothing"),
        pytest.param({"quantization": {}}, "this is no model's config.json", id="ModelOpt's file"),
        pytest.param({"profiles": []}, "this is a manifest: use --manifest", id="a manifest"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, fields, problem):
    write(tmp_path, config__json=fields)
    with pytest.raises(ModelError, match=problem):
        load_model(tmp_path)


def test_heads_that_cannot_share_the_kv_heads_are_refused(tmp_path):
    write(tmp_path, config__json=LLAMA_8B | {"num_key_value_heads": 7})
    with pytest.raises(ModelError, match="32 attention heads cannot share 7 KV heads") as caught:
        load_model(tmp_path)
    assert "num_key_value_heads" == caught.value.place
