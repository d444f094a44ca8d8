"""SGLang: what it serves and what it holds of a GPU, release by release."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import GIB, MIB, gib
from nimprofile.engines.overheads import Overheads
from nimprofile.engines.spec import EngineSpec
from nimprofile.engines.support import ANY_VERSION, HALF, NO_PIPELINE, PLAIN, Served, since, ways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


SGLANG = (
    Overheads(
        since="0",
        newest="0.5.10",
        source="SGLang's srt/server_args.py and model_executor at 0.5.10; six logs",
        fraction=0.88,
        batched_tokens=8192,
        batched_tokens_large=8192,
        seqs=256,
        seqs_large=256,
        context_bytes=gib(0.55),
        parallel_bytes=gib(0.85),
        parallel_bytes_large=gib(0.85),
        graph_bytes=(gib(1.3), gib(2.0), gib(3.4)),
        of_start=True,
    ),
)


WINDOW_SHARE = {"gpt_oss": 0.8, "llama4_text": 0.8}
"""SGLang gives the layers with windows of these models a pool of their own, with this part of the
tokens; windows of other models are cached like full attention.

`swa_full_tokens_ratio` in server_args.py and is_hybrid_swa_model in model_config.py at 0.5.10.
"""


def default_fraction(total: int, tp: int, pp: int) -> float:
    """SGLang's own mem_fraction_static for a GPU of `total` bytes.

    What it sets aside: 512 MiB, 1.5 MiB for each token of a prefill chunk, 2 for each request of
    a CUDA graph, 128 for each GPU, and at least 10 GiB of a GPU above 60 (srt/server_args.py,
    0.5.10).
    """
    gib, mib = total / GIB, total / MIB
    chunk, requests = next(row[1:] for row in _SIZES if gib < row[0])
    aside = 512 + 1.5 * chunk + 2 * requests + 128 * tp * pp
    if gib > 60:
        aside = max(aside, 10 * 1024)
    return max(0.1, round((mib - aside) / mib, 3)) if mib else SGLANG[0].fraction


_SIZES: tuple[tuple[float, int, int], ...] = (
    (20, 2048, 8),
    (35, 2048, 24),
    (60, 4096, 32),
    (160, 8192, 256),
    (float("inf"), 16384, 512),
)
"""Rows of: the GiB below which it holds, SGLang's default prefill chunk, its largest CUDA graph."""


_BF16, _FP16, _FP8 = Precision.BF16, Precision.FP16, Precision.FP8
_INT8, _INT4, _AWQ = Precision.INT8, Precision.INT4, Precision.INT4_AWQ
_MXFP4, _NVFP4 = Precision.MXFP4, Precision.NVFP4

FORMATS = (
    # 8.0 at least: the gate in load_model_utils.py lets 7.5 pass, but sglang-kernel 0.4.10 has no
    # code for it (sglang issues 24224 and 38515). Formats: get_min_capability in
    # srt/layers/quantization, read in 27 packages from 0.3.6 to 0.5.23.
    (PLAIN, _BF16, ">=8.0", "", "sglang-kernel 0.4.10; sglang issues 24224, 38515"),
    (HALF, _FP16, ">=8.0", "", "sglang-kernel 0.4.10; sglang issues 24224, 38515"),
    (PLAIN, _FP8, ">=8.0", ">=0.4.3", "fp8.py"),
    (HALF, _FP8, ">=8.0", ">=0.4.3", "fp8.py"),
    ("fp8", _FP8, ">=8.0", ">=0.4.3", "fp8.py"),
    ("fp8 blocks", _FP8, ">=8.0", ">=0.4.3", "fp8.py"),
    ("fp8 compressed-tensors", _FP8, ">=8.0", ">=0.4.5", "compressed_tensors.py"),
    ("fp8 modelopt", _FP8, ">=8.9", ">=0.4.3", "modelopt_quant.py"),
    # sgl-kernel's int8_scaled_mm has code for 7.5 to 9.0.
    ("int8 compressed-tensors", _INT8, ">=8.0,<10.0", ">=0.5.3", "compressed_tensors_w8a8_int8.py"),
    ("bitsandbytes 8", _INT8, ">=8.0", ">=0.5.8", "bitsandbytes.py"),
    ("bitsandbytes", _INT4, ">=8.0", ">=0.5.8", "bitsandbytes.py"),
    ("awq", _AWQ, ">=8.0", ">=0.5.1", "awq/awq.py, awq_marlin"),
    ("gptq", _INT4, ">=8.0", ">=0.5.1", "gptq/gptq.py, gptq_marlin"),
    ("gptq 8", _INT8, ">=8.0", ">=0.5.1", "gptq/gptq.py, gptq_marlin"),
    ("int4 compressed-tensors", _INT4, ">=8.0", ">=0.5.4", "compressed_tensors_wNa16.py"),
    ("auto-round", _INT4, ">=8.0", ">=0.5.5", "auto_round.py"),
    ("auto-round 8", _INT8, ">=8.0", ">=0.5.5", "auto_round.py"),
    ("mxfp4", _MXFP4, ">=8.0", ">=0.5.1", "mxfp4.py"),
    ("nvfp4 modelopt", _NVFP4, ">=8.0", ">=0.5.13", "modelopt_quant.py; below 10.0 Marlin"),
    ("nvfp4 modelopt", _NVFP4, ">=10.0", ">=0.4.6,<0.5.13", "modelopt_quant.py"),
    ("nvfp4 compressed-tensors", _NVFP4, ">=8.0", ">=0.5.23", "compressed_tensors.py; Marlin"),
    ("nvfp4 compressed-tensors", _NVFP4, ">=10.0", ">=0.5.7,<0.5.23", "compressed_tensors.py"),
)


