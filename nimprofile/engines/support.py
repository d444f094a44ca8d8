"""Which models and formats does each engine serve, on which GPUs, from which version on?

Literal tables; a row that is not there is not known to work. Versions are the first release that a
source or a package shows, so a patch release before it may have it too.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.manifest.profile import Engine, Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.model.shape import ModelShape

NEWEST = {Engine.VLLM: "0.33.0", Engine.SGLANG: "0.5.23", Engine.TENSORRT_LLM: "1.2.1"}
"""The newest releases that these tables have seen (packages of 2026-11)."""


class Way(Record):
    """One way in which an engine serves weights.

    Attributes:
        engine: the engine.
        stored: how the checkpoint stores them, one of the names that `stored_as` gives.
        precision: what the profile says.
        capability: a specifier set for the GPU's compute capability.
        versions: a specifier set for the engine's version; "" is any.
        source: the engine's file or page that says so.
        most_tp: the largest tensor parallelism; 0: any.
    """

    engine: Engine
    stored: str
    precision: Precision
    capability: str
    versions: str
    source: str
    most_tp: int = 0


PLAIN, HALF = "16 bits", "float16"

_BF16, _FP16, _FP8 = Precision.BF16, Precision.FP16, Precision.FP8
_INT8, _INT4, _AWQ = Precision.INT8, Precision.INT4, Precision.INT4_AWQ
_MXFP4, _NVFP4 = Precision.MXFP4, Precision.NVFP4

_BY_VLLM = (
    # The engine's own floor is 7.0 up to 0.19 and 7.5 since (installation page, GPU); that of a
    # format is get_min_capability of its class in model_executor/layers/quantization, read in the
    # packages 0.6.0 to 0.33.0. Below what the hardware computes, Marlin unpacks the weights.
    (PLAIN, _BF16, ">=8.0", "", "platforms/cuda.py"),
    (PLAIN, _FP16, ">=7.5,<8.0", ">=0.20", "config/model.py: BF16 is served in FP16 below 8.0"),
    (PLAIN, _FP16, ">=7.0,<8.0", "<0.20", "config.py: BF16 is served in FP16 below 8.0"),
    (HALF, _FP16, ">=7.5", ">=0.20", "installation page, GPU"),
    (HALF, _FP16, ">=7.0", "<0.20", "installation page, GPU"),
    (PLAIN, _FP8, ">=7.5", ">=0.14", "online/base.py, before 0.31 fp8.py"),
    (PLAIN, _FP8, ">=8.0", "<0.14", "fp8.py"),
    (HALF, _FP8, ">=7.5", ">=0.14", "online/base.py, before 0.31 fp8.py"),
    (HALF, _FP8, ">=8.0", "<0.14", "fp8.py"),
    ("fp8", _FP8, ">=7.5", ">=0.14", "fp8.py"),
    ("fp8", _FP8, ">=8.0", "<0.14", "fp8.py"),
    ("fp8 blocks", _FP8, ">=7.5", ">=0.14", "fp8.py"),
    ("fp8 blocks", _FP8, ">=8.0", ">=0.9,<0.14", "fp8.py, marlin_utils_fp8.py"),
    ("fp8 blocks", _FP8, ">=8.9", ">=0.6.6,<0.9", "fp8.py; no Marlin for blocks yet"),
    ("fp8 compressed-tensors", _FP8, ">=7.5", ">=0.16", "CompressedTensorsW8A16Fp8"),
    ("fp8 compressed-tensors", _FP8, ">=8.0", "<0.16", "CompressedTensorsW8A16Fp8"),
    ("fp8 modelopt", _FP8, ">=8.0", ">=0.27", "modelopt.py"),
    ("fp8 modelopt", _FP8, ">=8.9", ">=0.6.1,<0.27", "modelopt.py"),
    ("fp8 fbgemm", _FP8, ">=8.0", "<0.33", "fbgemm_fp8.py; refused since 0.33"),
    ("int8 compressed-tensors", _INT8, ">=7.5,<10.0", "", "llm_compressor/int8_w8a8.md"),
    ("experts_int8", _INT8, ">=8.0", "", "experts_int8.py"),
    ("bitsandbytes 8", _INT8, ">=7.5", ">=0.20", "bitsandbytes.py, since 0.28 a plugin's", 1),
    ("bitsandbytes 8", _INT8, ">=7.0", "<0.20", "bitsandbytes.py", 1),
    ("bitsandbytes", _INT4, ">=7.5", ">=0.20", "bitsandbytes.py, since 0.28 a plugin's", 1),
    ("bitsandbytes", _INT4, ">=7.0", "<0.20", "bitsandbytes.py", 1),
    ("awq", _AWQ, ">=7.5", "", "awq.py, since 0.24 auto_awq.py"),
    ("gptq", _INT4, ">=7.5", ">=0.14", "gptq_marlin.py, since 0.22 auto_gptq.py"),
    ("gptq", _INT4, ">=7.0", "<0.14", "gptq.py, Exllama where Marlin is not to be had"),
    ("int4 compressed-tensors", _INT4, ">=7.5", ">=0.12", "CompressedTensorsWNA16"),
    ("int4 compressed-tensors", _INT4, ">=8.0", "<0.12", "CompressedTensorsWNA16"),
    ("gptq 8", _INT8, ">=7.5", ">=0.14", "gptq_marlin.py, since 0.22 auto_gptq.py"),
    ("gptq 8", _INT8, ">=7.0", "<0.14", "gptq.py, Exllama where Marlin is not to be had"),
    ("auto-round", _INT4, ">=7.5", ">=0.9", "auto_round.py, since 0.16 inc.py; Marlin"),
    ("auto-round 8", _INT8, ">=7.5", ">=0.9", "auto_round.py, since 0.16 inc.py; Marlin"),
    ("mxfp4", _MXFP4, ">=8.0", ">=0.10.1", "mxfp4.py"),
    ("mxfp4 compressed-tensors", _MXFP4, ">=8.0", ">=0.14", "CompressedTensorsW4A16Mxfp4"),
    ("nvfp4 modelopt", _NVFP4, ">=7.5", ">=0.14", "modelopt.py, marlin_utils_fp4.py"),
    ("nvfp4 modelopt", _NVFP4, ">=8.0", ">=0.9,<0.14", "modelopt.py, marlin_utils_fp4.py"),
    ("nvfp4 modelopt", _NVFP4, ">=10.0", ">=0.8,<0.9", "modelopt.py"),
    ("nvfp4 compressed-tensors", _NVFP4, ">=7.5", ">=0.16", "CompressedTensorsW4A16Fp4"),
    ("nvfp4 compressed-tensors", _NVFP4, ">=8.0", ">=0.9.2,<0.16", "CompressedTensorsW4A16Fp4"),
)
_BY_SGLANG = (
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
_BY_TENSORRT_LLM = (
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

WAYS = (
    *(Way(Engine.VLLM, *row) for row in _BY_VLLM),
    *(Way(Engine.SGLANG, *row) for row in _BY_SGLANG),
    *(Way(Engine.TENSORRT_LLM, *row) for row in _BY_TENSORRT_LLM),
)
"""How each engine serves each kind of checkpoint."""


class Served(Record):
    """From which version on an engine serves a kind of model.

    Attributes:
        versions: a specifier set; "" is any.
        pp: whether pipeline parallelism is known to work.
        capability: of the GPUs, when the model asks for more than its format.
    """

    versions: str = ""
    pp: bool = True
    capability: str = ""


def _since(version: str) -> Served:
    return Served(f">={version}")


_ANY = Served()
_NO_PP = Served(pp=False)

MODELS: Mapping[Engine, Mapping[str, Served]] = {
    # vllm/model_executor/models/registry.py of the packages 0.6.0 to 0.33.0; the first
    # that has it. Sparse attention (GPUs from 9.0): the backends of v1/attention/backends/mla.
    Engine.VLLM: {
        **dict.fromkeys(
            (
                *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "deepseek_v2", "gemma"),
                *("gemma2", "phi", "phi3", "starcoder2", "granite", "cohere", "opt", "jamba"),
            ),
            _ANY,
        ),
        "qwen2_vl": _since("0.6.1"),
        "mllama": Served(">=0.6.2,<0.11"),
        "olmoe": _since("0.6.2"),
        "granitemoe": _since("0.6.3"),
        "olmo2": _since("0.6.5"),
        "cohere2": _since("0.6.5"),
        "deepseek_v3": _since("0.6.6"),
        "llava": _since("0.6.6"),
        "llava_next": _since("0.6.6"),
        "qwen2_audio": _since("0.6.6"),
        "qwen2_5_vl": _since("0.7.2"),
        "bamba": Served(">=0.7.3,<0.24"),
        "gemma3": _since("0.8.0"),
        "llama4": _since("0.8.3"),
        "mistral3": _since("0.8.3"),
        "qwen3": _since("0.8.4"),
        "qwen3_moe": _since("0.8.4"),
        "glm4": _since("0.8.4"),
        "granitemoehybrid": _since("0.9.0"),
        "nemotron_h": _since("0.9.1"),
        "ernie4_5_moe": _since("0.9.2"),
        "kimi_k2": _since("0.10.0"),
        "glm4_moe": _since("0.10.0"),
        "exaone4": _since("0.10.0"),
        "gpt_oss": _since("0.10.1"),
        "ernie4_5": _since("0.10.1"),
        "smollm3": _since("0.10.1"),
        "qwen3_next": _since("0.10.2"),
        "seed_oss": _since("0.10.2"),
        "qwen3_vl": _since("0.11.0"),
        "qwen3_vl_moe": _since("0.11.0"),
        "olmo3": _since("0.11.0"),
        "deepseek_v32": Served(">=0.11.0", capability=">=9.0"),
        "minimax_m2": _since("0.11.1"),
        "glm4_moe_lite": _since("0.15.0"),
        "kimi_k25": _since("0.15.0"),
        "glm_moe_dsa": Served(">=0.16.0", capability=">=9.0"),
        "qwen3_5": _since("0.17.0"),
        "qwen3_5_moe": _since("0.17.0"),
        "gemma4": _since("0.19.0"),
        "deepseek_v4": Served(">=0.20.0", capability=">=9.0"),
    },
    # EntryClass of srt/models/*.py in 27 packages from 0.3.6 to 0.5.23; pp where the file has it.
    Engine.SGLANG: {
        **dict.fromkeys(
            (
                *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "deepseek_v2"),
                "phi3",
            ),
            _ANY,
        ),
        **dict.fromkeys(("qwen2_vl", "mllama", "gemma", "gemma2", "olmo2", "olmoe"), _NO_PP),
        "cohere": _NO_PP,
        "deepseek_v3": _since("0.4.3"),
        "kimi_k2": _since("0.4.3"),
        "granite": Served(">=0.4.3", pp=False),
        "cohere2": Served(">=0.4.3", pp=False),
        "qwen2_5_vl": _since("0.4.4"),
        "gemma3": Served(">=0.4.5", pp=False),
        "llama4": Served(">=0.4.5", pp=False),
        "qwen3": _since("0.4.6"),
        "qwen3_moe": _since("0.4.6"),
        "mistral3": _since("0.4.6.post5"),
        "llava": _since("0.4.6.post5"),
        "glm4": _since("0.4.8"),
        "glm4_moe": _since("0.4.10"),
        "phi": _since("0.4.10"),
        "granitemoe": Served(">=0.4.10", pp=False),
        "gpt_oss": _since("0.5.1"),
        "ernie4_5_moe": Served(">=0.5.1", pp=False),
        "qwen3_next": _since("0.5.2"),
        "opt": _since("0.5.2"),
        "qwen3_vl": _since("0.5.3"),
        "qwen3_vl_moe": _since("0.5.3"),
        "deepseek_v32": Served(">=0.5.3", capability=">=9.0"),
        "starcoder2": _since("0.5.3"),
        "nemotron_h": _since("0.5.4"),
        "minimax_m2": _since("0.5.5"),
        "glm4_moe_lite": _since("0.5.8"),
        "qwen3_5": _since("0.5.9"),
        "qwen3_5_moe": _since("0.5.9"),
        "kimi_k25": _since("0.5.9"),
        "glm_moe_dsa": Served(">=0.5.9", capability=">=9.0"),
        "granitemoehybrid": _since("0.5.9"),
        "exaone4": _since("0.5.9"),
        "gemma4": _since("0.5.11"),
        "deepseek_v4": Served(">=0.5.12", capability=">=9.0"),
        "deepseek_ref": Served(">=0.5.12", capability=">=9.0"),  # its own name for DeepSeek V4
    },
    # docs/source/models/supported-models.md and release-notes.md; AutoDeploy's models left out.
    Engine.TENSORRT_LLM: {
        **dict.fromkeys(
            (
                *("llama", "mistral", "mistral3", "mixtral", "qwen2", "qwen2_vl", "qwen2_5_vl"),
                *("qwen3", "qwen3_moe", "deepseek_v3", "kimi_k2", "llama4", "mllama", "gemma3"),
                *("exaone4", "llava_next"),
            ),
            _since("1.0"),
        ),
        "gpt_oss": Served(">=1.1", pp=False),  # modeling_gpt_oss.py asserts pp_size == 1
        "qwen3_next": _since("1.2"),
        "qwen3_vl": _since("1.2"),
        "deepseek_v32": Served(">=1.2", capability=">=9.0"),
        "glm4_moe": _since("1.2"),
        "phi3": _since("1.2"),
        "nemotron_h": _since("1.2"),
        "kimi_k25": _since("1.3.0rc7"),
        "cohere2": _since("1.3.0rc7"),
        "qwen3_5": _since("1.3.0rc9"),
        "qwen3_5_moe": _since("1.3.0rc9"),
        "glm_moe_dsa": Served(">=1.3.0rc9", capability=">=9.0"),
        "gemma4": _since("1.3.0rc13"),
    },
}
"""`model_type` -> since when each engine serves it."""

FALLS_BACK = frozenset({Engine.VLLM, Engine.SGLANG})
"""Engines that run a model they have no code for with that of transformers, when it has any.

