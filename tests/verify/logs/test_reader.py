"""What logs tell: public logs of each server as they were recorded, and lines in their dresses."""

import json
import re

import pytest

from nimprofile.base.units import GIB
from nimprofile.verify.logs import nim, sglang, tensorrt_llm, triton, vllm
from nimprofile.verify.logs.last_start import last_start
from nimprofile.verify.logs.reader import MOST_SERVICES, MOST_TEXT, observations
from nimprofile.verify.observation import Fact
from tests.support.paths import CORPUS, DOCS

LOGS = {
    name: {
        row["id"]: row["log"]
        for row in map(json.loads, (CORPUS / "logs" / name).read_text("utf-8").splitlines())
    }
    for name in ("nim.jsonl", "engines.jsonl")
}
RUNS = {
    row["id"]: row
    for row in map(json.loads, (CORPUS / "memory" / "runs.jsonl").read_text("utf-8").splitlines())
}
MEASURED = {
    "weights_gib": (Fact.WEIGHTS_BYTES, GIB),
    "kv_cache_gib": (Fact.KV_CACHE_BYTES, GIB),
    "kv_cache_tokens": (Fact.KV_CACHE_TOKENS, 1),
    "kv_blocks": (Fact.KV_CACHE_BLOCKS, 1),
    "max_concurrency": (Fact.MAX_CONCURRENCY, 1),
    "cuda_graph_gib": (Fact.CUDA_GRAPHS_BYTES, GIB),
}
PROSE = {
    "028",
    "029",
    "030",
    "077",
    "089",
    "090",
    "091",
    "096",
    "097",
    "099",
    "108",
    "109",
    "110",
    "111",
    "112",
    "114",
    "120",
    "121",
    "122",
}
"""Runs whose figures stand in tables and sentences of their source, of which no line is a log's."""

CUT = {
    "038": {"kv_blocks"},
    "039": {"kv_blocks"},
    "078": {"kv_cache_gib"},
    "095": {"kv_cache_gib"},
    "103": {"kv_cache_gib", "kv_blocks", "max_concurrency"},
}
"""Figures that their source tells beside the log, or in a line that it cut."""


def values(lines, source="server.log"):
    start = last_start(observations(lines, source))
    return {fact: told[0].value for fact, told in start.items()}


def told(*lines):
    return {each.fact: each.value for each in observations(lines, "server.log")}


@pytest.mark.parametrize("case", sorted(LOGS["engines.jsonl"]))
def test_what_was_measured_comes_out_of_the_log_as_it_was_recorded(case):
    start = last_start(observations(LOGS["engines.jsonl"][case], case))
    for name, (fact, unit) in MEASURED.items():
        recorded = RUNS[case]["measured"].get(name)
        if recorded is None or case in PROSE or name in CUT.get(case, ()):
            continue
        # The record has one of the values that the processes of a server told.
        assert any(
            round(each.value / unit, 2) == pytest.approx(recorded, abs=0.006)
            for each in start[fact]
        ), name


@pytest.mark.parametrize("case", sorted(PROSE & LOGS["engines.jsonl"].keys()))
def test_prose_about_a_log_is_no_log(case):
    assert [] == list(observations(LOGS["engines.jsonl"][case], case))


def test_most_runs_have_a_log_that_is_read():
    read = [case for case, lines in LOGS["engines.jsonl"].items() if values(lines)]
    assert len(read) >= 90


def test_the_observation_names_its_log_its_line_and_its_process():
    line = (
        "(EngineCore pid=243) INFO 04-22 00:47:07 [v1/core/kv_cache_utils.py:1319] "
        "GPU KV cache size: 1,505,552 tokens"
    )
    tokens, engine = observations(["hello", line], "vllm.log")
    assert (Fact.KV_CACHE_TOKENS, 1_505_552) == (tokens.fact, tokens.value)
    assert ("vllm.log", "line 2", "EngineCore 243") == (tokens.source, tokens.place, tokens.process)
    assert "GPU KV cache size: 1,505,552 tokens" == tokens.text
    assert (Fact.ENGINE, "vllm") == (engine.fact, engine.value)


CONFIG = (
    "(EngineCore_DP0 pid=90) INFO 04-22 00:46:45 [core.py:77] Initializing a V1 LLM engine "
    "(v0.11.0) with config: model='nvidia/Llama, tensor_parallel_size=9', speculative_config=None, "
    "dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=4, pipeline_parallel_size=1, "
    "data_parallel_size=1, quantization=modelopt_fp4, enforce_eager=False, kv_cache_dtype=fp8, "
    "compilation_config={'level': 3, 'tensor_parallel_size': 7}"
)


