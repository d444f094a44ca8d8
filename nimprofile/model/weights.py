"""Bytes of a model's weights on each rank, for a precision and a division."""

from __future__ import annotations

from itertools import accumulate

from nimprofile.model.storage import storage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.enums import Precision
    from nimprofile.model.shape import ModelShape


def stages(shape: ModelShape, pp: int) -> list[tuple[int, int]]:
    """First and last-but-one layer of every pipeline stage.

    The remainder goes to the stages before the last (vLLM, `distributed/utils.py`, get_pp_indices).
    """
    share, rest = divmod(len(shape.layers), pp)
    sizes = [share + (pp - 1 - rest <= at < pp - 1) for at in range(pp)]
    ends = [*accumulate(sizes)]
    return [(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def weight_bytes(
    shape: ModelShape,
    precision: Precision | None,
    tp: int = 1,
    pp: int = 1,
    *,
    draft: bool = False,
    padded: bool = True,
) -> list[int]:
    """Bytes of the weights on one rank of every pipeline stage.

    Args:
        shape: the model's.
        precision: of the weights; None is the checkpoint's.
        tp: tensor-parallel ranks.
        pp: pipeline stages, at most as many as there are layers.
        draft: with the layers for multi-token prediction.
        padded: with what engines pad.
    """
    storage = storage_of(shape, precision)
    layers = storage.layer_bytes(tp, padded=padded)
    result = []
    for stage, (start, end) in enumerate(stages(shape, pp)):
        total = shape.table_bytes + sum(layers[start:end])
        if stage == 0:
            total += storage.bytes_of(shape.first, None, tp, padded=padded)
        if stage == pp - 1:
            total += storage.bytes_of(shape.last, None, tp, padded=padded)
            if shape.tied and pp > 1:
                total += storage.bytes_of(shape.first[:1], None, tp, padded=padded)
            if draft:
                total += sum(
                    storage.bytes_of(layer.weights, at, tp, padded=padded)
                    for at, layer in enumerate(shape.drafter, len(shape.layers))
                )
        result.append(int(total))
    return result


def is_likely(shape: ModelShape) -> bool:
    """Whether a checkpoint's bytes are about those that its shape makes."""
    if shape.checkpoint_bytes is None or not storage_of(shape, None).known:
        return True
    loaded = shape.checkpoint_bytes
    if shape.quantization is None:
        loaded = loaded * shape.dtype_bits // shape.stored_bits
    return _LIKELY[0] <= loaded / weight_bytes(shape, None, padded=False)[0] <= _LIKELY[1]


_LIKELY = 0.7, 1.4
"""How far a checkpoint's bytes may be from its shape's; beyond, part of it is missing, or it is
another model's."""
