"""The lines of SGLang that tell what it runs.

Each row names a file of SGLang that prints it, with the first and the last release that do of those
whose sources were read: 0.3.6, 0.4.1, 0.4.6, 0.4.9, 0.5.5, 0.5.10 and 0.5.23. Public logs of
`tests/corpus/logs` have them too. Its GB are of 2**30 bytes (`GB` in
python/sglang/srt/mem_cache/memory_pool.py).
"""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table
from nimprofile.verify.observation import Fact

_ARGUMENTS = {
    "model_path": Fact.MODEL,
    "dtype": Fact.DTYPE,
    "context_length": Fact.MAX_MODEL_LEN,
    "tp_size": Fact.TP,
    "pp_size": Fact.PP,
    "dp_size": Fact.DP,
    "quantization": Fact.QUANTIZATION,
    "disable_cuda_graph": Fact.CUDA_GRAPHS,
    "kv_cache_dtype": Fact.KV_CACHE_DTYPE,
    "mem_fraction_static": Fact.MEMORY_FRACTION,
    "enable_lora": Fact.LORA,
    "page_size": Fact.BLOCK_SIZE,
    "attention_backend": Fact.ATTENTION_BACKEND,
    "moe_runner_backend": Fact.KERNEL,
}
"""Of `ServerArgs` (python/sglang/srt/server_args.py)."""

_REAL = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"

