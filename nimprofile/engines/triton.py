"""How is Triton Inference Server started with its vLLM backend?

github.com/triton-inference-server/vllm_backend at 8de0c14 (2026-01): README.md, samples/,
docs/llama_multi_lora_tutorial.md and src/model.py, which fills in inputs, outputs and the decoupled
policy itself, wants KIND_MODEL for more than one GPU, and hands `model.json` to vLLM as its
`AsyncEngineArgs`. The server's flags: server/src/command_line_parser.cc at 2.73.0.
"""

from __future__ import annotations

import json
import re

from nimprofile.arguments import Spelling, last_of, merged
from nimprofile.engines.vllm import engine_arguments
from nimprofile.errors import LaunchError
from nimprofile.plan import LaunchPlan, PlanFile, Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.job import Job

READY, LIVE = "/v2/health/ready", "/v2/health/live"
REPOSITORY = "model_repository"
MOST_PORT = 65533

SPELLING = Spelling(
    {"--model-store": "--model-repository"},
    {"--model-repository": "the model repository"},
)


def plan(job: Job) -> LaunchPlan:
    """A model repository, and the server that loads it."""
    if job.port > MOST_PORT:
        raise LaunchError(f"Triton takes the two ports after {job.port} too: name one up to 65533")
    name, folder = model_name(job), f"{job.setup.folder}/{REPOSITORY}"
    own = [("--model-repository", folder), ("--http-address", job.setup.host)]
    own += [("--http-port", str(job.port)), ("--grpc-port", str(job.port + 1))]
    own += [("--metrics-port", str(job.port + 2))]
    # Whatever else lies in the repository stays unloaded.
    own += [("--model-control-mode", "explicit"), ("--load-model", name)]
    words, notes = merged(own, job.setup.extra, SPELLING)
    arguments, told = engine_arguments(job)
    if job.served_name is not None and name != job.served_name:
        told = [*told, f"clients call the model {name}, as its directory"]
    files = {"config.pbtxt": CONFIG, "1/model.json": _json(arguments)}
    if job.lora:
        files["1/multi_lora.json"] = _json(dict(job.setup.adapters))
    return LaunchPlan(
        Server.TRITON,
        ("tritonserver", *words),
        job.devices,
        tuple(PlanFile(f"{folder}/{name}/{path}", text) for path, text in files.items()),
        last_of(words, "--http-port", SPELLING, job.port),
        READY,
        (*job.notes, *told, *notes),
    )


CONFIG = """\
backend: "vllm"
instance_group [
  {
    count: 1
    kind: KIND_MODEL
  }
]
"""
"""KIND_MODEL: vLLM takes the GPUs that it sees, one or several."""


def model_name(job: Job) -> str:
    """What clients call the model: its directory's name, which has no slash."""
    name = _ODD.sub("-", job.served_name or job.model).strip("-.")
    return name or "model"


_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
