"""Layers of DeepSeek V4, which keeps one vector for several tokens.

Weights are those of the published checkpoints to the last parameter: 284,334,567,511 for Flash and
1,572,999,528,803 for Pro. Source: vLLM 0.33.0, `models/deepseek_v4/{attention,compressor}.py` and
`nvidia/model.py`; transformers 5.23.0, `models/deepseek_v4`.
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.model.architectures import layers
from nimprofile.model.shape import Cache, CacheKind, Layer, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.model.config_fields import Config

PAGES = {
    # Bytes of 256 tokens in a layer: 584 for every entry of the cache (FP8, its rotary part, its
    # scales), 132 for one of the index, each page padded to 576 bytes.
    4: 37_440 + 8_640,
    128: 1_728,
}
"""Tokens that share an entry -> bytes of a page (vLLM 0.33.0, `v1/core/kv_cache_planning.py`)."""

PAGE_TOKENS = 256
BLOCKS_UNDER_WAY = 2 / 64 + 1 / 4 + 1 / 8
"""Blocks that a token under way takes, in the window's groups and the compressors' states."""


def deepseek_v4(c: Config) -> list[Layer]:
    """Attention to a window and to compressed tokens, and experts, in every layer."""
    number = c.count("num_hidden_layers")
    ratios = c.integers("compress_ratios")[:number]
    if len(ratios) < number or not {0, *PAGES}.issuperset(ratios):
        problem = f"expected {number} of {', '.join(map(str, (0, *PAGES)))}"
        raise ModelError(problem, place=c.place("compress_ratios"))
    hashed = c.integer("num_hash_layers", default=3) or 0

    def build(kind: tuple[int, bool]) -> Layer:
        ratio, is_hashed = kind
        weights = (*_attention(c, ratio), *_experts(c, hashed=is_hashed))
        return layers.layer(iter(weights), cache=_cache(ratio))

    return layers.by_kind(((ratio, at < hashed) for at, ratio in enumerate(ratios)), build)


def _cache(ratio: int) -> Cache | None:
    page = PAGES.get(ratio)
    if page is None:
        return None  # a window of 128 tokens, which is counted with what is under way
    under_way = round(page * BLOCKS_UNDER_WAY)
    return Cache(CacheKind.LATENT, 0, extra_bytes=-(-page // PAGE_TOKENS), under_way=under_way)


def _attention(c: Config, ratio: int) -> Iterator[Weights]:
    hidden, heads, width = (c.count(k) for k in ("hidden_size", "num_attention_heads", "head_dim"))
    q_rank, o_rank = c.count("q_lora_rank"), c.count("o_lora_rank")
    groups = c.count("o_groups", default=max(1, heads // 8))
    at = "self_attn"
    yield layers.matrix(f"{at}.wq_a", hidden, q_rank, 1)
    yield layers.matrix(f"{at}.wkv", hidden, width, 1)
    yield layers.matrix(f"{at}.wq_b", q_rank, heads * width, heads)
    yield layers.matrix(f"{at}.wo_a", heads * width // groups, groups * o_rank, groups)
    yield layers.matrix(f"{at}.wo_b", groups * o_rank, hidden, groups)
    yield layers.norm(f"{at}.norms", q_rank + width + heads)
    if ratio:
        yield _compressor(f"{at}.compressor", hidden, width, ratio)
    if ratio == 4:
        index, inner = c.count("index_n_heads"), c.count("index_head_dim")
        yield layers.matrix(f"{at}.indexer.wq_b", q_rank, index * inner, 1)
        yield Weights(f"{at}.indexer.weights_proj", index * hidden)
        yield _compressor(f"{at}.indexer.compressor", hidden, inner, ratio)


def _compressor(name: str, hidden: int, width: int, ratio: int) -> Weights:
    """Two matrices, a position for each token it compresses, and a norm; never quantised."""
    wide = width * (2 if ratio == 4 else 1)
    return Weights(name, 2 * wide * hidden + ratio * wide + width)


def _experts(c: Config, *, hashed: bool) -> Iterator[Weights]:
    """Routed experts, those that every token goes through, and hyper-connections around both."""
    hidden, inner = c.count("hidden_size"), c.count("moe_intermediate_size")
    count = c.count("n_routed_experts", "num_experts")
    yield from layers.experts("mlp", hidden, inner, count)
    bias = c.count("vocab_size") * c.count("num_experts_per_tok") if hashed else count
    yield Weights("mlp.gate.bias", bias)
    shared = inner * (c.integer("n_shared_experts", default=0) or 0)
    if shared:
        yield from layers.mlp("mlp.shared_experts", hidden, shared)
    lanes = c.count("hc_mult", default=4)
    mixed = (2 + lanes) * lanes
    yield Weights("hyper_connections", 2 * (mixed * lanes * hidden + mixed + 3))
    yield layers.norm("norms", 2 * hidden)


def hyper_head(c: Config) -> Weights:
    """What joins the lanes of the hyper-connections before the output head."""
    lanes = c.count("hc_mult", default=4)
    return Weights("hc_head", lanes * lanes * c.count("hidden_size") + lanes + 1)


def rotary_tables(c: Config) -> int:
    """Bytes of two tables of sines and cosines, 32 bits a number, with YaRN and without.

    vLLM: `rotary_embedding/deepseek_scaling_rope.py`; SGLang: `models/deepseek_v4.py`, 0.5.23.
    """
    return 2 * c.count("max_position_embeddings") * c.count("qk_rope_head_dim", default=64) * 4
