"""The KV cache that a request takes of one GPU, and the tokens that a pool of it holds.

vLLM cuts the pool into blocks of one size, each for the same number of tokens of a group of like
layers; a request takes blocks for each group. Source: vLLM, `v1/core/kv_cache_utils.py` and
`v1/kv_cache_interface.py`.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

from nimprofile.base.record import Record
from nimprofile.model.shape import CacheKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from dataclasses import KW_ONLY

    from nimprofile.model.shape import Cache, Layer

BLOCK = 16
"""Tokens of a block, unless a state makes it larger (vLLM, `CacheConfig.block_size`)."""

SPARSE_FP8_BYTES = 656
"""A token of sparse latent attention in FP8, scales and rotary part included (vLLM,
`MLAAttentionSpec`, fp8_ds_mla, at 0.12.0)."""

STATE_ALIGNMENT = 16
"""A block that is as large as a state holds a multiple of this many tokens."""


class Group(Record):
    """Like layers of one pipeline stage.

    Attributes:
        layers: how many.
        cache: what each keeps.
        token_bytes: bytes of a token in one layer on one GPU; of a state, 0.
        state_bytes: bytes of a request in one layer on one GPU; else 0.
    """

    layers: int
    cache: Cache
    token_bytes: float
    _: KW_ONLY
    state_bytes: float


class Pool(Record):
    """How a request is paid for, in blocks.

    Attributes:
        groups: the layers by what they keep.
        block_tokens: tokens of a block of the layers that need most for a token.
        block_bytes: bytes of one block on one GPU.
        width: layers whose tokens share a block.
        batched_tokens: tokens under way, which a window must hold beside its own.
        under_way: bytes of a token under way, beside.
        tokenwise: a request takes cells for its tokens, not blocks (SGLang's page_size of 1).
        state_pages: blocks that a state takes.
    """

    groups: tuple[Group, ...]
    block_tokens: int
    block_bytes: float
    _: KW_ONLY
    width: int
    batched_tokens: int
    state_pages: int = 1
    under_way: int = 0
    tokenwise: bool = False

    def blocks(self, tokens: int) -> int:
        """Blocks that one request of `tokens` takes at its peak."""
        beside = -(-self.under_way * min(tokens, self.batched_tokens) // self.block_bytes)
        return int(beside) + sum(
            -(-group.layers // self.width) * self._blocks_of(group, tokens) for group in self.groups
        )

    def request_bytes(self, tokens: int) -> int:
        """Bytes that one request of `tokens` takes at its peak."""
        return -(-int(self.blocks(tokens) * self.block_bytes * 1024) // 1024)

    def _blocks_of(self, group: Group, tokens: int) -> int:
        if group.cache.kind is CacheKind.STATE:
            return self.state_pages
        held = self.block_bytes / self.width / group.token_bytes
        per_block = max(1, int(held) // self.block_tokens) * self.block_tokens
        if self.tokenwise:
            per_block = int(held)
        whole = -(-tokens // per_block)
        window = group.cache.window
        if window is None:
            return whole
        if group.cache.kind is CacheKind.SLIDING:
            return min(-(-(window - 1 + self.batched_tokens) // per_block) + 1, whole)
        return min(-(-(window + self.batched_tokens) // per_block), whole)

    @property
    def number_of_groups(self) -> int:
        """Groups of `width` layers."""
        return sum(-(-group.layers // self.width) for group in self.groups)


def pool_of(
    layers: Sequence[Layer],
    *,
    tp: int,
    value_bytes: float,
    dtype_bytes: float,
    batched_tokens: int,
    hybrid: bool = True,
    chunks: bool = True,
    compressors: bool = False,
    window_share: float | None = None,
    merge: float = 1.0,
    state_pages: int = 1,
    speculative_tokens: int = 0,
) -> Pool | None:
    """How the layers of one stage are cached on one rank; None when they keep nothing.

    Args:
        layers: of the stage.
        tp: tensor-parallel ranks.
        value_bytes: of a number in the KV cache.
        dtype_bytes: of a number in a state.
        batched_tokens: tokens under way beside a window.
        hybrid: windows and states have blocks of their own; if not, a window is cached like full
            attention, and states lie outside of the pool.
        chunks: chunked attention forgets the chunks before.
        window_share: a window is cached like full attention, for this part of the tokens.
        compressors: what compresses tokens holds those under way in blocks of the pool.
        merge: kinds whose numbers of layers differ by less than this factor form one group.
        state_pages: blocks of a state.
        speculative_tokens: tokens drafted ahead, each with a state of its own.
    """
    # Like layers are mostly one object, and hashing every layer's cache would cost more.
    layer_of = {id(layer): layer for layer in layers}
    counts: dict[Cache, int] = {}
    for identity, number in Counter(map(id, layers)).items():
        cache = layer_of[identity].cache
        if cache is None or (cache.kind is CacheKind.STATE and not hybrid):
            continue
        if cache.window is not None and not (
            hybrid and (chunks or cache.kind is CacheKind.SLIDING)
        ):
            cache = cache.replace(kind=CacheKind.FULL, window=None)
        if cache.window is not None and window_share is not None:
            values = ceil(cache.values * window_share)
            cache = cache.replace(kind=CacheKind.FULL, window=None, values=values)
        counts[cache] = counts.get(cache, 0) + number
    if not counts:
        return None
    groups = tuple(
        Group(count, cache, token_bytes=token_bytes, state_bytes=state_bytes)
        for cache, count in counts.items()
        for token_bytes, state_bytes in [
            _bytes(cache, tp, value_bytes, dtype_bytes, speculative_tokens)
        ]
    )
    widest = max((group.token_bytes for group in groups), default=0.0)
    state = max(group.state_bytes for group in groups)
    tokens, page = BLOCK, max(BLOCK * widest, state)
    if state and widest:
        tokens = max(BLOCK, _round_up(-(-state // widest), STATE_ALIGNMENT))
        page = tokens * widest
    sizes = [group.layers for group in groups]
    width = max(sizes) if max(sizes) < merge * min(sizes) else min(sizes)
    under_way = sum(group.layers * group.cache.under_way for group in groups)
    return Pool(
        groups,
        tokens,
        page * width,
        width=width,
        batched_tokens=batched_tokens,
        state_pages=state_pages + speculative_tokens,
        under_way=under_way if compressors else 0,
        tokenwise=window_share is not None,
    )


def states_beside(layers: Sequence[Layer], tp: int, dtype_bytes: float) -> float:
    """Bytes of one request's states on one rank, where they lie beside the pool."""
    caches = [layer.cache for layer in layers if layer.cache is not None]
    states = (cache for cache in caches if cache.kind is CacheKind.STATE)
    return sum(_bytes(cache, tp, 0.0, dtype_bytes, 0)[1] for cache in states)


def _round_up(number: float, step: int) -> int:
    return int(-(-number // step)) * step


def _bytes(
    cache: Cache, tp: int, value_bytes: float, dtype_bytes: float, drafted: int
) -> tuple[float, float]:
    """Bytes of a token, and of a request's state, in one layer on one rank."""
    ranks = min(tp, cache.pieces)
    if cache.kind is CacheKind.STATE:
        values = -(-(cache.values + drafted * cache.column) // ranks)
        return 0.0, values * dtype_bytes + -(-cache.float32_values // ranks) * 4
    if cache.values and cache.extra_bytes and value_bytes == 1:
        return SPARSE_FP8_BYTES + cache.extra_bytes, 0.0
    return -(-cache.values // ranks) * value_bytes + cache.extra_bytes, 0.0
