"""vLLM: what it serves and what it holds of a GPU, release by release; tables of data."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import gib
from nimprofile.engines.overheads import Overheads
from nimprofile.engines.spec import EngineSpec
from nimprofile.engines.support import ANY_VERSION, HALF, PLAIN, Served, since, ways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


SORTED_LOGIT = 36.4
"""vLLM whose sampler sorts all logits: 32-bit logits, sorted values, 64-bit indices and scratch.

Activation peaks over logits in 17 logs of 0.4 to 0.16, vocabularies of 32,768 to 201,088: 38.0 to
39.5 bytes, 2 of them the 16-bit logits. 1.25 GB at 256 x 131,072 in vLLM pull request 32558.
"""


SELECTED_LOGIT = 13.0
"""vLLM whose sampler selects without sorting: 32-bit logits, probabilities and noise.

FlashInfer's where it is installed, as in the official image of 0.8.5 to 0.10 (docker/Dockerfile),
and again from 0.21; vLLM's own from 0.17 (pull request 33538). 15.0 bytes, 2 of them the logits, in
18 logs of 0.19; 384 MB at 256 x 131,072 in pull request 32558.
"""


_VLLM_FILES = "vLLM's engine/arg_utils.py, config/cache.py and envs.py"


_V0 = Overheads(
    since="0",
    newest="0.7.3",
    source=f"{_VLLM_FILES} at 0.6.6; logs of its V0 engine, 0.4 to 0.8",
    fraction=0.9,
    batched_tokens=2048,
    batched_tokens_large=2048,
    seqs=256,
    seqs_large=256,
    context_bytes=gib(0.1),
    parallel_bytes=gib(0.4),
    parallel_bytes_large=gib(0.75),
    graph_bytes=(gib(0.03), gib(0.4), gib(1.9)),
    asks_at_start=True,
    logit_bytes=SORTED_LOGIT,
    unchunked_below=32768,
    encoder_bytes=gib(2.5),  # llm-d-planner, capacity_planner.py, 2026-04: multimodal models
    images_at_once=True,
    hybrid=False,
    merge=1.25,
    own_kv_format=False,
    prints_requests=False,
)


_V1 = _V0.replace(
    since="0.8",
    newest="0.8.4",
    source=f"{_VLLM_FILES} at 0.8.3",
    batched_tokens_large=8192,
    large_names=("h100", "h200"),
    seqs=1024,
    seqs_large=1024,
    parallel_bytes_large=gib(0.4),
    unchunked_below=0,
    images_at_once=False,
)


_BY_SIZE = _V1.replace(
    since="0.8.5",
    newest="0.8.5",
    source=f"{_VLLM_FILES} at 0.8.5",
    large_names=(),
    a100_large=True,
    seqs=256,
    logit_bytes=SELECTED_LOGIT,
    logit_bytes_high=SORTED_LOGIT,
)


_SMALL_A100 = _BY_SIZE.replace(
    since="0.9", newest="0.9.1", source=f"{_VLLM_FILES} at 0.9.0", a100_large=False
)


_HYBRID = _SMALL_A100.replace(
    since="0.9.2",
    newest="0.10.2",
    source=f"{_VLLM_FILES} at 0.9.2 to 0.10.2",
    context_bytes=gib(0.13),
    parallel_bytes=gib(0.55),
    parallel_bytes_large=gib(0.55),
    graph_bytes=(0, gib(0.8), gib(1.9)),
    hybrid=True,
    merge=1.0,
)


_SORTING = _HYBRID.replace(
    since="0.11",
    newest="0.11.0",
    source=f"{_VLLM_FILES} at 0.11.0; llm-d-planner's logs",
    logit_bytes=SORTED_LOGIT,
    logit_bytes_low=SELECTED_LOGIT,
    logit_bytes_high=None,
)


_MERGING = _SORTING.replace(
    since="0.12",
    newest="0.16.0",
    source=f"{_VLLM_FILES} and v1/core/kv_cache_utils.py at 0.12.0 to 0.16.0; llm-d-planner's logs",
    merge=1.25,
)


_SELECTING = _MERGING.replace(
    since="0.17",
    newest="0.17.0",
    source=f"{_VLLM_FILES} at 0.17.0; llm-d-planner's logs of 0.17.0 and 0.19.0",
    logit_bytes=SELECTED_LOGIT,
    logit_bytes_low=None,
    context_bytes=gib(0.25),
    parallel_bytes=gib(0.8),  # seven logs of two RTX 3090 or 5090, 0.20 to 0.27: 0.3 to 1.4 GiB
    parallel_bytes_large=gib(2.1),
    graph_bytes=(gib(0.5), gib(0.84), gib(1.9)),
    encoder_bytes=0,
    own_kv_format=True,
)


_WIDER_MERGE = _SELECTING.replace(
    since="0.18",
    newest="0.19.0",
    source=f"{_VLLM_FILES} at 0.18.0 and 0.19.0; llm-d-planner's logs of 0.19.0",
    merge=1.5,
)


_GRAPHS = _WIDER_MERGE.replace(
    since="0.20",
    newest="0.25.0",
    source=f"{_VLLM_FILES} at 0.20.0 to 0.25.0; other figures from logs of 0.19.0",
    fraction=0.92,
    graphs_counted=True,
)


_PRINTS_REQUESTS = _GRAPHS.replace(since="0.21", prints_requests=True)


_IN_FLIGHT = _PRINTS_REQUESTS.replace(
    since="0.27",
    newest="0.27.0",
    source=f"{_VLLM_FILES} and v1/kv_cache_interface.py at 0.27.0; other figures from logs of "
    "0.19.0",
    state_pages=2,
    steps_in_flight=2,
)


_HUGE = _IN_FLIGHT.replace(
    since="0.29",
    newest="0.33.0",
    source=f"{_VLLM_FILES} and v1/kv_cache_interface.py at 0.29.0 to 0.33.0; other figures from "
    "logs of 0.19.0",
    batched_tokens_huge=16384,
)


VLLM = (
    *(_V0, _V1, _BY_SIZE, _SMALL_A100, _HYBRID, _SORTING, _MERGING, _SELECTING, _WIDER_MERGE),
    *(_GRAPHS, _PRINTS_REQUESTS, _IN_FLIGHT, _HUGE),
)
"""vLLM from release to release, oldest first."""


_BF16, _FP16, _FP8 = Precision.BF16, Precision.FP16, Precision.FP8
_INT8, _INT4, _AWQ = Precision.INT8, Precision.INT4, Precision.INT4_AWQ
_MXFP4, _NVFP4 = Precision.MXFP4, Precision.NVFP4

FORMATS = (
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


REFUSES_FLOAT16 = frozenset({"gemma2", "gemma3", "glm4"})
"""Models that vLLM does not run in 16-bit floats (config/model.py at 0.33.0); below 8.0 that is all
there is."""


# vllm/model_executor/models/registry.py of the packages 0.6.0 to 0.33.0; the first
# that has it. Sparse attention (GPUs from 9.0): the backends of v1/attention/backends/mla.
MODELS: Mapping[str, Served] = {
    **dict.fromkeys(
        (
            *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "deepseek_v2", "gemma"),
            *("gemma2", "phi", "phi3", "starcoder2", "granite", "cohere", "opt", "jamba"),
        ),
        ANY_VERSION,
    ),
    "qwen2_vl": since("0.6.1"),
    "mllama": Served(">=0.6.2,<0.11"),
    "olmoe": since("0.6.2"),
    "granitemoe": since("0.6.3"),
    "olmo2": since("0.6.5"),
    "cohere2": since("0.6.5"),
    "deepseek_v3": since("0.6.6"),
    "llava": since("0.6.6"),
    "llava_next": since("0.6.6"),
    "qwen2_audio": since("0.6.6"),
    "qwen2_5_vl": since("0.7.2"),
    "bamba": Served(">=0.7.3,<0.24"),
    "gemma3": since("0.8.0"),
    "llama4": since("0.8.3"),
    "mistral3": since("0.8.3"),
    "qwen3": since("0.8.4"),
    "qwen3_moe": since("0.8.4"),
    "glm4": since("0.8.4"),
    "granitemoehybrid": since("0.9.0"),
    "nemotron_h": since("0.9.1"),
    "ernie4_5_moe": since("0.9.2"),
    "kimi_k2": since("0.10.0"),
    "glm4_moe": since("0.10.0"),
    "exaone4": since("0.10.0"),
    "gpt_oss": since("0.10.1"),
    "ernie4_5": since("0.10.1"),
    "smollm3": since("0.10.1"),
    "qwen3_next": since("0.10.2"),
    "seed_oss": since("0.10.2"),
    "qwen3_vl": since("0.11.0"),
    "qwen3_vl_moe": since("0.11.0"),
    "olmo3": since("0.11.0"),
    "deepseek_v32": Served(">=0.11.0", capability=">=9.0"),
    "minimax_m2": since("0.11.1"),
    "glm4_moe_lite": since("0.15.0"),
    "kimi_k25": since("0.15.0"),
    "glm_moe_dsa": Served(">=0.16.0", capability=">=9.0"),
    "qwen3_5": since("0.17.0"),
    "qwen3_5_moe": since("0.17.0"),
    "gemma4": since("0.19.0"),
    "deepseek_v4": Served(">=0.20.0", capability=">=9.0"),
}


SPEC = EngineSpec(
    engine=Engine.VLLM,
    label="vLLM",
    newest="0.33.0",
    formats=ways(Engine.VLLM, FORMATS),
    models=MODELS,
    overheads=VLLM,
    fraction_flag="--gpu-memory-utilization",
    falls_back=True,  # docs/models/supported_models.md, "Transformers"
    refuses_float16=REFUSES_FLOAT16,
    # features/quantization/fp8.md up to 0.18, "you need enough memory to load the whole model"; its
    # fp8.py streams since 0.14.
    loads_whole="<0.14",
    # fused_moe/oracle/fp8.py, refine_fp8_moe_block_shape.
    refines_blocks=">=0.29",
    caches_chunks=False,  # off by default, 0.9 to 0.33
    caches_compressors=True,
    uuids_from="0.24",  # before, CUDA_VISIBLE_DEVICES is read as numbers (vllm/platforms/cuda.py)
    format_notes={"bitsandbytes": "needs the package vllm-bnb-plugin from 0.28 on"},
)
