"""How SGLang is started.

The packages 0.3.6 to 0.5.23: sglang/srt/server_args.py, in the newest srt/arg_groups, cli/serve.py
and srt/entrypoints/http_server.py; docs_new/docs/advanced_features: lora at 6232748,
hyperparameter_tuning at 5170e11; docs/advanced_features/quantization.md at 0f4513c.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.versions import satisfies
from nimprofile.launch.flags import (
    LOADING,
    REVISION,
    FlagSyntax,
    flag_groups,
    last_port,
    merge_arguments,
)
from nimprofile.launch.plan import LaunchPlan
from nimprofile.launch.server_spec import ServerSpec
from nimprofile.launch.servers.ranks import LEADER, RANK, SIZE
from nimprofile.model.shape import CacheKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.job import Job
    from nimprofile.launch.servers.ranks import Member, Pod

FLAGS = FlagSyntax(
    {
        "--model": "--model-path",
        "--tensor-parallel-size": "--tp-size",
        "--pipeline-parallel-size": "--pp-size",
        "--data-parallel-size": "--dp-size",
        "--ep": "--ep-size",
        "--expert-parallel-size": "--ep-size",
        "--moe-data-parallel-size": "--moe-dp-size",
        "--attention-context-parallel-size": "--attn-cp-size",
        "--decode-context-parallel-size": "--dcp-size",
    },
    {
        "--model-path": "the model",
        "--tp-size": "tensor parallelism",
        "--pp-size": "pipeline parallelism",
        "--dp-size": "data parallelism, or that of attention",
        "--ep-size": "expert parallelism",
        "--moe-dp-size": "copies of the experts",
        "--enable-dp-attention": "whether data parallelism is that of attention alone",
        "--attn-cp-size": "context parallelism",
        "--dcp-size": "decode context parallelism",
        "--base-gpu-id": "the first GPU",
        "--gpu-id-step": "the distance between GPUs",
        "--device": "the kind of device",
        "--dtype": "precision",
        "--quantization": "precision",
        "--kv-cache-dtype": "memory",
        "--context-length": "the longest context, and memory",
        "--mem-fraction-static": "memory",
        "--chunked-prefill-size": "memory",
        "--max-running-requests": "memory",
        "--enable-lora": "LoRA",
        "--schedule-conservativeness": "the objective",
        "--speculative-algorithm": "more memory",
        "--nnodes": "the number of nodes",
        "--node-rank": "the place among several nodes",
        **dict.fromkeys(
            (
                *("--torchao-config", "--modelopt-quant", "--modelopt-checkpoint-restore-path"),
                *("--quantize-and-serve", "--rl-quant-profile", "--kt-weight-path"),
            ),
            "precision",
        ),
        "--load-format": LOADING,
        "--revision": REVISION,
        "--json-model-override-args": "the model's configuration",
        "--decrypted-config-file": "the model's configuration",
        "--config": "what stands in that file",
    },
    prefixes=True,
)

SERVE = ">=0.5.10"
"""Since when `sglang serve` is what SGLang recommends; it is there since 0.5.5."""

PROBES_ENGINE = ">=0.4.10.post2"
"""Since when /health asks the engine; before, it answers as soon as there is a port."""

LORA_FLAGS = ">=0.4.9.post3"
MOST_RANK = 32
"""The rank that is made room for where no adapter says one: SGLang wants a figure then."""


def plan(job: Job) -> LaunchPlan:
    """`sglang serve`, with the profile's parallelism, formats and limits."""
    facts, serving, setup = job.facts, job.serving, job.setup
    if job.served_name is not None and ":" in job.served_name:
        raise LaunchError(
            f"SGLang takes no colon in a served name, which {job.served_name} has: name another "
            "with --served-model-name"
        )
    values = {
        "--model-path": job.model,
        "--host": setup.host,
        "--port": job.port,
        "--served-model-name": job.served_name,
        "--tp-size": facts.tp,
        "--pp-size": facts.pp if facts.pp > 1 else None,
        "--dtype": facts.dtype,
        "--quantization": "fp8" if facts.on_load else None,
        "--context-length": facts.max_model_len,
        "--mem-fraction-static": facts.memory_fraction,
        "--kv-cache-dtype": _kv_cache(job),
        "--schedule-conservativeness": _conservativeness(job),
        "--chunked-prefill-size": serving.max_num_batched_tokens,
        "--max-running-requests": serving.max_num_seqs,
        "--disable-cuda-graph": serving.eager,
        "--trust-remote-code": setup.trust_remote_code,
    }
    own = [*flag_groups(values), *_lora(job)]
    argv, changes = merge_arguments(own, setup.arguments, FLAGS)
    return LaunchPlan(
        Server.SGLANG,
        (*(("sglang", "serve") if satisfies(job.version, SERVE) else _MODULE), *argv),
        job.devices,
        files=(),
        port=last_port(argv, "--port", FLAGS, job.port),
        health="/health" if satisfies(job.version, PROBES_ENGINE) else "/health_generate",
        notes=(*job.notes, *_notes(job), *changes),
    )


