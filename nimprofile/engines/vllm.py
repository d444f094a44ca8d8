"""How is vLLM started?

vLLM 0.33.0: vllm/engine/arg_utils.py, vllm/config/*.py and docs/cli/serve; what differs in older
releases says so where it stands.
"""

from __future__ import annotations

from nimprofile.arguments import Spelling, last_of, merged
from nimprofile.plan import LaunchPlan, Server
from nimprofile.profile import Objective, Precision
from nimprofile.versions import satisfies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.job import Job

HEALTH = "/health"

SPELLING = Spelling(
    {
        "-tp": "--tensor-parallel-size",
        "-pp": "--pipeline-parallel-size",
        "-dp": "--data-parallel-size",
        "-q": "--quantization",
    },
    {
        "--model": "the model",
        "--tensor-parallel-size": "tensor parallelism",
        "--pipeline-parallel-size": "pipeline parallelism",
        "--data-parallel-size": "the number of GPUs",
        "--dtype": "precision",
        "--quantization": "precision",
        "--kv-cache-dtype": "memory",
        "--max-model-len": "the longest context, and memory",
        "--gpu-memory-utilization": "memory",
    },
    dashed=True,
)


def plan(job: Job) -> LaunchPlan:
    """`vllm serve`, with the profile's parallelism, formats and limits."""
    arguments, told = engine_arguments(job)
    model = arguments.pop("model")
    own: list[tuple[str, ...]] = [("--host", job.setup.host), ("--port", str(job.port))]
    if job.served_name is not None:
        own.append(("--served-model-name", job.served_name))
    own += [_flag(name, value) for name, value in arguments.items()]
    if job.lora and job.setup.adapters:
        own.append(("--lora-modules", *(f"{name}={path}" for name, path in job.setup.adapters)))
    words, notes = merged(own, job.setup.extra, SPELLING)
    return LaunchPlan(
        Server.VLLM,
        ("vllm", "serve", model, *words),
        job.devices,
        (),
        last_of(words, "--port", SPELLING, job.port),
        HEALTH,
        (*job.notes, *told, *notes),
    )


def _flag(name: str, value: object) -> tuple[str, ...]:
    flag = f"--{name.replace('_', '-')}"
    return (flag,) if value is True else (flag, str(value))


def engine_arguments(job: Job) -> tuple[dict[str, Any], list[str]]:
    """VLLM's `EngineArgs` by the names of their fields, and what the operator should know."""
    serving, setup = job.serving, job.setup
    found: dict[str, Any] = {
        "model": job.model,
        "tensor_parallel_size": job.tp,
        "pipeline_parallel_size": job.pp if job.pp > 1 else None,
        "dtype": _dtype(job),
        "quantization": _on_load(job) if job.quantises else None,
        "max_model_len": job.max_model_len,
        "gpu_memory_utilization": serving.memory_fraction,
        "kv_cache_dtype": _KV_CACHE[serving.kv_cache_dtype],
        "max_num_batched_tokens": serving.max_num_batched_tokens,
        "max_num_seqs": serving.max_num_seqs,
        "enforce_eager": serving.eager or None,
        "trust_remote_code": setup.trust_remote_code or None,
        "performance_mode": None,
    }
    notes = []
    if job.profile.objective is not None:
        mode = _MODES.get(job.profile.objective)
        if satisfies(job.version, PERFORMANCE_MODES):
            found["performance_mode"] = mode
            if mode == "throughput" and None in {
                serving.max_num_seqs,
                serving.max_num_batched_tokens,
            }:
                notes.append(
                    "throughput doubles vLLM's default batch: a little more memory than judged"
                )
        elif mode is not None:
            notes.append(f"vLLM {job.version} has no flag for {job.profile.objective}")
    if job.lora:
        found |= {
            "enable_lora": True,
            "max_lora_rank": job.max_lora_rank,
            "max_loras": setup.max_loras,
            "max_cpu_loras": setup.max_cpu_loras,
        }
    return {name: value for name, value in found.items() if value is not None}, notes


PERFORMANCE_MODES = ">=0.17"
"""`--performance-mode`: finer CUDA graphs for `interactivity`, twice the default batch for
`throughput` (vllm/config/vllm.py, engine/arg_utils.py)."""

_MODES = {Objective.LATENCY: "interactivity", Objective.THROUGHPUT: "throughput"}


_KV_CACHE = {"auto": None, "bf16": "bfloat16", "fp8": "fp8", "nvfp4": "nvfp4"}
_DTYPES = {
    Precision.BF16: "bfloat16",
    Precision.FP16: "float16",
    Precision.FP32: "float32",
}


def _dtype(job: Job) -> str | None:
    """Of what is not quantised; where there is no BF16, a checkpoint's own dtype will not do."""
    if job.profile.precision in _DTYPES:
        return _DTYPES[job.profile.precision]
    return "float16" if job.half_only else None


def _on_load(job: Job) -> str:
    return "fp8_per_tensor" if satisfies(job.version, ">=0.31") else "fp8"
