"""How vLLM is started.

The packages 0.6.0 to 0.33.0: vllm/engine/arg_utils.py, vllm/config, entrypoints/cli/serve.py and
serve/instrumentator/health.py; docs/features (lora, quantization/online), configuration.
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
    take_value,
)
from nimprofile.launch.plan import LaunchPlan
from nimprofile.launch.server_spec import ServerSpec
from nimprofile.launch.servers.ranks import LEADER, RANK, RAY_PORT, SIZE, literal
from nimprofile.model.shape import CacheKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.job import Job
    from nimprofile.launch.servers.ranks import Member, Pod

HEALTH = "/health"

FLAGS = FlagSyntax(
    {
        "-tp": "--tensor-parallel-size",
        "-pp": "--pipeline-parallel-size",
        "-dp": "--data-parallel-size",
        "-dcp": "--decode-context-parallel-size",
        "-pcp": "--prefill-context-parallel-size",
        "-dpl": "--data-parallel-size-local",
        "-dpn": "--data-parallel-rank",
        "-dpr": "--data-parallel-start-rank",
        "-dpe": "--data-parallel-external-lb",
        "-dph": "--data-parallel-hybrid-lb",
        "-n": "--nnodes",
        "-r": "--node-rank",
        "-q": "--quantization",
        "--device-memory-utilization": "--gpu-memory-utilization",
    },
    {
        "--model": "the model",
        "--tensor-parallel-size": "tensor parallelism",
        "--pipeline-parallel-size": "pipeline parallelism",
        **dict.fromkeys(
            ("--data-parallel-size", "--data-parallel-size-local", "--enable-elastic-ep"),
            "the number of GPUs",
        ),
        **dict.fromkeys(
            (
                *("--data-parallel-rank", "--data-parallel-start-rank"),
                *("--data-parallel-external-lb", "--data-parallel-hybrid-lb"),
                "--data-parallel-multi-port-external-lb",
            ),
            "the place among several servers",
        ),
        "--decode-context-parallel-size": "decode context parallelism",
        "--prefill-context-parallel-size": "context parallelism",
        "--nnodes": "the number of nodes",
        **dict.fromkeys(("--node-rank", "--headless"), "the place among several nodes"),
        "--distributed-executor-backend": "how the ranks are started",
        "--device": "the kind of device",
        "--dtype": "precision",
        "--quantization": "precision",
        "--quantization-config": "precision",
        "--load-format": LOADING,
        "--revision": REVISION,
        **dict.fromkeys(
            ("--hf-overrides", "--hf-config-path", "--rope-scaling", "--rope-theta"),
            "the model's configuration",
        ),
        "--kv-cache-dtype": "memory",
        "--max-model-len": "the longest context, and memory",
        "--gpu-memory-utilization": "memory",
        "--kv-cache-memory-bytes": "memory",
        "--max-num-batched-tokens": "memory",
        "--max-num-seqs": "memory",
        "--speculative-config": "more memory",
        "--enable-lora": "LoRA",
        "--performance-mode": "the objective",
        "--config": "what stands in that file",
    },
    dashed=True,
    prefixes=True,
    dotted=True,
)


def plan(job: Job) -> LaunchPlan:
    """`vllm serve`, with the profile's parallelism, formats and limits."""
    arguments, notes = engine_arguments(job)
    own = flag_groups(
        {"--host": job.setup.host, "--port": job.port, "--served-model-name": job.served_name}
    )
    own += flag_groups({f"--{name.replace('_', '-')}": value for name, value in arguments.items()})
    if job.lora and job.setup.adapters:
        own.append(("--lora-modules", *(f"{name}={path}" for name, path in job.setup.adapters)))
    argv, changes = merge_arguments(own, job.setup.arguments, FLAGS)
    model, argv = take_value(argv, "--model", FLAGS)  # it is vLLM's one argument without a flag
    return LaunchPlan(
        Server.VLLM,
        ("vllm", "serve", model or job.model, *argv),
        job.devices,
        files=(),
        port=last_port(argv, "--port", FLAGS, job.port),
        health=HEALTH,
        notes=(*job.notes, *notes, *changes),
    )


def engine_arguments(job: Job) -> tuple[dict[str, Any], list[str]]:
    """The fields of vLLM's `EngineArgs` by name, and what the operator should know."""
    facts, serving, setup = job.facts, job.serving, job.setup
    arguments: dict[str, Any] = {
        "model": job.model,
        "tensor_parallel_size": facts.tp,
        "pipeline_parallel_size": facts.pp if facts.pp > 1 else None,
        "dtype": facts.dtype,
        "quantization": _on_load(job) if facts.on_load else None,
        "max_model_len": facts.max_model_len,
        "gpu_memory_utilization": facts.memory_fraction,
        "kv_cache_dtype": _kv_cache(job),
        "max_num_batched_tokens": serving.max_num_batched_tokens,
        "max_num_seqs": serving.max_num_seqs,
        "enforce_eager": serving.eager or None,
        "trust_remote_code": setup.trust_remote_code or None,
    }
    pace, notes = _pace(job)
    arguments |= {name: value for name, value in pace.items() if arguments.get(name) is None}
    seqs, tokens = arguments["max_num_seqs"], arguments["max_num_batched_tokens"]
    if seqs is not None and tokens is not None and seqs > tokens:
        raise LaunchError(f"vLLM runs no more requests in a step than tokens: {seqs} > {tokens}")
    if job.lora:
        arguments |= {
            "enable_lora": True,
            "max_lora_rank": _rank(job.max_lora_rank),
            "max_loras": setup.max_loras,
            "max_cpu_loras": setup.max_cpu_loras,
        }
    return {name: value for name, value in arguments.items() if value is not None}, notes


