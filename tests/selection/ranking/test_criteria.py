"""Each criterion prefers what it says, and shows what decided."""

from itertools import pairwise

import pytest

from nimprofile import POLICIES, Precision
from nimprofile.selection.ranking.criteria import (
    CUSTOM,
    ENGINE,
    GPU_SPECIFIC,
    OBJECTIVE,
    PP,
    PREBUILT,
    PRECISION,
    TP,
)
from nimprofile.selection.verdict import Verdict
from tests.support.builders import make_profile
from tests.support.ranked import verdicts

CRITERIA = {criterion.name: criterion for criterion in POLICIES["nim"].criteria}


def assert_key_order(criterion, *tag_sets, spec="8xh100"):
    """Each set of tags sorts strictly before the next."""
    keys = [criterion.key(verdict) for verdict in verdicts(*tag_sets, spec=spec)]
    for better, worse in pairwise(keys):
        assert better < worse


# Criteria.


def test_the_engine_criterion_takes_tensorrt_llm_then_vllm_then_sglang_then_the_rest():
    engines = ("tensorrt_llm", "vllm", "sglang", "lmdeploy")
    assert_key_order(ENGINE, *({"llm_engine": engine} for engine in engines))


def test_an_unknown_engine_and_none_are_alike():
    named, unnamed = verdicts({"llm_engine": "lmdeploy"}, {})
    assert ENGINE.key(named) == ENGINE.key(unnamed)


def test_the_precision_criterion_takes_the_fewest_native_bits_then_what_is_unpacked():
    assert_key_order(
        PRECISION,
        *({"precision": precision} for precision in ("fp8", "int8", "bf16", "fp16", "fp32")),
        *({"precision": precision} for precision in ("mxfp4", "int8wo", "int4_awq", "int4")),
        {"precision": "w4a16"},
        {"precision": "fp6"},
        {"precision": "nvfp4"},
    )


def test_on_blackwell_both_formats_of_four_bits_come_first():
    assert_key_order(
        PRECISION,
        *({"precision": precision} for precision in ("nvfp4", "mxfp4", "fp8", "bf16", "int4")),
        spec="1xb200",
    )


@pytest.mark.parametrize("spec", ["1xt4", "1xl40s", "8xh100", "1xb200"])
@pytest.mark.parametrize("stored_as", [None, *Precision])
@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_no_two_precisions_are_equal_on_any_gpu(policy, stored_as, spec):
    criterion = next(criterion for criterion in policy.criteria if criterion.name == "precision")
    judged = verdicts(*({"precision": precision} for precision in Precision), spec=spec)
    keys = {criterion.key(verdict.replace(stored_as=stored_as)) for verdict in judged}
    assert len(Precision) == len(keys)


@pytest.mark.parametrize(
    ("stored_as", "expected"),
    [
        (None, ["bf16", "fp16"]),
        (Precision.BF16, ["bf16", "fp16"]),
        (Precision.FP16, ["fp16", "bf16"]),
    ],
)
def test_of_16_bits_the_models_own_comes_first_then_bf16(stored_as, expected):
    judged = verdicts({"precision": "fp16"}, {"precision": "bf16"})
    judged = [verdict.replace(stored_as=stored_as) for verdict in judged]
    assert expected == [str(v.profile.precision) for v in sorted(judged, key=PRECISION.key)]


def test_what_the_model_was_published_in_is_not_behind_what_the_gpus_compute_in():
    """gpt-oss is published in MXFP4, which a Hopper unpacks."""
    own, fp8, bf16 = (
        verdict.replace(stored_as=Precision.MXFP4)
        for verdict in verdicts({"precision": "mxfp4"}, {"precision": "fp8"}, {"precision": "bf16"})
    )
    assert PRECISION.key(own) < PRECISION.key(fp8) < PRECISION.key(bf16)
    assert "mxfp4, the model's own" == PRECISION.describe(own)
    assert "mxfp4, unpacked" == PRECISION.describe(own.replace(stored_as=None))


