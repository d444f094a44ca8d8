"""The shape of a model, as far as memory depends on it.

A model is a stack of layers between embeddings and an output head. Each has weights, which the
tensor-parallel ranks divide among themselves or all hold, and a layer may keep something of every
token or request: its cache.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import require_whole
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


MAX_LAYERS = 2_000
"""Above the layers of any model."""

ANY_NUMBER = 1 << 30
"""Pieces of a matrix that any number of ranks can divide."""


class Weights(Record):
    """The weights of one module.

    Attributes:
        name: the module's path, as a checkpoint has it, within its layer: `self_attn.q_proj`.
        parameters: how many, before they are divided.
        pieces: among how many tensor-parallel ranks they can be divided: attention heads, KV
            heads; 1 means every rank holds them all.
        linear: a matrix that a quantised checkpoint stores in fewer bits.
        experts: of routed experts, their number, width, inner width and matrices each.
        inputs, outputs: of a matrix, the width that the ranks divide; the other is 0.
    """

    name: str
    parameters: int
    pieces: int = 1
    _: KW_ONLY
    linear: bool = False
    experts: tuple[int, int, int, int] | None = None
    inputs: int = 0
    outputs: int = 0

    def on_rank(self, tp: int) -> int:
        """How many one of `tp` ranks holds."""
        return -(-self.parameters // min(tp, self.pieces))


class CacheKind(StrEnum):
    """What a layer keeps while a request runs."""

    FULL = "full"
    """Keys and values of every token."""
    SLIDING = "sliding"
    """Keys and values of the last `window` tokens."""
    CHUNKED = "chunked"
    """Keys and values of the `window` tokens of the current chunk."""
    LATENT = "latent"
    """One compressed vector a token (multi-head latent attention), which every rank holds."""
    STATE = "state"
    """A state of fixed size (Mamba, linear attention)."""


class Cache(Record):
    """What one layer keeps.

    Attributes:
        kind: how it grows.
        values: numbers a token, of all heads, keys and values together; for a state, numbers a
            request that are stored in the cache's or the model's format.
        pieces: among how many ranks they can be divided.
        window: tokens of a window or chunk.
        float32_values: of a state, the numbers kept in 32 bits.
        extra_bytes: bytes a token whatever the cache's format (sparse attention's index).
        under_way: bytes a token of those in the engine's current step, on every rank.
        column: of a state, numbers that each speculative token adds to the convolution's inputs.
    """

    kind: CacheKind
    values: int
    pieces: int = 1
    _: KW_ONLY
    window: int | None = None
    float32_values: int = 0
    extra_bytes: int = 0
    under_way: int = 0
    column: int = 0


class Layer(Record):
    """One layer: its weights, and what it keeps of the tokens; None when nothing."""

    weights: tuple[Weights, ...]
    cache: Cache | None = None


class Encoder(Record):
    """The vision or audio encoder of a multimodal model, as far as its activations depend on it.

    Attributes:
        hidden_size, intermediate_size: its widths.
        patches: of one image, when that is fixed; 0: it varies.
        outputs: hidden states of every patch that are handed on.
    """

    hidden_size: int
    intermediate_size: int
    patches: int = 0
    _: KW_ONLY
    outputs: int = 0


class Format(Record):
    """How one weight is stored: the format's name, and its bits with scales and zero points."""

    name: str
    bits: float


class Quantization(Record):
    """How a checkpoint stores its matrices.

    A pattern is a module's path or a part of it, with `*`, or `re:` and a regular expression; `""`
    is every matrix within a layer.

    Attributes:
        method: the format's name, `compressed-tensors`.
        rules: patterns, and the format in which the modules they name are stored; the first that
            fits decides. None: the format is not known.
        kept: patterns of modules left as they were, whatever the rules say.
        group: weights of a row that share a scale; a rank's share must be whole groups.
        rows: rows that do, when weights are scaled in blocks; likewise.
        symmetric: integers have no zero points.
        kv_bits: bits of a KV-cache value, when the checkpoint fixes them.
    """

    method: str
    rules: tuple[tuple[str, Format], ...] | None
    kept: tuple[str, ...] = ()
    _: KW_ONLY
    group: int = 0
    rows: int = 0
    symmetric: bool = True
    kv_bits: int | None = None