PERFORMANCE_MODES = ">=0.17"
"""`--performance-mode`: finer CUDA graphs for `interactivity`, twice the default batch for
`throughput` (vllm/config/vllm.py, engine/arg_utils.py)."""

SMALL_STEP = 2048
"""Tokens of one step that keep decoding smooth (docs/configuration/optimization.md)."""


def _pace(job: Job) -> tuple[dict[str, Any], list[str]]:
    """What the objective asks for."""
    objective, serving = job.profile.objective, job.serving
    if satisfies(job.version, PERFORMANCE_MODES):
        notes = []
        if objective is Objective.THROUGHPUT and None in {
            serving.max_num_seqs,
            serving.max_num_batched_tokens,
        }:
            notes = ["throughput doubles vLLM's default batch: a little more memory than judged"]
        mode = _MODES.get(objective)
        return ({} if mode is None else {"performance_mode": mode}), notes
    if objective is Objective.LATENCY:
        return {"max_num_batched_tokens": max(SMALL_STEP, serving.max_num_seqs or 0)}, []
    if objective is Objective.THROUGHPUT:
        advice = f"for throughput vLLM {job.version} recommends --max-num-batched-tokens above 8192"
        return {}, [f"{advice}, which takes memory: ask for it, and it is judged too"]
    return {}, []


_MODES: dict[Objective | None, str] = {
    Objective.LATENCY: "interactivity",
    Objective.THROUGHPUT: "throughput",
}

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be (vllm/config/lora.py); 320 and 512 since 0.8.5."""


def _rank(asked: int | None) -> int | None:
    """The smallest rank there is that holds the one asked for."""
    if asked is None:
        return None
    rank = next((rank for rank in RANKS if rank >= asked), None)
    if rank is None:
        raise LaunchError(f"vLLM serves no adapter of rank {asked}; {RANKS[-1]} is the most")
    return rank


def _kv_cache(job: Job) -> str | None:
    match job.facts.kv_cache_dtype:
        case "auto":
            return None
        case "bf16" | "bfloat16":  # before 0.11 the model's own is all there is beside FP8
            return "bfloat16" if satisfies(job.version, ">=0.11") else "auto"
        case "nvfp4":
            _require_nvfp4_cache(job)
        case "fp8" | "fp8_e4m3" | "fp8_e5m2":
            pass
        case other:
            raise LaunchError(f"vLLM is not known to have a KV cache of {other}: leave it out")
    return job.facts.kv_cache_dtype


def _require_nvfp4_cache(job: Job) -> None:
    """Refuse an NVFP4 KV cache where vLLM does.

    As its engine's configuration decided in the packages: 0.20 raises that it is not supported yet,
    0.24 to 0.31 take compute capability 10, and 0.32 all from 8.0 on, without MLA and heads of 64.
    """
    version, lacks = job.version, f"vLLM {job.version} has no NVFP4 KV cache"
    if not satisfies(version, ">=0.24"):
        raise LaunchError(f"{lacks}; 0.24 and later have")
    wanted = ">=8.0" if satisfies(version, ">=0.32") else ">=10.0,<11.0"
    for gpu in job.gpus:
        capability = gpu.compute_capability
        if capability is not None and not satisfies(str(capability), wanted):
            raise LaunchError(f"{lacks} on compute capability {capability}, but on {wanted}")
    for layer in () if job.shape is None else job.shape.layers:
        cache = layer.cache
        if cache is not None and cache.kind is CacheKind.LATENT:
            raise LaunchError(f"{lacks} for multi-head latent attention")
        if cache is not None and cache.values == 2 * 64 * cache.pieces:
            raise LaunchError(f"{lacks} for attention heads of 64")


def _on_load(job: Job) -> str:
    return "fp8_per_tensor" if satisfies(job.version, ">=0.31") else "fp8"


OWN_RANKS = ">=0.18"
"""Since when its image has no Ray (requirements/cuda.txt); ranks of its own since 0.11.1."""

_JOINED = (
    "import ray,sys,time; ray.init('auto');"
    " [time.sleep(5) for _ in iter(lambda: len([n for n in ray.nodes() if n['Alive']])"
    " >= int(sys.argv[1]), True)]"
)
"""Returns once the given number of nodes has joined."""

_HEAD = f'ray start --head --port={RAY_PORT} && python3 -c "$0" "$1" && shift && exec "$@"'
"""A shell that is handed the server's arguments and never reads them as its own text."""

_JOIN = 'until ray start --address="$0" --block; do sleep 5; done'
"""The first pod may still be pulling its image."""


def pod(pod: Pod) -> Member:
    """By ranks of its own, and by Ray up to 0.17, whose images still have it.

    docs/serving/parallelism_scaling.md and docs/deployment/frameworks/lws.md.
    """
    if satisfies(pod.job.version, OWN_RANKS):
        ranks = ["--nnodes", SIZE, "--node-rank", RANK, "--master-addr", LEADER]
        return [*pod.command, *ranks, *(["--headless"] if pod.rank else [])], [], []
    if pod.rank == 0:
        ray = ["--distributed-executor-backend", "ray"]
        head = [literal(text) for text in ("sh", "-c", _HEAD, _JOINED)]
        return [*head, SIZE, *pod.command, *ray], [], []
    join = [literal(text) for text in ("sh", "-c", _JOIN)]
    return [*join, f"{LEADER}:{RAY_PORT}"], [], []


SPEC = ServerSpec(
    server=Server.VLLM,
    program="vllm",
    flags=FLAGS,
    plan=plan,
    image=lambda job: f"vllm/vllm-openai:v{job.version}",  # docs/deployment/docker.md
    engines=(Engine.VLLM,),
    pod=pod,
)
