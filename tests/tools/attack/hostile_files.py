"""Random damage to every file that others write, and the commands that read it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import yaml

from tests.support.paths import CORPUS, ROOT
from tests.tools.attack.command_lines import CONFIG
from tests.tools.attack.damage import write
from tests.tools.attack.records import damaged_lock, damaged_log, damaged_results
from tests.tools.attack.shots import Shot, bare_environment

MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"), key=lambda path: path.stat().st_size)[:5]
MACHINES = sorted((CORPUS / "machines").glob("*.json"))


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
    write(random, folder / "given" / "manifest", text, tree=form != "listing")
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
    damaged_lock,
    damaged_log,
    damaged_results,
)
