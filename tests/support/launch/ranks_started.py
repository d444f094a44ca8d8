"""How many ranks an engine starts of its command, and on which of the GPUs that it is shown.

Each parser is the engine's own as its pages describe it, with all flags that decide ranks, and
shares nothing with the code that writes or judges. What an engine refuses is a `NotStartedError`.
"""

import argparse
import json
import shlex
from typing import NamedTuple


class NotStartedError(Exception):
    """The engine refuses its command."""


class Ranks(NamedTuple):
    """How many ranks start here and everywhere, and the numbers of the GPUs that they take here."""

    here: int
    everywhere: int
    gpus: tuple[int, ...]


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise NotStartedError(message)


def _parser(numbers, switches, texts, *, abbreviated=True):
    parser = _Parser(add_help=False, allow_abbrev=abbreviated)
    for *flags, default in numbers:
        parser.add_argument(*flags, type=int, default=default)
    for *flags, _ in switches:
        parser.add_argument(*flags, action=argparse.BooleanOptionalAction, default=False)
    for *flags, default in texts:
        parser.add_argument(*flags, default=default)
    return parser


# docs/serving/data_parallel_deployment.md, context_parallel_deployment.md and
# parallelism_scaling.md of vLLM; the flags beside
# those of ranks are there because they share their beginnings.
VLLM = _parser(
    [
        ("--tensor-parallel-size", "-tp", 1),
        ("--pipeline-parallel-size", "-pp", 1),
        ("--prefill-context-parallel-size", "-pcp", 1),
        ("--decode-context-parallel-size", "-dcp", 1),
        ("--data-parallel-size", "-dp", 1),
        ("--data-parallel-size-local", "-dpl", None),
        ("--data-parallel-rank", "-dpn", None),
        ("--data-parallel-start-rank", "-dpr", None),
        ("--data-parallel-rpc-port", "-dpp", None),
        ("--nnodes", "-n", 1),
        ("--node-rank", "-r", 0),
        ("--api-server-count", "-asc", 1),
    ],
    [
        ("--data-parallel-hybrid-lb", "-dph", None),
        ("--data-parallel-external-lb", "-dpe", None),
        ("--enable-expert-parallel", "-ep", None),
        ("--enable-elastic-ep", None),
        ("--headless", None),
    ],
    [
        ("--data-parallel-address", "-dpa", None),
        ("--data-parallel-backend", "-dpb", "mp"),
        ("--distributed-executor-backend", "mp"),
        ("--device", "auto"),
        ("--dtype", "auto"),
    ],
)


def _of_vllm(words, shown):
    found, rest = VLLM.parse_known_args([_dashed(word) for word in words])
    if any(word[:1] == "-" != word[1:2] for word in rest):  # `-t=8`, before Python 3.12
        raise NotStartedError(f"unrecognized arguments: {rest}")
    one = found.tensor_parallel_size * found.pipeline_parallel_size
    one *= found.prefill_context_parallel_size
    dcp = found.decode_context_parallel_size  # context_parallel_deployment.md: shares those of tp
    if dcp < 1 or found.tensor_parallel_size % dcp:
        raise NotStartedError(f"{dcp} does not divide {found.tensor_parallel_size}")
    if found.device not in {"auto", "cuda"} or found.headless or found.enable_elastic_ep:
        raise NotStartedError("not on these GPUs alone")
    if found.distributed_executor_backend == "uni" and one > 1:
        raise NotStartedError("uni has one rank")
    if found.distributed_executor_backend == "external_launcher":
        raise NotStartedError("another program starts the ranks")
    if found.data_parallel_hybrid_lb or found.data_parallel_external_lb or found.node_rank:
        raise NotStartedError("one of several servers")
    if found.data_parallel_rank is not None or found.data_parallel_start_rank is not None:
        raise NotStartedError("one of several servers")
    local = found.data_parallel_size_local
    local = found.data_parallel_size if local is None else local
    here = one * local // found.nnodes
    return Ranks(here, one * found.data_parallel_size, tuple(range(here)))


