"""Write a manifest as large as the largest real ones: `python tests/benchmarks/generate.py > big.yaml`.

A schema v2 manifest lists every weight file of every profile, so nine lines in ten are `workspace`.
"""

from __future__ import annotations

import itertools
import sys

from blake3 import blake3

GPUS = ("h100:2330", "h200:2335", "a100:20b2", "l40s:26b9", "b200:2901")
PRECISIONS = ("fp8", "bf16", "nvfp4", "fp16")
FILES = 20


def big_manifest(profiles: int = 1000) -> str:
    """A schema v2 manifest of about 72 lines a profile."""
    lines = ['schema_version: "2.0"', "profile_selection_criteria: auto", "profiles:"]
    lines += itertools.chain.from_iterable(_profile(number) for number in range(profiles))
    return "\n".join(lines) + "\n"


def _profile(number: int) -> list[str]:
    gpu, device = GPUS[number % len(GPUS)].split(":")
    tuned = number % 3
    tags = {
        "feat_lora": "true" if number % 7 == 0 else "false",
        "llm_engine": ("tensorrt_llm", "vllm", "sglang")[number % 3],
        "nim_workspace_hash_v1": blake3(str(number).encode()).hexdigest(),
        "pp": "1",
        "precision": PRECISIONS[number // 5 % len(PRECISIONS)],
        "tp": str(2 ** (number // 20 % 4)),
    }
    if tuned:
        tags |= {"gpu": gpu, "gpu_device": f"{device}:10de"}
        tags["profile"] = ("latency", "throughput")[number % 2]
    identity = "|".join(f"{key}:{tags[key]}" for key in sorted(tags))
    lines = [f"  - id: {blake3(identity.encode()).hexdigest()}", "    tags:"]
    lines += [f'      {key}: "{value}"' for key, value in sorted(tags.items())]
    lines += ["    workspace:", "      files:"]
    for at in range(FILES):
        name = f"model-{at + 1:05}-of-{FILES:05}.safetensors"
        lines += [
            f"        {name}:",
            f'          uri: "ngc://nim/meta/big-model:hf-{number:04}?file={name}"',
            f"          checksum: {blake3(f'{number}/{at}'.encode()).hexdigest()}",
        ]
    return lines


if __name__ == "__main__":
    sys.stdout.write(big_manifest())