def test_the_engine_of_vllm_tells_its_configuration():
    assert {
        Fact.ENGINE_VERSION: "0.11.0",
        Fact.MODEL: "nvidia/Llama, tensor_parallel_size=9",
        Fact.DTYPE: "bfloat16",
        Fact.MAX_MODEL_LEN: 8192,
        Fact.TP: 4,
        Fact.PP: 1,
        Fact.DP: 1,
        Fact.QUANTIZATION: "modelopt_fp4",
        Fact.KV_CACHE_DTYPE: "fp8",
        Fact.ENGINE: "vllm",
    } == told(CONFIG)


def test_an_engine_without_quantisation_says_so_and_arguments_do_not():
    config = CONFIG.replace("modelopt_fp4", "None").replace(
        "enforce_eager=False", "enforce_eager=True"
    )
    assert "none" == told(config)[Fact.QUANTIZATION]
    assert False is told(config)[Fact.CUDA_GRAPHS]
    arguments = told(
        "INFO 06-01 10:00:00 api_server.py:1] args: Namespace(quantization=None, dtype='auto')"
    )
    assert {Fact.ENGINE: "vllm"} == arguments


def test_the_profile_of_nim_is_told_with_its_tags():
    assert {
        Fact.PROFILE_ID: "978c8d57db934f94121ca835f5aa93b292199900a22d6085add5ea733f92648c",
        Fact.PROFILE_NAME: "tensorrt_llm-a100-bf16-tp4-throughput",
        Fact.ENGINE: "tensorrt_llm",
        Fact.PRECISION: "bf16",
        Fact.TP: 4,
        Fact.PP: 1,
        Fact.LORA: False,
        Fact.OBJECTIVE: "throughput",
        Fact.TAG: "feat_lora=false",
    } == values(LOGS["nim.jsonl"]["017"])
    tags = last_start(observations(LOGS["nim.jsonl"]["017"], ""))[Fact.TAG]
    assert "gpu_device=20b2:10de" in [each.value for each in tags]
    assert 8 == len(tags)


