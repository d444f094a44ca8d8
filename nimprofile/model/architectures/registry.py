"""The layers of each `model_type`, and what its `config.json` leaves out.

`ARCHITECTURES` has a row for every `model_type`; one that is not there is unknown.
"""

from __future__ import annotations

from nimprofile.model.architectures.decoder_families import (
    gemma3,
    gemma4,
    gpt_oss,
    latent,
    llama4,
    mllama,
)
from nimprofile.model.architectures.decoders import Traits, decoder, llama, opt, two_matrices
from nimprofile.model.architectures.hybrids import (
    bamba,
    granite_hybrid,
    jamba,
    nemotron_h,
    qwen_hybrid,
)
from nimprofile.model.config_fields import Config
from nimprofile.model.shape import Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def deepseek_v4_layers(c: Config) -> list[Layer]:
    """The layers of DeepSeek V4, whose module is imported when a model needs it."""
    from nimprofile.model.architectures.deepseek_v4 import deepseek_v4

    return deepseek_v4(c)


ARCHITECTURES: dict[str, Callable[[Config], list[Layer]]] = {
    "llama": llama(),
    "mistral": llama(slides=True),
    "ministral": llama(slides=True),
    "qwen2": llama(qkv_bias=True, out_bias=False),
    "qwen2_vl": llama(qkv_bias=True, out_bias=False),
    "qwen2_vl_text": llama(qkv_bias=True, out_bias=False),
    "qwen2_5_vl": llama(qkv_bias=True, out_bias=False),
    "qwen2_5_vl_text": llama(qkv_bias=True, out_bias=False),
    "qwen3": llama(head_norms="head"),
    "qwen3_vl_text": llama(head_norms="head"),
    "qwen2_moe": llama(qkv_bias=True, out_bias=False),
    "qwen3_moe": llama(head_norms="head"),
    "qwen3_vl_moe_text": llama(head_norms="head"),
    "qwen3_next": qwen_hybrid,
    "qwen3_5_text": qwen_hybrid,
    "qwen3_5_moe_text": qwen_hybrid,
    "mixtral": llama(),
    "minimax_m2": llama(head_norms="all"),
    "glm4_moe": llama(out_bias=False),
    "glm4": llama(norms=4, out_bias=False),
    "ernie4_5": llama(),
    "ernie4_5_moe": llama(),
    "deepseek_v2": latent,
    "deepseek_v3": latent,
    "deepseek_v32": latent,
    "kimi_k2": latent,
    "glm4_moe_lite": latent,
    "deepseek_v4": deepseek_v4_layers,
    "deepseek_ref": deepseek_v4_layers,
    "gpt_oss": gpt_oss,
    "llama4_text": llama4,
    "mllama_text_model": mllama,
    "gemma": llama(),
    "gemma2": lambda c: decoder(c, Traits(norms=4), pattern=2),
    "gemma3_text": gemma3,
    "gemma4_text": gemma4,
    "phi": two_matrices,
    "starcoder2": two_matrices,
    "phi3": llama(slides=True),
    "granite": llama(),
    "granitemoe": llama(),
    "granitemoehybrid": granite_hybrid,
    "bamba": bamba,
    "olmo2": llama(head_norms="all"),
    "olmo3": llama(head_norms="all"),
    "olmoe": llama(head_norms="all"),
    "seed_oss": llama(),
    "smollm3": llama(),
    "exaone4": llama(head_norms="head"),
    "cohere": llama(norms=1),
    "cohere2": lambda c: decoder(
        c, Traits(norms=1), pattern=c.count("sliding_window_pattern", default=4)
    ),
    "opt": opt,
    "nemotron_h": nemotron_h,
    "jamba": jamba,
}
"""`model_type` of a language model -> its layers."""


TIED_EMBEDDINGS = frozenset(
    {
        *("gemma", "gemma2", "gemma3_text", "gemma4_text", "opt", "cohere", "cohere2"),
        *("starcoder2", "smollm3"),
    }
)
"""Where the output head is the embedding unless the file says otherwise."""


CONFIG_DEFAULTS: dict[str, Mapping[str, object]] = {
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


TEXT_MODEL_TYPES = {
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
