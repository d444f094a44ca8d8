"""What SGLang tells: all of its arguments, its cache and its version, at `/server_info`.

`/get_server_info` is its name from 0.4.1 to 0.5.5, which 0.5.10 and 0.5.23 answer too and will drop
(sglang/srt/entrypoints/http_server.py). The fields are those of `ServerArgs`, with
`max_total_num_tokens` and `status` of the scheduler and, since 0.4.9, one of `internal_states` for
each data parallel rank. Memory is in GiB with two decimals, with three in 0.5.23
(`get_internal_state` of managers/scheduler.py, `GB = 1024**3` in mem_cache/memory_pool.py): the
docs' own run of Qwen2.5-0.5B (docs.sglang.io/basic_usage/native_api) has 20,480 tokens of 12,288
bytes in 0.23.

`quantization` is what was asked for. What the checkpoint has is not written back there, so that
null says nothing. The keys of the server stand among the arguments; they are never looked at.
"""

from __future__ import annotations

from nimprofile.verify.observation import Fact
from nimprofile.verify.servers import openai_models

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.verify.servers.interview import Interview

PATHS = ("/server_info", "/get_server_info")
MODEL_PATHS = ("/model_info", "/get_model_info")
GIB = 1 << 30
MOST_GIB = 100_000


def server_info(interview: Interview) -> tuple[str, dict[str, Any]] | None:
    """The path and the answer that tells of the server; None where there is none of SGLang's."""
    for path in PATHS:
        body = interview.json(path)
        if isinstance(body, dict) and {"tp_size", "model_path"} <= body.keys():
            return path, body
    return None


def tell(interview: Interview) -> None:
    """All that an SGLang tells."""
    interview.server = "sglang"
    openai_models.tell_engine(interview)
    found = server_info(interview)
    if found is None:
        _tell_model(interview)
        return
    path, info = found
    interview.tell_name(Fact.ENGINE_VERSION, info.get("version"), path, "version")
    for key, fact in _COUNTS.items():
        interview.tell_count(fact, info.get(key), path, key)
    for key, fact in _NAMES.items():
        interview.tell_name(fact, info.get(key), path, key)
    share = info.get("mem_fraction_static")
    interview.tell_share(Fact.MEMORY_FRACTION, share, path, "mem_fraction_static")
    if info.get("status") == "ready":
        interview.tell(Fact.READY, True, path, "status", told='"ready"')
    if info.get("disable_cuda_graph") is True:
        interview.tell(Fact.CUDA_GRAPHS, False, path, "disable_cuda_graph", told="true")
    if "enable_lora" in info:
        lora = bool(info["enable_lora"] or info.get("lora_paths"))
        interview.tell(Fact.LORA, lora, path, "enable_lora", told=str(lora).lower())
    _tell_memory(interview, path, info)


_COUNTS = {"tp_size": Fact.TP, "pp_size": Fact.PP, "dp_size": Fact.DP}
_NAMES = {
    "quantization": Fact.QUANTIZATION,
    "kv_cache_dtype": Fact.KV_CACHE_DTYPE,
    "attention_backend": Fact.ATTENTION_BACKEND,
}


def _tell_memory(interview: Interview, path: str, info: dict[str, Any]) -> None:
    states = [state for state in _list(info.get("internal_states")) if isinstance(state, dict)]
    used = [state.get("memory_usage") for state in states[:1024]]
    usages = [each for each in used if isinstance(each, dict)]
    ranks = info.get("dp_size") if type(info.get("dp_size")) is int else 1
    if ranks == 1:
        field = "max_total_num_tokens"
        interview.tell_count(Fact.KV_CACHE_TOKENS, info.get(field), path, field)
    else:
        held = [each.get("token_capacity") for each in usages]
        counts = [count for count in held if type(count) is int and count > 0]
        if len(counts) == ranks:
            field = "internal_states[*].memory_usage.token_capacity"
            told = " + ".join(map(str, counts[:8])) + (" + …" if len(counts) > 8 else "")
            interview.tell(Fact.KV_CACHE_TOKENS, sum(counts), path, field, told=told)
        else:
            interview.note(f"{path} tells of the cache of {len(counts)} of {ranks} ranks")
    if usages:
        place = "internal_states[0].memory_usage"
        for key, fact in (("weight", Fact.WEIGHTS_BYTES), ("kvcache", Fact.KV_CACHE_BYTES)):
            size: Any = usages[0].get(key)
            if _is_size(size):
                told = f"{size} (GiB)"
                interview.tell(fact, round(size * GIB), path, f"{place}.{key}", told=told)
        _tell_graphs(interview, path, place, usages[0])


def _tell_graphs(interview: Interview, path: str, place: str, usage: dict[str, Any]) -> None:
    """The memory of CUDA graphs: one figure, or in 0.5.23 one for each phase."""
    for key in ("graph", "cuda_graph"):
        graphs = usage.get(key)
        sizes: list[Any] = [*graphs.values()] if isinstance(graphs, dict) else [graphs]
        known = [size for size in sizes if _is_size(size)]
        if known:
            size, field = sum(known), f"{place}.{key}"
            told = f"{size:g} (GiB)"
            interview.tell(Fact.CUDA_GRAPHS, True, path, field, told=told)
            interview.tell(Fact.CUDA_GRAPHS_BYTES, round(size * GIB), path, field, told=told)
            return


def _is_size(value: Any) -> bool:
    return type(value) in {int, float} and 0 < value < MOST_GIB


def _tell_model(interview: Interview) -> None:
    """The model, where the server does not tell of itself."""
    for path in MODEL_PATHS:
        body = interview.json(path)
        if isinstance(body, dict):
            interview.tell_name(Fact.MODEL, body.get("model_path"), path, "model_path")
            return


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
