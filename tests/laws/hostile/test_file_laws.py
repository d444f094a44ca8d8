"""Whatever lies where a file is expected, it is read or refused, at once and with its name."""

import json
import struct
from contextlib import suppress

import pytest
from hypothesis import example, given, strategies as st

from nimprofile import (
    NimProfileError,
    Setup,
    build_manifest,
    load_inventory,
    load_manifest,
    load_model,
    read_model,
)
from nimprofile.cli.exit_codes import BAD_INPUT, DONE
from nimprofile.cli.main import main
from nimprofile.launch.judged.weights_source import missing_weights
from nimprofile.launch.lora_adapters import with_adapters
from nimprofile.model.checkpoint import INDEX, QUANTIZATION
from tests.support.hostile.files import HOSTILE, dangling_link, loop, without_waiting
from tests.support.model_configs import LLAMA_8B

MODEL = ("memory", "MODEL", "--gpus", "1xh100")
SELECT = ("select", "--gpus", "1xh100", "--manifest")
INVENTORY = ("select", "--manifest", "llama-3.1-8b-instruct", "--inventory", "box.json")

PLACES = {
    "a manifest": ("m.yaml", (*SELECT, "m.yaml")),
    "a manifest without an ending": ("m", (*SELECT, "m")),
    "a manifest in JSON": ("m.json", (*SELECT, "m.json")),
    "a manifest to check": ("m.yaml", ("manifest", "check", "m.yaml")),
    "a manifest to show": ("m.yaml", ("manifest", "show", "m.yaml")),
    "a manifest to convert": ("m.yaml", ("manifest", "convert", "m.yaml", "--to", "v1")),
    "a manifest to compare": ("m.yaml", ("manifest", "diff", "llama-3.1-8b-instruct", "m.yaml")),
    "an inventory": ("box.json", INVENTORY),
    "the machine to print": ("box.json", ("gpus", "--inventory", "box.json")),
    "a config that is named": ("c.json", ("memory", "c.json", "--gpus", "1xh100")),
    "a config in a folder": ("config.json", MODEL),
    "a config to build of": ("config.json", ("manifest", "build", ".")),
    "ModelOpt's file": ("hf_quant_config.json", MODEL),
    "an index": ("model.safetensors.index.json", MODEL),
    "weights": ("model.safetensors", MODEL),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model's directory, which is where the program runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    return tmp_path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("put", HOSTILE, ids=lambda put: put.__name__)
def test_no_file_hangs_a_command_or_breaks_it(folder, capsys, put, place):
    name, command = PLACES[place]
    (folder / name).unlink(missing_ok=True)
    put(str(folder / name))
    with without_waiting():
        code = main([str(folder) if word == "MODEL" else word for word in command])
    said = capsys.readouterr()
    # A link to nothing in a folder is as good as nothing.
    absent = put in {loop, dangling_link} and name in {QUANTIZATION, INDEX}
    assert (DONE if absent else BAD_INPUT) == code
    assert absent or name in said.err + said.out


@pytest.mark.parametrize("put", HOSTILE, ids=lambda put: put.__name__)
def test_no_file_hangs_who_looks_for_adapters_and_missing_weights(tmp_path, put):
    (tmp_path / "a").mkdir()
    put(str(tmp_path / "a" / "adapter_config.json"))
    put(str(tmp_path / INDEX))
    (tmp_path / "model.safetensors").touch()
    with without_waiting():
        with suppress(NimProfileError):
            assert () == with_adapters(Setup(peft_source=str(tmp_path))).adapters
        assert missing_weights(str(tmp_path)) is None


FRAGMENTS = (
    *("[" * 400 + "]" * 400, "[" * 100_000, '{"a":' * 400 + "1" + "}" * 400),
    *("1" + "0" * 400, "-1" + "0" * 400, "9" * 5000, "1e999", "-1e999", "NaN", "-Infinity"),
    *('"\\ud800"', '"\\udfff\\ud800"', '{"\\ud800": 1}', '"\\u0000"', '"\\u001b]0;\\u0007"'),
    *('{"r": 1, "r": 2}', "[[]]", "[{}]", "{}", '""', "null", "true", "-1", "0", "0.5", '"1e9"'),
)
"""JSON, or nearly, that breaks who takes it for something."""

KEYS = st.sampled_from(
    (
        *LLAMA_8B,
        "quantization_config",
        "rope_scaling",
        "text_config",
        "layer_types",
        "vision_config",
    )
)


def refused_or_read(read, path):
    try:
        read(path)
    except NimProfileError as error:
        str(error).encode()


@example({"model_type": '"\\ud800"'})
@given(st.dictionaries(KEYS, st.sampled_from(FRAGMENTS), min_size=1, max_size=3))
def test_no_value_in_a_config_breaks_its_reader(tmp_path_factory, broken):
    path = tmp_path_factory.mktemp("model") / "config.json"
    plain = {key: json.dumps(value) for key, value in LLAMA_8B.items()}
    fields = (f"{json.dumps(key)}: {value}" for key, value in (plain | broken).items())
    path.write_text("{" + ", ".join(fields) + "}")
    refused_or_read(lambda path: build_manifest((read_model(path),)), path)
    refused_or_read(load_manifest, path)
    refused_or_read(load_inventory, path)


@example(["0", "1" + "0" * 400], True)
@example(["0", "1" + "0" * 20], True)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3), st.booleans())
def test_no_header_of_weights_breaks_its_reader(tmp_path_factory, broken, as_offsets):
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text(json.dumps(LLAMA_8B))
    values = ", ".join(broken)
    entry = f'{{"data_offsets": [{values}]}}' if as_offsets else values.partition(", ")[0]
    text = f'{{"__metadata__": {{}}, "t": {entry}}}'.encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    refused_or_read(load_model, folder)


@given(st.sampled_from(FRAGMENTS))
def test_nothing_beside_the_weights_breaks_its_reader(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text(json.dumps(LLAMA_8B))
    (folder / "a").mkdir()
    for key, path in (
        ("quantization", QUANTIZATION),
        ("metadata", INDEX),
        ("weight_map", "other.safetensors.index.json"),
        ("r", "a/adapter_config.json"),
    ):
        (folder / path).write_text(f'{{"{key}": {value}}}')
    refused_or_read(load_model, folder)
    refused_or_read(missing_weights, str(folder))
    refused_or_read(lambda path: with_adapters(Setup(peft_source=str(path))), folder)


@pytest.mark.parametrize("to", ["v1", "v2", "json"])
@pytest.mark.parametrize("value", FRAGMENTS)
def test_no_value_of_an_unknown_key_breaks_a_conversion(tmp_path, capsys, value, to):
    path = tmp_path / "m.json"
    profile = '{"id": "a", "tags": {"llm_engine": "vllm", "tp": "1"}, "odd": ' + value + "}"
    path.write_text(
        '{"schema_version": "2.0", "odd": ' + value + ', "profiles": [' + profile + "]}"
    )
    assert main(["manifest", "convert", str(path), "--to", to]) in {DONE, BAD_INPUT}
    capsys.readouterr()
