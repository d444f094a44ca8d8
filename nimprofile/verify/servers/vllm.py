"""What vLLM tells: `/version`, `/metrics`, and `/server_info` of a server in development mode.

`/server_info` is there with VLLM_SERVER_DEV_MODE=1 alone (vllm/entrypoints/openai/api_server.py at
0.8.5 and 0.10.2, serve/instrumentator/server_info.py at 0.19, serve/dev/server_info/api_router.py
at 0.26 and 0.33). It has the configuration as JSON where it is asked for so, and in 0.8.5 and
0.10.2 as the text that the log has too. Its environment is not looked at.

`kv_cache_size_tokens` of `vllm:cache_config_info` is the engine's own count, in 0.26 and not yet in
0.19; with data parallelism it is that of one rank, and `num_gpu_blocks` the sum of all
(`core_client.py` at 0.26). Where it is missing, blocks times the size of a block is the count up to
0.8. Later one cache has groups of blocks (vLLM pull request 17996), and the size that is told is
not that of all (issues 42966 and 51163), so that nothing follows from the product.
"""

from __future__ import annotations

import re

from nimprofile.verify.observation import Fact
from nimprofile.verify.servers import openai_models
from nimprofile.verify.servers.metrics import samples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.verify.servers.interview import Interview
    from nimprofile.verify.servers.metrics import Sample

VERSION, METRICS, HEALTH = "/version", "/metrics", "/health"
SERVER_INFO = "/server_info?config_format=json"
CACHE = "vllm:cache_config_info"


def tell(interview: Interview) -> None:
    """All that a vLLM tells."""
    interview.server = "vllm"
    openai_models.tell_engine(interview)
    version = interview.json(VERSION)
    found = version.get("version") if isinstance(version, dict) else None
    interview.tell_name(Fact.ENGINE_VERSION, found, VERSION, "version")
    interview.tell_ready(HEALTH, 503)
    tell_metrics(interview, METRICS, version=found if isinstance(found, str) else None)
    info = interview.json(SERVER_INFO)
    if isinstance(info, dict):
        _tell_config(interview, info.get("vllm_config"))


def tell_metrics(interview: Interview, path: str, *, version: str | None) -> None:
    """The cache as the metrics tell it.

    Args:
        interview: with the server.
        path: where the metrics are.
        version: of vLLM; None where it is not known.
    """
    text = interview.text(path)
    found = [] if text is None else [*samples(text, CACHE)]
    if not found:
        return
    share, dtype = (found[0].labels.get(key) for key in ("gpu_memory_utilization", "cache_dtype"))
    place = f"{CACHE}{{{{{{}}}}}}"
    interview.tell_share(
        Fact.MEMORY_FRACTION, _number(share), path, place.format("gpu_memory_utilization")
    )
    interview.tell_name(Fact.KV_CACHE_DTYPE, dtype, path, place.format("cache_dtype"))
    if len({sample.labels.get("engine") for sample in found}) > 1:
        interview.note(
            f"{len(found)} engines tell of a cache each, in {path}: "
            "how many tokens they hold together is not told"
        )
        return
    _tell_tokens(interview, path, found[-1], version)


def _tell_tokens(interview: Interview, path: str, found: Sample, version: str | None) -> None:
    counts = {key: _whole(found.labels.get(key)) for key in _COUNTS}
    tokens, blocks, size = counts.values()
    field = f"{CACHE}{{{_COUNTS[0]}}}"
    if blocks is not None:
        interview.tell_count(Fact.KV_CACHE_BLOCKS, blocks, path, f"{CACHE}{{{_COUNTS[1]}}}")
    if tokens is not None:
        interview.tell_count(Fact.KV_CACHE_TOKENS, tokens, path, field)
    elif blocks is not None and size is not None:
        if version is not None and _one_size(version):
            told = f'num_gpu_blocks="{blocks}", block_size="{size}"'
            interview.tell(Fact.KV_CACHE_TOKENS, blocks * size, path, CACHE, told=told)
        else:
            interview.note(
                f"{path} tells of {blocks:,} blocks of the KV cache and not of its tokens: "
                "the log does"
            )


_COUNTS = ("kv_cache_size_tokens", "num_gpu_blocks", "block_size")


def _one_size(version: str) -> bool:
    """Whether all blocks of the cache of a version have one size."""
    from nimprofile.base.versions import is_version

    if not is_version(version):
        return False
    from packaging.version import Version

    return Version(version) < Version("0.9")


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 14 else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _tell_config(interview: Interview, config: object) -> None:
    if isinstance(config, str):
        _tell_text(interview, config)
    elif isinstance(config, dict):
        _tell_parts(interview, config)


_FIELDS = {
    ("parallel_config", "tensor_parallel_size"): Fact.TP,
    ("parallel_config", "pipeline_parallel_size"): Fact.PP,
    ("parallel_config", "data_parallel_size"): Fact.DP,
    ("model_config", "max_model_len"): Fact.MAX_MODEL_LEN,
}


def _tell_parts(interview: Interview, config: Mapping[str, object]) -> None:
    """The configuration as JSON: `VllmConfig` in vllm/config/vllm.py."""
    for (part, key), fact in _FIELDS.items():
        interview.tell_count(fact, _of(config, part, key), SERVER_INFO, f"vllm_config.{part}.{key}")
    model = config.get("model_config")
    if isinstance(model, dict):
        place = "vllm_config.model_config"
        dtype = model.get("dtype")
        name = dtype.removeprefix("torch.") if isinstance(dtype, str) else dtype
        interview.tell_name(Fact.DTYPE, name, SERVER_INFO, f"{place}.dtype")
        if "quantization" in model:
            word = model["quantization"]
            word = "none" if word is None else word
            interview.tell_name(Fact.QUANTIZATION, word, SERVER_INFO, f"{place}.quantization")
        if model.get("enforce_eager") is True:
            interview.tell(
                Fact.CUDA_GRAPHS, False, SERVER_INFO, f"{place}.enforce_eager", told="true"
            )
    if "lora_config" in config:
        lora = config["lora_config"] is not None
        told = "set" if lora else "null"
        interview.tell(Fact.LORA, lora, SERVER_INFO, "vllm_config.lora_config", told=told)


def _of(config: Mapping[str, object], part: str, key: str) -> object:
    inside = config.get(part)
    return inside.get(key) if isinstance(inside, dict) else None


_IN_TEXT = {
    "tensor_parallel_size": Fact.TP,
    "pipeline_parallel_size": Fact.PP,
    "data_parallel_size": Fact.DP,
    "max_seq_len": Fact.MAX_MODEL_LEN,
}


def _tell_text(interview: Interview, config: str) -> None:
    """The configuration as `VllmConfig.__str__` writes it: `…, tensor_parallel_size=4, …`."""
    for key, fact in _IN_TEXT.items():
        found = set(re.findall(rf"(?<![\w.]){key}=(\d{{1,12}})(?![\w.])", config))
        if len(found) == 1:
            interview.tell_count(fact, int(found.pop()), SERVER_INFO, f"vllm_config {key}")
    for key, fact in (("quantization", Fact.QUANTIZATION), ("dtype", Fact.DTYPE)):
        words = set(re.findall(rf"(?<![\w.]){key}=([\w.-]{{1,60}})(?![\w.])", config))
        if len(words) == 1:
            word = words.pop().removeprefix("torch.")
            interview.tell_name(fact, word.lower(), SERVER_INFO, f"vllm_config {key}")
