"""Bytes of a model's weights on each rank, for a precision and a division."""

from __future__ import annotations

from itertools import accumulate

from nimprofile.model.quantization import Storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.enums import Precision
    from nimprofile.model.shape import ModelShape, Weights


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
    storage = Storage(shape, precision)
    layers: dict[int, float] = {}  # of layers that are one object, where the format is one

    def layer_size(at: int) -> float:
        layer = shape.layers[at]
        if not storage.uniform:
            return size(layer.weights, at)
        if id(layer) not in layers:
            layers[id(layer)] = size(layer.weights, at)
        return layers[id(layer)]

    def size(weights: tuple[Weights, ...], at: int | None) -> float:
        return sum(storage.bytes_on_rank(one, at, tp, padded=padded) for one in weights)

    result = []
    for stage, (start, end) in enumerate(stages(shape, pp)):
        total = shape.table_bytes + sum(layer_size(at) for at in range(start, end))
        if stage == 0:
            total += size(shape.first, None)
        if stage == pp - 1:
            total += size(shape.last, None)
            if shape.tied and pp > 1:
                total += size(shape.first[:1], None)
            if draft:
                drafter = enumerate(shape.drafter, len(shape.layers))
                total += sum(size(layer.weights, at) for at, layer in drafter)
        result.append(int(total))
    return result
