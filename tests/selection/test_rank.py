"""Does each criterion prefer what it says, and each policy chain them as its generation did?"""

from itertools import pairwise

import pytest

from nimprofile import POLICIES, Request, RequestError, prefer
from nimprofile.selection.policies import (
    ENGINE,
    GPU_SPECIFIC,
    ID,
    NAME,
    OBJECTIVE,
    PP,
    PREBUILT,
    PRECISION,
    TAIL,
    TP,
    find_policy,
)
from nimprofile.selection.rank import deciding, rank
from tests.support.builders import decide, judge, make_profile

NIM = POLICIES["nim"]
EMULATE = Request(allow_nvfp4_emulation=True)


def verdicts(*tag_sets, spec="8xh100", request=EMULATE):
    """One verdict a set of tags; the ids are in the order given, so that ties keep it."""
    return [
        judge(make_profile(f"id{at}", **tags), spec, request) for at, tags in enumerate(tag_sets)
    ]


def best_first(policy, key, *tag_sets, spec="8xh100"):
    """The values of one tag in the order a policy ranks the profiles that carry them."""
    return [
        verdict.profile.tags.get(key) for verdict in rank(verdicts(*tag_sets, spec=spec), policy)
    ]


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


def test_the_precision_criterion_takes_the_fewest_native_bits_and_the_unknown_last():
    assert_key_order(
        PRECISION,
        {"precision": "int4"},
        {"precision": "fp8"},
        {"precision": "bf16"},
        {"precision": "fp32"},
        {"precision": "fp6"},
    )


def test_formats_of_equal_width_tie():
    fp16, bf16 = verdicts({"precision": "fp16"}, {"precision": "bf16"})
    assert PRECISION.key(fp16) == PRECISION.key(bf16)


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


def test_a_prebuilt_engine_is_before_one_that_must_be_built():
    assert_key_order(PREBUILT, {}, {"trtllm_buildable": "true"})


def test_the_smaller_pp_is_first_and_an_unknown_one_counts_as_one():
    assert_key_order(PP, {"pp": "1"}, {"pp": "2"})
    one, unknown = verdicts({"pp": "1"}, {})
    assert PP.key(one) == PP.key(unknown)


def test_name_then_id_make_the_order_total():
    first, second, third = (
        judge(make_profile(id, name=name), "1xh100")
        for id, name in (("b", "alpha"), ("c", "alpha"), ("a", "beta"))
    )
    assert (first, second, third) == rank([third, second, first], NIM)
    assert (ID, NAME) == (deciding(first, second, NIM), deciding(first, third, NIM))


# Policies.

CHAINS = {
    "nim": ["engine", "precision", "objective", "tp", "gpu_specific", "prebuilt"],
    "nim-1.0": ["engine", "precision", "objective", "tp", "gpu_specific", "prebuilt"],
    "nim-1.3": ["gpu_specific", "engine", "precision", "objective", "tp", "prebuilt"],
    "nim-1.13": ["engine", "precision", "objective", "tp", "gpu_specific", "prebuilt"],
    "nim-1.15": ["gpu_specific", "engine", "precision", "objective", "tp", "prebuilt"],
    "nim-2.0": ["precision", "objective", "tp", "gpu_specific", "prebuilt"],
}


def test_these_are_the_policies():
    assert list(CHAINS) == list(POLICIES)


@pytest.mark.parametrize("name", CHAINS)
def test_each_policy_is_its_chain_and_then_the_tail(name):
    expected = [*CHAINS[name], "pp", "name", "id"]
    assert expected == [criterion.name for criterion in POLICIES[name].criteria]


@pytest.mark.parametrize("name", CHAINS)
def test_every_link_says_what_it_prefers_and_who_says_so(name):
    for criterion in POLICIES[name].criteria:
        assert criterion.prefers
        assert criterion.source


