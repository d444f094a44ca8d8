"""Each policy chains its criteria as its generation did."""

import pytest

from nimprofile import POLICIES, RequestError
from nimprofile.selection.policies import find_policy
from nimprofile.selection.rank import rank
from nimprofile.selection.verdict import Verdict
from tests.support.builders import decide, make_profile
from tests.support.ranked import best_first, verdicts
from tests.support.reimport import reimported

CHAINS = {
    "nim": [
        "custom",
        "unpacked",
        "engine",
        "prebuilt",
        "precision",
        "objective",
        "tp",
        "gpu_specific",
    ],
    "nim-1.0": ["engine", "precision", "objective", "tp", "gpu_specific", "prebuilt"],
    "nim-1.3": ["custom", "gpu_specific", "engine", "precision", "objective", "tp", "prebuilt"],
    "nim-1.13": ["custom", "engine", "prebuilt", "precision", "objective", "tp", "gpu_specific"],
    "nim-1.15": ["custom", "gpu_specific", "engine", "precision", "objective", "tp", "prebuilt"],
    "nim-2.0": ["prebuilt", "precision", "objective", "tp", "gpu_specific"],
}


def test_these_are_the_policies():
    assert list(CHAINS) == list(POLICIES)


@pytest.mark.parametrize("name", CHAINS)
def test_each_policy_is_its_chain_and_then_the_tail(name):
    expected = [*CHAINS[name], "pp", "variant", "name", "id"]
    assert expected == [criterion.name for criterion in POLICIES[name].criteria]


@pytest.mark.parametrize("name", CHAINS)
def test_every_link_says_what_it_prefers_and_who_says_so(name):
    for criterion in POLICIES[name].criteria:
        assert criterion.prefers
        assert criterion.source


def test_the_generations_that_refused_a_mixed_machine_still_do():
    refusing = [name for name, policy in POLICIES.items() if policy.uniform_gpus]
    assert ["nim-1.0", "nim-1.3", "nim-1.13", "nim-1.15"] == refusing


def test_only_1_12_and_1_13_do_not_want_a_gpu_nearly_empty():
    assert ["nim-1.13"] == [name for name, each in POLICIES.items() if not each.empty_gpu_gate]


@pytest.mark.parametrize("name", CHAINS)
def test_every_policy_says_who_says_so_of_its_gate(name):
    assert POLICIES[name].gate_source


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
            "nim", "1xb200", ["nvfp4", "mxfp4", "fp8", "bf16", "fp16", "int4"], id="nim, native"
        ),
        pytest.param(
            "nim", "1xh100", ["fp8", "bf16", "fp16", "mxfp4", "int4", "nvfp4"], id="nim, emulated"
        ),
        *(
            pytest.param(
                policy, "1xb200", ["mxfp4", "fp8", "fp16", "bf16", "nvfp4", "int4"], id=policy
            )
            for policy in ("nim-1.0", "nim-1.3", "nim-1.13", "nim-1.15", "nim-2.0")
        ),
    ],
)
def test_the_order_of_precisions_is_that_of_the_generation(policy, spec, expected):
    tags = [{"precision": precision} for precision in ALL_PRECISIONS]
    assert expected == best_first(POLICIES[policy], "precision", *tags, spec=spec)


def test_the_late_order_of_the_rarer_precisions():
    order = ["mxfp4", "fp8", "int8", "fp16", "bf16", "fp32", "int8wo", "nvfp4"]
    order += ["int4_awq", "int4", "w4a16"]
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


@pytest.mark.parametrize("policy", ["nim", "nim-1.3", "nim-1.13", "nim-1.15"])
def test_an_engine_of_ones_own_comes_first_where_nim_builds_engines(policy):
    own = Verdict(make_profile("z", name="70b-trt-engine"), (), ())
    listed = verdicts({"llm_engine": "vllm"}, {"llm_engine": "tensorrt_llm", "gpu": "h100"})
    assert "z" == rank([*listed, own], POLICIES[policy])[0].profile.id


def test_the_generations_follow_each_other_and_leave_no_version_out():
    told = [policy for policy in POLICIES.values() if policy.since is not None]
    assert [(1, 0), (1, 3), (1, 12), (1, 14), (2, 0)] == [policy.since for policy in told]
    assert [(1, 3), (1, 12), (1, 14), (1, 16), (2, 1)] == [policy.until for policy in told]


def test_an_unknown_policy_lists_the_known_ones():
    with pytest.raises(RequestError, match=r"'nim-9' is not a policy; known: auto, nim, nim-1\.0"):
        find_policy("nim-9")


def test_the_engine_of_a_generation_decides_before_its_precision():
    """nim-1.13 takes vLLM first, nim-1.0 TensorRT-LLM; 2.x does not look at the engine."""
    profiles = [
        make_profile("a", llm_engine="vllm", precision="bf16", tp="1"),
        make_profile("b", llm_engine="tensorrt_llm", precision="fp8", tp="1"),
        make_profile("c", llm_engine="sglang", precision="fp8", tp="1"),
    ]
    chosen = {
        name: [verdict.profile.id for verdict in decide(profiles, "1xh100", policy=name).ranked]
        for name in ("nim-1.0", "nim-1.13", "nim-2.0")
    }
    assert chosen == {
        "nim-1.0": ["b", "a", "c"],
        "nim-1.13": ["a", "b", "c"],
        "nim-2.0": ["c", "b", "a"],
    }


# Tables are made when the module is imported: made anew, they say the same.


@pytest.mark.parametrize(
    ("policy", "criterion", "ordered"),
    [
        ("nim", "llm_engine", ["tensorrt_llm", "vllm", "sglang", "other"]),
        ("nim-1.13", "llm_engine", ["vllm", "tensorrt_llm", "sglang", "other"]),
        ("nim", "profile", ["latency", "balanced", "throughput", "other"]),
        ("nim-1.0", "precision", ["fp8", "fp16", "bf16", "other"]),
        ("nim-2.0", "precision", ["mxfp4", "fp8", "int8", "fp16", "bf16", "nvfp4", "other"]),
    ],
)
def test_a_policy_made_anew_orders_as_it_did(monkeypatch, policy, criterion, ordered):
    policies = reimported(monkeypatch, "selection.policies").POLICIES
    verdicts = [Verdict(make_profile(value, **{criterion: value}), (), ()) for value in ordered]
    ranked = rank(reversed(verdicts), policies[policy])
    assert ordered == [verdict.profile.id for verdict in ranked]


def test_a_chain_made_anew_names_no_criterion_twice(monkeypatch):
    for policy in reimported(monkeypatch, "selection.policies").POLICIES.values():
        names = [criterion.name for criterion in policy.criteria]
        assert sorted(set(names)) == sorted(names)
        assert names[-1] == "id"


@pytest.mark.parametrize(("name", "policy"), [("own", 1), ("own", None), (1, POLICIES["nim"])])
def test_what_is_no_policy_is_not_added(name, policy):
    before = dict(POLICIES)
    for add in (POLICIES.__setitem__, POLICIES.setdefault, lambda *pair: POLICIES.update([pair])):
        with pytest.raises(TypeError, match=r"POLICIES: .*, not "):
            add(name, policy)
    assert before == POLICIES
