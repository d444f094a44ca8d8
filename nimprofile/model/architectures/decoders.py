"""Layers of models that attend to tokens and feed forward in every layer.

Dense models, models with experts, latent attention, windows and chunks: a function for each way of
building a layer. The shapes are those of the public modelling code
(github.com/huggingface/transformers, `models/*/modeling_*.py`, and the files that checkpoints bring
along).
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.record import Record
from nimprofile.model.architectures import layers
from nimprofile.model.shape import MAX_LAYERS, Cache, CacheKind, Layer, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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
    return weights, _keys_and_values(c, kv_heads, width, kind)


def _keys_and_values(c: Config, kv_heads: int, width: int, kind: str) -> Cache:
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
            c.notes.append(f"layers of the kind {attention!r} are counted as full attention")
        weights, cache = attend(c, attention, traits)
        norms = layers.norm("norms", traits.norms * c.count("hidden_size"))
        return layers.layer(weights, feed_of(c, sparse=sparse), norms, cache=cache)

    attentions = layer_kinds(c, pattern=pattern, slides=traits.slides)
    return layers.by_kind(with_sparsity(c, attentions), build)


def with_sparsity(c: Config, attentions: list[str]) -> Iterator[tuple[str, bool]]:
    """Every layer's attention, and whether it has routed experts."""
    return ((attention, is_sparse(c, i)) for i, attention in enumerate(attentions))


