"""Layers of plain decoders: attention, then an MLP or experts, in every layer.

Holds the parts that all decoders share, the Llama family, OPT and Phi. Families with an attention
of their own are in `decoder_families`. The shapes are those of the public modelling code
(github.com/huggingface/transformers, `models/*/modeling_*.py`, and the files that checkpoints bring
along).
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.model.architectures import layers
from nimprofile.model.shape import MAX_LAYERS, Cache, CacheKind, Layer, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import KW_ONLY
    from typing import Any

    from nimprofile.model.config_fields import Config


class Traits(Record):
    """What a family of plain decoders does that a Llama does not.

    Attributes:
        qkv_bias, out_bias: biases of the projections; None: as the file says.
        head_norms: "head": norms as wide as a head, "all": as wide as all heads.
        norms: norms of a layer.
        gated_attention: the query projection is doubled.
        slides: `sliding_window` counts for every layer.
    """

    qkv_bias: bool | None = None
    out_bias: bool | None = None
    head_norms: str = ""
    _: KW_ONLY
    norms: int = 2
    gated_attention: bool = False
    slides: bool = False


def width_of(c: Config) -> int:
    """The width of an attention head."""
    heads = c.count("num_attention_heads")
    return c.count("head_dim", default=max(1, c.count("hidden_size") // heads))


def kv_heads_of(c: Config) -> int:
    """KV heads of a layer: as many as there are heads, unless the file says otherwise."""
    heads = c.count("num_attention_heads")
    return c.count("num_key_value_heads", default=heads)


def attend(c: Config, kind: str, traits: Traits) -> tuple[Iterator[Weights], Cache]:
    """Grouped-query attention, and its keys and values."""
    heads, kv_heads, width = c.count("num_attention_heads"), kv_heads_of(c), width_of(c)
    declared = c.flag("attention_bias", "qkv_bias")
    norms = (0, 0)
    if traits.head_norms == "all":
        norms = heads * width, kv_heads * width
    elif traits.head_norms or (c.flag("use_qk_norm") and c.text("model_type") == "glm4_moe"):
        norms = width, width
    weights = layers.attention(
        "self_attn",
        c.count("hidden_size"),
        heads,
        kv_heads,
        width,
        qkv_bias=declared if traits.qkv_bias is None else traits.qkv_bias,
        out_bias=declared if traits.out_bias is None else traits.out_bias,
        head_norms=norms,
        gated=traits.gated_attention,
    )
    return weights, keys_and_values(c, kv_heads, width, kind)


def keys_and_values(c: Config, kv_heads: int, width: int, kind: str) -> Cache:
    """The cache of one layer: of the whole context, of a window or of a chunk."""
    if kind == "sliding_attention":
        window = c.count("sliding_window", default=4096)
        return layers.kv_cache(kv_heads, width, kind=CacheKind.SLIDING, window=window)
    if kind == "chunked_attention":
        chunk = c.count("attention_chunk_size", default=8192)
        return layers.kv_cache(kv_heads, width, kind=CacheKind.CHUNKED, window=chunk)
    return layers.kv_cache(kv_heads, width)


def layer_kinds(c: Config, *, pattern: int = 0, slides: bool = False) -> list[str]:
    """Every layer's kind: by `layer_types`, else every `pattern`-th is full, else all are alike."""
    count = layer_count(c)
    if isinstance(c.get("layer_types"), dict):  # counts, as summaries have them
        counts = c.block("layer_types")
        numbers = {kind: counts.count(kind) for kind in counts.names()} if counts else {}
        if sum(numbers.values()) != count:
            raise ModelError(f"not {count} layers in all", place=c.place("layer_types"))
        kinds = [kind for kind, number in numbers.items() for _ in range(number)]
    else:
        kinds = list(c.words("layer_types"))
    if kinds:
        if len(kinds) != count:
            raise ModelError(f"{len(kinds)} kinds for {count} layers", place=c.place("layer_types"))
        return kinds
    if pattern:
        return [
            "full_attention" if (i + 1) % pattern == 0 else "sliding_attention"
            for i in range(count)
        ]
    window = c.integer("sliding_window")
    all_slide = slides and window is not None and c.flag("use_sliding_window", default=True)
    return ["sliding_attention" if all_slide else "full_attention"] * count


def layer_count(c: Config) -> int:
    """How many layers there are; ModelError when they are more than any model has."""
    count = c.count("num_hidden_layers")
    if count > MAX_LAYERS:
        raise ModelError(f"{count} layers are too many", place=c.place("num_hidden_layers"))
    return count