def test_the_generations_that_refused_a_mixed_machine_still_do():
    refusing = [name for name, policy in POLICIES.items() if policy.uniform_gpus]
    assert ["nim-1.0", "nim-1.3", "nim-1.13", "nim-1.15"] == refusing


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("nim", ["tensorrt_llm", "vllm", "sglang"]),
        ("nim-1.0", ["tensorrt_llm", "vllm", "sglang"]),
        ("nim-1.3", ["tensorrt_llm", "vllm", "sglang"]),
        ("nim-1.13", ["vllm", "tensorrt_llm", "sglang"]),
        ("nim-1.15", ["tensorrt_llm", "vllm", "sglang"]),
    ],
)
def test_the_order_of_engines_is_that_of_the_generation(policy, expected):
    tags = [{"llm_engine": engine} for engine in ("sglang", "vllm", "tensorrt_llm")]
    assert expected == best_first(POLICIES[policy], "llm_engine", *tags)


ALL_PRECISIONS = ("int4", "nvfp4", "bf16", "fp16", "fp8", "mxfp4")


@pytest.mark.parametrize(
    ("policy", "spec", "expected"),
    [
        pytest.param(
            "nim", "1xb200", ["int4", "mxfp4", "nvfp4", "fp8", "bf16", "fp16"], id="nim, native"
        ),
        pytest.param(
            "nim", "1xh100", ["int4", "mxfp4", "fp8", "bf16", "fp16", "nvfp4"], id="nim, emulated"
        ),
        pytest.param(
            "nim-1.0", "1xb200", ["fp8", "fp16", "bf16", "int4", "mxfp4", "nvfp4"], id="1.0"
        ),
        pytest.param(
            "nim-1.3", "1xb200", ["fp8", "fp16", "bf16", "int4", "mxfp4", "nvfp4"], id="1.3"
        ),
        pytest.param(
            "nim-1.13", "1xb200", ["fp8", "fp16", "bf16", "int4", "mxfp4", "nvfp4"], id="1.13"
        ),
        pytest.param(
            "nim-1.15", "1xb200", ["mxfp4", "fp8", "fp16", "bf16", "nvfp4", "int4"], id="1.15"
        ),
        pytest.param(
            "nim-2.0", "1xb200", ["mxfp4", "fp8", "fp16", "bf16", "nvfp4", "int4"], id="2.0"
        ),
    ],
)
def test_the_order_of_precisions_is_that_of_the_generation(policy, spec, expected):
    tags = [{"precision": precision} for precision in ALL_PRECISIONS]
    assert expected == best_first(POLICIES[policy], "precision", *tags, spec=spec)


def test_the_late_order_of_the_rarer_precisions():
    order = ["mxfp4", "fp8", "int8", "fp16", "bf16", "int8wo", "nvfp4", "int4_awq", "int4", "w4a16"]
    tags = [{"precision": precision} for precision in reversed(order)]
    assert order == best_first(POLICIES["nim-2.0"], "precision", *tags, spec="1xb200")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_takes_latency_over_throughput(policy):
    tags = [{"profile": "throughput"}, {"profile": "latency"}]
    assert ["latency", "throughput"] == best_first(POLICIES[policy], "profile", *tags)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_takes_latency_over_tp(policy):
    tags = [{"profile": "throughput", "tp": "8"}, {"profile": "latency", "tp": "1"}]
    assert ["1", "8"] == best_first(POLICIES[policy], "tp", *tags)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_takes_the_higher_tp(policy):
    assert [
        "4",
        "2",
        "1",
    ] == best_first(POLICIES[policy], "tp", *({"tp": tp} for tp in ("2", "1", "4")))


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ("nim", "tensorrt_llm"),
        ("nim-1.0", "tensorrt_llm"),
        ("nim-1.3", "vllm"),
        ("nim-1.13", "vllm"),
        ("nim-1.15", "vllm"),
    ],
)
def test_whether_made_for_the_gpu_beats_the_engine_depends_on_the_generation(policy, first):
    tags = [{"llm_engine": "tensorrt_llm"}, {"llm_engine": "vllm", "gpu": "h100"}]
    assert first == best_first(POLICIES[policy], "llm_engine", *tags)[0]