LINES = (
    Line(
        "server_args=",
        r"server_args=",
        source="python/sglang/srt/server.py, 0.3.6; entrypoints/engine.py, 0.4.6 to 0.5.23",
        settings=_ARGUMENTS,
        starts=True,
    ),
    Line(
        "Load weight end.",
        r"Load weight end\.(?: elapsed=[^,]{1,20},)? type=\w{1,100}, quant=[\w-]{1,60},"
        r"(?: bits=[^,]{1,20},)? quant_algo=(?P<quantization>[\w-]{1,60}),"
        rf".{{0,200}}? mem usage=(?P<weights_bytes>{_REAL}) (?P<weights_bytes_unit>GB)",
        source="the same of a checkpoint of ModelOpt, 0.5.10 and 0.5.23",
    ),
    Line(
        "Load weight end.",
        r"Load weight end\.(?: elapsed=[^,]{1,20},)?(?: type=\w{1,100},)?"
        r"(?: dtype=(?P<dtype>[\w.]{1,40}),)?(?: quant=(?P<quantization>[\w-]{1,60}),)?"
        rf".{{0,200}}? mem usage=(?P<weights_bytes>{_REAL}) (?P<weights_bytes_unit>GB)",
        source="python/sglang/srt/model_executor/model_runner.py, 0.4.6 to 0.5.23",
    ),
    Line(
        "Load weight end.",
        r"Load weight end\.(?: elapsed=[^,]{1,20},)?(?: type=\w{1,100},)?"
        r"(?: dtype=(?P<dtype>[\w.]{1,40}),)?(?: quant=(?P<quantization>[\w-]{1,60}),)?",
        source="python/sglang/srt/model_executor/model_runner.py, 0.3.6 and 0.4.1",
    ),
    Line(
        "KV Cache is allocated.",
        r"KV Cache is allocated\.(?: dtype: (?P<kv_cache_dtype>[\w.]{1,40}),)?"
        r"(?: #tokens: (?P<kv_cache_tokens>[0-9]{1,15}),)? "
        rf"K size: (?P<kv_cache_bytes>{_REAL}) GB, V size: (?P<plus_kv_cache_bytes>{_REAL}) GB",
        source="python/sglang/srt/mem_cache/memory_pool.py, 0.4.6 to 0.5.23",
    ),
    Line(
        "KV Cache is allocated.",
        r"KV Cache is allocated\.(?: dtype: (?P<kv_cache_dtype>[\w.]{1,40}),)?"
        rf" #tokens: (?P<kv_cache_tokens>[0-9]{{1,15}}), KV size: (?P<kv_cache_bytes>{_REAL}) GB",
        source="python/sglang/srt/mem_cache/memory_pool.py, of models with MLA, 0.4.6 to 0.5.23",
    ),
    Line(
        "Full KV Cache is allocated.",
        # Layers with windows have a pool of their own, on another line.
        r"Full KV Cache is allocated\. dtype: (?P<kv_cache_dtype>[\w.]{1,40}), "
        r"#tokens: (?P<kv_cache_tokens>[0-9]{1,15}),",
        source="python/sglang/srt/mem_cache/swa_memory_pool.py, 0.5.23",
    ),
    Line(
        "Post-capture KV sizing: KV cache allocated.",
        r"Post-capture KV sizing: KV cache allocated\. dtype: (?P<kv_cache_dtype>[\w.]{1,40}), "
        r"#tokens: (?P<kv_cache_tokens>[0-9]{1,15}), "
        rf"KV size: (?P<kv_cache_bytes>{_REAL}) GB",
        source="kv_pool_runtime.py in python/sglang/srt/model_executor, 0.5.23",
    ),
    Line(
        "SWAKVPool mem usage: ",
        rf"SWAKVPool mem usage: (?P<kv_cache_bytes>{_REAL}) GB, ",
        source="python/sglang/srt/mem_cache, memory_pool.py, 0.5.5; swa_memory_pool.py, 0.5.10",
    ),
    Line(
        "max_total_num_tokens=",
        r"max_total_num_tokens=(?P<kv_cache_tokens>[0-9]{1,15}), .{0,300}?"
        r"context_len=(?P<max_model_len>[0-9]{1,12})",
        source="python/sglang/srt/managers/scheduler.py, 0.3.6 to 0.5.23",
    ),
    Line(
        "Capture ",
        r"Capture (?:[\w ]{0,40})?(?:cuda|CUDA) graph end\..{0,60}?"
        rf"mem usage=(?P<cuda_graphs_bytes>{_REAL}) GB",
        source="model_runner.py, 0.4.6 to 0.5.10, and cuda_graph_setup.py, 0.5.23, in "
        "python/sglang/srt/model_executor",
        sets={Fact.CUDA_GRAPHS: True},
    ),
    Line(
        "Capture ",
        r"Capture (?:[\w ]{0,40})?(?:cuda|CUDA) graph end\.",
        source="python/sglang/srt/model_executor/model_runner.py, 0.4.1",
        sets={Fact.CUDA_GRAPHS: True},
    ),
    Line(
        "Cuda graph is disabled ",
        r"Cuda graph is disabled ",
        source="python/sglang/srt/server_args.py, 0.4.1 to 0.5.10; arg_groups, 0.5.23",
        sets={Fact.CUDA_GRAPHS: False},
        finding="no CUDA graphs were captured, so each step is launched kernel by kernel",
    ),
    Line(
        "The server is fired up and ready to roll!",
        r"The server is fired up and ready to roll!",
        source="python/sglang/srt/server.py, 0.3.6; entrypoints/http_server.py, 0.4.6 to 0.5.23",
        sets={Fact.READY: True},
    ),
    Line(
        "max_total_tokens=",
        r"max_total_tokens=[0-9]{1,15} is larger than the profiled value ",
        source="python/sglang/srt/model_executor/model_runner.py, 0.3.6 to 0.5.5; "
        "mem_cache/kv_cache_configurator.py, 0.5.23",
        finding="fewer tokens fit into the KV cache than were asked for",
    ),
    Line(
        "Using default W8A8 Block ",
        r"Using default W8A8 Block (?:FP8|INT8) kernel config",
        source="python/sglang/srt/layers/quantization/fp8_kernel.py, 0.4.6 to 0.5.10",
        finding="FP8 blocks run with default sizes of tiles: no tuned ones are there for this GPU",
        shared=True,
    ),
    Line(
        "KV cache pool is full. Retract requests.",
        r"KV cache pool is full\. Retract requests\.",
        source="python/sglang/srt/managers/scheduler.py, 0.4.9 to 0.5.23",
        finding="requests were retracted: the KV cache does not hold those that run at once",
    ),
    Line(
        "Decode out of memory happened.",
        r"Decode out of memory happened\.",
        source="python/sglang/srt/managers/scheduler.py, 0.3.6 to 0.4.6",
        finding="requests were retracted: the KV cache does not hold those that run at once",
    ),
    Line(
        "Scheduler hit an exception: ",
        r"Scheduler hit an exception: ",
        source="python/sglang/srt/managers/scheduler.py, 0.4.6 to 0.5.23",
        fails=True,
    ),
    Line(
        "ValueError: Loaded weights leave no GPU memory for the KV cache",
        r"ValueError: Loaded weights leave no GPU memory for the KV cache",
        source="python/sglang/srt/mem_cache/kv_cache_configurator.py, 0.5.23",
        fails=True,
    ),
    Line(
        "RuntimeError: Not enough memory.",
        r"RuntimeError: Not enough memory\. Please try to increase --mem-fraction-static",
        source="python/sglang/srt/model_executor/model_runner.py, 0.3.6 to 0.5.5; "
        "pool_configurator.py, 0.5.23",
        fails=True,
    ),
)

TABLE = Table(LINES, "sglang")
