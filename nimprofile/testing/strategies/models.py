"""Strategies for the `config.json` of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Config = dict[str, Any]

_PLAIN: Config = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
_MOE: Config = _PLAIN | {
    "model_type": "qwen3_moe",
    "num_experts": 16,
    "num_experts_per_tok": 4,
    "moe_intermediate_size": 768,
}
_LATENT: Config = {
    "model_type": "deepseek_v3",
    "hidden_size": 2048,
    "intermediate_size": 10944,
    "num_hidden_layers": 12,
    "num_attention_heads": 16,
    "q_lora_rank": 768,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "num_experts_per_tok": 6,
    "moe_intermediate_size": 1408,
    "first_k_dense_replace": 1,
    "num_nextn_predict_layers": 1,
    "vocab_size": 102400,
    "max_position_embeddings": 163840,
}
_SLIDING: Config = _PLAIN | {
    "model_type": "gemma3_text",
    "sliding_window": 1024,
    "sliding_window_pattern": 6,
    "head_dim": 256,
    "tie_word_embeddings": True,
}
_SINKS: Config = _PLAIN | {
    "model_type": "gpt_oss",
    "num_local_experts": 32,
    "num_experts_per_tok": 4,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "head_dim": 64,
    "num_attention_heads": 64,
    "num_hidden_layers": 24,
    "sliding_window": 128,
    "quantization_config": {"quant_method": "mxfp4"},
}
_STATES: Config = _PLAIN | {
    "model_type": "nemotron_h",
    "hidden_size": 2688,
    "hybrid_override_pattern": "MEMEM*EMEMEM*EMEME",
    "num_hidden_layers": 18,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "mamba_num_heads": 64,
    "mamba_head_dim": 64,
    "n_groups": 8,
    "ssm_state_size": 128,
    "conv_kernel": 4,
    "n_routed_experts": 128,
    "moe_intermediate_size": 1856,
    "moe_shared_expert_intermediate_size": 3712,
    "num_experts_per_tok": 6,
    "mamba_ssm_cache_dtype": "float32",
}
_LINEAR: Config = _MOE | {
    "model_type": "qwen3_5_moe_text",
    "head_dim": 256,
    "num_key_value_heads": 2,
    "num_hidden_layers": 40,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "full_attention_interval": 4,
    "mamba_ssm_dtype": "float32",
}
SAMPLE_CONFIGS = (_PLAIN, _MOE, _LATENT, _SLIDING, _SINKS, _STATES, _LINEAR)
"""One `config.json` of every way of keeping what a token leaves behind."""

_QUANTIZED: tuple[Config | None, ...] = (
    None,
    None,
    {"quant_method": "fp8", "weight_block_size": [128, 128]},
    {"quant_method": "awq", "bits": 4, "group_size": 128},
    {"quant_method": "modelopt", "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"},
)


def model_configs(samples: Sequence[Config] = SAMPLE_CONFIGS) -> st.SearchStrategy[Config]:
    """The `config.json` of a model: dense, with experts, latent, sliding, hybrid; of many sizes.

    Args:
        samples: what they are made from; by default one of every way of keeping tokens.
    """
    return _model_configs(tuple(samples))


@st.composite
def _model_configs(draw: st.DrawFn, samples: tuple[Config, ...]) -> Config:
    config = dict(draw(st.sampled_from(samples)))
    if "hybrid_override_pattern" not in config:
        config["num_hidden_layers"] = draw(st.integers(1, 64))
    config["hidden_size"] = 128 * draw(st.integers(2, 64))
    config["vocab_size"] = draw(st.sampled_from([32000, 49155, 128256, 262144]))
    config["max_position_embeddings"] = draw(st.sampled_from([256, 2048, 8192, 40960, 131072]))
    config["tie_word_embeddings"] = draw(st.booleans())
    if "num_key_value_heads" in config:
        config["num_key_value_heads"] = draw(st.sampled_from([1, 2, 4, 8]))
    quantized = draw(st.sampled_from(_QUANTIZED))
    if quantized is not None and "quantization_config" not in config:
        config["quantization_config"] = quantized
    return config
