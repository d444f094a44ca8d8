"""Records of the models and formats that engines serve, on which GPUs, from which version on.

The tables are in `facts`; a row that is not there is not known to work. Versions are the first
release that a source or a package shows, so a patch release before it may have it too.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import KW_ONLY

    from nimprofile.model.shape import ModelShape

    Row = tuple[str, Precision, str, str, str] | tuple[str, Precision, str, str, str, int]

PLAIN, HALF = "16 bits", "float16"
"""How a checkpoint that is not quantised stores its matrices; `stored_as` gives the other names."""


class Way(Record):
    """One way in which an engine serves weights.

    Attributes:
        engine: the engine.
        stored: how the checkpoint stores them, one of the names that `stored_as` gives.
        precision: what the profile says.
        capability: a specifier set for the GPU's compute capability.
        versions: a specifier set for the engine's version; "" is any.
        source: the engine's file or page that says so.
        most_tp: the largest tensor parallelism; 0: any.
    """

    engine: Engine
    stored: str
    precision: Precision
    _: KW_ONLY
    capability: str
    versions: str
    source: str
    most_tp: int = 0


def ways(engine: Engine, rows: Iterable[Row]) -> tuple[Way, ...]:
    """The rows of a table: stored, precision, capability, versions, source, perhaps most_tp."""
    return tuple(_way(engine, *row) for row in rows)


def _way(  # noqa: PLR0917 - the columns of a table
    engine: Engine,
    stored: str,
    precision: Precision,
    capability: str,
    versions: str,
    source: str,
    most_tp: int = 0,
) -> Way:
    return Way(
        engine,
        stored,
        precision,
        capability=capability,
        versions=versions,
        source=source,
        most_tp=most_tp,
    )


class Served(Record):
    """From which version on an engine serves a kind of model.

    Attributes:
        versions: a specifier set; "" is any.
        pp: whether pipeline parallelism is known to work.
        capability: of the GPUs, when the model asks for more than its format.
    """

    versions: str = ""
    pp: bool = True
    capability: str = ""


def since(version: str) -> Served:
    """From this version on."""
    return Served(f">={version}")


ANY_VERSION = Served()
NO_PIPELINE = Served(pp=False)


def kind_of_model(model_type: str) -> str:
    """The row of `MODELS` for a `model_type`: that of the whole model, without `_text`."""
    return model_type.removesuffix("_model").removesuffix("_text")


MARLIN_GROUPS = frozenset({0, 32, 64, 128})
"""Groups of GPTQ that the engines' kernels have; 0 is a whole row (vLLM, marlin_utils.py)."""


def stored_as(shape: ModelShape) -> str:
    """How a checkpoint stores its matrices, as the rows of `WAYS` call it; "" when unknown."""
    own = shape.quantization
    if own is None:
        return HALF if shape.dtype == "float16" else PLAIN
    if not own.rules:
        return ""
    narrowest = min((form for _, form in own.rules), key=lambda form: form.bits)
    kind = narrowest.name.partition("_")[0]
    if own.method == "fp8":
        if kind == "mxfp4":
            return "mxfp4"  # DeepSeek V4: its experts, which are nearly all of it
        return "fp8 blocks" if own.rows else "fp8"
    if own.method == "compressed-tensors" or own.method.startswith("modelopt"):
        return f"{kind} {'modelopt' if own.method.startswith('modelopt') else own.method}"
    if own.method == "gptq" and not own.symmetric:
        return "gptq asymmetric"
    if own.method == "gptq" and own.group not in MARLIN_GROUPS:
        return f"gptq in groups of {own.group}"
    return _NAMES.get((own.method, kind), f"{own.method} {kind}")


_NAMES = {
    ("awq", "int4"): "awq",
    ("gptq", "int4"): "gptq",
    ("gptq", "int8"): "gptq 8",
    ("auto-round", "int4"): "auto-round",
    ("auto-round", "int8"): "auto-round 8",
    ("bitsandbytes", "nf4"): "bitsandbytes",
    ("bitsandbytes", "int8"): "bitsandbytes 8",
    ("experts_int8", "int8"): "experts_int8",
    ("mxfp4", "mxfp4"): "mxfp4",
    ("fbgemm_fp8", "fp8"): "fp8 fbgemm",
}
