"""The table of the lines of vLLM that tell what it runs.

Each row names a file of vLLM that prints it, with the first and the last release that do of those
whose sources were read: 0.4.2, 0.5.4, 0.6.6, 0.7.3, 0.8.5, 0.10.2, 0.13.0, 0.16.0, 0.19.0, 0.26.0,
0.32.0 and 0.33.0. Public logs of `tests/corpus/logs` have them too.
"""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table
from nimprofile.verify.observation import Fact

_CONFIG = {
    "model": Fact.MODEL,
    "dtype": Fact.DTYPE,
    "max_seq_len": Fact.MAX_MODEL_LEN,
    "tensor_parallel_size": Fact.TP,
    "pipeline_parallel_size": Fact.PP,
    "data_parallel_size": Fact.DP,
    "quantization": Fact.QUANTIZATION,
    "enforce_eager": Fact.CUDA_GRAPHS,
    "kv_cache_dtype": Fact.KV_CACHE_DTYPE,
}
"""Of `VllmConfig.__str__` (vllm/config/vllm.py, 0.32; vllm/config.py, 0.8) and, before V1, of
`LLMEngine.__init__` (vllm/engine/llm_engine.py, 0.4 to 0.10)."""

_ARGUMENTS = {
    "model": Fact.MODEL,
    "dtype": Fact.DTYPE,
    "max_model_len": Fact.MAX_MODEL_LEN,
    "tensor_parallel_size": Fact.TP,
    "pipeline_parallel_size": Fact.PP,
    "data_parallel_size": Fact.DP,
    "quantization": Fact.QUANTIZATION,
    "enforce_eager": Fact.CUDA_GRAPHS,
    "kv_cache_dtype": Fact.KV_CACHE_DTYPE,
    "gpu_memory_utilization": Fact.MEMORY_FRACTION,
    "enable_lora": Fact.LORA,
    "block_size": Fact.BLOCK_SIZE,
}
"""Of `EngineArgs` (vllm/engine/arg_utils.py)."""

_REAL = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_COUNT = r"[0-9][0-9,]{0,18}"
_WEIGHT_ONLY = (
    "the quantised weights are multiplied by Marlin, which computes in 16 bits: "
    "the GPU has no native kernel for them"
)

