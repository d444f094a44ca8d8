"""Arguments of the operator's: what adds stays, what was counted stays, what contradicts does not."""

import pytest

from nimprofile import LaunchError, Server, parse_manifest
from nimprofile.launch.judged.ranks import DECIDED_RANKS
from nimprofile.launch.server_spec import server_spec
from tests.support.launch.cases import manifest_text, on_load, plan_for

CONTRADICTIONS = {
    Server.VLLM: [
        ("-tp", "4"),
        ("--tensor_parallel_size=4",),
        ("--tensor-parallel-size",),
        ("-pp", "2"),
        ("--data-parallel-size", "4"),
        ("--dtype", "float16"),
        ("--dtype", "float32"),
        ("--quantization", "fp8"),
        ("-q", "bitsandbytes"),
        ("-qawq",),
        ("-t", "4"),
        ("--quantization-config", "{}"),
        ("--load-format", "bitsandbytes"),
        ("--hf-overrides", '{"num_hidden_layers": 4}'),
        ("--hf-overrides.num_hidden_layers", "4"),
        ("--hf_config_path=elsewhere",),
        ("--nnodes", "2"),
        ("-n2",),
        ("-dcp", "2"),
        ("--model", "acme/other"),
        ("--max-model-len", "4096"),
        ("--gpu-memory-utilization", "0.5"),
        ("--kv-cache-memory-bytes", "1000"),
        ("--kv-cache-dtype", "turbo"),
        ("--config", "file.yaml"),
    ],
    Server.SGLANG: [
        ("--tp", "4"),
        ("--dp-size", "2"),
        ("--data-parallel", "2"),
        ("--nnodes=2",),
        ("--json-model-override-args", '{"num_hidden_layers": 4}'),
        ("--modelopt-quant", "fp8"),
        ("--quantize-and-serve",),
        ("--load-format", "bitsandbytes"),
        ("--torchao-config", "int4wo-128"),
        ("--mem-fraction-static", "0.5"),
        ("--context-length", "4096"),
        ("--config", "file.yaml"),
    ],
    Server.TENSORRT_LLM: [
        ("--tp_size", "4"),
        ("--pp_size=2",),
        ("--context_parallel_size", "2"),
        ("--config", "file.yaml"),
        ("--extra_llm_api_options", "file.yaml"),
        ("--max_seq_len", "4096"),
        ("--kv_cache_dtype", "fp8"),
    ],
    Server.TRITON: [
        ("--model-repository", "/elsewhere"),
        ("--load-model", "another"),
        ("--model-control-mode", "none"),
    ],
    Server.NIM: [("--tensor-parallel-size", "4"), ("--quantization", "fp8"), ("-qawq",)],
}
ADDITIONS = {
    Server.VLLM: [
        ("--seed", "7"),
        ("-tp", "1"),
        ("-pp=1",),
        ("-dp", "1"),
        ("-n1",),
        ("-O3",),
        ("--load-format", "safetensors"),
        ("--revision", "main"),
        ("--dtype", "bfloat16"),
        ("--dtype", "auto"),
        ("--enable-prefix-caching",),
        ("--max-model-len", "auto"),
        ("--kv-cache-dtype", "auto"),
    ],
    Server.SGLANG: [("--tp", "1"), ("--dtype", "auto"), ("--enable-metrics",)],
    Server.TENSORRT_LLM: [("--tp_size", "1"), ("--log_level", "info")],
    Server.TRITON: [("--log-verbose", "1")],
    Server.NIM: [("--tensor-parallel-size", "1"), ("--seed", "7")],
}


def each(table):
    return [(server, extra) for server, rows in table.items() for extra in rows]


@pytest.mark.parametrize(("server", "extra"), each(CONTRADICTIONS))
def test_what_contradicts_is_refused(server, extra):
    with pytest.raises(LaunchError, match=r"^your .* contradicts what was judged, "):
        plan_for(server, extra=extra)


@pytest.mark.parametrize(("server", "extra"), each(ADDITIONS))
def test_what_adds_or_says_the_same_stays(server, extra):
    assert set(extra) <= set(plan_for(server, extra=extra).argv)


@pytest.mark.parametrize(
    ("words", "serving"),
    [
        (("--max-model-len", "8k"), {"max_model_len": 8000}),
        (("--max-model-len", "8K"), {"max_model_len": 8192}),
        (("--gpu-memory-utilization", "0.80"), {"memory_fraction": 0.8}),
        (("--kv-cache-dtype", "fp8_e5m2"), {"kv_cache_dtype": "fp8_e5m2"}),
    ],
)
def test_what_was_counted_contradicts_nothing(words, serving):
    assert set(words) <= set(plan_for(Server.VLLM, extra=words, **serving).argv)


