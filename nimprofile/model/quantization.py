"""Formats in which checkpoints and engines store weights, and the precisions they are served in.

Bits of a weight include its scales: an 8-bit scale for each 16 weights of NVFP4 makes 4.5.
"""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.model.shape import Format, Quantization

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.model.shape import ModelShape

GROUP = 128
"""Weights that share a scale, where a checkpoint does not say."""

FP8 = Format("fp8", 8)
INT8 = Format("int8", 8)
NVFP4 = Format("nvfp4", 4 + 8 / 16)
"""A value and an 8-bit scale for 16 (NVIDIA, "Introducing NVFP4", 2025-06)."""

MXFP4 = Format("mxfp4", 4 + 8 / 32)
"""A value and an 8-bit scale for 32 (OCP Microscaling Formats 1.0, section 5.1)."""

NF4 = Format("nf4", 4 + 32 / 64)
"""A value and a scale for 64, which vLLM unpacks to 32 bits when it loads a checkpoint that packs
it (`bitsandbytes_loader.py` at 0.19.0)."""


def grouped(bits: int, group: int, *, zero_points: bool, name: str = "") -> Format:
    """Integer weights with a 16-bit scale, and perhaps a zero point, for each group."""
    scales = (16 + (bits if zero_points else 0)) / group if group > 0 else 0
    return Format(name or f"int{bits}", bits + scales)


INT4 = grouped(4, GROUP, zero_points=False)
AWQ = grouped(4, GROUP, zero_points=True, name="int4_awq")

PADDING = {"nvfp4": (1, 128), "mxfp4": (256, 128)}
"""Format -> multiples to which vLLM pads the width of experts and each rank's share of their inner
width (`flashinfer_fp4_moe.py` and `mxfp4.py` at 0.19.0; Marlin pads NVFP4 less)."""

_ON_LOAD = {
    Precision.FP8: FP8,
    Precision.INT8: INT8,
    Precision.INT8WO: INT8,
    Precision.INT4: INT4,
    Precision.W4A16: INT4,
    Precision.INT4_AWQ: AWQ,
    Precision.NVFP4: NVFP4,
    Precision.MXFP4: MXFP4,
}
_PRECISION_OF = {
    "fp8": Precision.FP8,
    "int8": Precision.INT8,
    "int4_awq": Precision.INT4_AWQ,
    "nvfp4": Precision.NVFP4,
    "mxfp4": Precision.MXFP4,
}
EVERY_MODULE = ""
ROUTED_EXPERTS = "experts"


def own_precision(shape: ModelShape) -> Precision:
    """The precision that a checkpoint is served in: that of its narrowest matrices."""
    own = shape.quantization
    if own is None or not own.rules:
        return Precision.FP16 if shape.dtype == "float16" else Precision.BF16
    narrowest = min((form for _, form in own.rules), key=lambda form: form.bits)
    if narrowest.bits >= 16:
        return Precision.BF16
    return _PRECISION_OF.get(narrowest.name, Precision.INT4)


def is_own(shape: ModelShape, precision: Precision | None) -> bool:
    """Whether this is how the checkpoint is stored, and not what an engine makes of it on load."""
    own = shape.quantization
    if own is None or own.rules is None:
        return precision is None or own is not None
    return precision is None or _same(own_precision(shape), precision)


def _same(own: Precision, precision: Precision) -> bool:
    """Whether two names mean one kind of format: INT4, AWQ and W4A16 are all 4-bit integers."""
    kinds = [_ON_LOAD[name].name.partition("_")[0] for name in (own, precision) if name in _ON_LOAD]
    return len(kinds) == 2 and kinds[0] == kinds[1]


def made_on_load(shape: ModelShape, precision: Precision) -> Quantization:
    """What an engine makes of a checkpoint that is not stored in this precision."""
    only = ROUTED_EXPERTS if precision is Precision.MXFP4 and shape.experts else EVERY_MODULE
    return Quantization(str(precision), ((only, _ON_LOAD[precision]),))
