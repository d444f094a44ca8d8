"""Which of an operator's arguments win or change the selection."""

import pytest

from nimprofile.base.enums import Precision
from nimprofile.base.errors import LaunchError
from nimprofile.launch.flags import (
    FlagSyntax,
    decided,
    last_port,
    merge_arguments,
    read_flags,
    take_value,
    whole_number,
)
from nimprofile.launch.servers import sglang, tensorrt_llm, triton, vllm

FLAGS = FlagSyntax(
    {"-tp": "--tensor-parallel-size"},
    {"--tensor-parallel-size": "tensor parallelism", "--enable-lora": "LoRA"},
    dashed=True,
    prefixes=True,
)
OWN = [("--host", "0.0.0.0"), ("--tensor-parallel-size", "2"), ("--enforce-eager",)]


@pytest.mark.parametrize(
    "extra",
    [
        ("--tensor-parallel-size", "4"),
        ("--tensor-parallel-size=4",),
        ("--tensor_parallel_size", "4"),
        ("--tensor-par", "4"),
        ("-tp", "4"),
        ("-tp=4",),
    ],
)
def test_an_argument_wins_over_ours_in_every_spelling(extra):
    words, notes = merge_arguments(OWN, extra, FLAGS)
    assert ("--host", "0.0.0.0", "--enforce-eager", *extra) == words
    assert () == notes  # what contradicts the selection is refused before


def test_what_says_the_same_is_no_change():
    assert () == merge_arguments(OWN, ("--tensor-parallel-size", "2"), FLAGS)[1]


def test_what_decides_nothing_is_not_noted():
    assert () == merge_arguments(OWN, ("--seed", "7", "--host=::1"), FLAGS)[1]


def test_what_we_leave_to_the_engine_is_noted_when_it_decides():
    notes = merge_arguments(OWN, ("--enable-lora",), FLAGS)[1]
    assert ("your --enable-lora changes what was selected: LoRA",) == notes


def test_values_are_no_flags():
    words = ("--a", "-1", "--b", "--c=d", "e", "-", "--", "--not-read")
    read = [(flag.name, flag.value) for flag in read_flags(words, FLAGS)]
    assert [("--a", "-1"), ("--b", None), ("--c", "d")] == read


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("-qawq", ("--quantization", "awq", "")),
        ("-qa=b", ("--quantization", "a=b", "")),
        ("-q=awq", ("--quantization", "awq", "")),
        ("-O3", ("-O3", None, "")),
        ("-dp", ("--data-parallel-size", None, "")),
        ("-d", ("-d", None, "")),
        ("--hf_overrides.num_layers=4", ("--hf-overrides", "4", "num_layers")),
    ],
)
def test_a_flag_is_divided_as_vllms_parser_does(word, read):
    name, value, key = read
    assert [(name, value, word, key)] == [
        (flag.name, flag.value, flag.said, flag.key) for flag in read_flags((word,), vllm.FLAGS)
    ]


def test_the_beginning_of_another_name_of_a_flag_is_that_flag():
    assert "--dp-size" == sglang.FLAGS.canonical("--data-parallel")
    assert "--model-repository" == triton.FLAGS.canonical("--model-st")


def test_a_short_flag_is_taken_out_with_the_value_attached_to_it():
    syntax = FlagSyntax({"-m": "--model"}, {})
    assert ("a", ("--b",)) == take_value(("-ma", "--b"), "--model", syntax)


def test_a_value_that_looks_like_a_flag_is_joined_to_its_own():
    assert ("--name=--trust-remote-code",) == merge_arguments(
        [("--name", "--trust-remote-code")], (), FLAGS
    )[0]


@pytest.mark.parametrize(
    ("words", "value", "rest"),
    [
        (("--model", "a", "--b"), "a", ("--b",)),
        (("--b", "--model=a"), "a", ("--b",)),
        (("--model", "a", "--model", "c"), "c", ()),
        (("--b", "c"), None, ("--b", "c")),
        (("--b", "--model"), None, ("--b",)),
    ],
)
def test_a_flag_is_taken_out_with_its_last_value(words, value, rest):
    assert (value, rest) == take_value(words, "--model", FLAGS)


@pytest.mark.parametrize(
    ("words", "port"),
    [((), 8000), (("--port", "1", "--port=2"), 2), (("--port", "x", "--port", "65535"), 65535)],
)
def test_the_last_port_counts(words, port):
    assert port == last_port(words, "--port", FLAGS, 8000)