# docs/advanced_features/server_arguments.md, dcp.md and dp_dpa_smg_guide.md of SGLang.
SGLANG = _parser(
    [
        ("--tensor-parallel-size", "--tp-size", 1),
        ("--pipeline-parallel-size", "--pp-size", 1),
        ("--data-parallel-size", "--dp-size", 1),
        ("--expert-parallel-size", "--ep-size", "--ep", 1),
        ("--moe-data-parallel-size", "--moe-dp-size", 1),
        ("--attention-context-parallel-size", "--attn-cp-size", 1),
        ("--decode-context-parallel-size", "--dcp-size", 1),
        ("--nnodes", 1),
        ("--node-rank", 0),
        ("--base-gpu-id", 0),
        ("--gpu-id-step", 1),
    ],
    [("--enable-dp-attention", None), ("--enable-dp-lm-head", None)],
    [("--device", "cuda"), ("--dtype", "auto"), ("--tokenizer-path", None)],
)


def _of_sglang(words, shown):
    found, _ = SGLANG.parse_known_args(words)
    if found.device != "cuda" or found.node_rank:
        raise NotStartedError("not on these GPUs alone")
    tp = found.tensor_parallel_size
    for part in (
        found.expert_parallel_size,
        found.moe_data_parallel_size,
        found.attention_context_parallel_size,
        found.decode_context_parallel_size,
        found.data_parallel_size if found.enable_dp_attention else 1,
    ):
        if part < 1 or tp % part:
            raise NotStartedError(f"{part} does not divide {tp}")
    ranks = tp * found.pipeline_parallel_size
    ranks *= 1 if found.enable_dp_attention else found.data_parallel_size
    here = ranks // found.nnodes
    gpus = tuple(found.base_gpu_id + found.gpu_id_step * rank for rank in range(here))
    return Ranks(here, ranks, gpus)


# tensorrt_llm/commands/serve.py; click takes no beginning of a flag.
TENSORRT_LLM = _parser(
    [
        ("--tensor_parallel_size", "--tp_size", 1),
        ("--pipeline_parallel_size", "--pp_size", 1),
        ("--context_parallel_size", "--cp_size", 1),
        ("--moe_expert_parallel_size", "--ep_size", 1),
        ("--moe_cluster_parallel_size", "--cluster_size", 1),
        ("--gpus_per_node", None),
    ],
    [],
    [],
    abbreviated=False,
)


def _of_tensorrt_llm(words, shown):
    found, _ = TENSORRT_LLM.parse_known_args(words)
    tp = found.tensor_parallel_size
    for part in (found.moe_expert_parallel_size, found.moe_cluster_parallel_size):
        if part < 1 or tp % part:
            raise NotStartedError(f"{part} does not divide {tp}")
    ranks = tp * found.pipeline_parallel_size * found.context_parallel_size
    node = found.gpus_per_node or shown
    return Ranks(ranks, ranks, tuple(rank % node for rank in range(ranks)))


def _dashed(word):
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


ENGINES = {"vllm": _of_vllm, "sglang": _of_sglang, "tensorrt_llm": _of_tensorrt_llm}


def ranks_started(argv, env, texts, *, engine, sizes, shown, nodes=1):
    """The ranks of a command, of its first pod where there are several.

    Args:
        argv, env, texts: its words, variables and files.
        engine: what serves, where a NIM is started.
        sizes: tp and pp of the profile, which a NIM knows.
        shown: how many GPUs the server sees.
        nodes: how many pods serve together.
    """
    group = {"$(LWS_GROUP_SIZE)": str(nodes), "$(LWS_WORKER_INDEX)": "0"}
    argv = [group.get(word, word) for word in argv]
    match argv[:1]:
        case ["vllm"]:
            return _of_vllm(argv[3:], shown)
        case ["sglang"] | ["python3"]:
            return _of_sglang(argv[1:], shown)
        case ["trtllm-serve"]:
            return _of_tensorrt_llm(argv[2:], shown)
        case ["tritonserver"]:
            (fields,) = [json.loads(text) for text in texts if '"model"' in text]
            return _of_fields(fields, shown)
    passed = shlex.split(env.get("NIM_PASSTHROUGH_ARGS", ""))
    flags = {
        "vllm": ("--tensor-parallel-size", "--pipeline-parallel-size"),
        "sglang": ("--tp-size", "--pp-size"),
        "tensorrt_llm": ("--tp_size", "--pp_size"),
    }[engine]
    own = [f"{flag}={size}" for flag, size in zip(flags, sizes, strict=True)]
    ranks = ENGINES[engine]([*own, *passed, *argv[1:]], shown * nodes)
    return ranks._replace(here=ranks.here // nodes, gpus=ranks.gpus[: ranks.here // nodes])


def _of_fields(fields, shown):
    """What `model.json` says to vLLM, as arguments."""
    words = []
    for name, value in fields.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [] if value in (False, None) else [f"{flag}={value}"]
    return _of_vllm(words, shown)
