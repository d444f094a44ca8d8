"""How an engine is started, as far as memory and speed depend on it."""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Precision


class Serving(Record):
    """How an engine is started; None is the engine's own default.

    Attributes:
        engine: the engine.
        engine_version: its version, `0.19.0`; None is the newest whose habits are known.
        precision: of the weights; None is the checkpoint's.
        tp, pp: tensor and pipeline parallel sizes.
        memory_fraction: vLLM's gpu_memory_utilization, SGLang's mem_fraction_static, TensorRT-LLM's
            free_gpu_memory_fraction.
        max_num_batched_tokens: tokens of one step (SGLang: chunked_prefill_size).
        max_num_seqs: requests of one step (SGLang: max_running_requests).
        max_model_len: the longest context, in tokens.
        kv_cache_dtype: `auto`, `fp8…`, `bf16…`, `nvfp4`.
        concurrency: requests of the longest context that must fit at once.
        eager: no CUDA graphs.
        speculative_tokens: tokens that the model's own layers for it predict ahead; 0: none.
    """

    engine: Engine = Engine.VLLM
    engine_version: str | None = None
    precision: Precision | None = None
    _: KW_ONLY
    tp: int = 1
    pp: int = 1
    memory_fraction: float | None = None
    max_num_batched_tokens: int | None = None
    max_num_seqs: int | None = None
    max_model_len: int | None = None
    kv_cache_dtype: str = "auto"
    concurrency: int = 1
    eager: bool = False
    speculative_tokens: int = 0


DEFAULTS = Serving()