LINES = (
    Line(
        "vLLM API server version ",
        r"vLLM API server version (?P<engine_version>[0-9][\w.+-]{0,60})",
        source="vllm/entrypoints/openai/api_server.py, 0.4.2 to 0.13.0",
        starts=True,
    ),
    Line(
        "vLLM server version ",
        r"vLLM server version (?P<engine_version>[0-9][\w.+-]{0,60})",
        source="vllm/entrypoints/utils.py, 0.16.0; vllm/entrypoints/common/startup.py, 0.33.0",
        starts=True,
    ),
    Line(
        "▄▄ ▄█ ",
        r"▄▄ ▄█ [▄█▀ ]{10,60} version (?P<engine_version>[0-9][\w.+-]{0,60})",
        source="the logo, where the files of the row above write one, 0.16.0 to 0.33.0",
        starts=True,
    ),
    Line(
        "█▄█▀ ",
        r"█▄█▀ [█ ]{10,60} model {1,8}(?P<model>\S{1,400})",
        source="the same",
    ),
    Line(
        "Initializing a",
        r"Initializing an? (?:V[01] )?LLM engine \(v(?P<engine_version>[0-9][\w.+-]{0,60})\) "
        r"with config: ",
        source="vllm/engine/llm_engine.py, 0.4.2; vllm/v1/engine/core.py, 0.6.6 to 0.33.0",
        settings=_CONFIG,
        settled=True,
        starts=True,
    ),
    Line(
        "non-default args: ",
        r"non-default args: ",
        source="vllm/entrypoints/utils.py, 0.10.2; vllm/entrypoints/common/startup.py, 0.33.0",
        settings=_ARGUMENTS,
    ),
    Line(
        "args: Namespace(",
        r"args: ",
        source="vllm/entrypoints/openai/api_server.py, 0.4.2 to 0.8.5",
        settings=_ARGUMENTS,
    ),
    Line(
        "rank ",
        r"rank [0-9]{1,5} in world size (?P<gpus>[0-9]{1,5}) is assigned as ",
        source="vllm/distributed/parallel_state.py, 0.8.5 to 0.33.0",
    ),
    Line(
        "Using max model len ",
        r"Using max model len (?P<max_model_len>[0-9]{1,12})",
        source="vllm/config/__init__.py, 0.10.2; vllm/config/model.py, 0.13.0 to 0.33.0",
    ),
    Line(
        "Auto-fit max_model_len: reduced from ",
        r"Auto-fit max_model_len: reduced from [0-9]{1,12} to (?P<max_model_len>[0-9]{1,12}) ",
        source="vllm/v1/core/kv_cache_utils.py, 0.16.0; kv_cache_planning.py, 0.33.0",
        finding="the longest context was shortened to what the KV cache holds",
    ),
    Line(
        "Model loading took ",
        rf"Model loading took (?P<weights_bytes>{_REAL}) (?P<weights_bytes_unit>Gi?B)",
        source="vllm/v1/worker/gpu_model_runner.py, 0.8.5 to 0.33.0",
    ),
    Line(
        "Loading model weights took ",
        rf"Loading model weights took (?P<weights_bytes>{_REAL}) (?P<weights_bytes_unit>Gi?B)",
        source="vllm/worker/model_runner.py, 0.4.2 to 0.7.3; its GB are of 2**30 bytes",
    ),
    Line(
        "model weights take ",
        rf"model weights take (?P<weights_bytes>{_REAL})GiB; non_torch_memory takes [^;]{{1,40}}; "
        rf"PyTorch activation peak memory takes [^;]{{1,40}}; the rest of the memory reserved for "
        rf"KV Cache is (?P<kv_cache_bytes>{_REAL})GiB",
        source="vllm/worker/worker.py, 0.6.6 to 0.10.2",
    ),
    Line(
        "model weights take ",
        rf"model weights take (?P<weights_bytes>{_REAL})GiB; ",
        source="the same where the rest is cut off",
    ),
    Line(
        "the current vLLM instance can use ",
        rf"the current vLLM instance can use total_gpu_memory \((?P<gpu_memory_bytes>{_REAL})GiB\) "
        rf"x gpu_memory_utilization \((?P<memory_fraction>{_REAL})\)",
        source="vllm/worker/worker.py, 0.6.6 to 0.10.2",
    ),
    Line(
        "Memory profiling results: ",
        rf"Memory profiling results: total_gpu_memory=(?P<gpu_memory_bytes>{_REAL})GiB .{{0,300}}?"
        rf"kv_cache_size=(?P<kv_cache_bytes>{_REAL})GiB",
        source="vllm/worker/worker.py, between 0.5.4 and 0.6.6: tests/corpus/logs, run 115",
    ),
    Line(
        "Memory profiling takes ",
        rf"Memory profiling takes .{{0,300}}?the current vLLM instance can use total_gpu_memory "
        rf"\((?P<gpu_memory_bytes>{_REAL})GiB\)",
        source="vllm/worker/worker.py, 0.6.5 to 0.9, on one line where a log joins them",
    ),
    Line(
        "Available KV cache memory: ",
        rf"Available KV cache memory: (?P<kv_cache_bytes>{_REAL}) GiB",
        source="vllm/v1/worker/gpu_worker.py, 0.10.2 to 0.33.0",
    ),
    Line(
        "GPU KV cache size: ",
        rf"GPU KV cache size: (?P<kv_cache_tokens>{_COUNT}) tokens"
        rf"(?:, Maximum concurrency for (?P<max_model_len>{_COUNT}) tokens per request: "
        rf"(?P<max_concurrency>{_REAL})x)?",
        source="vllm/v1/core/kv_cache_utils.py, 0.8.5 to 0.33.0",
    ),
    Line(
        "GPU + host KV cache size: ",
        rf"GPU \+ host KV cache size: (?P<kv_cache_tokens>{_COUNT}) tokens",
        source="vllm/v1/core/kv_cache_utils.py, 0.32.0 and 0.33.0",
        finding="the KV cache lies partly in the memory of the host",
    ),
    Line(
        "Maximum concurrency for ",
        rf"Maximum concurrency for (?P<max_model_len>{_COUNT}) tokens per request: "
        rf"(?P<max_concurrency>{_REAL})x",
        source="vllm/executor/gpu_executor.py, 0.6.6; "
        "vllm/v1/core/kv_cache_utils.py, 0.8.5 to 0.26.0",
    ),
    Line(
        "# ",
        r"# (?:GPU|cuda|CUDA) blocks: (?P<kv_cache_blocks>[0-9]{1,12})(?:, # CPU blocks: |$)",
        source="vllm/executor/gpu_executor.py, 0.4.2 to 0.6.6; executor_base.py, 0.7.3 to 0.10.2",
    ),
    Line(
        "Engine ",
        r"Engine [0-9]{1,5}: vllm cache_config_info with initialization after num_gpu_blocks is: "
        r"(?P<kv_cache_blocks>[0-9]{1,12})",
        source="vllm/v1/metrics/loggers.py, 0.13.0 to 0.33.0, on the level DEBUG",
    ),
    Line(
        "Free memory on device ",
        rf"Free memory on device \({_REAL}/(?P<gpu_memory_bytes>{_REAL}) GiB\) on startup\. "
        rf"Desired GPU memory utilization is \((?P<memory_fraction>{_REAL}), "
        rf"(?:.{{0,300}}? and (?P<cuda_graphs_bytes>{_REAL}) GiB for CUDAGraph memory)?",
        source="vllm/v1/worker/gpu_worker.py, 0.10.2 to 0.33.0, on the level DEBUG",
    ),
    Line(
        "Graph capturing finished in ",
        rf"Graph capturing finished in [0-9.]{{1,9}} secs?(?:, took (?P<cuda_graphs_bytes>{_REAL}) "
        rf"GiB)?",
        source="vllm/worker/model_runner.py, 0.4.2; "
        "vllm/v1/worker/gpu_model_runner.py, 0.6.6 to 0.33.0",
        sets={Fact.CUDA_GRAPHS: True},
    ),
    Line(
        "Skipping CUDA graph capture",
        r"Skipping CUDA graph capture",
        source="vllm/v1/worker/gpu_model_runner.py, 0.6.6 to 0.33.0",
        sets={Fact.CUDA_GRAPHS: False},
        finding="no CUDA graphs were captured, so each step is launched kernel by kernel",
    ),
    Line(
        "Cudagraph is disabled under eager mode",
        r"Cudagraph is disabled under eager mode",
        source="vllm/config/__init__.py, 0.10.2; vllm/config/vllm.py, 0.13.0 to 0.33.0",
        sets={Fact.CUDA_GRAPHS: False},
    ),
    Line(
        "Your GPU does not have native support for FP",
        r"Your GPU does not have native support for FP[48] computation",
        source="marlin_utils_fp8.py, 0.5.4 to 0.33.0, and marlin_utils_fp4.py, 0.10.2 to "
        "0.33.0, in vllm/model_executor/layers/quantization/utils",
        sets={Fact.KERNEL: "marlin"},
        finding=_WEIGHT_ONLY,
        shared=True,
    ),
    Line(
        "Using ",
        r"Using '?(?P<kernel>\w{1,60}(?: \w{1,20})?)'? (?:NvFp4|MxFp4|Mxfp4|MxFp8|Fp8|Int8|WNA16"
        r"|W4A8(?: Int8)?|Unquantized|Humming) (?:MoE|MOE) backend",
        source="vllm/model_executor/layers/fused_moe/oracle/*.py, 0.16.0 to 0.33.0",
    ),
    Line(
        "Using ",
        r"Using (?P<kernel>\w{1,60}LinearKernel|\w{1,60}Kernel) for "
        r"(?:\w{1,60}LinearMethod|CompressedTensors\w{1,30}|mixed-precision linear"
        r"|(?:NVFP4|MXFP4|MXFP6|MXFP8) GEMM|\w{1,60}Linear\w{0,30}|\w{1,60}Fp8\w{0,30})",
        source="vllm/model_executor/kernels/linear/__init__.py, 0.32; "
        "vllm/model_executor/layers/quantization, 0.6 to 0.32",
    ),
    Line(
        "Selected ",
        r"Selected (?P<kernel>\w{1,60}Kernel) for ",
        source="vllm/model_executor/layers/quantization/kernels/scaled_mm, 0.16.0",
    ),
    Line(
        "Using ",
        r"Using (?P<kernel>[\w-]{1,60}) backend for "
        r"(?:MXFP8 GEMM|Unquantized MoE|WNA16 MoE|OCP|Quark)",
        source="vllm/model_executor/layers/quantization and fused_moe/oracle, 0.16 to 0.33",
    ),
    Line(
        "Using ",
        r"Using (?P<kernel>Marlin) backend$",
        source="vllm/model_executor/layers/quantization/mxfp4.py, 0.10",
    ),
    Line(
        "Using FlashInfer MXFP4 ",
        r"Using (?P<kernel>FlashInfer) MXFP4 ",
        source="vllm/model_executor/layers/quantization/mxfp4.py, 0.10.2 to 0.16.0",
    ),
    Line(
        "Using ",
        r"Using (?:AttentionBackendEnum\.)?(?P<attention_backend>[A-Z][A-Z0-9_]{2,40}) "
        r"(?:attention backend|backend\.$)",
        source="vllm/platforms/cuda.py, 0.13 to 0.33",
    ),
    Line(
        "Using ",
        r"Using (?P<attention_backend>Flash Attention|Flash[Ii]nfer|XFormers|FlashMLA"
        r"|DualChunkFlashAttention|DifferentialFlashAttention) backend",
        source="vllm/attention/selector.py, 0.5 to 0.6; vllm/platforms/cuda.py, 0.7 to 0.10",
    ),
    Line(
        "Using ",
        # Without the engine, `Using Triton backend` is of the experts (mxfp4.py, 0.10).
        r"Using (?P<attention_backend>[A-Z][\w ]{2,40}) backend (?:for .{1,60} )?on V1 engine",
        source="vllm/platforms/cuda.py, 0.8 to 0.10",
    ),
    Line(
        "UMA device detected: clamping gpu_memory_utilization ",
        rf"UMA device detected: clamping gpu_memory_utilization {_REAL} -> "
        rf"(?P<memory_fraction>{_REAL})",
        source="NIM 2.0.6 on a GB10: tests/corpus, case 032",
        finding="the share of the memory was lowered, for GPU and host share it",
    ),
    Line(
        "NVFP4 linear falling back to the slow and unoptimized ",
        r"NVFP4 linear falling back to the slow and unoptimized ",
        source="vllm/model_executor/kernels/linear/__init__.py, 0.26.0 to 0.33.0",
        finding="NVFP4 weights are multiplied by a slow emulation",
    ),
    Line(
        "Using ",
        r"Using (?P<kernel>\w{1,80}Emulation\w{1,80}) (?:MoE|MOE) backend",
        source="vllm/model_executor/layers/fused_moe/experts/*emulation_moe.py, 0.32",
        finding="the quantised experts are multiplied by an emulation, which is slow",
    ),
    Line(
        "Sequence group ",
        r"Sequence group .{1,200}? is preempted by ",
        source="vllm/core/scheduler.py, 0.5.4 to 0.10.2; V1 tells of none",
        finding="requests were preempted: the KV cache does not hold those that run at once",
    ),
    Line(
        "Using default MoE config",
        r"Using default MoE config\. Performance might be sub-optimal",
        source="vllm/model_executor/layers/fused_moe/fused_moe.py, 0.6.6 to 0.33.0",
        finding="the experts run with default sizes of tiles: no tuned ones are there for this GPU",
        shared=True,
    ),
    Line(
        "Using default W8A8 Block FP8 kernel config",
        r"Using default W8A8 Block FP8 kernel config",
        source="vllm/model_executor/layers/quantization/utils/fp8_utils.py, 0.7.3 to 0.33.0",
        finding="FP8 blocks run with default sizes of tiles: no tuned ones are there for this GPU",
        shared=True,
    ),
    Line(
        "",
        r"\w{1,100} has no vLLM implementation, falling back to Transformers",
        source="vllm/model_executor/model_loader/utils.py, 0.7 to 0.32",
        finding="the model runs with the code of transformers, for vLLM has none of its own",
    ),
)