@pytest.mark.parametrize(
    "words",
    [("--port", "0"), ("--port=65536",), ("--port", "x"), ("--port",), ("--port", "9" * 5000)],
)
def test_what_is_no_port_is_refused(words):
    with pytest.raises(LaunchError, match="cannot be listened on: name a port from 1 to 65535"):
        last_port(words, "--port", FLAGS, 8000)


@pytest.mark.parametrize(
    ("text", "number"), [("4", 4), ("04", 4), ("+4", None), ("٤", None), ("9" * 10, None)]
)
def test_numbers_are_read_as_engines_write_them(text, number):
    assert number == whole_number(text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-tp", "4"), [("tp", "-tp 4 (--tensor-parallel-size 4)", "4")]),
        (
            ("--pipeline_parallel_size=2",),
            [("pp", "--pipeline_parallel_size=2 (--pipeline-parallel-size 2)", "2")],
        ),
        (("-tp", "4", "-tp", "2"), [("tp", "-tp 2 (--tensor-parallel-size 2)", "2")]),
        (("--dtype", "half"), [("precision", "--dtype half", "fp16")]),
        (("--dtype", "auto"), [("precision", "--dtype auto", None)]),
        (
            ("-q", "fp8_per_tensor"),
            [("precision", "-q fp8_per_tensor (--quantization fp8_per_tensor)", "fp8")],
        ),
        (("-q", "NVFP4"), [("precision", "-q NVFP4 (--quantization NVFP4)", "nvfp4")]),
        (("-q", "awq_marlin"), [("precision", "-q awq_marlin (--quantization awq_marlin)", None)]),
        (("--quantization",), [("precision", "--quantization", None)]),
        (
            ("--model", "x/y", "--seed", "7"),
            [("precision", "--model x/y", None), ("max_model_len", "--model x/y", None)],
        ),
        (("--max-model-len", "8K"), [("max_model_len", "--max-model-len 8K", "8192")]),
        (("--max-model-len", "auto"), [("max_model_len", "--max-model-len auto", None)]),
        (("--enable-lora",), [("feat_lora", "--enable-lora", "true")]),
        (("--no-enable-lora",), [("feat_lora", "--no-enable-lora", "false")]),
        (("--performance-mode", "balanced"), [("profile", "--performance-mode balanced", None)]),
        (("--seed", "7", "--max-num-seqs", "8"), []),
        (("-qawq",), [("precision", "-qawq (--quantization awq)", None)]),
        (("-qfp8",), [("precision", "-qfp8 (--quantization fp8)", "fp8")]),
        (("-q=fp8",), [("precision", "-q=fp8 (--quantization fp8)", "fp8")]),
        (("-t", "4"), [("tp", "-t 4 (--tensor-parallel-size 4)", "4")]),
        (
            ("--hf-overrides.rope.factor", "4"),
            [
                ("precision", "--hf-overrides.rope.factor 4", None),
                ("max_model_len", "--hf-overrides.rope.factor 4", None),
            ],
        ),
        (("--load-format", "safetensors"), [("precision", "--load-format safetensors", "bf16")]),
        (("--load-format=dummy",), [("precision", "--load-format=dummy", None)]),
        (("-O3", "-tp4"), []),  # the first decides nothing, and vLLM refuses the second
    ],
)
def test_an_argument_decides_a_tag_of_the_profile(words, expected):
    assert expected == list(decided(words, vllm.FLAGS, Precision.BF16))


def test_a_dtype_is_of_what_is_not_quantised():
    words = ("--dtype", "bfloat16")
    assert [("precision", "--dtype bfloat16", "fp8")] == [
        *decided(words, vllm.FLAGS, Precision.FP8)
    ]


@pytest.mark.parametrize(
    ("words", "syntax"),
    [
        (("--config", "my.yaml"), tensorrt_llm.FLAGS),
        (("--model-store", "elsewhere"), triton.FLAGS),
    ],
)
def test_a_file_of_ones_own_may_decide_everything(words, syntax):
    found = list(decided(words, syntax, Precision.FP8))
    assert ["tp", "pp", "precision", "profile", "feat_lora", "max_model_len"] == [
        tag for tag, _, _ in found
    ]
    assert {None} == {value for _, _, value in found}
