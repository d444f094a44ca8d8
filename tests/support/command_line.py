"""A manifest of three profiles, a busy machine, and the program as a shell runs it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import nimprofile
from nimprofile import Inventory
from tests.support.builders import H100_MIB, make_h100

ID_FP8 = "f" * 64
ID_BF16 = "b" * 64
ID_LORA = "a" * 64
MANIFEST = f"""\
schema_version: 2.0.0
profiles:
  - id: {ID_FP8}
    tags: {{llm_engine: vllm, precision: fp8, tp: "2", pp: "1", feat_lora: "false",
           min_vram_per_device_gb: "10.0"}}
  - id: {ID_BF16}
    tags: {{llm_engine: vllm, precision: bf16, tp: "1", pp: "1", feat_lora: "false",
           min_vram_per_device_gb: "16.0"}}
  - id: {ID_LORA}
    tags: {{llm_engine: vllm, precision: bf16, tp: "1", pp: "1", feat_lora: "true",
           min_vram_per_device_gb: "17.0"}}
"""
BUSY = json.dumps(Inventory((make_h100(free=H100_MIB // 2),)).to_dict())


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def environment(**variables):
    """The variables of a shell that has set nothing of ours, nor how Python buffers its output."""
    package = Path(nimprofile.__file__).parents[1]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NIM_") and name != "PYTHONUNBUFFERED"
    }
    return kept | {"PYTHONPATH": str(package)} | variables


def process(*argv, stdin=b"", **variables):
    """`python -m nimprofile` as a shell runs it, from another directory."""
    return subprocess.run(
        [sys.executable, "-m", "nimprofile", *map(str, argv)],
        input=stdin,
        capture_output=True,
        env=environment(PYTHONIOENCODING="utf-8") | variables,
        cwd="/",
        check=False,
    )


def shell(script, **variables):
    """`script` in bash, where "$0" is Python and can import the package."""
    return subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(**variables),
        capture_output=True,
        check=False,
    )