FAILURES = (
    Line(
        "ValueError: No available memory for the cache blocks",
        r"ValueError: No available memory for the cache blocks",
        source="vllm/worker/worker.py, 0.4.2; vllm/v1/core/kv_cache_utils.py, 0.7.3 to 0.32.0",
        fails=True,
    ),
    Line(
        "ValueError: The model's max seq len ",
        r"ValueError: The model's max seq len \((?P<max_model_len>[0-9]{1,12})\) is larger than "
        r"the maximum number of tokens that can be stored in KV cache "
        r"\((?P<kv_cache_tokens>[0-9]{1,12})\)",
        source="vllm/worker/worker.py, 0.4.2 to 0.10.2",
        fails=True,
    ),
    Line(
        "ValueError: To serve at least one request with the model",
        rf"ValueError: To serve at least one request with the model.{{1,60}}? max seq len "
        rf"\((?P<max_model_len>{_COUNT})\), \(?{_REAL} GiB KV cache is needed, which is larger "
        rf"than the available KV cache memory \((?P<kv_cache_bytes>{_REAL}) GiB\)",
        source="vllm/v1/core/kv_cache_utils.py, 0.7.3 to 0.32.0; kv_cache_planning.py, 0.33.0",
        fails=True,
    ),
    Line(
        "ValueError: Free memory on device ",
        rf"ValueError: Free memory on device (?:cuda:[0-9]{{1,3}} )?\({_REAL}/"
        rf"(?P<gpu_memory_bytes>{_REAL}) GiB\) on startup is less than ",
        source="vllm/v1/worker/gpu_worker.py, 0.10.2; vllm/v1/worker/utils.py, 0.16.0 to 0.33.0",
        fails=True,
    ),
    Line(
        "RuntimeError: Engine process failed to start",
        r"RuntimeError: Engine process failed to start",
        source="vllm/entrypoints/openai/api_server.py, 0.6.6 to 0.10.2",
        fails=True,
    ),
    Line(
        "Exception: WorkerProc initialization failed",
        r"Exception: WorkerProc initialization failed",
        source="vllm/v1/executor/multiproc_executor.py, 0.8.5 to 0.33.0",
        fails=True,
    ),
    Line(
        "ValueError: Bfloat16 is only supported on GPUs with compute capability",
        r"ValueError: Bfloat16 is only supported on GPUs with compute capability",
        source="vllm/worker/worker.py, 0.4.2 to 0.10.2; vllm/platforms/cuda.py, 0.33.0",
        fails=True,
    ),
    Line(
        "RuntimeError: Engine core initialization failed",
        r"RuntimeError: Engine core initialization failed",
        source="vllm/v1/engine/core_client.py, 0.8.5; vllm/v1/engine/utils.py, 0.10.2 to 0.33.0",
        fails=True,
    ),
    Line(
        "RuntimeError: CUDA out of memory occurred when warming up sampler",
        r"RuntimeError: CUDA out of memory occurred when warming up sampler",
        source="vllm/v1/worker/gpu_model_runner.py, 0.8.5 to 0.33.0",
        fails=True,
    ),
    Line(
        "EngineCore encountered a fatal error",
        r"EngineCore encountered a fatal error",
        source="vllm/v1/engine/core.py, 0.8.5 to 0.33.0",
        fails=True,
    ),
    Line(
        "EngineCore failed to start",
        r"EngineCore failed to start",
        source="vllm/v1/engine/core.py, 0.8.5 to 0.33.0",
        fails=True,
    ),
)

TABLE = Table((*LINES, *FAILURES), "vllm")
