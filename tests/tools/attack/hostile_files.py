"""Random damage to every file that others write, and the commands that read it."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import yaml

from tests.support.paths import CORPUS, ROOT
from tests.tools.attack.command_lines import CONFIG
from tests.tools.attack.shots import Shot, bare_environment
from tests.tools.attack.texts import hostile

MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"), key=lambda path: path.stat().st_size)[:5]
MACHINES = sorted((CORPUS / "machines").glob("*.json"))
SPARSE = 3 * 2**30
"""Bytes of a file that takes no room on the disk, and all memory where it is read whole."""


def hostile_files(random: Random, folder: Path) -> Iterator[Shot]:
    """One damaged file, given to two of the commands that read it."""
    (folder / "given").mkdir()
    commands = random.choice(KINDS)(random, folder)
    for argv in random.sample(commands, min(2, len(commands))):
        yield Shot(argv, folder, bare_environment(folder))


def _manifest(random: Random, folder: Path) -> list[list[str]]:
    text = random.choice(MANIFESTS).read_text(encoding="utf-8")
    form = random.choice(("yaml", "json", "listing"))
    if form == "json":
        text = json.dumps(yaml.safe_load(text))
    elif form == "listing":
        text = _LISTING
    write(random, folder / "given" / "manifest", text)
    name = "given/manifest"
    machine = ["--gpus", random.choice(("8xh100", "1xl40s", "2xa100"))]
    return [
        *([command, "--manifest", name, *machine] for command in ("select", "list", "launch")),
        ["explain", "--manifest", name, *machine],
        ["list", "--manifest", name, *machine, "--nim"],
        ["select", "--manifest", name, *machine, "--json"],
        ["render", "k8s", "--manifest", name, *machine],
        *(["manifest", action, name] for action in ("check", "show")),
        *(["manifest", "convert", name, "--to", form] for form in ("v1", "v2", "json")),
        ["manifest", "diff", "llama-3.1-8b-instruct", name],
    ]


_LISTING = """SYSTEM INFO
- Free GPUs:
  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 [current utilization: 0%]
MODEL PROFILES
- Compatible with system and runnable:
  - 8835c31752fbc67ef658b20a9f78e056914fdef0660206d82f252d62fd96064d (tensorrt_llm-h100-fp8-tp1-pp1-latency)
  - 4f904d571fe60ff24695b5ee2aa42da58cb460787a968f1e8a09f5a7e862728d (vllm-bf16-tp1-pp1)
- Incompatible with system:
  - dcd85d5e877e954f26c4a7248cd3b98c489fbde5f1cf68b4af11d665fa55778e (tensorrt_llm-h100-fp8-tp2-pp1-latency)
"""


def _inventory(random: Random, folder: Path) -> list[list[str]]:
    write(random, folder / "given" / "box.json", random.choice(MACHINES).read_text())
    box = ["--inventory", "given/box.json"]
    manifest = ["--manifest", random.choice(("llama-3.1-8b-instruct", "gpt-oss-120b"))]
    return [
        ["gpus", *box],
        ["gpus", *box, "--json"],
        ["gpus", *box, "--record", "recorded.json"],
        *([command, *manifest, *box] for command in ("select", "list", "explain", "launch")),
        ["render", "compose", *manifest, *box],
        ["select", *manifest, *box, "--format", "env"],
        ["memory", "llama-3.1-8b-instruct", *box],
    ]


def _model(random: Random, folder: Path) -> list[list[str]]:
    """A model's directory, one of whose files is damaged."""
    model = folder / "given"
    (model / "config.json").write_text(CONFIG)
    damaged = random.choice(("config", "config", "config", "quantization", "index", "weights"))
    if damaged == "config":
        (model / "config.json").unlink()
        config = json.loads(CONFIG) | random.choice(_QUANTIZED)
        write(random, model / "config.json", json.dumps(config))
    elif damaged == "quantization":
        write(random, model / "hf_quant_config.json", json.dumps(_MODELOPT))
    elif damaged == "index":
        write(random, model / "model.safetensors.index.json", json.dumps(_INDEX))
    else:
        write(random, model / "model-00001.safetensors", json.dumps(_HEADER), _safetensors)
    machine = ["--gpus", random.choice(("8xh100", "1xl40s"))]
    return [
        ["memory", "given", *machine],
        ["memory", "given", *machine, "--json"],
        ["manifest", "build", "given"],
        *([command, "--model", "given", *machine] for command in ("select", "list", "launch")),
        ["render", "docker", "--model", "given", *machine],
        ["select", "--manifest", "llama-3.1-8b-instruct", "--model", "given", *machine],
    ]


_QUANTIZED: tuple[dict[str, object], ...] = (
    {},
    {"quantization_config": {"quant_method": "fp8", "ignored_layers": ["lm_head"]}},
    {
        "quantization_config": {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "group_0": {"weights": {"num_bits": 4, "type": "int"}, "targets": ["Linear"]}
            },
            "ignore": ["lm_head", "re:.*gate"],
        }
    },
    {"num_local_experts": 8, "num_experts_per_tok": 2, "model_type": "mixtral"},
    {"text_config": json.loads(CONFIG), "vision_config": {"hidden_size": 1024}},
)
_MODELOPT = {
    "producer": {"name": "modelopt", "version": "0.23"},
    "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["*"]},
}
_INDEX = {
    "metadata": {"total_size": 16_060_522_496},
    "weight_map": {"lm_head.weight": "model-00001.safetensors"},
}
_HEADER = {
    "__metadata__": {"format": "pt"},
    "lm_head.weight": {"dtype": "BF16", "shape": [128256, 4096], "data_offsets": [0, 1050673152]},
    "model.norm.weight": {
        "dtype": "BF16",
        "shape": [4096],
        "data_offsets": [1050673152, 1050681344],
    },
}


