"""Values of servers are compared with demands by what they mean."""

import pytest

from nimprofile.verify.comparison import Match, bears_on, compared
from nimprofile.verify.expectation import Demand
from nimprofile.verify.observation import Fact, Observation


def demand(fact, value, relation="="):
    return Demand(str(fact), relation, value, origin="test", fact=fact)


def seen(fact, value):
    return Observation(fact, value, "server.log", place="line 1", text=f"{fact}: {value}")


def held(fact, value, wanted, relation="=", told_as=None):
    return compared(demand(fact, wanted, relation), seen(told_as or fact, value))


@pytest.mark.parametrize(
    ("fact", "value", "wanted"),
    [
        (Fact.TP, 8, "8"),
        (Fact.TP, "8", "8"),
        (Fact.LORA, True, "true"),
        (Fact.ENGINE, "trtllm", "tensorrt_llm"),
        (Fact.ENGINE, "vLLM", "vllm"),
        (Fact.ENGINE_VERSION, "v0.33.0", "0.33.0"),
        (Fact.ENGINE_VERSION, "0.33.0+cu130", "0.33.0"),
        (Fact.ENGINE_VERSION, "0.8.3.post1", "0.8.3.post1"),
        (Fact.ENGINE_VERSION, "0.33.1", "0.33"),
        (Fact.PROFILE_ID, "ABCDEF0123", "abcdef0123"),
        (Fact.PROFILE_ID, "668b575f…", "668b575f" + "0" * 56),
        (Fact.PROFILE_NAME, "vllm-fp8-tp8-pp1", "vllm-*"),
        (Fact.PRECISION, "fp8", "fp8"),
        (Fact.KV_CACHE_DTYPE, "fp8_e4m3", "fp8"),
        (Fact.KV_CACHE_DTYPE, "torch.bfloat16", "bf16"),
        (Fact.KV_CACHE_DTYPE, "fp8_e5m2", "fp8"),
        (Fact.GPU_NAME, "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"),
        (Fact.MODEL, "meta/llama", "Meta/Llama"),
        (Fact.OBJECTIVE, "throughput", "throughput"),
    ],
)
def test_what_means_the_same_meets_a_demand(fact, value, wanted):
    assert Match.MET == held(fact, value, wanted).match
    assert Match.UNMET == held(fact, value, wanted, "!=").match


@pytest.mark.parametrize(
    ("fact", "value", "wanted"),
    [
        (Fact.TP, 4, "8"),
        (Fact.LORA, False, "true"),
        (Fact.ENGINE, "sglang", "vllm"),
        (Fact.ENGINE_VERSION, "0.32.0", "0.33.0"),
        (Fact.ENGINE_VERSION, "0.8.3.post1", "0.8.3"),
        (Fact.ENGINE_VERSION, "0.33.0rc1", "0.33"),
        (Fact.PROFILE_ID, "0" * 64, "1" * 64),
        (Fact.PROFILE_ID, "668b575f…", "0" * 64),
        (Fact.PRECISION, "bf16", "fp8"),
        (Fact.KV_CACHE_DTYPE, "bfloat16", "fp8"),
        (Fact.KV_CACHE_DTYPE, "fp8_e4m3", "fp8_e5m2"),
        (Fact.GPU_NAME, "NVIDIA L40S", "NVIDIA H100 80GB HBM3"),
    ],
)
def test_what_means_another_thing_does_not_meet_it(fact, value, wanted):
    assert Match.UNMET == held(fact, value, wanted).match
    assert Match.MET == held(fact, value, wanted, "!=").match


@pytest.mark.parametrize(
    ("fact", "value", "wanted", "why"),
    [
        (Fact.ENGINE, "a new one", "vllm", "no engine that is known"),
        (Fact.ENGINE_VERSION, "main, 2025-04-16", "0.8.3", "cannot be compared"),
        (Fact.PROFILE_ID, "66…", "66" + "0" * 62, "too little of an id"),
        (Fact.PROFILE_ID, "vllm-bf16-tp1", "66" + "0" * 62, "no id as profiles have it"),
        (Fact.PRECISION, "compressed-tensors", "fp8", "leaves open"),
        (Fact.KV_CACHE_DTYPE, "auto", "fp8", "leaves the format to the checkpoint"),
        (Fact.KV_CACHE_DTYPE, "turbo", "fp8", "no format that is known"),
        (Fact.GPU_NAME, "a board of 2031", "NVIDIA H100 80GB HBM3", "another name"),
        (Fact.MODEL, "my-model", "meta/llama", "under any name"),
    ],
)
@pytest.mark.parametrize("relation", ["=", "!="])
def test_what_is_not_certain_is_said_to_be_so(fact, value, wanted, why, relation):
    answer = held(fact, value, wanted, relation)
    assert Match.UNCLEAR == answer.match
    assert why in answer.why


@pytest.mark.parametrize(
    ("relation", "bound", "match"),
    [(">=", "200", "met"), ("<=", "200", "met"), (">", "200", "unmet"), ("<", "201", "met")],
)
def test_numbers_are_compared_by_size(relation, bound, match):
    assert match == held(Fact.KV_CACHE_TOKENS, 200, bound, relation).match


@pytest.mark.parametrize("value", ["auto", "nan", "inf", 10**400])
def test_what_is_no_number_has_no_size(value):
    answer = held(Fact.MAX_MODEL_LEN, value, "4096", ">=")
    assert Match.UNCLEAR == answer.match
    assert "is no number to compare" in answer.why


def test_a_word_for_the_quantisation_bears_on_the_precision():
    assert bears_on(seen(Fact.QUANTIZATION, "modelopt_fp4"), demand(Fact.PRECISION, "nvfp4"))
    answer = held(Fact.PRECISION, "modelopt_fp4", "nvfp4", told_as=Fact.QUANTIZATION)
    assert Match.MET == answer.match


def test_a_tag_is_held_to_the_demand_on_that_tag():
    tag = Demand("gpu_device", "=", "2330:10de", origin="test", fact=Fact.TAG)
    assert not bears_on(seen(Fact.GPU_NAME, "x"), tag)
    assert not bears_on(seen(Fact.TAG, "gpu=H100"), tag)
    told = seen(Fact.TAG, "GPU_device=2330:10de")
    assert bears_on(told, tag)
    assert Match.MET == compared(tag, told).match


@pytest.mark.parametrize(
    ("value", "relation", "wanted", "match"),
    [
        ("0.33.0", ">=", "0.10", Match.MET),
        ("0.9", ">=", "0.10", Match.UNMET),
        ("1.8", "<", "1.15", Match.MET),
        ("v0.8.3.post1+cu128", "<=", "0.8.3.post1", Match.MET),
        ("0.33.0rc1", ">=", "0.33.0", Match.UNMET),
        ("main, 2025-04-16", ">=", "0.8", Match.UNCLEAR),
    ],
)
@pytest.mark.parametrize("fact", [Fact.ENGINE_VERSION, Fact.NIM_VERSION])
def test_versions_are_older_and_newer_as_versions_are(fact, value, relation, wanted, match):
    assert match == held(fact, value, wanted, relation).match