_MODULE = ("python3", "-m", "sglang.launch_server")


def _lora(job: Job) -> list[tuple[str, ...]]:
    """Adapters; without any at the start, SGLang wants to know what to make room for."""
    setup = job.setup
    if not job.lora:
        return []
    groups: list[tuple[str, ...]] = []
    if satisfies(job.version, LORA_FLAGS):
        rank = job.max_lora_rank or (None if setup.adapters else MOST_RANK)
        groups.append(("--enable-lora",))
        if rank is not None:
            groups.append(("--max-lora-rank", str(rank)))
        if not setup.adapters:
            groups.append(("--lora-target-modules", "all"))
    if setup.max_loras is not None:
        groups.append(("--max-loras-per-batch", str(setup.max_loras + 1)))  # one is the model's own
    if setup.max_cpu_loras is not None and satisfies(job.version, ">=0.5.2"):
        groups.append(("--max-loaded-loras", str(setup.max_cpu_loras)))
    if setup.adapters:
        groups.append(("--lora-paths", *(f"{name}={path}" for name, path in setup.adapters)))
    return groups


def _kv_cache(job: Job) -> str | None:
    match job.facts.kv_cache_dtype:
        case "auto":
            return None
        case "nvfp4":
            _require_nvfp4_cache(job)
            return "nvfp4" if satisfies(job.version, ">=0.5.16") else "fp4_e2m1"
        case "fp8" | "fp8_e4m3":
            return "fp8_e4m3"
        case "fp8_e5m2":
            return "fp8_e5m2"
        case "bf16" | "bfloat16":  # before, the model's own is all there is beside FP8
            return "bf16" if satisfies(job.version, ">=0.5.5") else "auto"
        case other:
            raise LaunchError(f"SGLang is not known to have a KV cache of {other}: leave it out")


def _require_nvfp4_cache(job: Job) -> None:
    """Refuse an NVFP4 KV cache where SGLang does: a choice since 0.5.5, and none for MLA."""
    if any((gpu.compute_capability or (10, 0)) < (10, 0) for gpu in job.gpus):
        raise LaunchError("SGLang's NVFP4 KV cache wants GPUs of compute capability 10.0")
    if not satisfies(job.version, ">=0.5.5"):
        raise LaunchError(f"SGLang {job.version} has no NVFP4 KV cache; 0.5.5 and later have")
    caches = () if job.shape is None else (layer.cache for layer in job.shape.layers)
    if any(cache is not None and cache.kind is CacheKind.LATENT for cache in caches):
        raise LaunchError("SGLang has no NVFP4 KV cache for multi-head latent attention")


def _conservativeness(job: Job) -> str | None:
    """What the page on throughput lowers, so that more requests run at once."""
    return "0.3" if job.profile.objective is Objective.THROUGHPUT else None


def _notes(job: Job) -> list[str]:
    if job.profile.objective is Objective.LATENCY:
        return ["SGLang documents no flags for latency: the profile's parallelism is all there is"]
    return []


PORT_OF_RANKS = 5000


def pod(pod: Pod) -> Member:
    """By ranks of its own: docs/references/multi_node_deployment."""
    ranks = ["--nnodes", SIZE, "--node-rank", RANK]
    return [*pod.command, *ranks, "--dist-init-addr", f"{LEADER}:{PORT_OF_RANKS}"], [], []


SPEC = ServerSpec(
    server=Server.SGLANG,
    program="sglang",
    flags=FLAGS,
    plan=plan,
    image=lambda job: f"lmsysorg/sglang:v{job.version}",  # docs/get_started/install.md
    engines=(Engine.SGLANG,),
    pod=pod,
)