@pytest.mark.parametrize(
    ("case", "id"),
    [
        ("018", "8835c31752fbc67ef658b20a9f78e056914fdef0660206d82f252d62fd96064d"),
        ("023", "bfb2c8a2d4dceba7d2629c856113eb12f5ce60d6de4e10369b4b334242229cfa"),
        ("033", "f9db61d5a467d46be7733e90a26705798764b93d480c842143d525c1932b01e2"),
        ("034", "e28f17c9c13a99055d065f88d725bf93c23b3aab14acd68f16323de1353fc528"),
        ("039", "4e0d43c3245d0232d32bcca05648c98a70e9692518701cdd0cfd987acf5a3cfa"),
        ("045", "751382df4272eafc83f541f364d61b35aed9cce8c7b0c869269cea5a366cd08c"),
        ("058", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        ("062", "e28f17c9c13a99055d065f88d725bf93c23b3aab14acd68f16323de1353fc528"),
    ],
)
def test_each_generation_of_nim_tells_the_id_of_its_profile(case, id):
    assert id == values(LOGS["nim.jsonl"][case])[Fact.PROFILE_ID]


@pytest.mark.parametrize("case", ["020", "021", "065", "077"])
def test_a_nim_without_a_profile_fails_in_its_own_words(case):
    assert Fact.FAILURE in values(LOGS["nim.jsonl"][case])
    assert Fact.PROFILE_ID not in values(LOGS["nim.jsonl"][case])


def test_profiles_that_could_run_are_not_the_one_that_does():
    valid = "Valid profile: " + "a" * 64 + " (vllm-fp16-tp1) on GPUs [0]"
    assert {} == told(valid)


def test_sglang_tells_its_arguments_and_its_cache():
    assert {
        Fact.MODEL: "Qwen/Qwen2.5-7B",
        Fact.TP: 2,
        Fact.DP: 1,
        Fact.MEMORY_FRACTION: 0.88,
        Fact.CUDA_GRAPHS: True,
        Fact.ENGINE: "sglang",
        Fact.WEIGHTS_BYTES: 14 * GIB,
        Fact.DTYPE: "bfloat16",
        Fact.KV_CACHE_TOKENS: 10240,
        Fact.KV_CACHE_BYTES: 2 * round(0.47 * GIB),
        Fact.READY: True,
    } == told(
        "[2025-03-10 16:19:30] server_args=ServerArgs(model_path='Qwen/Qwen2.5-7B', tp_size=2, "
        "dp_size=1, quantization=None, context_length=None, kv_cache_dtype='auto', "
        "mem_fraction_static=0.88, disable_cuda_graph=False, api_key='x')",
        "[2025-03-10 16:21:21 TP1] Load weight end. type=Qwen2ForCausalLM, dtype=torch.bfloat16, "
        "avail mem=24.71 GB, mem usage=14.00 GB.",
        "[2025-03-10 16:21:21 TP1] KV Cache is allocated. #tokens: 10240, K size: 0.47 GB, V size: 0.47 GB",
        "[2025-03-10 16:21:31 TP1] Capture cuda graph end. Time elapsed: 9.40 s",
        "[2025-03-10 16:21:40] The server is fired up and ready to roll!",
    )


def test_of_tensorrt_llm_the_last_cache_counts():
    lines = [
        "[TensorRT-LLM] TensorRT-LLM version: 1.2.0rc2",
        (
            "[TensorRT-LLM][INFO] Max KV cache blocks per sequence: 8 [window size=262], tokens "
            "per block=32, primary blocks=257, secondary blocks=0, max sequence length=263"
        ),
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 0.56 GiB for max tokens in paged KV cache (8224).",
        "[02/14/2025-09:38:53] [TRT-LLM] [I] max_seq_len=131072, max_num_requests=2048, max_num_tokens=8192",
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 26.91 GiB for max tokens in paged KV cache (220480).",
        "INFO:     Application startup complete.",
    ]
    assert {
        Fact.ENGINE: "tensorrt_llm",
        Fact.ENGINE_VERSION: "1.2.0rc2",
        Fact.BLOCK_SIZE: 32,
        Fact.KV_CACHE_BLOCKS: 257,
        Fact.KV_CACHE_BYTES: round(26.91 * GIB),
        Fact.KV_CACHE_TOKENS: 220480,
        Fact.MAX_MODEL_LEN: 131072,
        Fact.READY: True,
    } == values(lines)


def test_triton_is_ready_when_it_listens():
    line = "I1030 22:33:28.292879 1 http_server.cc:4497] Started HTTPService at 0.0.0.0:8000"
    assert {Fact.READY: True} == told(line)


@pytest.mark.parametrize(
    "line",
    [
        "error: creating server: Internal - failed to load all models",
        "(EngineCore pid=9) ERROR 06-01 10:00:00 [core.py:398] EngineCore encountered a fatal error.",
        "[2026-06-07 18:31:49 TP0] Scheduler hit an exception: Traceback (most recent call last):",
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.25 GiB. GPU 1 has a "
            "total capacity of 93.02 GiB of which 1.18 GiB is free."
        ),
        "torch.cuda.OutOfMemoryError: CUDA out of memory.",
        "ERROR 07-23 22:27:24 utils.py:21] Could not match a profile in manifest",
    ],
)
def test_a_server_that_fails_says_why(line):
    assert Fact.FAILURE in told(line)


def test_the_id_of_a_profile_may_be_any_word_and_a_name_may_have_brackets():
    line = "Selected profile: 70b-trt-engine (my (own) engine)"
    assert {Fact.PROFILE_ID: "70b-trt-engine", Fact.PROFILE_NAME: "my (own) engine"} == told(line)
    assert {Fact.PROFILE_ID: "e2f00b2c…", Fact.PROFILE_NAME: "vllm"} == values(
        LOGS["nim.jsonl"]["057"][2:]
    )


def test_the_blocks_of_old_engines_are_tokens_where_the_size_of_a_block_follows():
    lines = [
        "INFO 12-06 14:08:01 gpu_executor.py:113] # GPU blocks: 7366, # CPU blocks: 8192",
        "INFO 12-06 14:08:01 gpu_executor.py:117] Maximum concurrency for 105088 tokens per request: 1.12x",
    ]
    assert 7366 * 16 == told(*lines)[Fact.KV_CACHE_TOKENS]
    assert Fact.KV_CACHE_TOKENS not in told(lines[0])


