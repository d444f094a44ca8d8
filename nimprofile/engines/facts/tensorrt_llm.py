"""TensorRT-LLM: what it serves and what it holds of a GPU, release by release."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import ComputeCapability, gib
from nimprofile.engines.overheads import Overheads
from nimprofile.engines.spec import EngineSpec
from nimprofile.engines.support import HALF, PLAIN, Served, since, ways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


TENSORRT_LLM = (
    Overheads(
        since="0",
        newest="",
        source="aiconfigurator, sdk/memory.py (other: 3.5 GiB, of an RTX 5090 too; "
        "NCCL: 0.4); TensorRT-LLM's KvCacheConfig page",
        fraction=0.9,
        batched_tokens=8192,
        batched_tokens_large=8192,
        seqs=256,
        seqs_large=256,
        context_bytes=gib(3.5),
        desktop_bytes=gib(3.5),  # systems/rtx_5090.yaml has the margin of the others
        parallel_bytes=gib(3.9),
        parallel_bytes_large=gib(3.9),
        graph_bytes=(0, 0, 0),
        of_free=True,
    ),
)


_BF16, _FP16, _FP8 = Precision.BF16, Precision.FP16, Precision.FP8
_INT8, _INT4, _AWQ = Precision.INT8, Precision.INT4, Precision.INT4_AWQ
_MXFP4, _NVFP4 = Precision.MXFP4, Precision.NVFP4

FORMATS = (
    # Its PyTorch backend: features/quantization.md, "Hardware Support Matrix"; floors of the engine
    # in support-matrix.md, "Hardware". It quantises no language model as it loads it, and reads of
    # Hugging Face's formats only FP8 blocks and MXFP4 (_torch/model_config.py).
    (PLAIN, _BF16, ">=8.0", ">=1.0", "support-matrix.md"),
    (HALF, _FP16, ">=8.0", ">=1.0", "support-matrix.md"),
    ("fp8 modelopt", _FP8, ">=8.9", ">=1.0", "quantization.md"),
    ("fp8 blocks", _FP8, ">=9.0,<12.0", ">=1.0", "quantization.md"),
    ("int4 modelopt", _AWQ, ">=8.0,<10.0", ">=1.0", "quantization.md"),
    ("mxfp4", _MXFP4, ">=9.0", ">=1.1", "model_config.py, resolve_moe_backend; issue 6717"),
    ("nvfp4 modelopt", _NVFP4, ">=10.0", ">=1.0", "quantization.md"),
)


# docs/source/models/supported-models.md and release-notes.md; AutoDeploy's models left out.
MODELS: Mapping[str, Served] = {
    **dict.fromkeys(
        (
            *("llama", "mistral", "mistral3", "mixtral", "qwen2", "qwen2_vl", "qwen2_5_vl"),
            *("qwen3", "qwen3_moe", "deepseek_v3", "kimi_k2", "llama4", "mllama", "gemma3"),
            *("exaone4", "llava_next"),
        ),
        since("1.0"),
    ),
    "gpt_oss": Served(">=1.1", pp=False),  # modeling_gpt_oss.py asserts pp_size == 1
    "qwen3_next": since("1.2"),
    "qwen3_vl": since("1.2"),
    "deepseek_v32": Served(">=1.2", capability=">=9.0"),
    "glm4_moe": since("1.2"),
    "phi3": since("1.2"),
    "nemotron_h": since("1.2"),
    "kimi_k25": since("1.3.0rc7"),
    "cohere2": since("1.3.0rc7"),
    "qwen3_5": since("1.3.0rc9"),
    "qwen3_5_moe": since("1.3.0rc9"),
    "glm_moe_dsa": Served(">=1.3.0rc9", capability=">=9.0"),
    "gemma4": since("1.3.0rc13"),
}


SPEC = EngineSpec(
    engine=Engine.TENSORRT_LLM,
    label="TensorRT-LLM",
    newest="1.2.1",
    formats=ways(Engine.TENSORRT_LLM, FORMATS),
    models=MODELS,
    overheads=TENSORRT_LLM,
    fraction_flag="--free-gpu-memory-fraction",
    # llmapi/llm_args.py: below 8.0 `auto` is float16. NIM 1.8.5 takes its buildable profile, which
    # says BF16, on a T4 (corpus, 117).
    builds_half_from=ComputeCapability((7, 0)),
    divides_widths=False,  # mapping.py wants no more stages than layers, and says nothing of widths
)
