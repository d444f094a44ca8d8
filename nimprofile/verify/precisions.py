"""What the engines' words for stored weights mean: a table, and how a precision is held to it.

One word can stand for several formats: `compressed-tensors` is a container of FP8, INT8, INT4 and
NVFP4 alike. What a word leaves open is not guessed. Names of 4-bit integers are one format here,
and so are those of 8-bit integers: no log tells which algorithm found the scales.
"""

from __future__ import annotations

from nimprofile.base.enums import Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BF16, _FP16, _FP32, _FP8 = Precision.BF16, Precision.FP16, Precision.FP32, Precision.FP8
_INT8, _INT4, _MXFP4, _NVFP4 = Precision.INT8, Precision.INT4, Precision.MXFP4, Precision.NVFP4

_NOT_QUANTISED = frozenset({"", "none", "null", "no_quant", "unquantized"})
_PLAIN = frozenset({_BF16, _FP16, _FP32})
_INTEGERS = frozenset({_INT8, _INT4})
_MIXED = frozenset({_FP8, _NVFP4, _INT4, _INT8})

MEANINGS: Mapping[str, frozenset[Precision]] = {
    **dict.fromkeys(_NOT_QUANTISED, _PLAIN),
    # dtypes as torch spells them: vllm/config/model.py at 0.19.0.
    **dict.fromkeys(("bfloat16", "bf16"), frozenset({_BF16})),
    **dict.fromkeys(("float16", "half", "fp16"), frozenset({_FP16})),
    **dict.fromkeys(("float32", "float", "fp32"), frozenset({_FP32})),
    # vLLM: QuantizationMethods of model_executor/layers/quantization/__init__.py, and its formats
    # in engines/facts/vllm.py. SGLang: QUANTIZATION_METHODS of
    # python/sglang/srt/layers/quantization/__init__.py, QUANTIZATION_CHOICES of server_args.py.
    **dict.fromkeys(
        (
            *("fp8", "ptpc_fp8", "fbgemm_fp8", "deepgemm_fp8", "w8a8_fp8", "modelopt_fp8"),
            *("fp8_per_tensor", "fp8_per_block", "mxfp8", "modelopt_mxfp8"),
        ),
        frozenset({_FP8}),
    ),
    **dict.fromkeys(("modelopt_fp4", "nvfp4", "petit_nvfp4", "nvfp4_online"), frozenset({_NVFP4})),
    "mxfp4": frozenset({_MXFP4}),
    **dict.fromkeys(
        ("awq", "awq_marlin", "auto_awq", "int4", "int4_awq", "w4a16", "qoq", "qqq", "w4afp8"),
        frozenset({_INT4}),
    ),
    **dict.fromkeys(
        ("experts_int8", "w8a8_int8", "blockwise_int8", "tpu_int8", "int8", "int8wo"),
        frozenset({_INT8}),
    ),
    # Containers of several widths, which the checkpoint's own configuration alone tells apart.
    **dict.fromkeys(
        (
            *("gptq", "gptq_marlin", "gptq_marlin_24", "gptq_bitblas", "auto_gptq", "marlin"),
            *("auto-round", "auto_round", "inc", "bitsandbytes", "moe_wna16", "hqq", "ipex"),
        ),
        _INTEGERS,
    ),
    # ModelOptFp8Config in vLLM; in SGLang found out from the checkpoint, FP8 unless it says more.
    "modelopt": frozenset({_FP8, _NVFP4, _INT4}),
    **dict.fromkeys(("modelopt_mixed", "modelopt_mixed_precision", "mixed_precision"), _MIXED),
    **dict.fromkeys(
        ("compressed-tensors", "compressed_tensors", "quark", "torchao"),
        frozenset({*_MIXED, _MXFP4}),
    ),
    # TensorRT-LLM: QuantAlgo of tensorrt_llm/quantization/mode.py at 1.0.
    "w8a16": frozenset({_INT8}),
    **dict.fromkeys(("w4a16_awq", "w4a8_awq", "w4a16_gptq"), frozenset({_INT4})),
    **dict.fromkeys(
        (
            *("w8a8_sq_per_channel", "w8a8_sq_per_tensor_plugin"),
            *("w8a8_sq_per_channel_per_token_plugin", "w8a8_sq_per_channel_per_tensor_plugin"),
            "w8a8_sq_per_tensor_per_token_plugin",
        ),
        frozenset({_INT8}),
    ),
    **dict.fromkeys(
        ("fp8_per_channel_per_token", "fp8_block_scales", "fp8_pb_wo"), frozenset({_FP8})
    ),
    **dict.fromkeys(("w4a8_mxfp4_fp8", "w4a8_mxfp4_mxfp8", "w4a16_mxfp4"), frozenset({_MXFP4})),
    "w4a16_nvfp4": frozenset({_NVFP4}),
}
"""A word in lower case -> the formats that it can stand for."""


def meaning_of(word: str) -> frozenset[Precision] | None:
    """The formats that a word can stand for; None when it is not known.

    A word for weights that are not quantised stands for every dtype.
    """
    return MEANINGS.get(word.strip().casefold().removeprefix("torch."))


def is_precision(word: str, wanted: str) -> bool | None:
    """Whether what an engine says of its weights is the precision that is wanted.

    Args:
        word: the engine's own word for it.
        wanted: a precision as profiles name it.

    Returns:
        None where the word leaves it open, or one of the two is not known.
    """
    if wanted.strip().casefold() == word.strip().casefold():
        return True
    theirs, ours = meaning_of(word), meaning_of(wanted)
    if theirs is None or ours is None or len(ours) > 1:
        return None
    if theirs.isdisjoint(ours):
        return False
    return True if theirs == ours else None
