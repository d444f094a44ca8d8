"""Which sizes of a model an engine cannot divide among several GPUs."""

from __future__ import annotations

from math import gcd

from nimprofile.base.record import Record
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.model.quantization import PADDING, is_own
from nimprofile.model.storage import storage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Engine, Precision
    from nimprofile.model.shape import ModelShape, Weights


class Misfit(Record):
    """A number that does not divide.

    Attributes:
        what: what it counts, `KV heads`.
        number: how many there are.
        by: what it is divided by, `tp` or `pp`.
        divisor: how large that is.
    """

    what: str
    number: int
    by: str
    _: KW_ONLY
    divisor: int


def indivisible(
    shape: ModelShape,
    engine: Engine | None,
    tp: int,
    pp: int,
    *,
    precision: Precision | None = None,
    version: str | None = None,
) -> Iterator[Misfit]:
    """The sizes of a model that `tp` or `pp` does not divide.

    A `version` of None is the newest known.

    vLLM: `config/model.py` (attention heads), `layers/linear.py` (KV heads, widths) and
    `fused_moe/config.py` (experts' widths) at 0.33; SGLang asserts the same of heads
    (`models/llama.py`, 0.5.10). Both pad vocabularies, and divide experts by their widths.
    TensorRT-LLM wants no more stages than layers (`mapping.py`).
    """
    if shape.layers and pp > len(shape.layers):
        yield Misfit("layers", len(shape.layers), "pp", divisor=pp)
    if tp == 1:
        return
    if shape.heads % tp:
        yield Misfit("attention heads", shape.heads, "tp", divisor=tp)
    if shape.kv_heads and not _shares_evenly(shape.kv_heads, tp):
        yield Misfit("KV heads", shape.kv_heads, "tp", divisor=tp)
    spec = None if engine is None else spec_of(engine)
    if spec is None or spec.divides_widths:
        if not shape.experts and shape.intermediate_size % tp:
            yield Misfit("the MLP's width", shape.intermediate_size, "tp", divisor=tp)
        if shape.experts and shape.expert_size % tp:
            yield Misfit("the experts' width", shape.expert_size, "tp", divisor=tp)
    refined = None if spec is None else spec.refines_blocks
    refines = refined is not None and (version is None or satisfies(version, refined))
    yield from _cut_groups(shape, precision, tp, refines=refines)


def _shares_evenly(kv_heads: int, tp: int) -> bool:
    """Whether every rank gets as many KV heads, or every head as many ranks."""
    return tp % kv_heads == 0 if tp >= kv_heads else kv_heads % tp == 0


REFINED = 32
"""The smallest block that vLLM makes of a larger one."""


def _cut_groups(
    shape: ModelShape, precision: Precision | None, tp: int, *, refines: bool
) -> Iterator[Misfit]:
    """Matrices of which a rank's share would not be whole groups of weights that share a scale.

    vLLM: `layers/quantization/utils/fp8_utils.py`, validate_fp8_block_shape, and `awq.py`; SGLang:
    `layers/quantization/fp8.py` and `awq/schemes/awq_linear.py` at 0.5.23; TensorRT-LLM:
    W4A16_AWQ_LinearMethod of `_torch/modules/linear.py`.
    """
    scheme = shape.quantization
    if scheme is None or not (scheme.group or scheme.rows) or not is_own(shape, precision):
        return
    misfits: dict[str, Misfit] = {}
    for modules in storage_of(shape, precision).kinds:
        for weights, form in modules:
            if form is None:
                continue
            ranks = min(tp, weights.pieces)
            for what, width, block in _divided(weights, scheme.group, scheme.rows):
                share = width // ranks
                if not share % block:
                    continue
                padded = weights.experts is not None and form.name in PADDING
                refined = refines and scheme.rows and _refined(weights, share, block)
                if not (padded or refined):
                    name = f"groups of {block} in {what}"
                    misfits.setdefault(name, Misfit(name, width // block, "tp", divisor=ranks))
    yield from misfits.values()


def _refined(weights: Weights, share: int, block: int) -> bool:
    """Whether vLLM divides the blocks of these experts, so that a rank's share is whole blocks."""
    return weights.experts is not None and gcd(block, share, weights.experts[1]) >= REFINED


def _divided(weights: Weights, group: int, rows: int) -> Iterator[tuple[str, int, int]]:
    """The widths of a module that ranks divide, and the block that must stay whole in each."""
    name = weights.name.rpartition(".")[2]
    if weights.experts is not None:
        inner = weights.experts[2]
        if group:
            yield "the experts' width", inner, group
        if rows and rows != group:
            yield "the experts' width", inner, rows
    if weights.inputs and group:
        yield f"the inputs of {name}", weights.inputs, group
    if weights.outputs and rows:
        yield f"the outputs of {name}", weights.outputs, rows