def test_the_last_start_of_a_log_counts():
    again = CONFIG.replace("tensor_parallel_size=4", "tensor_parallel_size=8").replace(
        "pid=90", "pid=91"
    )
    log = [CONFIG, "ValueError: No available memory for the cache blocks.", again]
    assert 8 == values(log)[Fact.TP]
    assert Fact.FAILURE not in values(log)
    assert "line 3" == next(each.place for each in observations(log, "") if each.fact is Fact.START)


def test_engines_side_by_side_are_one_start():
    other = CONFIG.replace("EngineCore_DP0 pid=90", "EngineCore_DP1 pid=91")
    assert Fact.START not in told(CONFIG, other)


def test_the_ranks_of_tensorrt_llm_are_one_start():
    version = "[TensorRT-LLM] TensorRT LLM version: 1.2.0"
    begin = "[11/22/2025-11:19:23] [TRT-LLM] [I] Using LLM with PyTorch backend"
    seen = "[TensorRT-LLM][INFO] MPI size: 2, MPI local size: 2, rank: 0"
    assert Fact.START not in told(version, begin, seen, version, version)
    assert {Fact.ENGINE: "tensorrt_llm", Fact.ENGINE_VERSION: "1.2.0"} == values(
        [version, begin, seen, version, begin, version]
    )


def test_a_fact_is_told_once_by_each_process():
    first = "(Worker_TP0 pid=1) INFO 02-02 13:19:10 [a.py:1] Model loading took 9.8 GiB memory and 1 seconds"
    second = first.replace("Worker_TP0 pid=1", "Worker_TP1 pid=2")
    seen = [each.process for each in observations([first, second, first, second], "")]
    assert ["Worker_TP0 1", "Worker_TP0 1", "Worker_TP1 2"] == seen


@pytest.mark.parametrize(
    "line",
    [
        "INFO 04-22 00:46:45 [logger.py:39] Received request cmpl-1: prompt: 'GPU KV cache size: 5 tokens'",
        "[2025-03-10 16:21:31] Receive: obj=GenerateReqInput(text='max_total_num_tokens=5, context_len=7')",
        "Application shutdown complete. GPU KV cache size: 5 tokens",
    ],
)
def test_what_a_request_says_is_no_message_of_the_server(line):
    assert {} == told(line)


def test_secrets_among_arguments_are_not_repeated():
    line = (
        "INFO 04-22 15:13:39 [utils.py:233] non-default args: {'api_key': ['sk-0123456789abcdefghij'], "
        "'tensor_parallel_size': 2, 'hf_token': 'hf_abcdefghijklmnopqrstuvwxyz012345'}"
    )
    seen = [each for each in observations([line], "") if each.fact is Fact.TP]
    assert 2 == seen[0].value
    assert not any(
        "0123456789abcdefghij" in each.text or "hf_abc" in each.text
        for each in observations([line], "")
    )


def test_texts_are_short_whatever_a_line_holds():
    line = "ValueError: No available memory for the cache blocks" + "x" * 5000
    assert all(len(each.text) <= MOST_TEXT + 1 for each in observations([line], ""))
    assert all(len(str(each.value)) <= 201 for each in observations([line], ""))


def test_the_logo_of_vllm_tells_its_version_and_its_model():
    head = "(APIServer pid=1) INFO 11-02 10:00:00 [utils.py:299] "
    assert {
        Fact.ENGINE_VERSION: "0.26.0",
        Fact.MODEL: "openai/gpt-oss-20b",
        Fact.ENGINE: "vllm",
    } == told(
        f"{head}       █     █     █▄   ▄█",
        f"{head} ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.26.0",
        f"{head}  █▄█▀ █     █     █     █  model   openai/gpt-oss-20b",
        f"{head}   ▀▀  ▀▀▀▀▀ ▀▀▀▀▀ ▀     ▀",
    )


