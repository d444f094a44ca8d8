"""How is SGLang started?

SGLang 0.5.23: python/sglang/srt/server_args.py and docs/advanced_features; what differs in older
releases says so where it stands.
"""

from __future__ import annotations

from nimprofile.arguments import Spelling, last_of, merged
from nimprofile.plan import LaunchPlan, Server
from nimprofile.profile import Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.job import Job

HEALTH = "/health"

SPELLING = Spelling(
    {
        "--model": "--model-path",
        "--tensor-parallel-size": "--tp-size",
        "--tp": "--tp-size",
        "--pipeline-parallel-size": "--pp-size",
        "--pp": "--pp-size",
        "--data-parallel-size": "--dp-size",
        "--dp": "--dp-size",
    },
    {
        "--model-path": "the model",
        "--tp-size": "tensor parallelism",
        "--pp-size": "pipeline parallelism",
        "--dp-size": "the number of GPUs",
        "--dtype": "precision",
        "--quantization": "precision",
        "--kv-cache-dtype": "memory",
        "--context-length": "the longest context, and memory",
        "--mem-fraction-static": "memory",
    },
)


def plan(job: Job) -> LaunchPlan:
    """`python3 -m sglang.launch_server`, with the profile's parallelism, formats and limits."""
    serving, setup = job.serving, job.setup
    told = {
        "--model-path": job.model,
        "--host": setup.host,
        "--port": job.port,
        "--served-model-name": job.served_name,
        "--tp-size": job.tp,
        "--pp-size": job.pp if job.pp > 1 else None,
        "--dtype": _dtype(job),
        "--quantization": "fp8" if job.quantises else None,
        "--context-length": job.max_model_len,
        "--mem-fraction-static": serving.memory_fraction,
        "--kv-cache-dtype": _KV_CACHE[serving.kv_cache_dtype],
        "--chunked-prefill-size": serving.max_num_batched_tokens,
        "--max-running-requests": serving.max_num_seqs,
    }
    own = [(flag, str(value)) for flag, value in told.items() if value is not None]
    switches = {
        "--disable-cuda-graph": serving.eager,
        "--trust-remote-code": setup.trust_remote_code,
    }
    flags: list[tuple[str, ...]] = [*own, *((flag,) for flag, on in switches.items() if on)]
    words, notes = merged([*flags, *_lora(job)], setup.extra, SPELLING)
    return LaunchPlan(
        Server.SGLANG,
        ("python3", "-m", "sglang.launch_server", *words),
        job.devices,
        (),
        last_of(words, "--port", SPELLING, job.port),
        HEALTH,
        (*job.notes, *notes),
    )


def _lora(job: Job) -> list[tuple[str, ...]]:
    setup = job.setup
    if not job.lora:
        return []
    found: list[tuple[str, ...]] = [("--enable-lora",)]
    if job.max_lora_rank is not None:
        found.append(("--max-lora-rank", str(job.max_lora_rank)))
    if setup.max_loras is not None:
        found.append(("--max-loras-per-batch", str(setup.max_loras)))
    if setup.adapters:
        found.append(("--lora-paths", *(f"{name}={path}" for name, path in setup.adapters)))
    else:
        found.append(("--lora-target-modules", "all"))
    return found


_KV_CACHE = {"auto": None, "bf16": "bf16", "fp8": "fp8_e4m3", "nvfp4": "fp4_e2m1"}


def _dtype(job: Job) -> str | None:
    match job.profile.precision:
        case Precision.BF16:
            return "bfloat16"
        case Precision.FP16:
            return "float16"
    return None
