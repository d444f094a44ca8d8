"""The lines of TensorRT-LLM that tell what it runs, with trtllm-serve or behind Triton.

The texts were read in the files of NVIDIA/TensorRT-LLM that the rows name, and in the public logs
that its documentation and its issues show (docs/source/reference/memory.md, issue 2398). It
makes a small KV cache first to measure memory, and then the one that it serves with; both print the
same lines, so that the last one counts.
"""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table, setting_facts
from nimprofile.verify.logs.settings import settings_in
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.verify.observation import Value

_REAL = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"

ARGUMENTS = {
    "model": Fact.MODEL,
    "tensor_parallel_size": Fact.TP,
    "pipeline_parallel_size": Fact.PP,
    "max_seq_len": Fact.MAX_MODEL_LEN,
    "dtype": Fact.DTYPE,
}
"""Of `LlmArgs` (tensorrt_llm/llmapi/llm_args.py), which py_executor_creator.py in
tensorrt_llm/_torch/pyexecutor prints on the line below `LLM Args:`, with blanks between them."""

LINES = (
    Line(
        "TensorRT",
        r"TensorRT[- ]LLM version: (?P<engine_version>[0-9][\w.+]{0,40}?)(?=\[|\s|$)",
        # Each rank prints it as it imports the package, so that it begins no start.
        source="tensorrt_llm/_common.py, in public logs of 0.8.0 to 1.3.0",
    ),
    Line(
        "Using LLM with ",
        r"Using LLM with (?:PyTorch|TensorRT|AutoDeploy) backend",
        source="tensorrt_llm/llmapi/llm.py, in public logs of 1.2.0 and 1.3.0",
        starts=True,
    ),
    Line(
        "Setting quant_algo=",
        r"Setting quant_algo=(?:QuantAlgo\.)?(?P<quantization>\w{1,60}) "
        r"f(?:or|ro)m HF quant config",
        source="tensorrt_llm/llmapi/llm_utils.py, whose older releases write `form`",
    ),
    Line(
        "Setting kv_cache_quant_algo=",
        r"Setting kv_cache_quant_algo=(?:QuantAlgo\.)?(?P<kv_cache_dtype>\w{1,60}) "
        r"f(?:or|ro)m HF quant config",
        source="the same",
    ),
    Line(
        "Run generation",
        r"Run generation[- ]only CUDA graph warmup for batch size=",
        source="tensorrt_llm/_torch/pyexecutor/model_engine.py",
        sets={Fact.CUDA_GRAPHS: True},
    ),
    Line(
        "MPI size: ",
        r"MPI size: (?P<gpus>[0-9]{1,5}), ",
        source="cpp/tensorrt_llm/runtime/worldConfig.cpp, which checks that it is tp times pp",
    ),
    Line(
        "TRTGptModel maxSequenceLen: ",
        r"TRTGptModel maxSequenceLen: (?P<max_model_len>[0-9]{1,12})$",
        source="cpp/tensorrt_llm/batch_manager/trtGptModel.h",
    ),
    Line(
        "Peak memory during memory usage profiling ",
        r"Peak memory during memory usage profiling .{1,200}? fraction is set "
        rf"(?P<memory_fraction>{_REAL}), .{{1,120}}? device total memory "
        rf"(?P<gpu_memory_bytes>{_REAL}) GiB",
        source="tensorrt_llm/_torch/pyexecutor/_util.py",
    ),
    Line(
        "Memory used after loading model weights (inside torch)",
        r"Memory used after loading model weights \(inside torch\) in memory usage profiling: "
        rf"(?P<weights_bytes>{_REAL}) GiB",
        source="tensorrt_llm/_torch/pyexecutor/_util.py",
    ),
    Line(
        "Allocate ",
        r"Allocate (?P<kv_cache_bytes>[0-9]{1,15}) (?P<kv_cache_bytes_unit>bytes) for k/v cache\.",
        source="public logs of 0.8.0",
    ),
    Line(
        "Using ",
        r"Using (?P<kv_cache_tokens>[0-9]{1,12}) (?:total )?tokens in paged KV cache",
        source="cpp/tensorrt_llm/runtime/gptSession.cpp, and public logs of 0.8.0",
    ),
    Line(
        "Engine version ",
        r"Engine version (?P<engine_version>[0-9][\w.+-]{0,60}) found in the config file",
        source="cpp/tensorrt_llm/runtime/gptJsonConfig.cpp",
    ),
    Line(
        "[MemUsageChange] Allocated ",
        rf"\[MemUsageChange\] Allocated (?P<kv_cache_bytes>{_REAL}) GiB for max tokens in paged "
        r"KV cache \((?P<kv_cache_tokens>[0-9]{1,15})\)",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp",
    ),
    Line(
        "Memory usage when calculating max tokens in paged kv cache: ",
        rf"Memory usage when calculating max tokens in paged kv cache: total: "
        rf"(?P<gpu_memory_bytes>{_REAL}) GiB",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp",
    ),
    Line(
        "Number of blocks in KV cache primary pool: ",
        r"Number of blocks in KV cache primary pool: (?P<kv_cache_blocks>[0-9]{1,12})",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp",
    ),
    Line(
        "Number of tokens per block: ",
        r"Number of tokens per block: (?P<block_size>[0-9]{1,6})\.",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp",
    ),
    Line(
        "Max KV cache blocks per sequence: ",
        r"Max KV cache blocks per sequence: [0-9]{1,12} \[window size=[0-9]{1,12}\], tokens per "
        r"block=(?P<block_size>[0-9]{1,6}), primary blocks=(?P<kv_cache_blocks>[0-9]{1,12}), ",
        source="cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp",
    ),
    Line(
        "Loaded engine size: ",
        r"Loaded engine size: (?P<weights_bytes>[0-9]{1,9}) (?P<weights_bytes_unit>MiB)",
        source="TensorRT's runtime, which runs the engines that TensorRT-LLM builds",
    ),
    Line(
        "max_seq_len=",
        r"max_seq_len=(?P<max_model_len>[0-9]{1,12}), max_num_requests=",
        source="tensorrt_llm/_torch/pyexecutor/_util.py",
    ),
    Line(
        "maxAttentionWindow and maxSequenceLen are too large",
        r"maxAttentionWindow and maxSequenceLen are too large for at least one sequence to fit in "
        r"kvCache\. they are reduced to (?P<max_model_len>[0-9]{1,12})",
        source="cpp/tensorrt_llm/batch_manager, in public logs of 2025",
        finding="the longest context was shortened to what the KV cache holds",
    ),
    Line(
        "Adjusted max_seq_len to ",
        r"Adjusted max_seq_len to (?P<max_model_len>[0-9]{1,12})",
        source="tensorrt_llm/_torch/pyexecutor/resource_manager.py",
        finding="the longest context was shortened to what the KV cache holds",
    ),
    Line(
        "Executor creation failed due to insufficient GPU memory",
        r"Executor creation failed due to insufficient GPU memory",
        source="tensorrt_llm/_torch/pyexecutor/py_executor_creator.py",
        fails=True,
    ),
)

TABLE = Table(LINES, "tensorrt_llm")


class ArgumentsBelow:
    """The arguments that TensorRT-LLM prints on the line below `LLM Args:`."""

    def __init__(self) -> None:
        self._heading = False

    def facts(self, message: str) -> Iterator[tuple[Fact, Value, str]]:
        """What this message tells as the line below the heading."""
        if self._heading and message.startswith("model="):
            yield from setting_facts(settings_in(message, " "), ARGUMENTS, settled=False)
            yield Fact.ENGINE, "tensorrt_llm", "LLM Args:"
        self._heading = message == "LLM Args:"