# EntryClass of srt/models/*.py in 27 packages from 0.3.6 to 0.5.23; pp where the file has it.
MODELS: Mapping[str, Served] = {
    **dict.fromkeys(
        (
            *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "deepseek_v2"),
            "phi3",
        ),
        ANY_VERSION,
    ),
    **dict.fromkeys(("qwen2_vl", "mllama", "gemma", "gemma2", "olmo2", "olmoe"), NO_PIPELINE),
    "cohere": NO_PIPELINE,
    "deepseek_v3": since("0.4.3"),
    "kimi_k2": since("0.4.3"),
    "granite": Served(">=0.4.3", pp=False),
    "cohere2": Served(">=0.4.3", pp=False),
    "qwen2_5_vl": since("0.4.4"),
    "gemma3": Served(">=0.4.5", pp=False),
    "llama4": Served(">=0.4.5", pp=False),
    "qwen3": since("0.4.6"),
    "qwen3_moe": since("0.4.6"),
    "mistral3": since("0.4.6.post5"),
    "llava": since("0.4.6.post5"),
    "glm4": since("0.4.8"),
    "glm4_moe": since("0.4.10"),
    "phi": since("0.4.10"),
    "granitemoe": Served(">=0.4.10", pp=False),
    "gpt_oss": since("0.5.1"),
    "ernie4_5_moe": Served(">=0.5.1", pp=False),
    "qwen3_next": since("0.5.2"),
    "opt": since("0.5.2"),
    "qwen3_vl": since("0.5.3"),
    "qwen3_vl_moe": since("0.5.3"),
    "deepseek_v32": Served(">=0.5.3", capability=">=9.0"),
    "starcoder2": since("0.5.3"),
    "nemotron_h": since("0.5.4"),
    "minimax_m2": since("0.5.5"),
    "glm4_moe_lite": since("0.5.8"),
    "qwen3_5": since("0.5.9"),
    "qwen3_5_moe": since("0.5.9"),
    "kimi_k25": since("0.5.9"),
    "glm_moe_dsa": Served(">=0.5.9", capability=">=9.0"),
    "granitemoehybrid": since("0.5.9"),
    "exaone4": since("0.5.9"),
    "gemma4": since("0.5.11"),
    "deepseek_v4": Served(">=0.5.12", capability=">=9.0"),
    "deepseek_ref": Served(">=0.5.12", capability=">=9.0"),  # its own name for DeepSeek V4
}


SPEC = EngineSpec(
    engine=Engine.SGLANG,
    label="SGLang",
    newest="0.5.23",
    formats=ways(Engine.SGLANG, FORMATS),
    models=MODELS,
    overheads=SGLANG,
    fraction_flag="--mem-fraction-static",
    falls_back=True,  # srt/models/transformers.py
    loads_whole="",  # only `--load-format layered` goes layer by layer, server_args.py
    default_fraction=default_fraction,
    window_share=WINDOW_SHARE,
)
