"""How Triton Inference Server is started with its vLLM backend.

github.com/triton-inference-server/vllm_backend at 8de0c14 (2026-01): README.md, samples/,
docs/llama_multi_lora_tutorial.md and src/model.py, which fills in inputs, outputs and the decoupled
policy itself, wants KIND_MODEL for more than one GPU, and hands `model.json` to vLLM as its
`AsyncEngineArgs`. The server's flags: server/src/command_line_parser.cc at 2.73.0.
"""

from __future__ import annotations

import json
import re

from nimprofile.base.enums import Engine, Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.formats.json_reader import JsonError, read_json
from nimprofile.base.secrets.names import is_secret_name
from nimprofile.base.versions import satisfies
from nimprofile.launch.flags import FlagSyntax, last_port, merge_arguments, read_flags
from nimprofile.launch.plan import LaunchPlan, PlanFile
from nimprofile.launch.server_spec import ServerSpec, version_in_tag
from nimprofile.launch.servers.vllm import FLAGS as VLLM_FLAGS, engine_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.job import Job

READY, LIVE = "/v2/health/ready", "/v2/health/live"
REPOSITORY = "model_repository"
MOST_PORT = 65533

FLAGS = FlagSyntax(
    {"--model-store": "--model-repository"},
    dict.fromkeys(
        ("--model-repository", "--model-control-mode", "--load-model"), "the model repository"
    ),
    prefixes=True,  # getopt_long takes a beginning that is that of one flag
)


def plan(job: Job) -> LaunchPlan:
    """A model repository, and the server that loads it."""
    setup = job.setup
    http = last_port(setup.extra, "--http-port", FLAGS, job.port)
    if http > MOST_PORT:
        raise LaunchError(f"Triton takes the two ports after {http} too: name one up to 65533")
    name, folder = model_name(job), setup.file(REPOSITORY)
    own = [("--model-repository", folder), ("--http-address", setup.host)]
    own += [("--grpc-address", setup.host), ("--http-port", str(http))]
    beside = {"--grpc-port": http + 1, "--metrics-port": http + 2}
    own += [(flag, str(last_port(setup.extra, flag, FLAGS, port))) for flag, port in beside.items()]
    # Whatever else lies in the repository stays unloaded.
    own += [("--model-control-mode", "explicit"), ("--load-model", name)]
    argv, changes = merge_arguments(own, setup.extra, FLAGS)
    arguments, notes = engine_arguments(job)
    given, engine_changes = _passed_through(setup.passthrough, arguments)
    if job.served_name is not None and name != job.served_name:
        notes = [*notes, f"clients call the model {name}, as its directory"]
    files = {"config.pbtxt": CONFIG, "1/model.json": _json(arguments | given)}
    if job.lora:
        files["1/multi_lora.json"] = _json(dict(job.setup.adapters))
    return LaunchPlan(
        Server.TRITON,
        ("tritonserver", *argv),
        job.devices,
        files=tuple(PlanFile(f"{folder}/{name}/{path}", text) for path, text in files.items()),
        port=http,
        health=READY,
        notes=(*job.notes, *notes, *engine_changes, *changes),
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


def _passed_through(
    passed: tuple[str, ...], own: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of `model.json` that vLLM's arguments stand for, and what they change."""
    ours = [(f"--{name.replace('_', '-')}", str(value)) for name, value in own.items()]
    _, notes = merge_arguments(ours, passed, VLLM_FLAGS)
    fields: dict[str, Any] = {}
    for flag in read_flags(passed, VLLM_FLAGS):
        name, value = flag.name.lstrip("-").replace("-", "_"), flag.value
        *keys, last = (name, *flag.key.split(".")) if flag.key else (name,)
        place = fields
        for key in keys:  # --flag.key is a value inside that of --flag
            inner = place.get(key)
            place[key] = place = inner if isinstance(inner, dict) else {}
        if value is None:
            place[last.removeprefix("no_")] = not last.startswith("no_")
            continue
        try:
            # A key can be of digits, and is a text all the same.
            place[last] = value if is_secret_name(last) else read_json(value, finite=True)
        except JsonError:  # a text, as most are
            place[last] = value
    return fields, notes


def model_name(job: Job) -> str:
    """What clients call the model: its directory's name, which has no slash."""
    name = _ODD.sub("-", job.served_name or job.model).strip("-.")
    return name or "model"


_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


IMAGES = (
    ("26.07", "0.24.0"),
    ("26.06", "0.22.1"),
    ("26.05", "0.19.0"),
    ("26.04", "0.19.0"),
    ("26.03", "0.17.1"),
    ("26.02", "0.15.1"),
    ("26.01", "0.13.0"),
    ("25.12", "0.11.1"),
    ("25.11", "0.11.0"),
    ("25.10", "0.10.2"),
)
"""Releases of `tritonserver:…-vllm-python-py3` and the vLLM in each, newest first.

github.com/triton-inference-server/server, docs/introduction/compatibility.md (2026-08-19).
"""


def image(job: Job) -> str:
    """The newest release that has the job's vLLM; LaunchError when none has."""
    for release, version in IMAGES:
        if satisfies(version, f"=={job.version}"):
            return f"nvcr.io/nvidia/tritonserver:{release}-vllm-python-py3"
    raise LaunchError(f"no Triton image is known to have vLLM {job.version}: name one with --image")


SPEC = ServerSpec(
    server=Server.TRITON,
    program="tritonserver",
    flags=FLAGS,
    plan=plan,
    image=image,
    engines=(Engine.VLLM,),  # by its vLLM backend
    engine_in_image=lambda image: dict(IMAGES).get(version_in_tag(image) or ""),
    newest_engine_version=IMAGES[0][1],
    live=LIVE,
    engine_flags=VLLM_FLAGS,
    locks_memory=True,
)