vLLM: docs/models/supported_models.md, "Transformers"; SGLang: srt/models/transformers.py.
"""

REFUSES_FLOAT16 = frozenset({"gemma2", "gemma3", "glm4"})
"""Models that vLLM does not run in 16-bit floats (config/model.py at 0.33.0); below 8.0 that is all
there is."""


def kind_of_model(model_type: str) -> str:
    """The row of `MODELS` for a `model_type`: that of the whole model, without `_text`."""
    return model_type.removesuffix("_model").removesuffix("_text")


def ways(engine: Engine, stored: str) -> list[Way]:
    """The rows of `WAYS` for an engine and a kind of checkpoint, of all versions."""
    return [way for way in WAYS if way.engine is engine and way.stored == stored]


MARLIN_GROUPS = frozenset({0, 32, 64, 128})
"""Groups of GPTQ that the engines' kernels have; 0 is a whole row (vLLM, marlin_utils.py)."""


def stored_as(shape: ModelShape) -> str:
    """How a checkpoint stores its matrices, as the rows of `WAYS` call it; "" when nobody knows."""
    own = shape.quantization
    if own is None:
        return HALF if shape.dtype == "float16" else PLAIN
    if not own.rules:
        return ""
    narrowest = min((form for _, form in own.rules), key=lambda form: form.bits)
    kind = narrowest.name.partition("_")[0]
    if own.method == "fp8":
        if kind == "mxfp4":
            return "mxfp4"  # DeepSeek V4: its experts, which are nearly all of it
        return "fp8 blocks" if own.rows else "fp8"
    if own.method == "compressed-tensors" or own.method.startswith("modelopt"):
        return f"{kind} {'modelopt' if own.method.startswith('modelopt') else own.method}"
    if own.method == "gptq" and not own.symmetric:
        return "gptq asymmetric"
    if own.method == "gptq" and own.group not in MARLIN_GROUPS:
        return f"gptq in groups of {own.group}"
    return _NAMES.get((own.method, kind), f"{own.method} {kind}")


_NAMES = {
    ("awq", "int4"): "awq",
    ("gptq", "int4"): "gptq",
    ("gptq", "int8"): "gptq 8",
    ("auto-round", "int4"): "auto-round",
    ("auto-round", "int8"): "auto-round 8",
    ("bitsandbytes", "nf4"): "bitsandbytes",
    ("bitsandbytes", "int8"): "bitsandbytes 8",
    ("experts_int8", "int8"): "experts_int8",
    ("mxfp4", "mxfp4"): "mxfp4",
    ("fbgemm_fp8", "fp8"): "fp8 fbgemm",
}