class ModelShape(Record):
    """What weights, KV cache and activations are computed from.

    Attributes:
        architecture: `model_type` of the `config.json`; "" when only figures are known.
        layers: in order; empty when the architecture is not known.
        first: what the first pipeline stage also holds: embeddings, encoders.
        last: what the last stage also holds: the final norm and the output head.
        drafter: the layers for multi-token prediction, which only speculative decoding loads.
        max_position_embeddings: the longest context, in tokens; None is unknown.
        stretched_context: the longest that its scaled rotary embedding allows, in tokens, where
            that is more.
        hidden_size, intermediate_size, vocab_size: widths, for activations; 0 is unknown.
        heads, kv_heads: of one attention layer, for divisibility; 0: none, or unknown.
        experts: routed experts of one layer; 0: a dense model.
        experts_per_token, expert_size: how many of them a token goes through, and their width.
        encoder: its vision or audio encoder.
        table_bytes: tables worked out beforehand that every rank holds, where they are large.
        tied: the output head is the embedding.
        dtype: of a weight that is not quantised, as the checkpoint names it.
        dtype_bits: its bits, as engines load it.
        stored_bits: the same in the checkpoint: 32 where engines load 16.
        quantization: how the checkpoint is quantised, None when it is not.
        checkpoint_bytes: exact bytes of the checkpoint's weights, where they were read.
        notes: what was assumed.
    """

    architecture: str
    layers: tuple[Layer, ...]
    first: tuple[Weights, ...] = ()
    _: KW_ONLY
    last: tuple[Weights, ...] = ()
    drafter: tuple[Layer, ...] = ()
    max_position_embeddings: int | None = None
    hidden_size: int = 0
    intermediate_size: int = 0
    vocab_size: int = 0
    heads: int = 0
    kv_heads: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_size: int = 0
    encoder: Encoder | None = None
    table_bytes: int = 0
    tied: bool = False
    dtype: str = "bfloat16"
    dtype_bits: int = 16
    stored_bits: int = 16
    quantization: Quantization | None = None
    checkpoint_bytes: int | None = None
    notes: tuple[str, ...] = ()
    stretched_context: int | None = None

    @property
    def most_context(self) -> int | None:
        """The longest context that engines take, in tokens; None is unknown."""
        return self.stretched_context or self.max_position_embeddings

    @property
    def known(self) -> bool:
        """Whether more than the checkpoint's size is known."""
        return bool(self.layers)

    @property
    def parameters(self) -> int:
        """All weights but the drafter's, a count; a tied output head counts once."""
        groups = (self.first, self.last, *(layer.weights for layer in self.layers))
        return sum(weights.parameters for group in groups for weights in group)


def plain_shape(
    parameters: int,
    num_hidden_layers: int,
    num_key_value_heads: int,
    head_dim: int,
    max_position_embeddings: int,
) -> ModelShape:
    """The shape of which only these five figures are known, named as in a `config.json`.

    All weights count as matrices that any number of ranks can divide.

    Raises RequestError for a figure that no model has.
    """
    require_whole("parameters", parameters)
    require_whole("num_hidden_layers", num_hidden_layers)
    require_whole("num_key_value_heads", num_key_value_heads)
    require_whole("head_dim", head_dim)
    require_whole("max_position_embeddings", max_position_embeddings)
    if num_hidden_layers > MAX_LAYERS:
        raise RequestError(f"num_hidden_layers {num_hidden_layers} is more than any model has")
    share, rest = divmod(parameters, num_hidden_layers)
    cache = Cache(CacheKind.FULL, 2 * num_key_value_heads * head_dim, num_key_value_heads)
    layer = Layer((Weights("", share, ANY_NUMBER, linear=True),), cache)
    return ModelShape(
        "",
        (layer,) * num_hidden_layers,
        first=(Weights("", rest, ANY_NUMBER, linear=True),) if rest else (),
        max_position_embeddings=max_position_embeddings,
        kv_heads=num_key_value_heads,
    )
