"""How TensorRT-LLM's own server is started.

tensorrt_llm/commands/serve.py at 4c05a74 (1.1), 00209af (1.2) and 44373a3 (1.4), and the schema of
its file (tensorrt_llm/schemas at 20e2031, 1.4.0rc0), whose every key must be known. Which of the
two wins has changed, so nothing stands in both. docs/source: features/lora.md at 050db34,
features/quantization.md at 09d4c79, and for the policies "Useful Runtime Options" of the
performance tuning guide.
"""

from __future__ import annotations

import json

from nimprofile.base.enums import Engine, Objective, Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.versions import satisfies
from nimprofile.launch.flags import (
    REVISION,
    FlagSyntax,
    flag_groups,
    last_port,
    merge_arguments,
)
from nimprofile.launch.plan import LaunchPlan, PlanFile
from nimprofile.launch.server_spec import ServerSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.job import Job

HEALTH = "/health"
FILE = "trtllm-serve.yaml"

FLAGS = FlagSyntax(
    {
        "--tensor_parallel_size": "--tp_size",
        "--pipeline_parallel_size": "--pp_size",
        "--free_gpu_memory_fraction": "--kv_cache_free_gpu_memory_fraction",
        "--context_parallel_size": "--cp_size",
        "--moe_expert_parallel_size": "--ep_size",
        "--moe_cluster_parallel_size": "--cluster_size",
        "--config": "--extra_llm_api_options",
    },
    {
        "--tp_size": "tensor parallelism",
        "--pp_size": "pipeline parallelism",
        "--cp_size": "context parallelism",
        **dict.fromkeys(("--ep_size", "--cluster_size"), "expert parallelism"),
        "--gpus_per_node": "the GPUs of a node",
        "--revision": REVISION,
        "--max_seq_len": "the longest context, and memory",
        "--kv_cache_free_gpu_memory_fraction": "memory",
        "--kv_cache_dtype": "memory",
        "--max_batch_size": "memory",
        "--max_num_tokens": "memory",
        "--extra_llm_api_options": "what stands in our file",
    },
)


def plan(job: Job) -> LaunchPlan:
    """`trtllm-serve`, and the file of what it has no flag for."""
    facts, serving, setup = job.facts, job.serving, job.setup
    if ":" in setup.host and satisfies(job.version, IPV4_ALONE):
        raise LaunchError(
            f"trtllm-serve {job.version} listens on no IPv6 address such as {setup.host}: name one "
            "of IPv4 with --host"
        )
    options = _options(job)
    file = PlanFile(setup.file(FILE), json.dumps(options, indent=2) + "\n")
    values = {
        "--host": setup.host,
        "--port": job.port,
        "--tp_size": facts.tp,
        "--pp_size": facts.pp if facts.pp > 1 else None,
        "--max_seq_len": facts.max_model_len,
        "--max_num_tokens": serving.max_num_batched_tokens,
        "--max_batch_size": serving.max_num_seqs,
        "--served_model_name": job.served_name if _is_named(job) else None,
        "--extra_llm_api_options": file.path if options else None,
        "--trust_remote_code": setup.trust_remote_code,
    }
    argv, changes = merge_arguments(flag_groups(values), setup.arguments, FLAGS)
    return LaunchPlan(
        Server.TENSORRT_LLM,
        ("trtllm-serve", job.model, *argv),
        job.devices,
        files=(file,) if options else (),
        port=last_port(argv, "--port", FLAGS, job.port),
        health=HEALTH,
        notes=(*job.notes, *_notes(job), *changes),
    )


NAMED = ">=1.3.0rc7"
"""Since when there is `--served_model_name`."""


def _is_named(job: Job) -> bool:
    return satisfies(job.version, NAMED)


def _options(job: Job) -> dict[str, Any]:
    """Fields of `LlmArgs`; JSON is YAML."""
    options: dict[str, Any] = {}
    facts, dtype = job.facts, job.facts.dtype
    if dtype is not None and (job.shape is None or job.shape.dtype != dtype):
        options["dtype"] = dtype  # what the checkpoint has is the default
    cache: dict[str, Any] = {}
    if facts.kv_cache_dtype != "auto":
        cache["dtype"] = _kv_cache(facts.kv_cache_dtype)
    if facts.memory_fraction is not None:
        cache["free_gpu_memory_fraction"] = facts.memory_fraction
    if cache:
        options["kv_cache_config"] = cache
    if job.profile.objective in _POLICIES:
        policy = _POLICIES[job.profile.objective]
        options["scheduler_config"] = {"capacity_scheduler_policy": policy}
    if job.serving.eager:
        options["cuda_graph_config"] = None
    if job.lora:
        options["lora_config"] = _lora(job)
    return options


_POLICIES: dict[Objective | None, str] = {
    Objective.LATENCY: "GUARANTEED_NO_EVICT",
    Objective.THROUGHPUT: "MAX_UTILIZATION",
}
"""No started request is paused, or as many as possible run (the first is the default)."""


def _lora(job: Job) -> dict[str, Any]:
    setup = job.setup
    options: dict[str, Any] = {}
    if len(setup.adapters) == 1:  # it reads the modules off one, and takes no second
        options["lora_dir"] = [setup.adapters[0][1]]
    else:
        options["lora_target_modules"] = ["attn_q", "attn_k", "attn_v"]
    limits = {
        "max_lora_rank": job.max_lora_rank,
        "max_loras": setup.max_loras,
        "max_cpu_loras": setup.max_cpu_loras,
    }
    return options | {name: value for name, value in limits.items() if value is not None}


_KV_CACHE = {
    **dict.fromkeys(("bf16", "bfloat16"), "auto"),
    **dict.fromkeys(("fp8", "fp8_e4m3"), "fp8"),
    "nvfp4": "nvfp4",
}


def _kv_cache(asked: str) -> str:
    if asked not in _KV_CACHE:
        raise LaunchError(f"TensorRT-LLM is not known to have a KV cache of {asked}: leave it out")
    return _KV_CACHE[asked]


IPV4_ALONE = ">=1.2.0rc8,<1.3"
"""Versions that bind an IPv4 socket alone (TensorRT-LLM issue 10877, mended on main in January
2026 by pull request 10929)."""


def _notes(job: Job) -> list[str]:
    notes = []
    if job.setup.served_name is not None and not _is_named(job):
        notes.append(
            f"trtllm-serve {job.version} has no flag for the served name {job.setup.served_name}: "
            "it is that of the model, or of its directory"
        )
    if job.lora:
        notes.append("trtllm-serve is told of an adapter in each request, by its path")
        if len(job.setup.adapters) != 1:
            notes.append("room is made for adapters of attn_q, attn_k and attn_v alone")
    return notes


SPEC = ServerSpec(
    server=Server.TENSORRT_LLM,
    program="trtllm-serve",
    flags=FLAGS,
    plan=plan,
    image=lambda job: f"nvcr.io/nvidia/tensorrt-llm/release:{job.version}",  # its quick start
    engines=(Engine.TENSORRT_LLM,),
    one_node="is not rendered: it starts its ranks by MPI",
    locks_memory=True,
)
