"""Layers of models: the weights of their modules, and what they keep of the tokens.

Pure arithmetic on the published shapes; names of modules and figures are Hugging Face's
(github.com/huggingface/transformers, `models/*/modeling_*.py`). Biases and norms are counted, so
that the totals are the published ones to the last parameter.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.model.shape import ANY_NUMBER, Cache, CacheKind, Layer, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from dataclasses import KW_ONLY
    from typing import TypeVar

    Kind = TypeVar("Kind", bound=Hashable)


def norm(name: str, width: int) -> Weights:
    """A normalisation's scale, which every rank holds."""
    return Weights(name, width)


def matrix(name: str, inputs: int, outputs: int, pieces: int, *, bias: int = 0) -> Weights:
    """A linear layer, with `bias` numbers added to it."""
    weights = Weights(name, inputs * outputs + bias, pieces, linear=True)
    if pieces == 1:
        return weights
    if name.endswith(_BACK):
        return weights.replace(inputs=inputs)
    return weights.replace(outputs=outputs)


_BACK = ("o_proj", "down_proj", "out_proj", "x_proj")
"""Matrices that lead back into the hidden state: ranks divide what goes in, not what comes out."""


def attention(
    prefix: str,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    *,
    qkv_bias: bool = False,
    out_bias: bool = False,
    head_norms: tuple[int, int] = (0, 0),
    gated: bool = False,
    keys_are_values: bool = False,
) -> Iterator[Weights]:
    """Multi-head, multi-query or grouped-query attention.

    `head_norms` are the widths of the query's and the key's norm; `gated` doubles the query
    projection (Qwen3-Next).
    """
    q, kv = heads * head_dim, kv_heads * head_dim
    for name, width, pieces in (
        ("q_proj", q * (1 + gated), heads),
        ("k_proj", kv, kv_heads),
        ("v_proj", 0 if keys_are_values else kv, kv_heads),
    ):
        if width:
            bias = width if qkv_bias else 0
            yield matrix(f"{prefix}.{name}", hidden, width, pieces, bias=bias)
    yield matrix(f"{prefix}.o_proj", q, hidden, heads, bias=hidden if out_bias else 0)
    for name, width in zip(("q_norm", "k_norm"), head_norms, strict=True):
        if width:
            yield norm(f"{prefix}.{name}", width)


def kv_cache(
    kv_heads: int,
    head_dim: int,
    *,
    kind: CacheKind = CacheKind.FULL,
    window: int | None = None,
) -> Cache:
    """Keys and values of one layer."""
    return Cache(kind, 2 * kv_heads * head_dim, kv_heads, window=window)


def latent_attention(
    hidden: int,
    heads: int,
    *,
    q_rank: int | None,
    kv_rank: int,
    nope: int,
    rope: int,
    value: int,
) -> Iterator[Weights]:
    """Multi-head latent attention (DeepSeek V2): the way into the latent space is not divided."""
    at = "self_attn"
    if q_rank is None:
        yield matrix(f"{at}.q_proj", hidden, heads * (nope + rope), heads)
    else:
        yield matrix(f"{at}.q_a_proj", hidden, q_rank, 1)
        yield norm(f"{at}.q_a_layernorm", q_rank)
        yield matrix(f"{at}.q_b_proj", q_rank, heads * (nope + rope), heads)
    yield matrix(f"{at}.kv_a_proj_with_mqa", hidden, kv_rank + rope, 1)
    yield norm(f"{at}.kv_a_layernorm", kv_rank)
    yield matrix(f"{at}.kv_b_proj", kv_rank, heads * (nope + value), heads)
    yield matrix(f"{at}.o_proj", heads * value, hidden, heads)


def sparse_index(hidden: int, q_rank: int, heads: int, head_dim: int) -> Iterator[Weights]:
    """The indexer of DeepSeek V3.2's sparse attention, which every rank holds."""
    at = "self_attn.indexer"
    yield matrix(f"{at}.wq_b", q_rank, heads * head_dim, 1)
    yield matrix(f"{at}.wk", hidden, head_dim, 1)
    yield Weights(f"{at}.weights_proj", hidden * heads)
    yield norm(f"{at}.k_norm", 2 * head_dim)


def mlp(
    prefix: str, hidden: int, inner: int, *, gated: bool = True, bias: bool = False
) -> Iterator[Weights]:
    """A feed-forward block: two matrices, or three when it is gated (SwiGLU, GeGLU)."""
    widen = inner if bias else 0
    for name in ("gate_proj", "up_proj") if gated else ("up_proj",):
        yield matrix(f"{prefix}.{name}", hidden, inner, inner, bias=widen)
    yield matrix(f"{prefix}.down_proj", inner, hidden, inner, bias=hidden if bias else 0)


def experts(
    prefix: str,
    hidden: int,
    inner: int,
    count: int,
    *,
    gated: bool = True,
    bias: bool = False,
    router: str = "gate",
    router_bias: bool = False,
    routed_width: int = 0,
) -> Iterator[Weights]:
    """Routed experts, divided among the ranks, and the router, which every rank holds.

    `routed_width` is the width that experts work in when it is not the model's (Nemotron 3).
    """
    width, matrices = routed_width or hidden, 3 if gated else 2
    biases = (matrices - 1) * inner + width if bias else 0
    yield Weights(
        f"{prefix}.experts.0.up_proj",
        count * (matrices * width * inner + biases),
        count * inner,
        linear=True,
        experts=(count, width, inner, matrices),
    )
    yield Weights(f"{prefix}.{router}", count * (hidden + router_bias))
    if routed_width:
        yield matrix(f"{prefix}.fc1_latent_proj", hidden, routed_width, 1)
        yield matrix(f"{prefix}.fc2_latent_proj", routed_width, hidden, 1)


