"""Layers of models some of whose layers keep a state: Mamba, linear attention.

A function for each family; the sources are those of `decoders`.
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.printable import quoted
from nimprofile.model.architectures import layers
from nimprofile.model.architectures.decoders import (
    Traits,
    attend,
    dense_mlp,
    feed_of,
    kv_heads_of,
    layer_count,
    layer_kinds,
    width_of,
    with_sparsity,
)
from nimprofile.model.shape import MAX_LAYERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.model.config_fields import Config
    from nimprofile.model.shape import Cache, Layer, Weights


def _mamba_block(c: Config, prefix: str) -> tuple[Iterator[Weights], Cache]:
    hidden = c.count("hidden_size")
    heads = c.count("mamba_num_heads", "mamba_n_heads")
    automatic = c.get("mamba_d_head") == "auto"
    width = None if automatic else c.integer("mamba_head_dim", "mamba_d_head")
    if width is None:
        width = c.count("mamba_expand", "expand", default=2) * hidden // heads
    mamba = layers.Mamba2(
        heads,
        width,
        c.count("n_groups", "mamba_n_groups", default=1),
        state_size=c.count("ssm_state_size", "mamba_d_state"),
        kernel=c.count("conv_kernel", "mamba_d_conv", default=4),
    )
    float32 = (c.text("mamba_ssm_cache_dtype") or c.text("mamba_ssm_dtype")) == "float32"
    return mamba.weights(prefix, hidden), mamba.state(float32=float32)


def nemotron_h(c: Config, letters: str | None = None) -> list[Layer]:
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
    norm = layers.norm("norm", hidden)

    def build(letter: str) -> Layer:
        match letter:
            case "M":
                weights, state = _mamba_block(c, "mixer")
                return layers.layer(weights, norm, cache=state)
            case "*":
                heads, kv_heads, width = c.count("num_attention_heads"), kv_heads_of(c), width_of(c)
                attention = layers.attention("mixer", hidden, heads, kv_heads, width)
                return layers.layer(attention, norm, cache=layers.kv_cache(kv_heads, width))
            case "-":
                mlp = layers.mlp("mixer", hidden, c.count("intermediate_size"), gated=False)
                return layers.layer(mlp, norm)
            case "E":
                return layers.layer(_nemotron_experts(c), norm)
            case _:
                raise ModelError(
                    f"{quoted(letter)} is no kind of layer; known: M * - E",
                    place=c.place("hybrid_override_pattern"),
                )

    return layers.by_kind(pattern, build)


_LETTERS = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}


def _nemotron_experts(c: Config) -> Iterator[Weights]:
    hidden = c.count("hidden_size")
    yield from layers.experts(
        "mixer",
        hidden,
        c.count("moe_intermediate_size"),
        c.count("n_routed_experts", "num_experts"),
        gated=False,
        router_bias=True,
        routed_width=c.integer("moe_latent_size", default=0) or 0,
    )
    shared = c.integer("moe_shared_expert_intermediate_size", default=0) or 0
    if shared and c.integer("n_shared_experts", default=1):
        yield from layers.mlp("mixer.shared_experts", hidden, shared, gated=False)


def jamba(c: Config) -> list[Layer]:
    """Jamba: Mamba and, every eighth layer, attention; experts in every other."""
    hidden, inner = c.count("hidden_size"), c.count("intermediate_size")
    mamba_inner = c.count("mamba_expand", default=2) * hidden
    state, kernel = c.count("mamba_d_state", default=16), c.count("mamba_d_conv", default=4)
    rank = None if c.get("mamba_dt_rank") == "auto" else c.integer("mamba_dt_rank")
    period, offset = c.count("attn_layer_period"), c.integer("attn_layer_offset", default=0)
    every, first = c.count("expert_layer_period"), c.integer("expert_layer_offset", default=0)

    def build(kind: tuple[bool, bool]) -> Layer:
        attends, routed = kind
        mixer: Iterator[Weights]
        if attends:
            mixer, cache = attend(c, "full_attention", Traits())
        else:
            mixer = layers.mamba1(
                *("mamba", hidden, mamba_inner, state),
                kernel=kernel,
                rank=rank or -(-hidden // 16),
            )
            cache = layers.mamba1_state(mamba_inner, state, kernel)
        if routed:
            feed = layers.experts(
                "feed_forward", hidden, inner, c.count("num_experts"), router="router"
            )
        else:
            feed = layers.mlp("feed_forward", hidden, inner)
        return layers.layer(mixer, feed, layers.norm("norms", 2 * hidden), cache=cache)

    kinds = ((i % period == offset, i % every == first) for i in range(layer_count(c)))
    return layers.by_kind(kinds, build)


def granite_hybrid(c: Config) -> list[Layer]:
    """Granite 4: Mamba-2 and attention layers, each with experts, a shared MLP, or both."""
    hidden = c.count("hidden_size")
    count = c.integer("num_local_experts", default=0) or 0

    def build(kind: str) -> Layer:
        mixer, cache = (
            _mamba_block(c, "mamba") if kind == "mamba" else attend(c, "full_attention", Traits())
        )
        feed = [*layers.mlp("shared_mlp", hidden, c.count("shared_intermediate_size"))]
        if count:
            inner = c.count("intermediate_size")
            feed += layers.experts("block_sparse_moe", hidden, inner, count, router="router")
        norms = layers.norm("norms", 2 * hidden)
        return layers.layer(mixer, iter(feed), norms, cache=cache)

    return layers.by_kind(layer_kinds(c), build)


def bamba(c: Config) -> list[Layer]:
    """Bamba: attention in the layers listed, Mamba-2 in the others."""
    attended = c.integers("attn_layer_indices")

    def build(attends: bool) -> Layer:
        mixer, cache = (
            attend(c, "full_attention", Traits()) if attends else _mamba_block(c, "mamba")
        )
        norms = layers.norm("norms", 2 * c.count("hidden_size"))
        return layers.layer(mixer, dense_mlp(c), norms, cache=cache)

    return layers.by_kind((i in attended for i in range(layer_count(c))), build)


def qwen_hybrid(c: Config) -> list[Layer]:
    """Qwen3-Next and Qwen3.5: Gated DeltaNet, and gated attention in every fourth layer."""
    hidden = c.count("hidden_size")
    delta = layers.GatedDelta(
        c.count("linear_num_key_heads"),
        c.count("linear_num_value_heads"),
        c.count("linear_key_head_dim"),
        value_dim=c.count("linear_value_head_dim"),
        kernel=c.count("linear_conv_kernel_dim", default=4),
    )
    # Without the key, vLLM keeps the state in the model's format.
    float32 = c.text("mamba_ssm_dtype") == "float32"
    every = c.count("full_attention_interval", default=4)
    kinds = layer_kinds(c)
    if c.get("layer_types") is None:
        kinds = [
            "linear_attention" if (i + 1) % every else "full_attention" for i in range(len(kinds))
        ]
    traits = Traits(head_norms="head", gated_attention=True)

    def build(kind: tuple[str, bool]) -> Layer:
        attention, sparse = kind
        if attention == "linear_attention":
            mixer = delta.weights("linear_attn", hidden)
            cache = delta.state(float32=float32)
        else:
            mixer, cache = attend(c, attention, traits)
        norms = layers.norm("norms", 2 * hidden)
        return layers.layer(mixer, feed_of(c, sparse=sparse), norms, cache=cache)

    return layers.by_kind(with_sparsity(c, kinds), build)
