"""Can this engine divide this model among so many GPUs?"""

from __future__ import annotations

from nimprofile.profile import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.model import ModelShape


def indivisible(
    shape: ModelShape, engine: Engine | None, tp: int, pp: int
) -> Iterator[tuple[str, int, str, int]]:
    """What does not divide: its name and number, and the name and number that it is divided by.

    vLLM: `config/model.py` (attention heads), `layers/linear.py` (KV heads, widths) and
    `fused_moe/config.py` (experts' widths) at 0.33; SGLang asserts the same of heads
    (`models/llama.py`, 0.5.10). Both pad vocabularies, and divide experts by their widths.
    TensorRT-LLM wants no more stages than layers (`mapping.py`).
    """
    if shape.layers and pp > len(shape.layers):
        yield "layers", len(shape.layers), "pp", pp
    if tp == 1:
        return
    if shape.heads % tp:
        yield "attention heads", shape.heads, "tp", tp
    if shape.kv_heads and not _shares_evenly(shape.kv_heads, tp):
        yield "KV heads", shape.kv_heads, "tp", tp
    if engine is not Engine.TENSORRT_LLM and not shape.experts and shape.intermediate_size % tp:
        yield "the MLP's width", shape.intermediate_size, "tp", tp
    if engine is not Engine.TENSORRT_LLM and shape.experts and shape.expert_size % tp:
        yield "the experts' width", shape.expert_size, "tp", tp


def _shares_evenly(kv_heads: int, tp: int) -> bool:
    """Whether every rank gets as many KV heads, or every head as many ranks."""
    return tp % kv_heads == 0 if tp >= kv_heads else kv_heads % tp == 0