class Mamba2(Record):
    """The shape of a Mamba-2 mixer: heads, their width, groups, state and convolution."""

    heads: int
    head_dim: int
    groups: int
    _: KW_ONLY
    state_size: int
    kernel: int

    @property
    def _inner(self) -> int:
        return self.heads * self.head_dim

    @property
    def _convolved(self) -> int:
        return self._inner + 2 * self.groups * self.state_size

    def weights(self, prefix: str, hidden: int) -> Iterator[Weights]:
        """The mixer's weights."""
        wide = self._inner + self._convolved + self.heads
        yield matrix(f"{prefix}.in_proj", hidden, wide, self.heads)
        yield Weights(f"{prefix}.conv1d", self._convolved * (self.kernel + 1), self.heads)
        yield Weights(f"{prefix}.A_log", 3 * self.heads, self.heads)
        yield Weights(f"{prefix}.norm", self._inner, self.heads)
        yield matrix(f"{prefix}.out_proj", self._inner, hidden, self.heads)

    def state(self, *, float32: bool) -> Cache:
        """What it keeps of a request: the convolution's last inputs, and its state."""
        size = self._inner * self.state_size
        return _state(self._convolved, self.kernel, size, self.heads, float32=float32)


def mamba1(
    prefix: str, hidden: int, inner: int, state: int, *, kernel: int, rank: int
) -> Iterator[Weights]:
    """A Mamba mixer with the inner norms of Jamba."""
    yield matrix(f"{prefix}.in_proj", hidden, 2 * inner, inner)
    yield Weights(f"{prefix}.conv1d", inner * (kernel + 1), inner)
    yield matrix(f"{prefix}.x_proj", inner, rank + 2 * state, inner)
    yield matrix(f"{prefix}.dt_proj", rank, inner, inner, bias=inner)
    yield Weights(f"{prefix}.A_log", inner * (state + 1), inner)
    yield norm(f"{prefix}.dt_layernorm", rank + 2 * state)
    yield matrix(f"{prefix}.out_proj", inner, hidden, inner)


def mamba1_state(inner: int, state: int, kernel: int) -> Cache:
    """What a Mamba mixer keeps of a request."""
    return _state(inner, kernel, inner * state, inner, float32=False)


class GatedDelta(Record):
    """The shape of Gated DeltaNet, the linear attention of Qwen3-Next and Qwen3.5."""

    key_heads: int
    value_heads: int
    key_dim: int
    _: KW_ONLY
    value_dim: int
    kernel: int

    @property
    def _key_width(self) -> int:
        return self.key_heads * self.key_dim

    @property
    def _value_width(self) -> int:
        return self.value_heads * self.value_dim

    def weights(self, prefix: str, hidden: int) -> Iterator[Weights]:
        """The mixer's weights."""
        heads, values = self.key_heads, self._value_width
        convolved = 2 * self._key_width + values
        yield matrix(f"{prefix}.in_proj_qkv", hidden, convolved, heads)
        yield matrix(f"{prefix}.in_proj_z", hidden, values, heads)
        for name in ("in_proj_b", "in_proj_a"):
            yield matrix(f"{prefix}.{name}", hidden, self.value_heads, heads)
        yield Weights(f"{prefix}.conv1d", convolved * self.kernel, heads)
        yield Weights(f"{prefix}.A_log", 2 * self.value_heads, heads)
        yield norm(f"{prefix}.norm", self.value_dim)
        yield matrix(f"{prefix}.out_proj", values, hidden, heads)

    def state(self, *, float32: bool) -> Cache:
        """What it keeps of a request."""
        column = 2 * self._key_width + self._value_width
        size = self.value_heads * self.key_dim * self.value_dim
        return _state(column, self.kernel, size, self.key_heads, float32=float32)


def _state(column: int, kernel: int, state: int, pieces: int, *, float32: bool) -> Cache:
    values = column * (kernel - 1) + (0 if float32 else state)
    wide = state if float32 else 0
    return Cache(CacheKind.STATE, values, pieces, float32_values=wide, column=column)


def encoder(
    prefix: str,
    layers: int,
    hidden: int,
    inner: int,
    *,
    gated: bool = False,
    patch: int = 0,
    projector: int = 0,
) -> Iterator[Weights]:
    """A vision or audio transformer and its projector, which quantisers leave as they are."""
    block = 4 * hidden * hidden + (3 if gated else 2) * hidden * inner + 2 * hidden
    yield Weights(f"{prefix}.layers", layers * block, ANY_NUMBER)
    yield Weights(f"{prefix}.embeddings", patch)
    yield Weights(f"{prefix}.projector", projector, ANY_NUMBER)


def layer(*groups: Iterator[Weights] | Weights, cache: Cache | None = None) -> Layer:
    """A layer of these modules."""
    weights: list[Weights] = []
    for group in groups:
        weights += (group,) if isinstance(group, Weights) else group
    return Layer(tuple(weights), cache)


def by_kind(kinds: Iterable[Kind], build: Callable[[Kind], Layer]) -> list[Layer]:
    """A layer for each of these kinds in turn.

    Layers of one kind are one object, so that what is worked out of it is worked out once.
    """
    built: dict[Kind, Layer] = {}
    in_order = [*kinds]
    for kind in in_order:
        if kind not in built:
            built[kind] = build(kind)
    return [built[kind] for kind in in_order]