def _safetensors(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _adapter(random: Random, folder: Path) -> list[list[str]]:
    adapter = folder / "given" / "one"
    adapter.mkdir()
    config = {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], "peft_type": "LORA"}
    write(random, adapter / "adapter_config.json", json.dumps(config))
    given = ["--manifest", "llama-3.1-8b-instruct", "--gpus", "8xh100", "--adapters", "given"]
    return [
        ["launch", *given],
        ["launch", *given, "--json"],
        ["launch", *given, "--server", "vllm"],
        ["render", "k8s", *given],
    ]


KINDS: tuple[Callable[[Random, Path], list[list[str]]], ...] = (
    _manifest,
    _manifest,
    _inventory,
    _model,
    _model,
    _adapter,
)


def write(
    random: Random, path: Path, text: str, pack: Callable[[bytes], bytes] = lambda data: data
) -> None:
    """The file, damaged: as something that is no file, in its tree of values, or in its bytes."""
    chance = random.random()
    if chance < 0.1:
        random.choice(NO_FILES)(path)
    elif chance < 0.65 and text != _LISTING:
        tree = _damaged_tree(random, yaml.safe_load(text))
        path.write_bytes(pack(_document(random, tree, text)))
    elif chance < 0.95:
        path.write_bytes(pack(_damaged_bytes(random, text.encode())))
    else:
        path.write_bytes(_damaged_bytes(random, pack(text.encode())))


def _sparse(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, SPARSE)


NO_FILES: tuple[Callable[[Path], None], ...] = (
    os.mkfifo,
    os.mkdir,
    _sparse,
    lambda path: path.symlink_to(path.name),
    lambda path: path.symlink_to("missing"),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to("/dev/tty"),
    lambda path: path.symlink_to("/proc/self/mem"),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\0" * 10_000),
    lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
)


def _document(random: Random, tree: object, text: str) -> bytes:
    """The tree as JSON, which YAML is as well, or as YAML where the file was."""
    written = json.dumps(tree, ensure_ascii=random.random() < 0.5)
    if not text.startswith("{") and random.random() < 0.5:
        with suppress(RecursionError, yaml.YAMLError):  # then it stays JSON
            written = yaml.safe_dump(tree)
    for old, new in _DEEP.items():
        written = written.replace(f'"{old}"', new).replace(old, new)
    return written.encode(errors="surrogatepass")


_DEEP = {
    "@list400": "[" * 400 + "]" * 400,
    "@list100000": "[" * 100_000 + "]" * 100_000,
    "@map400": '{"a":' * 400 + "1" + "}" * 400,
    "@digits400": "1" + "0" * 400,
    "@digits9000": "9" * 9000,
    "@infinity": "Infinity",
    "@nan": "NaN",
}
"""Values that `json.dumps` does not write, and the words that stand for them in a tree."""


def _value(random: Random) -> object:
    return random.choice(
        (
            *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**20, 1e308, -0.5, 0.1),
            *([], {}, [[]], {"": ""}, [None] * 50, {"a": {"b": {"c": [1]}}}),
            *_DEEP,
            hostile(random),
            hostile(random),
            "x" * 300_000,
        )
    )


def _damaged_tree(random: Random, tree: object) -> object:
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        tree = _changed(random, tree)
    return tree


def _changed(random: Random, node: object) -> object:
    """The tree with one node replaced, left out, doubled or named otherwise."""
    inside = node if isinstance(node, dict | list) and node else None
    if inside is None or random.random() < 0.12:
        return _value(random)
    if isinstance(inside, dict):
        key = random.choice([*inside])
        change = random.random()
        if change < 0.1:
            return {name: value for name, value in inside.items() if name != key}
        if change < 0.2:
            return {hostile(random) if name == key else name: inside[name] for name in inside}
        return inside | {key: _changed(random, inside[key])}
    at = random.randrange(len(inside))
    change = random.random()
    if change < 0.1:
        return inside[:at] + inside[at + 1 :]
    if change < 0.2:
        return inside + [inside[at]] * random.choice((1, 50))
    return [*inside[:at], _changed(random, inside[at]), *inside[at + 1 :]]


def _damaged_bytes(random: Random, data: bytes) -> bytes:
    for _ in range(random.choice((1, 2, 8))):
        begin = random.randrange(len(data) + 1)
        end = min(len(data), begin + random.choice((0, 1, 8, 100)))
        piece = random.choice(
            (
                *(
                    b"",
                    data[begin:end] * 2,
                    random.randbytes(4),
                    b"\0",
                    b"\xff\xfe",
                    b"\xef\xbb\xbf",
                ),
                hostile(random).encode(errors="surrogatepass"),
            )
        )
        data = data[:begin] + piece + data[end:]
    if random.random() < 0.05:
        return data.decode(errors="replace").encode(random.choice(("utf-16", "utf-32")))
    return data
