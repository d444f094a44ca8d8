"""Engines, precisions and servers by their names."""

import pickle

import pytest

from nimprofile import Engine, Precision, RequestError, Server
from nimprofile.base.enums import parse_engine


def test_the_bits_of_every_precision():
    assert {
        "fp32": 32,
        "bf16": 16,
        "fp16": 16,
        "fp8": 8,
        "int8": 8,
        "int8wo": 8,
        "int4": 4,
        "int4_awq": 4,
        "w4a16": 4,
        "mxfp4": 4,
        "nvfp4": 4,
    } == {str(precision): precision.bits for precision in Precision}


@pytest.mark.parametrize("text", ["trtllm", "TensorRT-LLM", " tensorrt_llm "])
def test_every_spelling_of_an_engine_is_the_same_engine(text):
    assert Engine.TENSORRT_LLM is Engine.known(text)


def test_a_name_that_is_not_known_is_none():
    assert (None, None) == (Engine.known("llama.cpp"), Server.known(""))


def test_an_engine_is_found_by_its_name_alone():
    assert Engine.VLLM is Engine("vllm")
    with pytest.raises(ValueError, match=r"'llama\.cpp' is not a valid Engine"):
        Engine("llama.cpp")


def test_an_engine_is_its_text_and_survives_pickling():
    assert ("vllm", "Engine('vllm')", True) == (
        Engine.VLLM.value,
        repr(Engine.VLLM),
        pickle.loads(pickle.dumps(Engine.VLLM)) is Engine.VLLM,
    )


def test_the_names_of_servers_are_apart_from_those_of_engines():
    assert ["vllm", "sglang", "tensorrt_llm", "triton", "nim"] == list(Server)[:5]
    assert Engine.known("nim") is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "'x' is not an engine; known: tensorrt_llm, vllm, sglang"),
        ("--engine", "--engine: 'x' is not an engine; known: tensorrt_llm, vllm, sglang"),
    ],
)
def test_an_unknown_engine_is_refused_with_those_that_are_known(source, message):
    with pytest.raises(RequestError) as caught:
        parse_engine("x", source)
    assert message == str(caught.value)