@pytest.mark.parametrize(
    ("server", "words", "note"),
    [
        (Server.VLLM, ("--revision=v2",), "--revision=v2 changes"),
        (Server.SGLANG, ("--revision", "v2"), "--revision v2 changes"),
        (Server.TENSORRT_LLM, ("--revision", "v2"), "--revision v2 changes"),
        (Server.VLLM, ("--load-format", "dummy"), "--load-format dummy changes"),
    ],
)
def test_what_may_change_the_weights_is_noted(server, words, note):
    notes = plan_for(server, extra=words).notes
    assert any(one.startswith(f"your {note} what was selected: ") for one in notes)


def test_a_refusal_quotes_the_flag_as_it_was_typed():
    with pytest.raises(LaunchError, match=r"^your -qawq \(--quantization awq\) contradicts"):
        plan_for(Server.VLLM, extra=("-qawq",))


def test_a_variable_of_tritons_engine_is_read_as_the_engine_reads_it():
    with pytest.raises(LaunchError, match=r"your -tp 4 \(--tensor-parallel-size 4\) contradicts"):
        plan_for(Server.TRITON, passthrough=("-tp", "4"))


@pytest.mark.parametrize(
    ("engine", "words"), [("sglang", ("--tp", "4")), ("tensorrt_llm", ("--tp_size", "4"))]
)
def test_a_nim_hands_arguments_to_its_engine_which_reads_them_by_its_own_names(engine, words):
    with pytest.raises(LaunchError, match=r"your .* 4\)? contradicts what was judged"):
        plan_for(Server.NIM, engine=engine, extra=words)


def test_the_last_of_a_name_is_what_counts():
    argv = plan_for(Server.VLLM, passthrough=("-tp", "4"), extra=("-tp", "1")).argv
    assert ("-tp", "4", "-tp", "1") == argv[-4:]


@pytest.mark.parametrize("value", ["fp8", "fp8_per_tensor"])
def test_what_is_made_on_load_may_be_said_again(value):
    argv = plan_for(None, manifest=on_load("vllm"), extra=("--quantization", value)).argv
    assert ("--quantization", value) == argv[-2:]


@pytest.mark.parametrize("value", ["modelopt", "modelopt_fp8"])
def test_what_the_checkpoint_is_stored_in_may_be_said(value):
    stored = parse_manifest(manifest_text("vllm", {"precision": "fp8"}))
    assert value in plan_for(Server.VLLM, manifest=stored, extra=("-q", value)).argv


@pytest.mark.parametrize(("value", "fine"), [("bfloat16", True), ("half", True), ("float", False)])
def test_what_is_not_quantised_has_either_format_of_16_bits(value, fine):
    stored = parse_manifest(manifest_text("vllm", {"precision": "fp8"}))
    if fine:
        assert value in plan_for(Server.VLLM, manifest=stored, extra=("--dtype", value)).argv
        return
    with pytest.raises(LaunchError, match="select for it with --tags precision=fp32"):
        plan_for(Server.VLLM, manifest=stored, extra=("--dtype", value))


def test_a_context_that_was_cut_is_not_left_to_the_engine():
    with pytest.raises(LaunchError, match="leave it out: 131072 tokens were judged"):
        plan_for(Server.VLLM, model="acme/llama", extra=("--max-model-len", "auto"))


@pytest.mark.parametrize(
    ("extra", "fix"),
    [
        (("-tp", "4"), "select for it with --tags tp=4, or leave it out"),
        (("-tp", "x"), "leave it out: it says no number"),
        (("-dp", "2"), "leave it out; several servers are several starts, render --replicas"),
        (("-q", "fp8"), "select for it with --tags precision=fp8, or leave it out"),
        (("-q", "awq_marlin"), "leave it out: the precision is that of the profile"),
        (("--max-model-len", "1"), "count it in what is judged: Request(serving=serving.given("),
    ],
)
def test_the_fix_is_said(extra, fix):
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.VLLM, extra=extra)
    assert f": {fix}" in str(caught.value)


def test_a_figure_that_cannot_be_read_is_said_with_its_flag():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.VLLM, extra=("--gpu-mem", "x"))
    assert (
        "your --gpu-mem x (--gpu-memory-utilization x) cannot be read: no fraction above 0 and up "
        "to 1"
    ) == str(caught.value)


def test_every_word_of_what_is_decided_is_known():
    words = {word for server in Server for word in server_spec(server).flags.decisive.values()}
    assert {
        "LoRA",
        "how the weights are loaded",
        "memory",
        "more memory",
        "precision",
        "the longest context, and memory",
        "the model",
        "the model repository",
        "the model's configuration",
        "the objective",
        "the revision of the model",
        "what stands in our file",
        "what stands in that file",
        *DECIDED_RANKS,
    } == words