@pytest.mark.parametrize(
    ("line", "fact", "value"),
    [
        ("Using AttentionBackendEnum.FLASHINFER backend.", Fact.ATTENTION_BACKEND, "flashinfer"),
        (
            "Using FLASH_ATTN attention backend out of potential backends: ['A'].",
            Fact.ATTENTION_BACKEND,
            "flash_attn",
        ),
        ("Using Triton backend on V1 engine.", Fact.ATTENTION_BACKEND, "triton"),
        ("Using Flash Attention backend.", Fact.ATTENTION_BACKEND, "flash attention"),
        ("Using Marlin backend", Fact.KERNEL, "marlin"),
        ("Using FlashInfer MXFP4 MXFP8 CUTLASS backend for SM100", Fact.KERNEL, "flashinfer"),
        (
            "Using FlashInferCutlassNvFp4LinearKernel for NVFP4 GEMM",
            Fact.KERNEL,
            "flashinfer_cutlass",
        ),
        ("Using MarlinLinearKernel for GPTQMarlinLinearMethod", Fact.KERNEL, "marlin"),
        (
            "Using MacheteLinearKernel for CompressedTensorsWNA16",
            Fact.KERNEL,
            "machete",
        ),
        (
            "Using DEEPGEMM Fp8 MoE backend out of potential backends: ['A'].",
            Fact.KERNEL,
            "deepgemm",
        ),
        ("Using 'MARLIN' Mxfp4 MoE backend.", Fact.KERNEL, "marlin"),
        (
            "Using 'FLASHINFER_TRTLLM_MXFP4_BF16' Mxfp4 MoE backend.",
            Fact.KERNEL,
            "flashinfer_trtllm",
        ),
        (
            "Using FlashInfer CUTLASS Unquantized MoE backend out of potential backends: []",
            Fact.KERNEL,
            "flashinfer_cutlass",
        ),
        ("Using DeepGemmFp8BlockScaledMMKernel for Fp8LinearMethod", Fact.KERNEL, "deepgemm"),
        (
            "Selected CutlassFP8ScaledMMLinearKernel for CompressedTensorsW8A8Fp8",
            Fact.KERNEL,
            "cutlass",
        ),
        ("Using TRITON backend for Unquantized MoE", Fact.KERNEL, "triton"),
        ("rank 3 in world size 8 is assigned as DP rank 0, PP rank 0, TP rank 3", Fact.GPUS, 8),
    ],
)
def test_vllm_tells_its_kernels_and_its_ranks(line, fact, value):
    assert {fact: value, Fact.ENGINE: "vllm"} == told(f"INFO 06-01 10:00:00 [a.py:1] {line}")


def test_a_backend_of_which_it_is_not_said_whose_it_is_tells_nothing():
    assert {} == told("INFO 06-01 10:00:00 [mxfp4.py:96] Using Triton backend")


def test_tensorrt_llm_tells_its_arguments_on_the_line_below():
    assert {
        Fact.MODEL: "nvidia/Llama 8B",
        Fact.TP: 4,
        Fact.PP: 1,
        Fact.DTYPE: "bfloat16",
        Fact.ENGINE: "tensorrt_llm",
    } == told(
        "[02/14/2025-09:38:53] [TRT-LLM] [I] LLM Args:",
        "model='nvidia/Llama 8B' tokenizer=None tensor_parallel_size=4 pipeline_parallel_size=1 "
        "dtype='bfloat16' kv_cache_config=KvCacheConfig(dtype='auto', max_tokens=None) max_seq_len=None",
    )


def test_a_checkpoint_of_modelopt_tells_its_format_to_tensorrt_llm():
    assert {
        Fact.QUANTIZATION: "nvfp4",
        Fact.KV_CACHE_DTYPE: "FP8",
        Fact.CUDA_GRAPHS: True,
        Fact.ENGINE: "tensorrt_llm",
    } == told(
        "[TRT-LLM] [I] Setting quant_algo=NVFP4 form HF quant config.",
        "[06/10/2026-06:29:17] [TRT-LLM] [I] Setting kv_cache_quant_algo=FP8 from HF quant config.",
        "[06/10/2026-06:29:17] [TRT-LLM] [I] Run generation-only CUDA graph warmup for batch size=64, draft_len=0",
    )


def test_an_engine_of_tensorrt_llm_tells_its_size_and_its_ranks():
    assert {
        Fact.ENGINE: "tensorrt_llm",
        Fact.GPUS: 4,
        Fact.MAX_MODEL_LEN: 2048,
        Fact.WEIGHTS_BYTES: 3404 << 20,
        Fact.KV_CACHE_BYTES: 21_705_523_200,
        Fact.KV_CACHE_TOKENS: 220_800,
    } == told(
        "[TensorRT-LLM][INFO] MPI size: 4, MPI local size: 4, rank: 0",
        "[TensorRT-LLM][INFO] TRTGptModel maxSequenceLen: 2048",
        "[TensorRT-LLM][INFO] Loaded engine size: 3404 MiB",
        "[TensorRT-LLM][INFO] Allocate 21705523200 bytes for k/v cache.",
        "[TensorRT-LLM][INFO] Using 220800 tokens in paged KV cache.",
    )


