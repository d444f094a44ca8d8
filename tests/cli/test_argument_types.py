"""Values of options become typed values, or a sentence that says what was expected."""

import argparse

import pytest

from nimprofile.base.enums import Engine, Precision, Server
from nimprofile.cli import argument_types as read
from nimprofile.manifest.profile_conditions import Condition


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (read.policy, "nim-1.3", "nim-1.3"),
        (read.policy, "auto", "auto"),
        (read.chain, "tp=low,precision", "tp=low,precision"),
        (read.count, "1", 1),
        (read.count, "9999", 9999),
        (read.number, "999999999", 999_999_999),
        (read.tokens, "999999999", 999_999_999),
        (read.tokens, "8k", 8000),
        (read.tokens, "8K", 8192),
        (read.conditions, "tp>=4", (Condition("tp", ">=", "4"),)),
        (read.port, "65535", 65535),
        (read.fraction, "0.9", 0.9),
        (read.fraction, "1", 1.0),
        (read.version, "0.19.0rc1", "0.19.0rc1"),
        (read.precision, "FP8", Precision.FP8),
        (read.seconds, "0.5", 0.5),
        (read.seconds, "3600", 3600.0),
        (read.tags, "tp=2,pp=1", (("tp", "2"), ("pp", "1"))),
        (read.tags, "", ()),
        (read.server, "triton", Server.TRITON),
        (read.server, "trtllm", Server.TENSORRT_LLM),
        (read.engine, "tensorrt-llm", Engine.TENSORRT_LLM),
    ],
)
def test_a_value_is_read(reader, text, value):
    result = reader(text)
    assert value == result


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read.chain, "speed", "'speed' is not a criterion; known: "),
        (read.policy, "best", "'best' is not a policy; known: auto, nim, "),
        (read.count, "0", "'0' is no number of GPUs"),
        (read.count, "10000", "'10000' is no number of GPUs"),
        (read.count, "٣", "'٣' is no number of GPUs"),
        (read.number, "0", "'0' is no number above 0 and below 1,000,000,000"),
        (read.number, "-1", "'-1' is no number above 0 and below 1,000,000,000"),
        (read.number, "1000000000", "'1000000000' is no number above 0"),
        (read.number, "8k", "'8k' is no number above 0"),
        (read.tokens, "8kb", "'8kb' is no number of tokens above 0 and below 1,000,000,000; 8k is"),
        (read.conditions, "fp8", "'fp8' is no condition such as precision=fp8 or tp>=4"),
        (read.port, "65536", "'65536' is no port from 1 to 65535"),
        (read.port, "0", "'0' is no port from 1 to 65535"),
        (read.fraction, "0", "'0' is no fraction above 0 and up to 1"),
        (read.fraction, "1.01", "'1.01' is no fraction above 0 and up to 1"),
        (read.fraction, "nan", "'nan' is no fraction above 0 and up to 1"),
        (read.fraction, "half", "'half' is no fraction above 0 and up to 1"),
        (read.version, "newest", "'newest' is no version such as 0.19.0"),
        (read.precision, "fp7", "'fp7' is not a precision; known: "),
        (read.seconds, "0", "'0' is no number of seconds up to 3600"),
        (read.seconds, "3601", "'3601' is no number of seconds up to 3600"),
        (read.seconds, "soon", "'soon' is no number of seconds up to 3600"),
        (read.tags, "fp8", "fp8"),
        (read.server, "ollama", "'ollama' is not a server; known: "),
        (read.engine, "triton", "triton"),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_that_says_what_can(reader, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as raised:
        reader(text)
    assert message in str(raised.value)