def latent(c: Config) -> list[Layer]:
    """DeepSeek V2 and V3, Kimi K2: latent attention; experts but in the first layers."""
    hidden, heads = c.count("hidden_size"), c.count("num_attention_heads")
    q_rank, kv_rank = c.integer("q_lora_rank"), c.count("kv_lora_rank")
    rope = c.count("qk_rope_head_dim")
    index_heads = c.integer("index_n_heads", default=0) or 0
    index_width = c.count("index_head_dim", default=128)

    def build(sparse: bool) -> Layer:
        attention = layers.latent_attention(
            hidden,
            heads,
            q_rank=q_rank,
            kv_rank=kv_rank,
            nope=c.count("qk_nope_head_dim"),
            rope=rope,
            value=c.count("v_head_dim"),
        )
        # The index keeps an FP8 key and its 32-bit scale (vLLM, `DeepseekV32IndexerCache`).
        extra = index_width + 4 * -(-index_width // 128) if index_heads else 0
        cache = Cache(CacheKind.LATENT, kv_rank + rope, extra_bytes=extra)
        index: Iterable[Weights] = ()
        if index_heads and q_rank:
            index = layers.sparse_index(hidden, q_rank, index_heads, index_width)
        feed = feed_of(c, sparse=sparse)
        return layers.layer(
            attention, iter(index), feed, layers.norm("norms", 2 * hidden), cache=cache
        )

    return layers.by_kind((is_sparse(c, i) for i in range(len(layer_kinds(c)))), build)


def gpt_oss(c: Config) -> list[Layer]:
    """gpt-oss: windows in every other layer, experts and biases, a sink for each head."""
    hidden, heads, inner = (
        c.count(key) for key in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    count, kv_heads, width = (
        c.count("num_local_experts", "num_experts"),
        kv_heads_of(c),
        width_of(c),
    )

    def build(kind: str) -> Layer:
        attention = layers.attention(
            "self_attn", hidden, heads, kv_heads, width, qkv_bias=True, out_bias=True
        )
        experts = layers.experts(
            "mlp", hidden, inner, count, bias=True, router="router", router_bias=True
        )
        rest = Weights("self_attn.sinks", heads, heads), layers.norm("norms", 2 * hidden)
        cache = _keys_and_values(c, kv_heads, width, kind)
        return layers.layer(attention, experts, *rest, cache=cache)

    return layers.by_kind(layer_kinds(c, pattern=2), build)


def llama4(c: Config) -> list[Layer]:
    """Three layers of four attend within a chunk; some have experts, others a wider MLP."""
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    step = c.count("interleave_moe_layer_step", default=1)
    count = c.count("num_local_experts", "num_experts")
    kinds = layer_kinds(c)
    if not c.words("layer_types") and c.integer("attention_chunk_size"):
        chunked = c.integers("no_rope_layers") or [(i + 1) % 4 for i in range(len(kinds))]
        kinds = ["chunked_attention" if rope else "full_attention" for rope in chunked]

    def build(kind: tuple[str, bool]) -> Layer:
        attention, routed = kind
        weights, cache = attend(c, attention, Traits())
        if routed:
            feed = [
                *layers.experts("feed_forward", hidden, inner, count, router="router"),
                *layers.mlp("feed_forward.shared_expert", hidden, inner),
            ]
        else:
            feed = [*layers.mlp("feed_forward", hidden, c.count("intermediate_size_mlp"))]
        return layers.layer(weights, iter(feed), layers.norm("norms", 2 * hidden), cache=cache)

    sparse = ((i + 1) % step == 0 for i in range(len(kinds)))
    return layers.by_kind(zip(kinds, sparse, strict=True), build)


def mllama(c: Config) -> list[Layer]:
    """Llama 3.2 Vision: some layers attend to the image; vLLM caches those like the others."""
    hidden, crossed = c.count("hidden_size"), c.integers("cross_attention_layers")

    def build(cross: bool) -> Layer:
        traits = Traits(head_norms="head" if cross else "")
        weights, cache = attend(c, "full_attention", traits)
        rest = layers.norm("norms", 2 * hidden + (2 if cross else 0))
        return layers.layer(weights, dense_mlp(c), rest, cache=cache)

    return layers.by_kind((i in crossed for i in range(len(layer_kinds(c)))), build)


def gemma3(c: Config) -> list[Layer]:
    """Gemma 3: five windows, then a layer of full attention."""
    pattern = c.count("sliding_window_pattern", "_sliding_window_pattern", default=6)
    return decoder(c, Traits(head_norms="head", norms=4), pattern=pattern)


def gemma4(c: Config) -> list[Layer]:
    """Gemma 4: full layers have heads of their own and may take keys as values; experts beside."""
    hidden, heads, inner = (
        c.count(key) for key in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    count = c.integer("num_experts") if c.flag("enable_moe_block", default=True) else None
    kinds = layer_kinds(c, pattern=6)
    shared = c.integer("num_kv_shared_layers", default=0) or 0

    def build(kind: tuple[str, bool]) -> Layer:
        attention_kind, reuses = kind
        full = attention_kind == "full_attention"
        width = c.count("global_head_dim", default=width_of(c)) if full else width_of(c)
        equal = full and c.flag("attention_k_eq_v")
        own = c.integer("num_global_key_value_heads") if equal else None
        kv_heads = own or kv_heads_of(c)
        attention = layers.attention(
            "self_attn",
            hidden,
            heads,
            kv_heads,
            width,
            head_norms=(width, width),
            keys_are_values=equal,
        )
        wide = 2 if reuses and c.flag("use_double_wide_mlp") else 1
        feed = [*layers.mlp("mlp", hidden, inner * wide)]
        if count:
            feed += layers.experts(
                "moe", hidden, c.count("moe_intermediate_size"), count, router="router"
            )
        per_layer = c.integer("hidden_size_per_layer_input", default=0) or 0
        if per_layer:
            feed.append(Weights("per_layer_input", 2 * hidden * per_layer + hidden))
        norms = layers.norm("norms", (7 if count else 4) * hidden)
        cache = None if reuses else _keys_and_values(c, kv_heads, width, attention_kind)
        return layers.layer(attention, iter(feed), norms, cache=cache)

    reused = (i >= len(kinds) - shared for i in range(len(kinds)))
    return layers.by_kind(zip(kinds, reused, strict=True), build)


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
    cache = _keys_and_values(c, kv_heads, width, layer_kinds(c, slides=True)[0])
    layer = layers.layer(attention, feed, layers.norm("norms", norms), cache=cache)
    return [layer] * layer_count(c)


def llama(**traits: Any) -> Callable[[Config], list[Layer]]:
    """Decoders that differ from a Llama in these traits."""
    return lambda c: decoder(c, Traits(**traits))