def test_an_engine_of_ones_own_is_what_has_a_name_and_no_tags():
    own, tagged, nameless = (
        Verdict(profile, (), ())
        for profile in (
            make_profile("a", name="70b-trt-engine"),
            make_profile("b", name="vllm-bf16-tp2", llm_engine="vllm"),
            make_profile("c"),
        )
    )
    assert CUSTOM.key(own) < CUSTOM.key(tagged) == CUSTOM.key(nameless)


def test_emulated_bits_count_after_all_native_ones():
    assert_key_order(PRECISION, {"precision": "fp32"}, {"precision": "nvfp4"}, spec="1xh100")


def test_nvfp4_is_first_where_the_hardware_computes_in_it():
    assert_key_order(PRECISION, {"precision": "nvfp4"}, {"precision": "fp8"}, spec="1xb200")


def test_latency_is_before_balanced_before_throughput_before_untuned():
    assert_key_order(
        OBJECTIVE, {"profile": "latency"}, {"profile": "balanced"}, {"profile": "throughput"}, {}
    )


def test_the_higher_tp_is_first_and_an_unknown_one_last():
    assert_key_order(TP, {"tp": "8"}, {"tp": "2"}, {"tp": "1"}, {})


@pytest.mark.parametrize(
    "tags",
    [{"gpu": "h100"}, {"gpu_device": "2330:10de"}, {"compute_capability": "9.0"}],
    ids=["name", "PCI id", "compute capability"],
)
def test_what_names_a_gpu_is_before_what_is_generic(tags):
    assert_key_order(GPU_SPECIFIC, tags, {})


def test_what_is_built_here_is_not_made_for_this_gpu():
    assert_key_order(GPU_SPECIFIC, {"gpu": "h100"}, {"gpu": "h100", "trtllm_buildable": "true"})


def test_a_prebuilt_engine_is_before_one_that_must_be_built():
    assert_key_order(PREBUILT, {}, {"trtllm_buildable": "true"})


def test_the_smaller_pp_is_first_and_an_unknown_one_counts_as_one():
    assert_key_order(PP, {"pp": "1"}, {"pp": "2"})
    one, unknown = verdicts({"pp": "1"}, {})
    assert PP.key(one) == PP.key(unknown)


# What a verdict shows at a criterion.


@pytest.mark.parametrize(
    ("criterion", "tags", "shown"),
    [
        ("engine", {"llm_engine": "vllm"}, "vllm"),
        ("engine", {}, "no engine"),
        ("precision", {"precision": "fp8"}, "fp8"),
        ("precision", {}, "no precision"),
        ("objective", {"profile": "latency"}, "latency"),
        ("objective", {}, "no objective"),
        ("tp", {"tp": "4"}, "tp 4"),
        ("tp", {}, "tp ?"),
        ("pp", {"pp": "2"}, "pp 2"),
        ("pp", {}, "pp ?"),
        ("gpu_specific", {"gpu": "h100"}, "made for this GPU"),
        ("gpu_specific", {}, "generic"),
        ("prebuilt", {}, "prebuilt"),
        ("prebuilt", {"trtllm_buildable": "true"}, "built at the first start"),
        ("custom", {}, "an engine of your own"),
        ("custom", {"tp": "1"}, "of the manifest"),
        ("id", {}, "the-id"),
        ("name", {}, "the name"),
    ],
)
def test_what_a_verdict_shows_at_a_criterion(criterion, tags, shown):
    verdict = Verdict(make_profile("the-id", name="the name", **tags), (), ())
    assert shown == CRITERIA[criterion].describe(verdict)


def test_bf16_served_in_fp16_is_after_fp16_and_says_so():
    assert_key_order(
        PRECISION,
        {"precision": "fp16", "llm_engine": "vllm"},
        {"precision": "bf16", "llm_engine": "vllm"},
        {"precision": "int4", "llm_engine": "vllm"},
        spec="1xt4",
    )
    verdict = Verdict(make_profile(precision="bf16"), (), (), in_half=True)
    assert CRITERIA["precision"].describe(verdict) == "bf16, in fp16"


def test_an_emulated_precision_says_so():
    verdict = Verdict(make_profile(precision="nvfp4"), (), (), emulated=True)
    assert CRITERIA["precision"].describe(verdict) == "nvfp4, emulated"
