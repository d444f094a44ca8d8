"""How an engine is started, as far as memory and speed depend on it."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision, parse_engine, parse_precision
from nimprofile.base.environment import (
    BATCHES,
    FRACTIONS,
    PASSTHROUGH,
    first_set,
    read_count,
    read_fraction,
    read_sequences,
    read_switch,
    read_words,
)
from nimprofile.base.errors import RequestError
from nimprofile.base.expect import require_whole
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.versions import is_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from dataclasses import KW_ONLY


class Serving(Record):
    """How an engine is started; None is the engine's own default.

    Attributes:
        engine: the engine.
        engine_version: its version, `0.19.0`; None is the newest known.
        precision: of the weights; None is the checkpoint's.
        tp, pp: tensor and pipeline parallel sizes.
        memory_fraction: vLLM's gpu_memory_utilization, SGLang's mem_fraction_static, TensorRT-LLM's
            free_gpu_memory_fraction.
        max_num_batched_tokens: tokens of one step (SGLang: chunked_prefill_size).
        max_num_seqs: requests of one step (SGLang: max_running_requests).
        max_model_len: the longest context, in tokens; `auto` is None and `fit_context`.
        fit_context: the context is cut to the longest that fits, which is at most `max_model_len`.
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
    fit_context: bool = False

    if TYPE_CHECKING:  # what the constructor takes, beside what the fields hold

        def __init__(
            self,
            engine: Engine | str = Engine.VLLM,
            engine_version: str | None = None,
            precision: Precision | str | None = None,
            *,
            tp: int = 1,
            pp: int = 1,
            memory_fraction: float | None = None,
            max_num_batched_tokens: int | None = None,
            max_num_seqs: int | None = None,
            max_model_len: int | str | None = None,
            kv_cache_dtype: str = "auto",
            concurrency: int = 1,
            eager: bool = False,
            speculative_tokens: int = 0,
            fit_context: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Take an engine and a precision by their names; refuse what no engine can be started with.

        Raises RequestError.
        """
        if type(self.engine) is not Engine:
            object.__setattr__(self, "engine", parse_engine(self.engine, "engine"))
        if self.precision is not None and type(self.precision) is not Precision:
            object.__setattr__(self, "precision", parse_precision(self.precision, "precision"))
        context: object = self.max_model_len
        if context == "auto":
            object.__setattr__(self, "max_model_len", None)
            object.__setattr__(self, "fit_context", True)
        require_engine_version(self.engine_version)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < least):
                require_whole(name, value, least)
        fraction = self.memory_fraction
        if fraction is not None and not (isinstance(fraction, int | float) and 0 < fraction <= 1):
            raise RequestError(f"memory_fraction {quoted(fraction)} is not above 0 and up to 1")
        if self.kv_cache_dtype not in KV_CACHE_DTYPES:
            known = ", ".join(KV_CACHE_DTYPES)
            raise RequestError(
                f"kv_cache_dtype {quoted(self.kv_cache_dtype)} is not known; known: {known}"
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Serving:
        """What NIM's variables say of the engine's start.

        Raises RequestError, naming the variable, for a value that cannot be read.
        """
        serving = cls(
            max_model_len=read_count(environ, "NIM_MAX_MODEL_LEN"),
            max_num_seqs=read_count(environ, first_set(environ, BATCHES)),
            memory_fraction=read_fraction(environ, first_set(environ, FRACTIONS)),
            concurrency=read_sequences(environ) or 1,
            eager=read_switch(environ, "NIM_DISABLE_CUDA_GRAPH"),
        )
        return serving.given(read_words(environ, PASSTHROUGH), PASSTHROUGH)

    def given(self, arguments: Sequence[str], source: str) -> Serving:
        """The same with these arguments for the engine, which win over everything else.

        LLM 2.0.11 "advanced-configuration": first the arguments after the image, then
        `NIM_PASSTHROUGH_ARGS`, then other variables. Raises RequestError for a number that cannot
        be read, with its `source` and flag.
        """
        if not arguments:
            return self
        from nimprofile.engines.arguments import as_started

        return as_started(self, arguments, source)


KV_CACHE_DTYPES = (
    *("auto", "bf16", "bfloat16", "fp16", "float16", "fp32", "float32", "int8"),
    *("fp8", "fp8_e4m3", "fp8_e5m2", "nvfp4"),
)
"""Formats of the KV cache by the names that engines take."""

_LEAST = {
    "tp": 1,
    "pp": 1,
    "concurrency": 1,
    "max_num_batched_tokens": 0,
    "max_num_seqs": 1,
    "max_model_len": 1,
    "speculative_tokens": 0,
}
"""The least of each count; NIM 2.x's arithmetic counts no tokens of a step."""


def require_engine_version(version: object) -> None:
    """Refuse what is no version of an engine; None is allowed. Raises RequestError."""
    if version is not None and not (isinstance(version, str) and is_version(version)):
        raise RequestError(f"engine_version {quoted(version)} is no version such as 0.19.0")


DEFAULTS = Serving()
