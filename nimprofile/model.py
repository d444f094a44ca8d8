"""What shape is the model, as far as memory depends on it?"""

from __future__ import annotations

from nimprofile.record import Record


class ModelShape(Record):
    """The figures that weights and KV cache are computed from.

    The names are those of a Hugging Face `config.json`.

    Attributes:
        parameters: weights in all, a count.
        num_hidden_layers: transformer layers that hold a KV cache.
        num_key_value_heads: KV heads of one layer.
        head_dim: width of one head.
        max_position_embeddings: the longest context, in tokens.
    """

    parameters: int
    num_hidden_layers: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
