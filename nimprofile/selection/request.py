"""What does the operator want?"""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.record import Record
from nimprofile.manifest.profile import ENGINE_ALIASES, Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.manifest.profile import Precision

EMPTY_GPU_FRACTION = 0.95
"""Fraction of a GPU that NIM wants free before it starts.

GPUs at 0-3 % used are listed as free and those at 7 % and more as non-free; "95 %" is the one
published figure, in a third party's deployment notes. `docs/selection.md` has the evidence.
"""


class Pin(Record):
    """A profile that was asked for by id or name, and what asked for it."""

    value: str
    source: str = "NIM_MODEL_PROFILE"


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


class Request(Record):
    """The operator's wishes; they never describe the machine.

    Attributes:
        pin: run exactly this profile, or nothing.
        tags: (tag, value) conditions a profile must meet; compared without regard to case.
        engines: the engines this container has; None is all of them.
        lora: LoRA adapters will be served.
        relax_memory: low-memory profiles may be chosen (`NIM_RELAX_MEM_CONSTRAINTS`).
        allow_unsafe: a pin may ignore hardware mismatches (`NIM_MANIFEST_ALLOW_UNSAFE`).
        allow_nvfp4_emulation: NVFP4 below compute capability 10.0.
        empty_gpu_gate: apply NIM's rule that a GPU must be nearly empty.
        uniform_gpus: reject everything when GPUs of several products are visible; None leaves it
            to the policy.
        manifest_path: `NIM_MANIFEST_PATH`, for whoever loads the manifest.
        serving: how the engine will be started, beside what the profile says; `NIM_MAX_MODEL_LEN`
            is its longest context.
    """

    pin: Pin | None = None
    tags: tuple[tuple[str, str], ...] = ()
    engines: tuple[Engine, ...] | None = None
    lora: bool = False
    relax_memory: bool = False
    allow_unsafe: bool = False
    allow_nvfp4_emulation: bool = False
    empty_gpu_gate: bool = True
    uniform_gpus: bool | None = None
    manifest_path: str | None = None
    serving: Serving = DEFAULTS

    def __post_init__(self) -> None:
        """Take `pin="…"` and `tags={…}` as people write them."""
        if isinstance(self.pin, str):
            object.__setattr__(self, "pin", _pin(self.pin, "pin"))
        if isinstance(self.tags, dict):
            tags = ((TAG_WORDS.get(tag, tag), value) for tag, value in self.tags.items())
            object.__setattr__(self, "tags", tuple(tags))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Request:
        """Read NIM's variables from a mapping such as `os.environ`.

        A variable that is empty counts as unset, as in NIM; so does `NIM_MODEL_PROFILE=default`.

        Raises RequestError, naming the variable, for a value that cannot be read.
        """
        return cls(
            pin=_pin(environ.get("NIM_MODEL_PROFILE"), "NIM_MODEL_PROFILE"),
            tags=parse_tags(environ.get("NIM_TAGS_SELECTOR", ""), "NIM_TAGS_SELECTOR"),
            lora=bool(environ.get("NIM_PEFT_SOURCE", "").strip()),
            relax_memory=_flag(environ, "NIM_RELAX_MEM_CONSTRAINTS"),
            allow_unsafe=_flag(environ, "NIM_MANIFEST_ALLOW_UNSAFE"),
            allow_nvfp4_emulation=_flag(environ, "NIM_ALLOW_NVFP4_EMULATION"),
            serving=Serving(
                max_model_len=read_count(environ, "NIM_MAX_MODEL_LEN"),
                max_num_seqs=read_count(environ, "NIM_MAX_NUM_SEQS"),
                eager=_flag(environ, "NIM_DISABLE_CUDA_GRAPH"),
            ),
            manifest_path=environ.get("NIM_MANIFEST_PATH", "").strip() or None,
        )

    def pinned(self, value: str | None, source: str = "NIM_MODEL_PROFILE") -> Request:
        """The same request with this pin; "" or `default` or None pins nothing."""
        return self.replace(pin=_pin(value, source))


def _pin(value: str | None, source: str) -> Pin | None:
    """A pin, but for what means automatic selection: nothing, an empty text and `default`."""
    value = (value or "").strip()
    return Pin(value, source) if value and value.lower() != "default" else None


TAG_WORDS = {"objective": "profile", "engine": "llm_engine"}
"""Our words for tags that NIM calls otherwise; a selector may use either."""


def parse_tags(text: str, source: str) -> tuple[tuple[str, str], ...]:
    """Read `precision=fp8,tp=1`; RequestError says which part is wrong."""
    conditions = []
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not part.strip() and not text.strip():
            continue
        if not (key and equals and value):
            problem = f"{part.strip()!r} is not tag=value, as in precision=fp8,tp=1"
            raise RequestError(f"{source}: {problem}" if source else problem)
        conditions.append((TAG_WORDS.get(key, key), value))
    return tuple(conditions)


def parse_engine(text: str, source: str) -> Engine:
    """Read an engine's name; RequestError lists the known ones."""
    name = text.strip().lower()
    if (engine := ENGINE_ALIASES.get(name)) is not None:
        return engine
    try:
        return Engine(name)
    except ValueError:
        problem = f"{text!r} is not an engine; known: {', '.join(Engine)}"
        raise RequestError(f"{source}: {problem}" if source else problem) from None


_FLAGS = {"": False, "0": False, "false": False, "no": False, "off": False}
_FLAGS |= {"1": True, "true": True, "yes": True, "on": True}


def model_in(environ: Mapping[str, str]) -> str | None:
    """The weights that are named: `NIM_MODEL_PATH` (2.x) wins over `NIM_MODEL_NAME` (1.x)."""
    path, name = (environ.get(key, "").strip() for key in ("NIM_MODEL_PATH", "NIM_MODEL_NAME"))
    return path or name or None


def read_count(environ: Mapping[str, str], name: str, most: int = 999_999_999) -> int | None:
    """A variable that is a whole number above 0; None when it is unset or empty.

    Raises RequestError.
    """
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise RequestError(f"{name}: {text!r} is not a whole number from 1 to {most:,}")
    return int(text)


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").strip().lower()
    if text not in _FLAGS:
        raise RequestError(f"{name}={environ[name]!r} is neither 0 nor 1")
    return _FLAGS[text]
