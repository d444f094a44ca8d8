"""How is TensorRT-LLM started?

TensorRT-LLM 1.2: tensorrt_llm/commands/serve.py; what it has no flag for stands in a YAML file
whose keys are the fields of llmapi/llm_args.py. The policy for throughput: "Useful Runtime Options"
of the performance tuning guide.
"""

from __future__ import annotations

import json

from nimprofile.arguments import Spelling, last_of, merged
from nimprofile.plan import LaunchPlan, PlanFile, Server
from nimprofile.profile import Objective, Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.job import Job

HEALTH = "/health"
FILE = "trtllm-serve.yaml"

SPELLING = Spelling(
    {
        "--tensor_parallel_size": "--tp_size",
        "--pipeline_parallel_size": "--pp_size",
        "--free_gpu_memory_fraction": "--kv_cache_free_gpu_memory_fraction",
        "--config": "--extra_llm_api_options",
    },
    {
        "--tp_size": "tensor parallelism",
        "--pp_size": "pipeline parallelism",
        "--max_seq_len": "the longest context, and memory",
        "--kv_cache_free_gpu_memory_fraction": "memory",
        "--extra_llm_api_options": "what stands in our file",
    },
)


def plan(job: Job) -> LaunchPlan:
    """`trtllm-serve`, and the file of what it has no flag for."""
    serving, setup = job.serving, job.setup
    options = _options(job)
    file = PlanFile(f"{setup.folder}/{FILE}", json.dumps(options, indent=2) + "\n")
    told = {
        "--host": setup.host,
        "--port": job.port,
        "--tp_size": job.tp,
        "--pp_size": job.pp if job.pp > 1 else None,
        "--max_seq_len": job.max_model_len,
        "--max_num_tokens": serving.max_num_batched_tokens,
        "--max_batch_size": serving.max_num_seqs,
        "--kv_cache_free_gpu_memory_fraction": serving.memory_fraction,
        "--extra_llm_api_options": file.path if options else None,
    }
    own: list[tuple[str, ...]] = [
        (flag, str(value)) for flag, value in told.items() if value is not None
    ]
    if setup.trust_remote_code:
        own.append(("--trust_remote_code",))
    words, notes = merged(own, setup.extra, SPELLING)
    return LaunchPlan(
        Server.TENSORRT_LLM,
        ("trtllm-serve", job.model, *words),
        job.devices,
        (file,) if options else (),
        last_of(words, "--port", SPELLING, job.port),
        HEALTH,
        (*job.notes, *_notes(job), *notes),
    )


def _options(job: Job) -> dict[str, Any]:
    """Fields of `LlmArgs`; JSON is YAML."""
    found: dict[str, Any] = {}
    dtype = _DTYPES.get(job.profile.precision or Precision.INT8)
    if dtype is not None and (job.shape is None or job.shape.dtype != dtype):
        found["dtype"] = dtype  # what the checkpoint has is the default
    if job.serving.kv_cache_dtype != "auto":
        found["kv_cache_config"] = {"dtype": _KV_CACHE[job.serving.kv_cache_dtype]}
    if job.profile.objective is Objective.THROUGHPUT:
        found["scheduler_config"] = {"capacity_scheduler_policy": "MAX_UTILIZATION"}
    if job.serving.eager:
        found["cuda_graph_config"] = None
    if job.lora:
        found["lora_config"] = _lora(job)
    return found


def _lora(job: Job) -> dict[str, Any]:
    setup = job.setup
    found: dict[str, Any] = {"lora_dir": [path for _, path in setup.adapters]}
    if job.max_lora_rank is not None:
        found["max_lora_rank"] = job.max_lora_rank
    if setup.max_loras is not None:
        found["max_loras"] = setup.max_loras
    if setup.max_cpu_loras is not None:
        found["max_cpu_loras"] = setup.max_cpu_loras
    return found


_KV_CACHE = {"bf16": "auto", "fp8": "fp8", "nvfp4": "nvfp4"}
_DTYPES = {Precision.BF16: "bfloat16", Precision.FP16: "float16"}


def _notes(job: Job) -> list[str]:
    name = job.setup.served_name
    return [] if name is None else [f"trtllm-serve 1.2 has no flag for the served name {name}"]
