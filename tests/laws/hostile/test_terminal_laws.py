"""Texts that others wrote steer no terminal, forge no line and fill no screen, wherever they stand.

A text is put into one place of one input, a value or a key of it, and one command reads it. What
comes out on either stream, and in every file, has nothing but printable characters, tabs and ends
of lines; no line begins with what the text has behind the end of a line; and no message repeats
more of it than a few hundred characters.
"""

import contextlib
import io
import json
import os
import re
import struct
import sys

import pytest
from hypothesis import example, given, strategies as st

from nimprofile.cli.main import main
from tests.support.model_configs import LLAMA_8B

FORGED = "FORGED"
STEERING = (
    "\x1b]0;title\x07",
    "\x1b[31m",
    "\x9b31m",
    "\x07",
    "\x7f",
    "\r",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\U000e0041",
    f"\n{FORGED}",
    f"\n  {FORGED}",
    f"\r\n{FORGED}",
    f"\u2028{FORGED}",
    f"\x0b{FORGED}",
)
TEXTS = st.lists(
    st.sampled_from((*STEERING, "a", "0", "vllm", "/", ",", "=", " ")), min_size=1
).map("".join)
LONG = "x" * 20_000
MOST_REPEATED = 500
"""Characters of one value in one place of a message."""

PROFILE = {
    "id": "a" * 64,
    "name": "vllm-bf16-tp1-pp1",
    "note": "it",
    "tags": {
        "llm_engine": "vllm",
        "precision": "bf16",
        "tp": "1",
        "pp": "1",
        "feat_lora": "true",
        "gpu": "h100",
        "gpu_device": "2330:10de",
        "profile": "throughput",
        "min_vram_per_device_gb": "20",
        "checkpoint": "it",
        "product_name_regex": "H100.*",
        "trtllm_buildable": "true",
    },
    "requires": {
        "compute_capability": ">=8.0",
        "driver": ">=550",
        "cuda": ">=12.4",
        "memory_gib_per_gpu": "20",
        "engine": "vllm>=0.10.1",
    },
}
SHAPE = {
    "parameters": 8_000_000_000,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "model_type": "llama",
}
MANIFEST = {
    "schema_version": "2.0",
    "profile_selection_criteria": "auto",
    "release": "1.8.4",
    "model": "acme/it",
    "engine_version": "0.19.0",
    "checkpoints": [{"name": "it", "path": "/models/it", "model_shape": SHAPE}],
    "profiles": [
        PROFILE,
        {"id": "b" * 64, "tags": {"llm_engine": "sglang", "precision": "fp8", "tp": "2"}},
    ],
}
V1 = {"a" * 64: PROFILE | {"model": "acme/it", "release": "1.8.4"}}
INVENTORY = {
    "gpus": [
        {
            "index": 0,
            "name": "NVIDIA H100 80GB HBM3",
            "device_id": "2330:10de",
            "uuid": "GPU-0",
            "memory_total_mib": 81559,
            "memory_free_mib": 1000,
            "compute_capability": "9.0",
            "pci_bus_id": "00000000:01:00.0",
            "health_issues": ["it is hot"],
        },
        {"index": 1, "name": "NVIDIA L4", "unavailable": "it is lost"},
    ],
    "driver_version": "570.1",
    "cuda_version": "12.8",
    "cpu_architecture": "x86_64",
    "remarks": ["a remark"],
}
CONFIG = LLAMA_8B | {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 2,
    "layer_types": ["full_attention", "full_attention"],
    "quantization_config": {
        "quant_method": "compressed-tensors",
        "ignore": ["lm_head"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4}}},
    },
}
HEADER = {"model.embed": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}
INDEX = {"metadata": {"total_size": 32}, "weight_map": {"model.embed": "model.safetensors"}}
ADAPTER = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "acme/it"}
PRINTOUT = f"""\
SYSTEM INFO
- Free GPUs:
  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 [current utilization: 0%]
MODEL PROFILES
- Compatible with system and runnable:
  - {"a" * 64} (vllm-bf16-tp1-pp1) [requires >=18 GB/gpu]
"""
VARIABLES = (
    *("NIM_MODEL_PROFILE", "NIM_TAGS_SELECTOR", "NIM_PASSTHROUGH_ARGS", "NIM_MODEL_PATH"),
    *("NIM_PEFT_SOURCE", "NIM_LOG_LEVEL", "NIM_JSONL_LOGGING", "NIM_MAX_MODEL_LEN"),
    *("NIM_MANIFEST_PATH", "NIM_CACHE_PATH", "NIM_SERVED_MODEL_NAME", "NIM_IMAGE", "NIM_NONSENSE"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NIM_TENSOR_PARALLEL_SIZE", "HF_HOME"),
    *("NIM_RELAX_MEM_CONSTRAINTS", "NIM_KVCACHE_PERCENT", "NIM_SERVER_PORT", "NIM_MODEL_NAME"),
)


def places(value, path=()):
    """Every place of a tree: what it has there, and the keys."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from places(inner, (*path, at))


def with_text(tree, path, text, *, as_key):
    """The tree with a text for what stands at a place, or for a key more beside it."""
    if not path:
        return {text: tree} if as_key else text
    first, *rest = path
    if isinstance(tree, list):
        return [
            with_text(each, rest, text, as_key=as_key) if at == first else each
            for at, each in enumerate(tree)
        ]
    if as_key and not rest:
        return {key if key != first else text: value for key, value in tree.items()} | (
            {text + "2": "it"}
        )
    return {
        key: with_text(value, rest, text, as_key=as_key) if key == first else value
        for key, value in tree.items()
    }


TREES = {
    "manifest.yaml": MANIFEST,
    "v1.yaml": V1,
    "box.json": INVENTORY,
    "config.json": CONFIG,
    "model.safetensors": HEADER,
    "model.safetensors.index.json": INDEX,
    "lora/one/adapter_config.json": ADAPTER,
}
PLACES = [
    *(
        (name, path, key)
        for name in TREES
        for path in dict.fromkeys(places(TREES[name]))
        for key in (0, 1)
    ),
    *(("printout", (line,), 0) for line in range(PRINTOUT.count("\n"))),
    *(("folder", (name,), 0) for name in ("model", "lora", "adapter", "shard", "manifest")),
    *(("variable", (name,), 0) for name in VARIABLES),
]
READERS = (
    "select --manifest {m} --gpus 1xh100",
    "select --manifest {m} --gpus 1xh100 --json",
    "select --manifest {m} --gpus 1xh100 --format env",
    "select --manifest {m} --inventory box.json",
    "select --manifest {m} --gpus 1xt4",
    "list --manifest {m} --inventory box.json",
    "list --manifest {m} --gpus 1xl4 --color always",
    "list --manifest {m} --gpus 1xh100 --nim",
    "list --manifest {m} --gpus 1xh100 --json",
    "explain --manifest {m} --inventory box.json",
    "explain --manifest {m} --gpus 1xt4 --json",
    "memory {m} --gpus 1xh100",
    "launch --manifest {m} --gpus 1xh100 --model ./model --adapters ./lora",
    "launch --manifest {m} --gpus 1xh100 --model ./model --json",
    "launch --manifest {m} --gpus 1xh100 --model ./model --server tensorrt_llm",
    "launch --manifest {m} --gpus 1xh100 --model ./model --server triton",
    "render k8s --manifest {m} --gpus 1xh100 --model ./model --server vllm",
    "render docker --manifest {m} --gpus 1xh100 --model ./model --server nim --image nvcr.io/nim/a:1",
    "render compose --manifest {m} --gpus 1xh100 --model ./model --server triton",
    "exec --manifest {m} --inventory box.json --model ./model",
    "exec --manifest {m} --gpus 1xh100 --model ./model --adapters ./lora",
    "manifest check {m}",
    "manifest check {m} --json",
    "manifest show {m}",
    "manifest show {m} --color always",
    "manifest convert {m} --to v1",
    "manifest convert {m} --to v2",
    "manifest convert {m} --to json",
    "manifest convert {m} --to v2 -o out --force",
    "manifest diff {m} llama-3.1-8b-instruct",
    "manifest diff llama-3.1-8b-instruct {m} --gpus 1xh100",
)
OTHERS = (
    "gpus --inventory box.json",
    "gpus --inventory box.json --json",
    "gpus --inventory box.json --color always",
    "gpus --inventory box.json --record -",
    "memory ./model --gpus 1xh100",
    "memory ./model --gpus 1xh100 --json",
    "select --model ./model --inventory box.json",
    "select --model ./model --gpus 1xh100",
    "list --model ./model --gpus 1xh100",
    "launch --model ./model --gpus 1xh100 --adapters ./lora",
    "exec --model ./model --gpus 1xh100 --adapters ./lora",
    "manifest build ./model",
    "manifest build ./model --format json",
    "manifest build ./model -o out --force",
    "variables",
    "variables --json",
)
COMMANDS = (
    *(command.replace("{m}", "manifest.yaml") for command in READERS),
    *(command.replace("{m}", "v1.yaml") for command in READERS),
    *(command.replace("{m}", "printout") for command in READERS[:12]),
    *OTHERS,
)


def written(folder, place, text):
    """Write the inputs, with the text in its place; the variables, and other names in a command."""
    name, path, as_key = place
    (folder / "model").mkdir()
    (folder / "lora/one").mkdir(parents=True)
    variables, renamed = {}, {}
    for file, tree in TREES.items():
        changed = with_text(tree, path, text, as_key=bool(as_key)) if file == name else tree
        data = json.dumps(changed).encode()
        if file == "model.safetensors":
            data = struct.pack("<Q", len(data)) + data + bytes(32)
        inside = "" if "/" in file or file in {"manifest.yaml", "v1.yaml", "box.json"} else "model/"
        (folder / inside / file).write_bytes(data)
    lines = PRINTOUT.splitlines()
    if name == "printout":
        lines[path[0]] = lines[path[0]][:-3] + text + lines[path[0]][-3:]
    (folder / "printout").write_text("\n".join(lines), encoding="utf-8", errors="replace")
    (folder / "lora/one/adapter_model.safetensors").write_bytes(b"")
    if name == "variable":
        value = text.replace("\0", "").encode("utf-8", "replace").decode()
        variables[path[0]] = value
    elif name == "folder":
        called = text.replace("/", "").encode("utf-8", "replace").decode()[:60] or "it"
        _rename(folder, path[0], called, renamed)
    return variables, renamed


def _rename(folder, what, called, renamed):
    with contextlib.suppress(OSError):
        match what:
            case "model":
                (folder / "model").rename(folder / called)
                renamed["./model"] = f"./{called}"
            case "lora":
                (folder / "lora").rename(folder / called)
                renamed["./lora"] = f"./{called}"
            case "adapter":
                (folder / "lora/one").rename(folder / "lora" / called)
            case "shard":
                (folder / "model/model.safetensors").rename(
                    folder / "model" / f"{called}.safetensors"
                )
                (folder / "model/model.safetensors.index.json").unlink()
            case "manifest":
                for name in ("manifest.yaml", "v1.yaml", "printout"):
                    (folder / name).rename(folder / f"{called}{name}")
                    renamed[name] = f"{called}{name}"


class Stream(io.TextIOWrapper):
    """A standard stream whose text can be asked for."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode()


@contextlib.contextmanager
def here(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def outputs_of(folder, command, place, text):
    """What a command writes to its streams, and to a file."""
    variables, renamed = written(folder, place, text)
    argv = [renamed.get(word, word) for word in command.split()]
    streams = Stream(), Stream()
    with pytest.MonkeyPatch.context() as patch, here(folder):
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        patch.setattr(os, "environ", {"PATH": "/nowhere", "HOME": "/nowhere"} | variables)
        main(argv)
        out, err = (stream.text() for stream in streams)
    file = folder / "out"
    return out, err, file.read_text(encoding="utf-8") if file.exists() else ""


KIND = ("manifest.yaml", ("checkpoints", 0, "model_shape", "model_type"), 0)


@pytest.mark.parametrize(
    "command",
    [
        "manifest show manifest.yaml",
        "manifest show v1.yaml",
        "list --manifest printout --gpus 1xh100",
        "gpus --inventory box.json --json",
        "memory ./model --gpus 1xh100",
    ],
)
def test_the_inputs_are_read_to_their_end_without_such_a_text(tmp_path, command):
    out, err, _ = outputs_of(tmp_path, command, ("none", (), 0), "")
    assert out
    assert "nimprofile: " not in err


@example(place=KIND, command="manifest convert manifest.yaml --to v2", text="\u202e")
@example(place=KIND, command="manifest convert manifest.yaml --to json", text="\x7f")
@example(
    place=("folder", ("manifest",), 0), command="manifest show manifest.yaml", text=f"a\n  {FORGED}"
)
@example(
    place=("folder", ("model",), 0),
    command="launch --model ./model --gpus 1xh100",
    text="a\x1b[31m",
)
@given(place=st.sampled_from(PLACES), command=st.sampled_from(COMMANDS), text=TEXTS)
def test_no_text_of_others_steers_a_terminal_or_forges_a_line(
    tmp_path_factory, place, command, text
):
    folder = tmp_path_factory.mktemp("it")
    for output in outputs_of(folder, command, place, text):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", output) if "--color" in command else output
        assert re.sub("[\n\t]", "", plain).isprintable()
        assert not [line for line in plain.split("\n") if line.strip().startswith(FORGED)]


@example(
    place=("manifest.yaml", ("profiles", 0, "name"), 0),
    command="select --manifest manifest.yaml --gpus 1xt4",
    text="Qx W",
)
@example(
    place=("manifest.yaml", ("profiles", 0, "tags", "gpu"), 0),
    command="select --manifest manifest.yaml --gpus 1xt4",
    text="Qx W",
)
@example(
    place=("model.safetensors", (), 1),
    command="launch --manifest manifest.yaml --gpus 1xh100 --model ./model --adapters ./lora",
    text="x ",
)
@given(
    place=st.sampled_from(PLACES),
    command=st.sampled_from(COMMANDS),
    text=st.sampled_from(["x", "x ", "Qx W", "é\n", "\x1b"]),
)
def test_no_message_repeats_more_than_a_few_hundred_characters(
    tmp_path_factory, place, command, text
):
    folder = tmp_path_factory.mktemp("it")
    err = outputs_of(folder, command, place, text * (20_000 // len(text)))[1]
    assert all(len(line) < 5000 for line in err.split("\n"))
    assert MOST_REPEATED > max(map(len, re.findall(r"[xQW ]{100,}|(?:\\x1b){20,}", err)), default=0)