def test_nim_2_0_does_not_rank_engines():
    tags = [{"llm_engine": "sglang", "precision": "fp8"}, {"llm_engine": "vllm"}]
    assert ["fp8", None] == best_first(POLICIES["nim-2.0"], "precision", *tags)


def test_buildable_comes_before_vllm_in_1_3():
    tags = [
        {"llm_engine": "vllm", "tp": "4"},
        {"llm_engine": "tensorrt_llm", "trtllm_buildable": "true", "tp": "4"},
        {"llm_engine": "tensorrt_llm", "gpu": "h100", "tp": "1"},
    ]
    ranked = rank(verdicts(*tags), POLICIES["nim-1.3"])
    assert ["id2", "id1", "id0"] == [verdict.profile.id for verdict in ranked]


def test_an_unknown_policy_lists_the_known_ones():
    with pytest.raises(RequestError, match=r"'nim-9' is not a policy; known: nim, nim-1\.0"):
        find_policy("nim-9")


# A chain of one's own.

LATENCY_1 = {"llm_engine": "vllm", "precision": "fp8", "profile": "latency", "tp": "1"}
THROUGHPUT_8 = {"llm_engine": "sglang", "precision": "bf16", "profile": "throughput", "tp": "8"}


@pytest.mark.parametrize(
    ("chain", "first"),
    [
        ("objective=throughput", "8"),
        ("objective=latency", "1"),
        ("objective", "1"),
        ("tp", "8"),
        ("tp=high", "8"),
        ("tp=low", "1"),
        ("tp=1", "1"),
        ("tp=8", "8"),
        ("tp=4", "8"),
        ("engine=sglang", "8"),
        ("engine=SGLang", "8"),
        ("engine", "1"),
        ("precision=bf16", "8"),
        ("precision", "1"),
        (" precision = BF16 , tp ", "8"),
        ("gpu_specific,prebuilt,pp", "1"),
    ],
)
def test_the_first_link_that_differs_decides(chain, first):
    policy = prefer(chain, NIM)
    assert first == best_first(policy, "tp", LATENCY_1, THROUGHPUT_8)[0]


def test_a_preferred_value_comes_first_and_the_rest_stays_as_it_was():
    tags = [{"llm_engine": engine} for engine in ("vllm", "tensorrt_llm", "sglang")]
    policy = prefer("engine=sglang", NIM)
    assert ["sglang", "tensorrt_llm", "vllm"] == best_first(policy, "llm_engine", *tags)


def test_a_preferred_count_comes_first_and_the_rest_stays_as_it_was():
    policy = prefer("tp=2", NIM)
    tags = [{"tp": tp} for tp in ("1", "2", "4", "8")]
    assert ["2", "8", "4", "1"] == best_first(policy, "tp", *tags)


def test_pp_takes_low_high_or_a_number_too():
    tags = [{"pp": pp} for pp in ("1", "2", "4")]
    assert ["4", "2", "1"] == best_first(prefer("pp=high", NIM), "pp", *tags)
    assert ["1", "2", "4"] == best_first(prefer("pp=low", NIM), "pp", *tags)
    assert ["2", "1", "4"] == best_first(prefer("pp=2", NIM), "pp", *tags)


def test_what_a_chain_does_not_name_follows_in_the_order_of_its_base():
    policy = prefer("tp,objective", POLICIES["nim-1.15"])
    expected = [
        "tp",
        "objective",
        "gpu_specific",
        "engine",
        "precision",
        "prebuilt",
        "pp",
        "name",
        "id",
    ]
    assert expected == [criterion.name for criterion in policy.criteria]


def test_a_chain_of_ones_own_still_ends_in_a_total_order():
    names = {criterion.name for criterion in prefer("tp", NIM).criteria}
    assert {criterion.name for criterion in TAIL} <= names


