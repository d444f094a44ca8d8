"""Are the tables of what engines serve consistent, and does every kind of checkpoint find its row?"""

import json
from itertools import combinations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from nimprofile import Engine, Precision, shape_from_config
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import kind_of_model, stored_as
from nimprofile.model.quantization import is_own
from tests.support.model_configs import LLAMA_8B
from tests.support.paths import CORPUS

FORMATS = [way for engine in Engine for way in spec_of(engine).formats]
MODELS_FILE = CORPUS / "memory" / "models.jsonl"
ROWS = [json.loads(line) for line in MODELS_FILE.read_text(encoding="utf-8").splitlines()]
SPECIFIERS = {
    *(way.capability for way in FORMATS),
    *(way.versions for way in FORMATS),
    *(row.versions for engine in Engine for row in spec_of(engine).models.values()),
    *(row.capability for engine in Engine for row in spec_of(engine).models.values()),
}


def stored(block=None, **changes):
    config = LLAMA_8B | changes
    if block is not None:
        config["quantization_config"] = block
    return stored_as(shape_from_config(config))


def group(bits, kind="int", **more):
    weights = {"num_bits": bits, "type": kind, **more}
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    }


@pytest.mark.parametrize("text", sorted(SPECIFIERS))
def test_a_specifier_set_has_a_lower_and_an_upper_bound_at_most(text):
    operators = [specifier.operator for specifier in SpecifierSet(text)]
    assert {*operators} <= {">=", "<"}
    assert len({*operators}) == len(operators)


@pytest.mark.parametrize(
    "way", FORMATS, ids=lambda way: f"{way.engine} {way.stored} {way.precision}"
)
def test_a_way_has_a_source_and_runs_on_something(way):
    assert way.source
    assert any(cc in SpecifierSet(way.capability) for cc in ("7.0", "7.5", "8.0", "9.0", "10.0"))


def test_no_version_of_an_engine_has_two_rows_for_one_thing():
    versions = ["0.5", "0.6.6", "0.8.5", "0.9", "0.9.2", "0.10.1", "0.13", "0.14", "0.16", "0.20"]
    versions += ["0.27", "0.33.0", "0.4.6", "0.5.7", "0.5.12", "0.5.13", "0.5.23", "1.0", "1.2.1"]
    for one, other in combinations(FORMATS, 2):
        if (one.engine, one.stored, one.precision) == (other.engine, other.stored, other.precision):
            both = [v for v in versions if v in SpecifierSet(one.versions + "," + other.versions)]
            assert [] == both, (one, other)


@pytest.mark.parametrize("engine", tuple(Engine))
def test_the_newest_release_serves_a_plain_llama(engine):
    newest = spec_of(engine).newest
    rows = [way for way in FORMATS if way.engine is engine and way.stored == "16 bits"]
    assert Precision.BF16 in {way.precision for way in rows if newest in SpecifierSet(way.versions)}
    assert newest in SpecifierSet(spec_of(engine).models["llama"].versions)
    assert not Version(newest).is_prerelease


@pytest.mark.parametrize(
    ("block", "name"),
    [
        (None, "16 bits"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8 blocks"),
        ({"quant_method": "fbgemm_fp8"}, "fp8 fbgemm"),
        (group(8, "float"), "fp8 compressed-tensors"),
        (group(8), "int8 compressed-tensors"),
        (group(4, group_size=128), "int4 compressed-tensors"),
        (group(4, "float", group_size=16), "nvfp4 compressed-tensors"),
        (group(4, "float", group_size=32), "mxfp4 compressed-tensors"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8 modelopt"),
        ({"quant_method": "modelopt_fp4", "quant_algo": "NVFP4"}, "nvfp4 modelopt"),
        ({"quant_algo": "W4A16_AWQ"}, "int4 modelopt"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128, "sym": True}, "gptq 8"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "gptq"),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, "auto-round"),
        ({"quant_method": "auto-round", "bits": 8, "group_size": 128}, "auto-round 8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes 8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "exl3"}, ""),
    ],
)
def test_a_checkpoint_is_stored_as(block, name):
    assert name == stored(block)
    assert not name or name in {way.stored for way in FORMATS}


@pytest.mark.parametrize(
    "block",
    [
        {"quant_method": "gptq", "bits": 3, "group_size": 128},
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": False},
        {"quant_method": "gptq", "bits": 4, "group_size": 96},
        {"quant_method": "awq", "bits": 8, "group_size": 128},
    ],
)
def test_what_no_engine_loads_has_no_row(block):
    assert stored(block) not in {way.stored for way in FORMATS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_a_stored_checkpoint_is_served_as_it_is_stored(row):
    shape = shape_from_config(row["config"])
    name = stored_as(shape)
    own = {way.precision for way in FORMATS if way.stored == name and way.precision.bits < 16}
    if name not in {"16 bits", "float16"}:
        assert all(is_own(shape, precision) for precision in own)


def test_a_float16_checkpoint_is_told_apart():
    assert "float16" == stored(torch_dtype="float16")


def test_every_checkpoint_of_the_corpus_but_one_is_stored_as_somebody_serves():
    unknown = [row["model"] for row in ROWS if not stored_as(shape_from_config(row["config"]))]
    assert ["Mia-AiLab/GLM-5.3-Flash-EXL3-TR3-4bpw"] == unknown


def test_the_language_part_of_a_model_is_listed_as_the_model():
    for model_type in ("gemma3_text", "mllama_text_model", "qwen3_5_moe_text", "llama"):
        assert kind_of_model(model_type) in spec_of(Engine.VLLM).models
