"""What the arguments of an engine say of its start is what memory is judged for."""

import pytest

from nimprofile import RequestError, Server, Serving
from nimprofile.engines.arguments import as_started
from nimprofile.launch.server_spec import server_spec
from tests.support.launch.cases import plan_for

ASKED = {
    "max_model_len": 8192,
    "memory_fraction": 0.5,
    "kv_cache_dtype": "fp8",
    "max_num_seqs": 7,
    "max_num_batched_tokens": 4096,
    "eager": True,
}


def started(text, serving=None):
    return as_started(serving or Serving(), text.split(), "NIM_PASSTHROUGH_ARGS")


@pytest.mark.parametrize("server", [Server.VLLM, Server.SGLANG])
@pytest.mark.parametrize("field", ASKED)
def test_what_a_plan_says_of_an_engines_start_is_read_off_its_arguments(server, field):
    asked = Serving(**{field: ASKED[field]})
    argv = plan_for(server, case="tp1", **{field: ASKED[field]}).argv
    read = getattr(as_started(Serving(), argv, ""), field)
    formats = {"fp8_e4m3": "fp8"}  # as SGLang calls it
    assert getattr(asked, field) == formats.get(read, read)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("--max-model-len 4096", "max_model_len", 4096),
        ("--max-model-len=4096", "max_model_len", 4096),
        ("--max_model_len 4096", "max_model_len", 4096),
        ("--max-model 4096", "max_model_len", 4096),
        ("--max-model-len 8k", "max_model_len", 8000),
        ("--max-model-len 8K", "max_model_len", 8192),
        ("--max-model-len 1.5k", "max_model_len", 1500),
        ("--max-model-len 1 --max-model-len 2", "max_model_len", 2),
        ("--max_seq_len 4096", "max_model_len", 4096),
        ("--context-length 4096", "max_model_len", 4096),
        ("--gpu-memory-utilization 0.3", "memory_fraction", 0.3),
        ("--mem-fraction-static 0.3", "memory_fraction", 0.3),
        ("--free_gpu_memory_fraction 0.3", "memory_fraction", 0.3),
        ("--kv-cache-dtype fp8", "kv_cache_dtype", "fp8"),
        ("--kv-cache-dtype fp4_e2m1", "kv_cache_dtype", "nvfp4"),
        ("--kv-cache-dtype something_new", "kv_cache_dtype", "auto"),
        ("--max-num-seqs 8", "max_num_seqs", 8),
        ("--max-running-requests 8", "max_num_seqs", 8),
        ("--max_batch_size 8", "max_num_seqs", 8),
        ("--max_num_tokens 8", "max_num_batched_tokens", 8),
        ("--chunked-prefill-size -1", "max_num_batched_tokens", None),
        ("--disable-cuda-graph", "eager", True),
        ("--enforce-eager --no-enforce-eager", "eager", False),
    ],
)
def test_an_argument_decides_its_field(text, field, value):
    assert Serving(**{field: value}) == started(text)


def test_a_length_wins_over_the_longest_that_fits():
    assert Serving(max_model_len=4096) == started("--max-model-len 4096", Serving(fit_context=True))


def test_an_argument_wins_over_what_was_asked_for():
    asked = Serving(max_model_len=8192, memory_fraction=0.5)
    assert asked.replace(max_model_len=4096) == started("--max-model-len 4096", asked)


@pytest.mark.parametrize("auto", ["auto", "-1"])
def test_an_open_length_is_the_longest_that_fits_whatever_was_asked_for(auto):
    fits = Serving(max_model_len="auto")
    assert fits == started(f"--max-model-len {auto}", Serving(max_model_len=8192))
    assert Serving(max_model_len=4096) == started("--max-model-len 4096", fits)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--seed 7",
        "4096",
        "--max-model-len",
        "--max-model-len --seed",
        "--max-num 8",
        "--max 8",
        "-- --max-model-len 4096",
        "--max-lora-rank 64",
    ],
)
def test_other_arguments_decide_nothing(text):
    assert Serving() == started(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--max-model-len lots", "--max-model-len lots: .*is no number of tokens"),
        ("--max-model-len 0", "--max-model-len 0: .*is no number of tokens"),
        ("--max-num-seqs x", "--max-num-seqs x: no whole number above 0"),
        ("--gpu-memory-utilization 90", "--gpu-memory-utilization 90: no fraction above 0"),
        ("--gpu-memory-utilization nan", "--gpu-memory-utilization nan: no fraction above 0"),
    ],
)
def test_a_number_that_cannot_be_is_an_error_that_names_its_flag(text, said):
    with pytest.raises(RequestError, match=f"^NIM_PASSTHROUGH_ARGS: {said}"):
        started(text)


def test_every_flag_that_decides_memory_is_read():
    decisive = server_spec(Server.VLLM).flags.decisive
    memory = {flag for flag, decides in decisive.items() if "memory" in decides}
    counted = {flag for flag in memory if started(f"{flag} 1") != Serving()}
    uncounted = {"--kv-cache-memory-bytes", "--speculative-config", "--kv-cache-dtype"}
    assert memory - uncounted == counted
