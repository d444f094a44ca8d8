"""What the container of a NIM is told, so that it decides as was decided here.

Each wish that led to the selected profile is in one of NIM's variables, or, of the engine's start
in 2.x, among the arguments of `NIM_PASSTHROUGH_ARGS`. The pages of the variables are in the table
`base/variables/table.py`.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.environment import (
    BATCHES,
    FRACTIONS,
    PASSTHROUGH,
    PINS,
    PORTS,
    PRECISIONS,
    RELAX,
    SEQUENCES,
)
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION
from nimprofile.launch.flags import flag_groups, merge_arguments
from nimprofile.launch.servers import sglang, vllm
from nimprofile.launch.setup import TRUST, is_path
from nimprofile.manifest.profile_conditions import OBJECTIVE, parse_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.job import Job


def variables(job: Job, generation: int | None) -> tuple[tuple[str, str], ...]:
    """The variables of the container: what only it reads, then what was decided, which wins.

    Args:
        job: what is served.
        generation: the first number of the NIM's version; None when its tag does not say.
    """
    setup = job.setup
    names = 1 if job.profile.is_llm else None  # the first is that of LLM and VLM NIMs
    values: dict[str, object] = dict(setup.variables)
    values |= {
        **dict.fromkeys(PINS[:names], job.profile.id),
        **dict.fromkeys(PORTS[:names], job.port),
        "NIM_SERVED_MODEL_NAME": setup.served_name,
        **_model(job, generation),
        **_switches(job),
        **_start(job),
        **dict.fromkeys(TRUST, "1" if setup.trust_remote_code else None),
    }
    if job.lora:
        values |= {
            "NIM_PEFT_SOURCE": setup.peft_source,
            "NIM_MAX_LORA_RANK": setup.max_lora_rank,
            "NIM_MAX_GPU_LORAS": setup.max_loras,
            "NIM_MAX_CPU_LORAS": setup.max_cpu_loras,
        }
    if arguments := passed_on(job, generation)[0]:
        from shlex import join

        values[PASSTHROUGH] = join(arguments)
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


def _model(job: Job, generation: int | None) -> dict[str, object]:
    """Where the weights are, by the name that the generation has for it."""
    if not job.model:
        return {}
    model = job.model if is_path(job.model) or "://" in job.model else f"hf://{job.model}"
    if any(name == FINE_TUNED for name, _ in job.setup.variables):
        return {FINE_TUNED: model}
    return {"NIM_MODEL_NAME" if generation == 1 else "NIM_MODEL_PATH": model}


FINE_TUNED = "NIM_FT_MODEL"


def _switches(job: Job) -> dict[str, object]:
    """The switches without which the NIM would refuse or miss what is selected."""
    request = job.request
    relaxed = request.relax_memory or (request.empty_gpu_gate is False and _any_used(job.gpus))
    sequences = job.serving.concurrency
    return {
        "NIM_TAGS_SELECTOR": None if request.pin else _selector(job),
        RELAX: "1" if relaxed or sequences > 1 else None,
        SEQUENCES: sequences if sequences > 1 else None,
        "NIM_MANIFEST_ALLOW_UNSAFE": "1" if request.allow_unsafe else None,
        "NIM_ALLOW_NVFP4_EMULATION": "1" if request.allow_nvfp4_emulation else None,
        "NIM_TENSOR_PARALLEL_SIZE": job.tp if request.tp == job.tp else None,
        "NIM_PIPELINE_PARALLEL_SIZE": job.pp if request.pp == job.pp else None,
        **dict.fromkeys(PRECISIONS, request.preferred_precision),
        "NIM_USE_SGLANG": "1" if request.engines == (Engine.SGLANG,) else None,
    }


def _any_used(gpus: tuple[Gpu, ...]) -> bool:
    """Whether a GPU is fuller than a NIM wants it, unless it is told not to mind."""
    return any(
        gpu.memory_free_mib < EMPTY_GPU_FRACTION * gpu.memory_total_mib
        for gpu in gpus
        if gpu.memory_free_mib is not None and gpu.memory_total_mib is not None
    )


def _selector(job: Job) -> str | None:
    """Conditions on tags as the variable has them; None where it would be read as others.

    A NIM has no tag `objective`, and compares the text of its tag `profile`.
    """
    objective = job.profile.tags.get("profile")
    tags = tuple(
        ("profile", objective) if tag == OBJECTIVE and objective else (tag, value)
        for tag, value in job.request.tags
    )
    text = ",".join(f"{tag}={value}" for tag, value in tags)
    return text if text and parse_tags(text, "") == tags else None


def _start(job: Job) -> dict[str, object]:
    """How the engine is started; of the memory fraction, by the names of all products."""
    return {
        "NIM_MAX_MODEL_LEN": job.facts.max_model_len,
        **dict.fromkeys(BATCHES, job.serving.max_num_seqs),
        "NIM_DISABLE_CUDA_GRAPH": "1" if job.serving.eager else None,
        **dict.fromkeys(FRACTIONS, job.facts.memory_fraction),
    }


def passed_on(job: Job, generation: int | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments for the engine in the container, which 1.x does not read, and notes on them."""
    given = job.setup.passthrough
    if generation == 1:
        lost = f"NIM 1.x does not read {PASSTHROUGH}: what only its arguments say is lost"
        return (), (*_untold(job, "this NIM"), *((lost,) if given else ()))
    flags = sglang.FLAGS if job.engine is Engine.SGLANG else vllm.FLAGS
    argv, notes = merge_arguments(flag_groups(_own(job)), given, flags)
    if job.engine not in _FLAGS:
        return argv, (*_untold(job, "this NIM"), *notes)
    return argv, (*(_untold(job, "a NIM 1.x") if generation is None else ()), *notes)


