"""Which layers has a model of this `model_type`?

One short function per way of building a layer, one row per `model_type` at the foot. The shapes are
those of the public modelling code (github.com/huggingface/transformers, `models/*/modeling_*.py`,
and the files that checkpoints bring along). A `model_type` that is not here is unknown.
"""

from __future__ import annotations

from nimprofile import blocks
from nimprofile.config import Config
from nimprofile.errors import ModelError
from nimprofile.model import MAX_LAYERS, Cache, CacheKind, Layer, ModelShape, Weights
from nimprofile.quantization import read_quantization
from nimprofile.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from nimprofile.model import Encoder


class _Traits(Record):
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
    norms: int = 2
    gated_attention: bool = False
    slides: bool = False


def _head_dim(c: Config) -> int:
    heads = c.count("num_attention_heads")
    return c.count("head_dim", default=max(1, c.count("hidden_size") // heads))


def _kv_heads(c: Config) -> int:
    heads = c.count("num_attention_heads")
    return c.count("num_key_value_heads", default=heads)


def _attend(c: Config, kind: str, traits: _Traits) -> tuple[Iterator[Weights], Cache]:
    """Grouped-query attention, and its keys and values."""
    heads, kv_heads, width = c.count("num_attention_heads"), _kv_heads(c), _head_dim(c)
    declared = c.flag("attention_bias", "qkv_bias")
    norms = (0, 0)
    if traits.head_norms == "all":
        norms = heads * width, kv_heads * width
    elif traits.head_norms or (c.flag("use_qk_norm") and c.text("model_type") == "glm4_moe"):
        norms = width, width
    weights = blocks.attention(
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
        return blocks.kv_cache(kv_heads, width, kind=CacheKind.SLIDING, window=window)
    if kind == "chunked_attention":
        chunk = c.count("attention_chunk_size", default=8192)
        return blocks.kv_cache(kv_heads, width, kind=CacheKind.CHUNKED, window=chunk)
    return blocks.kv_cache(kv_heads, width)


def _layer_kinds(c: Config, *, pattern: int = 0, slides: bool = False) -> list[str]:
    """Every layer's kind: by `layer_types`, else every `pattern`-th is full, else all are alike."""
    count = _layer_count(c)
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


def _layer_count(c: Config) -> int:
    count = c.count("num_hidden_layers")
    if count > MAX_LAYERS:
        raise ModelError(f"{count} layers are too many", place=c.place("num_hidden_layers"))
    return count


def _dense(c: Config) -> Iterator[Weights]:
    inner = c.count("intermediate_size")
    return blocks.mlp("mlp", c.count("hidden_size"), inner, bias=c.flag("mlp_bias"))


def _expert_count(c: Config) -> int:
    names = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    return c.integer(*names, default=0) or 0


def _is_sparse(c: Config, i: int) -> bool:
    """Whether layer `i` has routed experts."""
    dense_first = c.integer("first_k_dense_replace", "moe_layer_start_index", default=0) or 0
    step = c.count("decoder_sparse_step", "moe_layer_freq", "moe_layer_interval", default=1)
    listed = i in c.integers("mlp_only_layers")
    return bool(_expert_count(c)) and not listed and i >= dense_first and (i + 1) % step == 0


def _routed(c: Config) -> Iterator[Weights]:
    """Routed experts, and those that every token goes through."""
    hidden, inner = c.count("hidden_size"), c.count("moe_intermediate_size", "intermediate_size")
    yield from blocks.experts("mlp", hidden, inner, _expert_count(c))
    shared = c.integer("shared_expert_intermediate_size", "shared_intermediate_size")
    if shared is None:
        shared = (c.integer("n_shared_experts", "moe_num_shared_experts", default=0) or 0) * inner
    if shared:
        yield from blocks.mlp("mlp.shared_experts", hidden, shared)
        if c.integer("shared_expert_intermediate_size"):  # Qwen gates what they give
            yield Weights("mlp.shared_expert_gate", hidden)


def _feed(c: Config, i: int) -> Iterator[Weights]:
    return _routed(c) if _is_sparse(c, i) else _dense(c)


_ATTENTION = frozenset(
    {"full_attention", "sliding_attention", "chunked_attention", "attention", "self_attention"}
)


def _decoder(c: Config, traits: _Traits, *, pattern: int = 0) -> list[Layer]:
    """Attention, then a feed-forward block or experts, in every layer."""
    made: dict[tuple[str, bool], Layer] = {}
    layers = []
    for i, kind in enumerate(_layer_kinds(c, pattern=pattern, slides=traits.slides)):
        sparse = _is_sparse(c, i)
        if (kind, sparse) not in made:
            if kind not in _ATTENTION:
                c.notes.append(f"layers of the kind {kind!r} are counted as full attention")
            weights, cache = _attend(c, kind, traits)
            feed = _routed(c) if sparse else _dense(c)
            norms = blocks.norm("norms", traits.norms * c.count("hidden_size"))
            made[kind, sparse] = blocks.layer(weights, feed, norms, cache=cache)
        layers.append(made[kind, sparse])
    return layers


def _latent(c: Config) -> list[Layer]:
    """DeepSeek V2 and V3, Kimi K2: latent attention; experts but in the first layers."""
    hidden, heads = c.count("hidden_size"), c.count("num_attention_heads")
    q_rank, kv_rank = c.integer("q_lora_rank"), c.count("kv_lora_rank")
    rope = c.count("qk_rope_head_dim")
    index_heads = c.integer("index_n_heads", default=0) or 0
    index_width = c.count("index_head_dim", default=128)
    layers = []
    for i in range(len(_layer_kinds(c))):
        attention = blocks.latent_attention(
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
            index = blocks.sparse_index(hidden, q_rank, index_heads, index_width)
        norms = blocks.norm("norms", 2 * hidden)
        layers.append(blocks.layer(attention, iter(index), _feed(c, i), norms, cache=cache))
    return layers


def _gpt_oss(c: Config) -> list[Layer]:
    hidden, heads, inner = (
        c.count(key) for key in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    count, kv_heads, width = c.count("num_local_experts", "num_experts"), _kv_heads(c), _head_dim(c)
    layers = []
    kinds = _layer_kinds(c, pattern=2)
    for kind in kinds:
        attention = blocks.attention(
            "self_attn", hidden, heads, kv_heads, width, qkv_bias=True, out_bias=True
        )
        experts = blocks.experts(
            "mlp", hidden, inner, count, bias=True, router="router", router_bias=True
        )
        rest = Weights("self_attn.sinks", heads, heads), blocks.norm("norms", 2 * hidden)
        layers.append(
            blocks.layer(
                attention, experts, *rest, cache=_keys_and_values(c, kv_heads, width, kind)
            )
        )
    return layers


def _llama4(c: Config) -> list[Layer]:
    """Three layers of four attend within a chunk; some have experts, others a wider MLP."""
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    step = c.count("interleave_moe_layer_step", default=1)
    count = c.count("num_local_experts")
    kinds = _layer_kinds(c)
    if not c.words("layer_types") and c.integer("attention_chunk_size"):
        chunked = c.integers("no_rope_layers") or [(i + 1) % 4 for i in range(len(kinds))]
        kinds = ["chunked_attention" if rope else "full_attention" for rope in chunked]
    layers = []
    for i, kind in enumerate(kinds):
        weights, cache = _attend(c, kind, _Traits())
        if (i + 1) % step == 0:
            feed = [
                *blocks.experts("feed_forward", hidden, inner, count, router="router"),
                *blocks.mlp("feed_forward.shared_expert", hidden, inner),
            ]
        else:
            feed = [*blocks.mlp("feed_forward", hidden, c.count("intermediate_size_mlp"))]
        norms = blocks.norm("norms", 2 * hidden)
        layers.append(blocks.layer(weights, iter(feed), norms, cache=cache))
    return layers


def _mllama(c: Config) -> list[Layer]:
    """Llama 3.2 Vision: some layers attend to the image; vLLM caches those like the others."""
    hidden, crossed = c.count("hidden_size"), c.integers("cross_attention_layers")
    layers = []
    for i in range(len(_layer_kinds(c))):
        cross = i in crossed
        traits = _Traits(head_norms="head" if cross else "")
        weights, cache = _attend(c, "full_attention", traits)
        rest = blocks.norm("norms", 2 * hidden + (2 if cross else 0))
        layers.append(blocks.layer(weights, _dense(c), rest, cache=cache))
    return layers


def _gemma3(c: Config) -> list[Layer]:
    pattern = c.count("sliding_window_pattern", "_sliding_window_pattern", default=6)
    return _decoder(c, _Traits(head_norms="head", norms=4), pattern=pattern)


def _gemma4(c: Config) -> list[Layer]:
    """Gemma 4: full layers have heads of their own and may take keys as values; experts beside."""
    hidden, heads, inner = (
        c.count(key) for key in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    count = c.integer("num_experts") if c.flag("enable_moe_block", default=True) else None
    kinds = _layer_kinds(c, pattern=6)
    shared = c.integer("num_kv_shared_layers", default=0) or 0
    layers = []
    for i, kind in enumerate(kinds):
        full = kind == "full_attention"
        width = c.count("global_head_dim", default=_head_dim(c)) if full else _head_dim(c)
        equal = full and c.flag("attention_k_eq_v")
        own = c.integer("num_global_key_value_heads") if equal else None
        kv_heads = own or _kv_heads(c)
        attention = blocks.attention(
            "self_attn",
            hidden,
            heads,
            kv_heads,
            width,
            head_norms=(width, width),
            keys_are_values=equal,
        )
        reuses = i >= len(kinds) - shared
        wide = 2 if reuses and c.flag("use_double_wide_mlp") else 1
        feed = [*blocks.mlp("mlp", hidden, inner * wide)]
        if count:
            feed += blocks.experts(
                "moe", hidden, c.count("moe_intermediate_size"), count, router="router"
            )
        per_layer = c.integer("hidden_size_per_layer_input", default=0) or 0
        if per_layer:
            feed.append(Weights("per_layer_input", 2 * hidden * per_layer + hidden))
        norms = blocks.norm("norms", (7 if count else 4) * hidden)
        cache = None if reuses else _keys_and_values(c, kv_heads, width, kind)
        layers.append(blocks.layer(attention, iter(feed), norms, cache=cache))
    return layers


def _mamba_block(c: Config, prefix: str) -> tuple[Iterator[Weights], Cache]:
    hidden = c.count("hidden_size")
    heads = c.count("mamba_num_heads", "mamba_n_heads")
    automatic = c.get("mamba_d_head") == "auto"
    width = None if automatic else c.integer("mamba_head_dim", "mamba_d_head")
    if width is None:
        width = c.count("mamba_expand", "expand", default=2) * hidden // heads
    mamba = blocks.Mamba2(
        heads,
        width,
        c.count("n_groups", "mamba_n_groups", default=1),
        c.count("ssm_state_size", "mamba_d_state"),
        c.count("conv_kernel", "mamba_d_conv", default=4),
    )
    float32 = (c.text("mamba_ssm_cache_dtype") or c.text("mamba_ssm_dtype")) == "float32"
    return mamba.weights(prefix, hidden), mamba.state(float32=float32)


def _nemotron_h(c: Config, letters: str | None = None) -> list[Layer]:
    """One mixer a layer, by letter: M Mamba-2, * attention, - MLP, E experts."""
    hidden = c.count("hidden_size")
    pattern = letters or c.text("hybrid_override_pattern")
    if pattern is None:
        pattern = "".join(_LETTERS.get(kind, kind[:1]) for kind in c.words("layers_block_type"))
    if not pattern:
        raise ModelError("hybrid_override_pattern is missing")
    if len(pattern) > MAX_LAYERS:
        problem = f"{len(pattern)} layers are too many"
        raise ModelError(problem, place=c.place("hybrid_override_pattern"))
    layers = []
    norm = blocks.norm("norm", hidden)
    for letter in pattern:
        match letter:
            case "M":
                weights, state = _mamba_block(c, "mixer")
                layers.append(blocks.layer(weights, norm, cache=state))
            case "*":
                heads, kv_heads, width = c.count("num_attention_heads"), _kv_heads(c), _head_dim(c)
                attention = blocks.attention("mixer", hidden, heads, kv_heads, width)
                cache = blocks.kv_cache(kv_heads, width)
                layers.append(blocks.layer(attention, norm, cache=cache))
            case "-":
                mlp = blocks.mlp("mixer", hidden, c.count("intermediate_size"), gated=False)
                layers.append(blocks.layer(mlp, norm))
            case "E":
                layers.append(blocks.layer(_nemotron_experts(c), norm))
            case _:
                raise ModelError(
                    f"{letter!r} is no kind of layer; known: M * - E",
                    place=c.place("hybrid_override_pattern"),
                )
    return layers


_LETTERS = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}


def _nemotron_experts(c: Config) -> Iterator[Weights]:
    hidden = c.count("hidden_size")
    yield from blocks.experts(
        "mixer",
        hidden,
        c.count("moe_intermediate_size"),
        c.count("n_routed_experts"),
        gated=False,
        router_bias=True,
        routed_width=c.integer("moe_latent_size", default=0) or 0,
    )
    shared = c.integer("moe_shared_expert_intermediate_size", default=0) or 0
    if shared and c.integer("n_shared_experts", default=1):
        yield from blocks.mlp("mixer.shared_experts", hidden, shared, gated=False)


def _jamba(c: Config) -> list[Layer]:
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    mamba_inner = c.count("mamba_expand", default=2) * hidden
    state, kernel = c.count("mamba_d_state", default=16), c.count("mamba_d_conv", default=4)
    rank = None if c.get("mamba_dt_rank") == "auto" else c.integer("mamba_dt_rank")
    period, offset = c.count("attn_layer_period"), c.integer("attn_layer_offset", default=0)
    every, first = c.count("expert_layer_period"), c.integer("expert_layer_offset", default=0)
    layers = []
    for i in range(_layer_count(c)):
        mixer: Iterator[Weights]
        if i % period == offset:
            mixer, cache = _attend(c, "full_attention", _Traits())
        else:
            mixer = blocks.mamba1(
                *("mamba", hidden, mamba_inner, state),
                kernel=kernel,
                rank=rank or -(-hidden // 16),
            )
            cache = blocks.mamba1_state(mamba_inner, state, kernel)
        if i % every == first:
            feed = blocks.experts(
                "feed_forward", hidden, inner, c.count("num_experts"), router="router"
            )
        else:
            feed = blocks.mlp("feed_forward", hidden, inner)
        layers.append(blocks.layer(mixer, feed, blocks.norm("norms", 2 * hidden), cache=cache))
    return layers


def _granite_hybrid(c: Config) -> list[Layer]:
    """Granite 4: Mamba-2 and attention layers, each with experts, a shared MLP, or both."""
    hidden = c.count("hidden_size")
    count = c.integer("num_local_experts", default=0) or 0
    layers = []
    for kind in _layer_kinds(c):
        mixer, cache = (
            _mamba_block(c, "mamba") if kind == "mamba" else _attend(c, "full_attention", _Traits())
        )
        feed = [*blocks.mlp("shared_mlp", hidden, c.count("shared_intermediate_size"))]
        if count:
            inner = c.count("intermediate_size")
            feed += blocks.experts("block_sparse_moe", hidden, inner, count, router="router")
        norms = blocks.norm("norms", 2 * hidden)
        layers.append(blocks.layer(mixer, iter(feed), norms, cache=cache))
    return layers


def _bamba(c: Config) -> list[Layer]:
    """Bamba: attention in the layers listed, Mamba-2 in the others."""
    attended = c.integers("attn_layer_indices")
    layers = []
    for i in range(_layer_count(c)):
        mixer, cache = (
            _attend(c, "full_attention", _Traits()) if i in attended else _mamba_block(c, "mamba")
        )
        norms = blocks.norm("norms", 2 * c.count("hidden_size"))
        layers.append(blocks.layer(mixer, _dense(c), norms, cache=cache))
    return layers


def _qwen_hybrid(c: Config) -> list[Layer]:
    """Qwen3-Next and Qwen3.5: Gated DeltaNet, and gated attention in every fourth layer."""
    hidden = c.count("hidden_size")
    delta = blocks.GatedDelta(
        c.count("linear_num_key_heads"),
        c.count("linear_num_value_heads"),
        c.count("linear_key_head_dim"),
        c.count("linear_value_head_dim"),
        c.count("linear_conv_kernel_dim", default=4),
    )
    # Without the key, vLLM keeps the state in the model's format.
    float32 = c.text("mamba_ssm_dtype") == "float32"
    every = c.count("full_attention_interval", default=4)
    kinds = _layer_kinds(c)
    if c.get("layer_types") is None:
        kinds = [
            "linear_attention" if (i + 1) % every else "full_attention" for i in range(len(kinds))
        ]
    traits = _Traits(head_norms="head", gated_attention=True)
    layers = []
    for i, kind in enumerate(kinds):
        if kind == "linear_attention":
            mixer = delta.weights("linear_attn", hidden)
            cache = delta.state(float32=float32)
        else:
            mixer, cache = _attend(c, kind, traits)
        norms = blocks.norm("norms", 2 * hidden)
        layers.append(blocks.layer(mixer, _feed(c, i), norms, cache=cache))
    return layers


def _opt(c: Config) -> list[Layer]:
    hidden, heads = c.count("hidden_size"), c.count("num_attention_heads")
    inner, width = c.count("ffn_dim", "intermediate_size"), hidden // heads
    attention = blocks.attention(
        "self_attn", hidden, heads, heads, width, qkv_bias=True, out_bias=True
    )
    feed = blocks.mlp("mlp", hidden, inner, gated=False, bias=True)
    norms = blocks.norm("norms", 4 * hidden)
    one = blocks.layer(attention, feed, norms, cache=blocks.kv_cache(heads, width))
    return [one] * _layer_count(c)


def _two_matrices(c: Config) -> list[Layer]:
    """Phi 1.5 and 2, StarCoder 2: an MLP without a gate, biases everywhere."""
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    heads, kv_heads, width = c.count("num_attention_heads"), _kv_heads(c), _head_dim(c)
    norms = 2 * hidden if c.text("model_type") == "phi" else 4 * hidden
    attention = blocks.attention(
        "self_attn", hidden, heads, kv_heads, width, qkv_bias=True, out_bias=True
    )
    feed = blocks.mlp("mlp", hidden, inner, gated=False, bias=True)
    cache = _keys_and_values(c, kv_heads, width, _layer_kinds(c, slides=True)[0])
    one = blocks.layer(attention, feed, blocks.norm("norms", norms), cache=cache)
    return [one] * _layer_count(c)


def _llama(**traits: Any) -> Callable[[Config], list[Layer]]:
    return lambda c: _decoder(c, _Traits(**traits))


ARCHITECTURES: dict[str, Callable[[Config], list[Layer]]] = {
    "llama": _llama(),
    "mistral": _llama(slides=True),
    "ministral": _llama(slides=True),
    "qwen2": _llama(qkv_bias=True, out_bias=False),
    "qwen2_vl": _llama(qkv_bias=True, out_bias=False),
    "qwen2_vl_text": _llama(qkv_bias=True, out_bias=False),
    "qwen2_5_vl": _llama(qkv_bias=True, out_bias=False),
    "qwen2_5_vl_text": _llama(qkv_bias=True, out_bias=False),
    "qwen3": _llama(head_norms="head"),
    "qwen3_vl_text": _llama(head_norms="head"),
    "qwen2_moe": _llama(qkv_bias=True, out_bias=False),
    "qwen3_moe": _llama(head_norms="head"),
    "qwen3_vl_moe_text": _llama(head_norms="head"),
    "qwen3_next": _qwen_hybrid,
    "qwen3_5_text": _qwen_hybrid,
    "qwen3_5_moe_text": _qwen_hybrid,
    "mixtral": _llama(),
    "minimax_m2": _llama(head_norms="all"),
    "glm4_moe": _llama(out_bias=False),
    "glm4": _llama(norms=4, out_bias=False),
    "ernie4_5": _llama(),
    "ernie4_5_moe": _llama(),
    "deepseek_v2": _latent,
    "deepseek_v3": _latent,
    "deepseek_v32": _latent,
    "kimi_k2": _latent,
    "glm4_moe_lite": _latent,
    "gpt_oss": _gpt_oss,
    "llama4_text": _llama4,
    "mllama_text_model": _mllama,
    "gemma": _llama(),
    "gemma2": lambda c: _decoder(c, _Traits(norms=4), pattern=2),
    "gemma3_text": _gemma3,
    "gemma4_text": _gemma4,
    "phi": _two_matrices,
    "starcoder2": _two_matrices,
    "phi3": _llama(slides=True),
    "granite": _llama(),
    "granitemoe": _llama(),
    "granitemoehybrid": _granite_hybrid,
    "bamba": _bamba,
    "olmo2": _llama(head_norms="all"),
    "olmo3": _llama(head_norms="all"),
    "olmoe": _llama(head_norms="all"),
    "seed_oss": _llama(),
    "smollm3": _llama(),
    "exaone4": _llama(head_norms="head"),
    "cohere": _llama(norms=1),
    "cohere2": lambda c: _decoder(
        c, _Traits(norms=1), pattern=c.count("sliding_window_pattern", default=4)
    ),
    "opt": _opt,
    "nemotron_h": _nemotron_h,
    "jamba": _jamba,
}
"""`model_type` of a language model -> its layers."""

_TIED = frozenset(
    {
        *("gemma", "gemma2", "gemma3_text", "gemma4_text", "opt", "cohere", "cohere2"),
        *("starcoder2", "smollm3"),
    }
)
"""Where the output head is the embedding unless the file says otherwise."""

_DEFAULTS: dict[str, Mapping[str, object]] = {
    # transformers, configuration_gemma3.py: what a text_config leaves out.
    "gemma3_text": {
        "vocab_size": 262208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    },
}
_NESTED = {
    # A wrapper's text_config without a model_type of its own.
    "llama4": "llama4_text",
    "mllama": "mllama_text_model",
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "mistral3": "mistral",
    "kimi_k25": "kimi_k2",
    "qwen2_audio": "qwen2",
    "llava": "llama",
    "llava_next": "llama",
}
_DTYPE_BITS = {"float32": 32, "bfloat16": 16, "float16": 16}


def shape_from_config(
    fields: Mapping[str, object], quantization: Mapping[str, object] | None = None
) -> ModelShape:
    """Read a model's shape from the mapping of a Hugging Face `config.json`.

    Args:
        fields: the mapping. Keys that do not bear on memory are passed over.
        quantization: the `quantization` block of ModelOpt's `hf_quant_config.json`, when that
            lies beside it.

    Returns:
        The shape; without layers when the `model_type` is not known.

    Raises:
        ModelError: a key is missing or has no figure, with its place.
    """
    outer = Config(fields)
    outer_type = outer.text("model_type") or ""
    key = next((key for key in ("text_config", "llm_config") if outer.block(key)), None)
    nested = None if key is None else outer.block(key)
    inner_type = (outer_type if nested is None else nested.text("model_type")) or ""
    inner_type = inner_type or _NESTED.get(outer_type, "")
    defaults = _DEFAULTS.get(inner_type)
    c = (outer.block(key, defaults) if key else None) or outer
    block = outer.block("quantization_config") or c.block("quantization_config")
    if quantization is not None:
        block = Config(quantization, place="quantization")
    quantized = read_quantization(block)
    notes = []
    dtype = outer.text("torch_dtype", "dtype") or c.text("torch_dtype", "dtype") or "bfloat16"
    stored = _DTYPE_BITS.get(dtype.removeprefix("torch."))
    if stored is None:
        notes.append(f"the dtype {dtype!r} is not known: 16 bits are counted")
    elif stored == 32:
        notes.append("the checkpoint has 32 bits: engines load 16 unless the precision is fp32")
    if quantized is not None and quantized.rules is None:
        notes.append(f"the quantisation {quantized.method!r} is not known: only weight bytes count")
    stored, bits = stored or 16, 16
    build = ARCHITECTURES.get(inner_type)
    if build is None:
        kind = inner_type or outer_type
        told = f"model_type {kind!r} is not known" if kind else "there is no model_type"
        notes.append(f"{told}: only weight bytes count")
        return ModelShape(
            kind,
            (),
            dtype_bits=bits,
            stored_bits=stored,
            quantization=quantized,
            notes=tuple(notes),
        )
    context = c.integer("max_position_embeddings", "n_positions", "seq_length")
    if context is not None:
        context = c.count("max_position_embeddings", "n_positions", "seq_length")
    layers = tuple(build(c))
    hidden, vocab = c.count("hidden_size"), c.count("vocab_size")
    tied = outer.flag(
        "tie_word_embeddings", default=c.flag("tie_word_embeddings", default=inner_type in _TIED)
    )
    first, encoder, assumed = _first(outer, outer_type, c, inner_type)
    last = [blocks.norm("norm", hidden)]
    if not tied:
        head_bias = vocab if inner_type == "phi" else 0
        last.append(blocks.matrix("lm_head", hidden, vocab, vocab, bias=head_bias))
    # Qwen3-Next's file does not say that it has one (vLLM, `models/qwen3_next_mtp.py`).
    usual = 1 if inner_type == "qwen3_next" else 0
    drafts = c.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", default=usual) or 0
    experts = _expert_count(c)
    return ModelShape(
        inner_type,
        layers,
        tuple(first),
        tuple(last),
        tuple(_drafter(c, layers, hidden)) if drafts > 0 else (),
        context,
        hidden,
        c.count("intermediate_size", "ffn_dim", "moe_intermediate_size", default=4 * hidden),
        vocab,
        heads=c.integer("num_attention_heads", default=0) or 0,
        kv_heads=_kv_heads(c) if c.integer("num_attention_heads") else 0,
        experts=experts,
        experts_per_token=c.count("num_experts_per_tok", "top_k_experts", "moe_k", default=1)
        if experts
        else 0,
        expert_size=c.count("moe_intermediate_size", "intermediate_size") if experts else 0,
        encoder=encoder,
        tied=tied,
        dtype_bits=bits,
        stored_bits=stored,
        quantization=quantized,
        notes=(*notes, *c.notes, *assumed),
    )


def _drafter(c: Config, layers: tuple[Layer, ...], hidden: int) -> Iterator[Layer]:
    """Layers for multi-token prediction: what joins two hidden states, then layers like the others.

    The embedding and the output head are the model's own (vLLM, `models/*_mtp.py`).
    """
    pattern = c.text("mtp_hybrid_override_pattern")
    if pattern is not None:
        like = [*_nemotron_h(c, pattern)]
    else:
        attends = [one for one in layers if one.cache and one.cache.kind is not CacheKind.STATE]
        like = attends[-1:]
    join = blocks.matrix("eh_proj", 2 * hidden, hidden, 1), blocks.norm("norms", 3 * hidden)
    for at, one in enumerate(like):
        weights = (*one.weights, *join) if at == 0 else one.weights
        yield Layer(tuple(each.replace(name=f"mtp.{each.name}") for each in weights), one.cache)


def _first(
    outer: Config, outer_type: str, c: Config, inner_type: str
) -> tuple[list[Weights], Encoder | None, list[str]]:
    """Embeddings and encoders, and what was assumed of them."""
    hidden, vocab = c.count("hidden_size"), c.count("vocab_size")
    first = [Weights("embed_tokens", vocab * hidden, vocab)]
    if inner_type == "opt":
        first.append(Weights("embed_positions", (c.count("max_position_embeddings") + 2) * hidden))
    per_layer = c.integer("hidden_size_per_layer_input", default=0) or 0
    if per_layer:
        rows = c.count("vocab_size_per_layer_input", default=vocab)
        width = per_layer * c.count("num_hidden_layers")
        first.append(Weights("embed_tokens_per_layer", rows * width + hidden * width, rows))
    encoder, notes = None, []
    for key in ("vision_config", "audio_config"):
        block = outer.block(key)
        if block is None:
            continue
        from nimprofile.encoders import ENCODERS, encoder_of

        build = ENCODERS.get((outer_type, key))
        if build is None:
            notes.append(f"the encoder of {key} is not counted: model_type {outer_type!r}")
            continue
        first += build(block, hidden)
        encoder = encoder_of(outer_type, block)
        notes.append(f"the encoder of {key} is counted by its published shape, to a few percent")
    return first, encoder, notes
