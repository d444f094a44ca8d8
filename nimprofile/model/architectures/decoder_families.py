"""Layers of decoder families whose attention differs from a Llama's.

Latent attention (DeepSeek, Kimi), windows and chunks (gpt-oss, Llama 4, Gemma) and cross-attention
(Llama 3.2 Vision): a function for each family. The sources are those of `decoders`.
"""

from __future__ import annotations

from nimprofile.model.architectures import layers
from nimprofile.model.architectures.decoders import (
    Traits,
    attend,
    decoder,
    dense_mlp,
    feed_of,
    is_sparse,
    keys_and_values,
    kv_heads_of,
    layer_kinds,
    width_of,
)
from nimprofile.model.shape import Cache, CacheKind, Layer, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.model.config_fields import Config


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
        cache = keys_and_values(c, kv_heads, width, kind)
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
        cache = None if reuses else keys_and_values(c, kv_heads, width, attention_kind)
        return layers.layer(attention, iter(feed), norms, cache=cache)

    reused = (i >= len(kinds) - shared for i in range(len(kinds)))
    return layers.by_kind(zip(kinds, reused, strict=True), build)