def _untold(job: Job, nim: str) -> Iterator[str]:
    """What no variable says, though memory was judged by it."""
    asked = {
        "the KV cache's format": job.facts.kv_cache_dtype != "auto",
        "the tokens of a step": job.serving.max_num_batched_tokens,
    }
    if untold := [what for what, value in asked.items() if value]:
        yield f"{nim} is not told of {' and '.join(untold)}: no variable of it says that"


def _own(job: Job) -> dict[str, object]:
    """What no variable of 2.x says, as flags of the engine."""
    setup, serving = job.setup, job.serving
    values = {
        "memory_fraction": job.facts.memory_fraction,
        "kv_cache_dtype": _KV_CACHE.get((job.engine, job.facts.kv_cache_dtype)),
        "max_num_batched_tokens": serving.max_num_batched_tokens,
        "max_num_seqs": serving.max_num_seqs,
        "max_lora_rank": setup.max_lora_rank if job.lora else None,
        "max_loras": setup.max_loras if job.lora else None,
        "max_cpu_loras": setup.max_cpu_loras if job.lora else None,
    }
    flags = {} if job.engine is None else _FLAGS.get(job.engine, {})
    return {flags[name]: value for name, value in values.items() if name in flags}


_FLAGS = {
    Engine.VLLM: {
        "memory_fraction": "--gpu-memory-utilization",
        "kv_cache_dtype": "--kv-cache-dtype",
        "max_num_batched_tokens": "--max-num-batched-tokens",
        "max_num_seqs": "--max-num-seqs",
        "max_lora_rank": "--max-lora-rank",
        "max_loras": "--max-loras",
        "max_cpu_loras": "--max-cpu-loras",
    },
    Engine.SGLANG: {
        "memory_fraction": "--mem-fraction-static",
        "kv_cache_dtype": "--kv-cache-dtype",
        "max_num_batched_tokens": "--chunked-prefill-size",
        "max_num_seqs": "--max-running-requests",
        "max_lora_rank": "--max-lora-rank",
    },
}

_KV_CACHE: dict[tuple[Engine | None, str], str] = {
    (Engine.VLLM, "bf16"): "bfloat16",
    (Engine.VLLM, "fp8"): "fp8",
    (Engine.VLLM, "nvfp4"): "nvfp4",
    (Engine.SGLANG, "bf16"): "bf16",
    (Engine.SGLANG, "fp8"): "fp8_e4m3",
    (Engine.SGLANG, "nvfp4"): "nvfp4",
}
"""The engines' names of a format of the KV cache."""
