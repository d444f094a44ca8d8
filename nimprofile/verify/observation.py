"""What was seen of a server that runs: one value, and the line or the field that told it."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    Value: TypeAlias = str | int | float | bool


class Fact(StrEnum):
    """What can be seen of a server. Bytes are those of one GPU."""

    PROFILE_ID = "profile_id"
    PROFILE_NAME = "profile_name"
    TAG = "tag"
    """A tag of the profile that runs, as its manifest has it: `gpu_device=2330:10de`."""
    ENGINE = "engine"
    ENGINE_VERSION = "engine_version"
    NIM_VERSION = "nim_version"
    MODEL = "model"
    PRECISION = "precision"
    QUANTIZATION = "quantization"
    """The engine's own word for how the weights are stored: `modelopt_fp4`."""
    KERNEL = "kernel"
    """The kernel that multiplies the quantised weights: `marlin`, `cutlass`."""
    TP = "tp"
    PP = "pp"
    DP = "dp"
    GPUS = "gpus"
    LORA = "lora"
    OBJECTIVE = "objective"
    MAX_MODEL_LEN = "max_model_len"
    KV_CACHE_DTYPE = "kv_cache_dtype"
    KV_CACHE_TOKENS = "kv_cache_tokens"
    KV_CACHE_BYTES = "kv_cache_bytes"
    KV_CACHE_BLOCKS = "kv_cache_blocks"
    BLOCK_SIZE = "block_size"
    """Tokens in a block of the KV cache."""
    MAX_CONCURRENCY = "max_concurrency"
    """Requests of the longest context that the KV cache holds at once, as the engine tells it."""
    ATTENTION_BACKEND = "attention_backend"
    DTYPE = "dtype"
    """The type of activations, and of weights that are not quantised: `bfloat16`."""
    WEIGHTS_BYTES = "weights_bytes"
    CUDA_GRAPHS = "cuda_graphs"
    """Whether graphs were captured."""
    CUDA_GRAPHS_BYTES = "cuda_graphs_bytes"
    MEMORY_FRACTION = "memory_fraction"
    GPU_NAME = "gpu_name"
    GPU_MEMORY_BYTES = "gpu_memory_bytes"
    """All of the memory of one GPU, as CUDA tells it."""
    READY = "ready"
    FAILURE = "failure"
    """Why the server did not start, in the words of its log."""
    FINDING = "finding"
    """What the log says of how well the server runs, in a sentence of ours."""
    START = "start"
    """The log tells of another start from here on; what was told before is of a former one."""


TAG_FACTS = {
    "llm_engine": Fact.ENGINE,
    "precision": Fact.PRECISION,
    "tp": Fact.TP,
    "pp": Fact.PP,
    "feat_lora": Fact.LORA,
}
"""Tags of a profile -> the fact that they tell of its server."""


class Observation(Record):
    """One fact that a server told.

    Attributes:
        fact: what it is about.
        value: what it told, in the unit of the fact.
        source: the log or the address.
        place: where in it: `line 17`, or a field, `modelInfo[0].selectedModelProfileId`.
        text: the line, or the field with its value, as it was told.
        process: which process of the server told it, as its log names it: `EngineCore_DP0`; ""
            where the log names none.
    """

    fact: Fact
    value: Value
    source: str
    _: KW_ONLY
    place: str
    text: str
    process: str = ""