def test_a_checkpoint_of_modelopt_tells_its_format_to_sglang():
    line = (
        "[2026-06-07 18:31:49] Load weight end. elapsed=20.11 s, type=Qwen3ForCausalLM, "
        "quant=modelopt, quant_algo=NVFP4, avail mem=108.97 GB, mem usage=3.27 GB."
    )
    assert "nvfp4" == told(line)[Fact.QUANTIZATION]
    assert (
        "fp8"
        == told(line.replace("quant=modelopt, quant_algo=NVFP4", "quant=fp8, fmt=e4m3"))[
            Fact.QUANTIZATION
        ]
    )


def _told_by(table, *more):
    facts = {Fact.FAILURE, *more, *([Fact.ENGINE] if table.engine else [])}
    for line in table.lines:
        named = {*re.findall(r"\?P<(\w+)>", line.expression)}
        facts |= {fact for fact in Fact if fact in named}
        facts |= {*line.sets, *(line.settings or {}).values()}
        facts |= {Fact.FINDING} if line.finding else set()
    return facts


SERVERS = {
    "NIM": _told_by(nim.TABLE, Fact.MODEL, Fact.TAG, Fact.READY, *nim.TAGS.values()),
    "vLLM": _told_by(vllm.TABLE, Fact.READY),
    "SGLang": _told_by(sglang.TABLE),
    "TensorRT-LLM": _told_by(tensorrt_llm.TABLE, Fact.READY, *tensorrt_llm.ARGUMENTS.values()),
    "Triton": _told_by(triton.TABLE),
}


def test_the_page_says_which_facts_each_log_tells():
    rows = [
        f"| `{fact}` | {' | '.join('yes' if fact in facts else '' for facts in SERVERS.values())} |"
        for fact in Fact
        if any(fact in facts for facts in SERVERS.values())
    ]
    head = f"| fact | {' | '.join(SERVERS)} |"
    page = (DOCS / "verify.md").read_text(encoding="utf-8")
    assert "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows]) in page


@pytest.mark.parametrize(
    "line",
    [
        "Using default W8A8 Block FP8 kernel config. Performance might be sub-optimal!",
        "Using default MoE config. Performance might be sub-optimal! Config file not found at x",
        "Your GPU does not have native support for FP8 computation but FP8 quantization is used.",
    ],
)
def test_a_line_that_several_engines_print_tells_none(line):
    log = [
        "[2025-07-08 06:56:33] server_args=ServerArgs(tp_size=8)",
        f"[2025-07-08 06:56:40 TP0] {line}",
    ]
    told = [*observations(log, "a.log")]
    assert ["sglang"] == [each.value for each in told if each.fact is Fact.ENGINE]
    assert [2] == [int(each.place[5:]) for each in told if each.fact is Fact.FINDING]


@pytest.mark.parametrize("before", ["llama-{}  | ", "[pod/llama-{}/server] "])
def test_servers_of_several_services_in_one_log_are_told_apart(before):
    log = [
        before.format(service) + text
        for service, tp in (("a", 4), ("b", 8))
        for text in (
            "INFO 04-22 00:46:45 [a.py:1] vLLM API server version 0.9.0",
            f"INFO 04-22 00:46:45 [a.py:1] non-default args: {{'tensor_parallel_size': {tp}}}",
        )
    ]
    told = [*observations(log, "a.log")]
    assert Fact.START not in {each.fact for each in told}
    sizes = {each.source: each.value for each in told if each.fact is Fact.TP}
    assert [4, 8] == [*sizes.values()]
    assert all(source.startswith("a.log (") for source in sizes)


def test_of_more_services_than_are_told_apart_the_rest_is_one():
    log = [f"s{number} | Application startup complete." for number in range(2 * MOST_SERVICES)]
    assert MOST_SERVICES + 1 >= len({each.source for each in observations(log, "a.log")})


@pytest.mark.parametrize(
    "line",
    [
        "args: Namespace(port=8000, api_key='s3kr1t', tensor_parallel_size=4)",
        "non-default args: {'api_key': ['s3kr1t'], 'tensor_parallel_size': 4}",
        "server_args=ServerArgs(api_key='s3kr1t', tp_size=4)",
        "RuntimeError: Engine core initialization failed: vllm serve --hf-token s3kr1t",
    ],
)
def test_a_key_among_the_arguments_of_a_server_is_not_told(line):
    told = [*observations([line], "a.log")]
    assert told
    assert "s3kr1t" not in repr(told)
