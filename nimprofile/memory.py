"""How much memory does a profile need on each GPU?

What the manifest states wins. Without that, and with the model's shape, the need is NIM 2.x's own
arithmetic, which reproduces the figures its listings print for Llama 3.1 8B.
"""

from __future__ import annotations

from nimprofile.profile import STATED_BY_TAG
from nimprofile.record import Record
from nimprofile.values import GIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.model import ModelShape
    from nimprofile.profile import Profile

OVERHEAD_BYTES = round(1.75 * GIB)
"""Activations, CUDA context and the rest, per GPU.

Between 1.73 and 1.79 GiB reproduces every figure of the five Llama 3.1 8B listings of NIM 2.0.6 to
2.0.12 (two of them in the corpus, 012 and 015).
"""

KV_BYTES_PER_VALUE = 2
"""NIM 2.0.x counts a 2-byte KV cache for FP8 profiles too (same listings)."""

CONTEXT_STEP = 256
"""Suggested context lengths are multiples of this (same listings)."""


class MemoryNeed(Record):
    """What each GPU must hold, in bytes.

    Attributes:
        full_bytes: with the full context.
        least_bytes: with the shortest context: the weights alone, or what the manifest says.
        source: the manifest's own words for it, or `estimated from the model's shape`.
        kv_bytes_per_token: of one GPU; None when the model's shape is not known.
        max_model_len: the full context in tokens; None likewise.
    """

    full_bytes: int
    least_bytes: int
    source: str
    kv_bytes_per_token: int | None = None
    max_model_len: int | None = None

    def longest_context(self, available: int) -> int | None:
        """The longest context, in tokens, that fits in `available` bytes of one GPU.

        A multiple of 256, at most the full context; None when the shape is unknown or not even
        256 tokens fit.
        """
        if self.kv_bytes_per_token is None or self.max_model_len is None:
            return None
        fixed = self.full_bytes - self.kv_bytes_per_token * self.max_model_len
        tokens = min((available - fixed) // self.kv_bytes_per_token, self.max_model_len)
        return tokens // CONTEXT_STEP * CONTEXT_STEP or None if tokens > 0 else None


def memory_need(profile: Profile, shape: ModelShape | None) -> MemoryNeed | None:
    """The need of one GPU; None when nothing states it and the shape does not give it.

    Weights are parameters x bits / 8 / (tp x pp); the KV cache is 2 x layers x KV heads x head
    width x 2 bytes per token, layers divided by pp and KV heads by tp, at least one head each
    (docs.nvidia.com/nim/large-language-models/latest/troubleshooting, "memory").
    """
    stated = profile.memory
    if shape is None or profile.precision is None or profile.tp is None:
        if stated is None:
            return None
        return MemoryNeed(stated.full_bytes, stated.least_bytes, stated.source)
    pp = profile.pp or 1
    weights = -(-shape.parameters * profile.precision.bits // (8 * profile.tp * pp))
    layers = -(-shape.num_hidden_layers // pp)
    heads = -(-shape.num_key_value_heads // profile.tp)
    per_token = 2 * layers * heads * shape.head_dim * KV_BYTES_PER_VALUE
    context = shape.max_position_embeddings
    if stated is not None:
        # NIM 2.x's tag is the need of the full context; with less of it the weights must still fit.
        by_tag = stated.source == STATED_BY_TAG
        least = min(weights, stated.full_bytes) if by_tag else stated.least_bytes
        return MemoryNeed(stated.full_bytes, least, stated.source, per_token, context)
    return MemoryNeed(
        weights + OVERHEAD_BYTES + per_token * context,
        weights,
        "estimated from the model's shape",
        per_token,
        context,
    )