def dense_mlp(c: Config) -> Iterator[Weights]:
    """The feed-forward block of a layer without experts."""
    inner = c.count("intermediate_size")
    return layers.mlp("mlp", c.count("hidden_size"), inner, bias=c.flag("mlp_bias"))


def expert_count(c: Config) -> int:
    """Routed experts of a layer; 0: a dense model."""
    names = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    return c.integer(*names, default=0) or 0


def is_sparse(c: Config, i: int) -> bool:
    """Whether layer `i` has routed experts."""
    dense_first = c.integer("first_k_dense_replace", "moe_layer_start_index", default=0) or 0
    step = c.count("decoder_sparse_step", "moe_layer_freq", "moe_layer_interval", default=1)
    listed = i in c.integers("mlp_only_layers")
    return bool(expert_count(c)) and not listed and i >= dense_first and (i + 1) % step == 0


def _routed(c: Config) -> Iterator[Weights]:
    """Routed experts, and those that every token goes through."""
    hidden, inner = c.count("hidden_size"), c.count("moe_intermediate_size", "intermediate_size")
    yield from layers.experts("mlp", hidden, inner, expert_count(c))
    shared = c.integer("shared_expert_intermediate_size", "shared_intermediate_size")
    if shared is None:
        shared = (c.integer("n_shared_experts", "moe_num_shared_experts", default=0) or 0) * inner
    if shared:
        yield from layers.mlp("mlp.shared_experts", hidden, shared)
        if c.integer("shared_expert_intermediate_size"):  # Qwen gates what they give
            yield Weights("mlp.shared_expert_gate", hidden)


def feed_of(c: Config, *, sparse: bool) -> Iterator[Weights]:
    """What a layer feeds forward through."""
    return _routed(c) if sparse else dense_mlp(c)


_ATTENTION = frozenset(
    {"full_attention", "sliding_attention", "chunked_attention", "attention", "self_attention"}
)


def decoder(c: Config, traits: Traits, *, pattern: int = 0) -> list[Layer]:
    """Attention, then a feed-forward block or experts, in every layer."""

    def build(kind: tuple[str, bool]) -> Layer:
        attention, sparse = kind
        if attention not in _ATTENTION:
            c.notes.append(f"layers of the kind {quoted(attention)} are counted as full attention")
        weights, cache = attend(c, attention, traits)
        norms = layers.norm("norms", traits.norms * c.count("hidden_size"))
        return layers.layer(weights, feed_of(c, sparse=sparse), norms, cache=cache)

    attentions = layer_kinds(c, pattern=pattern, slides=traits.slides)
    return layers.by_kind(with_sparsity(c, attentions), build)


def with_sparsity(c: Config, attentions: list[str]) -> Iterator[tuple[str, bool]]:
    """Every layer's attention, and whether it has routed experts."""
    return ((attention, is_sparse(c, i)) for i, attention in enumerate(attentions))


def llama(**traits: Any) -> Callable[[Config], list[Layer]]:
    """Decoders that differ from a Llama in these traits."""
    return lambda c: decoder(c, Traits(**traits))


def opt(c: Config) -> list[Layer]:
    """OPT: learned positions, biases, two matrices."""
    hidden, heads = c.count("hidden_size"), c.count("num_attention_heads")
    inner, width = c.count("ffn_dim", "intermediate_size"), hidden // heads
    attention = layers.attention(
        "self_attn", hidden, heads, heads, width, qkv_bias=True, out_bias=True
    )
    feed = layers.mlp("mlp", hidden, inner, gated=False, bias=True)
    norms = layers.norm("norms", 4 * hidden)
    layer = layers.layer(attention, feed, norms, cache=layers.kv_cache(heads, width))
    return [layer] * layer_count(c)


def two_matrices(c: Config) -> list[Layer]:
    """Phi 1.5 and 2, StarCoder 2: an MLP without a gate, biases everywhere."""
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    heads, kv_heads, width = c.count("num_attention_heads"), kv_heads_of(c), width_of(c)
    norms = 2 * hidden if c.text("model_type") == "phi" else 4 * hidden
    attention = layers.attention(
        "self_attn", hidden, heads, kv_heads, width, qkv_bias=True, out_bias=True
    )
    feed = layers.mlp("mlp", hidden, inner, gated=False, bias=True)
    cache = keys_and_values(c, kv_heads, width, layer_kinds(c, slides=True)[0])
    layer = layers.layer(attention, feed, layers.norm("norms", norms), cache=cache)
    return [layer] * layer_count(c)
