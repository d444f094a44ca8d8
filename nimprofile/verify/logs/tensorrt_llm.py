"""The lines of TensorRT-LLM that tell what it runs, with trtllm-serve or behind Triton.

The texts were read in the sources and documentation of NVIDIA/TensorRT-LLM that the rows name, and
in public logs. TensorRT-LLM makes a small KV cache first to measure memory, and then the one that
it serves with; both print the same lines, so that the last one counts.
"""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table
from nimprofile.verify.observation import Fact

_REAL = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"

_ARGUMENTS = {
    "model": Fact.MODEL,
    "tensor_parallel_size": Fact.TP,
    "pipeline_parallel_size": Fact.PP,
    "max_seq_len": Fact.MAX_MODEL_LEN,
    "dtype": Fact.DTYPE,
    "quantization": Fact.QUANTIZATION,
}
"""Of `LlmArgs` (tensorrt_llm/llmapi/llm_args.py)."""

LINES = (
    Line(
        "TensorRT",
        r"TensorRT[- ]LLM version: (?P<engine_version>[0-9][\w.+]{0,40}?)(?=\[|\s|$)",
        source="tensorrt_llm/_common.py, 0.7 to 1.3",
        starts=True,
    ),
    Line(
        "LLM Args:",
        r"LLM Args:",
        source="tensorrt_llm/llmapi/llm.py, 0.20 to 1.3",
        settings=_ARGUMENTS,
    ),
    Line(
        "Engine version ",
        r"Engine version (?P<engine_version>[0-9][\w.+-]{0,60}) found in the config file",
        source="cpp/tensorrt_llm/runtime/gptJsonConfig.cpp, 0.8 to 0.21",
    ),
    Line(
        "[MemUsageChange] Allocated ",
        rf"\[MemUsageChange\] Allocated (?P<kv_cache_bytes>{_REAL}) GiB for max tokens in paged "
        r"KV cache \((?P<kv_cache_tokens>[0-9]{1,15})\)",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp, 0.13 to 1.3",
    ),
    Line(
        "Memory usage when calculating max tokens in paged kv cache: ",
        rf"Memory usage when calculating max tokens in paged kv cache: total: "
        rf"(?P<gpu_memory_bytes>{_REAL}) GiB",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp, 0.12 to 0.21",
    ),
    Line(
        "Number of blocks in KV cache primary pool: ",
        r"Number of blocks in KV cache primary pool: (?P<kv_cache_blocks>[0-9]{1,12})",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp, 0.12 to 0.21",
    ),
    Line(
        "Number of tokens per block: ",
        r"Number of tokens per block: (?P<block_size>[0-9]{1,6})\.",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp, 0.13 to 1.3",
    ),
    Line(
        "Max KV cache blocks per sequence: ",
        r"Max KV cache blocks per sequence: [0-9]{1,12} \[window size=[0-9]{1,12}\], tokens per "
        r"block=(?P<block_size>[0-9]{1,6}), primary blocks=(?P<kv_cache_blocks>[0-9]{1,12}), ",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp, 1.0 to 1.3",
    ),
    Line(
        "Loaded engine size: ",
        r"Loaded engine size: (?P<weights_bytes>[0-9]{1,9}) (?P<weights_bytes_unit>MiB)",
        source="TensorRT's runtime, of an engine of TensorRT-LLM 0.5 to 0.21",
    ),
    Line(
        "max_seq_len=",
        r"max_seq_len=(?P<max_model_len>[0-9]{1,12}), max_num_requests=",
        source="tensorrt_llm/_torch/pyexecutor/_util.py, 0.17 to 1.3",
    ),
    Line(
        "maxAttentionWindow and maxSequenceLen are too large",
        r"maxAttentionWindow and maxSequenceLen are too large for at least one sequence to fit in "
        r"kvCache\. they are reduced to (?P<max_model_len>[0-9]{1,12})",
        source="cpp/tensorrt_llm/batch_manager, 0.12 to 0.21",
        finding="the longest context was shortened to what the KV cache holds",
    ),
    Line(
        "Adjusted max_seq_len to ",
        r"Adjusted max_seq_len to (?P<max_model_len>[0-9]{1,12})",
        source="tensorrt_llm/_torch/pyexecutor/resource_manager.py, 1.0 to 1.3",
        finding="the longest context was shortened to what the KV cache holds",
    ),
    Line(
        "Executor creation failed due to insufficient GPU memory",
        r"Executor creation failed due to insufficient GPU memory",
        source="tensorrt_llm/_torch/pyexecutor/py_executor_creator.py, 0.20 to 1.3",
        fails=True,
    ),
)

TABLE = Table(LINES, "tensorrt_llm")