def test_a_chain_keeps_the_strictness_of_its_base():
    assert (False, True) == (
        prefer("tp", NIM).uniform_gpus,
        prefer("tp", POLICIES["nim-1.3"]).uniform_gpus,
    )


def test_a_chain_is_named_after_its_base_and_itself():
    assert "nim-2.0 preferring tp=low" == prefer("tp=low", POLICIES["nim-2.0"]).name


@pytest.mark.parametrize(
    ("chain", "prefers"),
    [
        ("tp=low", "the lower tp"),
        ("tp=high", "the higher tp"),
        ("pp=2", "pp 2, then the smaller pipeline parallelism"),
        ("objective=throughput", "throughput, then latency over throughput"),
    ],
)
def test_a_link_says_in_words_what_it_prefers(chain, prefers):
    assert prefers == prefer(chain, NIM).criteria[0].prefers


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        pytest.param("", "names no criterion", id="empty"),
        pytest.param(" , ,", "names no criterion", id="only commas"),
        pytest.param("speed", "'speed' is not a criterion; known: engine, precision", id="unknown"),
        pytest.param("=fp8", "'' is not a criterion", id="no name"),
        pytest.param("tp,tp=low", "names a criterion twice", id="twice"),
        pytest.param("engine=", "engine= is not one of tensorrt_llm", id="no value"),
        pytest.param("engine=triton", "engine=triton is not one of tensorrt_llm", id="engine"),
        pytest.param("precision=fp6", "precision=fp6 is not one of fp32", id="precision"),
        pytest.param("objective=cost", "objective=cost is not one of latency", id="objective"),
        pytest.param("tp=many", "tp takes low, high or a number, not 'many'", id="count"),
        pytest.param("tp=-1", "tp takes low, high or a number, not '-1'", id="negative"),
        pytest.param("name=x", "name takes no value; write just name", id="value for a name"),
        pytest.param("prebuilt=1", "prebuilt takes no value", id="value for a flag"),
    ],
)
def test_a_chain_that_cannot_be_read_says_why(chain, message):
    with pytest.raises(RequestError, match=r"--prefer") as caught:
        prefer(chain, NIM)
    assert message in str(caught.value)


# Ranking and deciding.


def test_the_order_given_does_not_matter():
    judged = verdicts(LATENCY_1, THROUGHPUT_8, {"llm_engine": "vllm"})
    assert rank(judged, NIM) == rank(reversed(judged), NIM)


def test_nothing_ranked_is_nothing():
    assert () == rank([], NIM)


@pytest.mark.parametrize(
    ("winner", "loser", "criterion"),
    [
        ({"llm_engine": "vllm"}, {"llm_engine": "sglang"}, "engine"),
        ({"precision": "fp8"}, {"precision": "bf16"}, "precision"),
        ({"profile": "latency"}, {"profile": "throughput"}, "objective"),
        ({"tp": "2"}, {"tp": "1"}, "tp"),
        ({"gpu": "h100"}, {}, "gpu_specific"),
        ({}, {"trtllm_buildable": "true"}, "prebuilt"),
        ({"pp": "1"}, {"pp": "2"}, "pp"),
        ({"mode": "a"}, {"mode": "b"}, "name"),
        ({}, {}, "name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_deciding_is_the_first_criterion_that_differs(winner, loser, criterion):
    first, second = verdicts(winner, loser)
    assert (first, second) == rank([second, first], NIM)
    assert criterion == deciding(first, second, NIM).name


def test_no_criterion_tells_a_profile_from_itself():
    verdict = judge(make_profile("same"), "1xh100")
    with pytest.raises(ValueError, match="same and same are the same profile"):
        deciding(verdict, verdict, NIM)


def test_a_decision_under_a_chain_of_ones_own_names_its_link():
    profiles = [make_profile("a", **LATENCY_1), make_profile("b", **THROUGHPUT_8)]
    decision = decide(profiles, "8xh100", policy=prefer("objective=throughput", NIM))
    assert ("b", "objective") == (decision.selected.profile.id, decision.deciding.name)
