"""Finer points of judging and ranking, each one found by a mutation that no other test noticed."""

import importlib
import sys

import pytest

from nimprofile import POLICIES, Request, RequestError, Requires, mock_inventory, prefer
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.selection.fit import Judge, Verdict
from nimprofile.selection.rank import rank
from tests.support.builders import (
    decide,
    gib,
    judge,
    kinds,
    make_gpu,
    make_inventory,
    make_profile,
    needing,
)

NIM = POLICIES["nim"]
CRITERIA = {criterion.name: criterion for criterion in NIM.criteria}


def ranked_tps(chain, *tps):
    """The tp tags in the order of a chain; None is a profile that has none."""
    tags = [{} if tp is None else {"tp": tp} for tp in tps]
    verdicts = [Verdict(make_profile(str(at), **one), (), ()) for at, one in enumerate(tags)]
    return [verdict.profile.tags.get("tp") for verdict in rank(verdicts, prefer(chain, NIM))]


# Judging.


def test_what_blocks_a_gpu_is_told_before_what_could_be_freed():
    machine = make_inventory(
        make_gpu(0, total=80_000, free=40_000), make_gpu(1, total=10_000, free=10_000)
    )
    verdict = judge(needing(gib(30), tp="2"), machine)
    assert kinds(verdict) == ["memory_total", "gpu_not_empty"]


def test_free_memory_is_measured_against_the_full_context_where_the_gpu_would_hold_it():
    machine = make_inventory(make_gpu(0, total=40 * 1024, free=39 * 1024))
    (reason,) = judge(needing(gib(40), gib(10)), machine).reasons
    assert (reason.kind, reason.need_bytes, reason.have_bytes) == ("memory_free", gib(40), gib(39))


def test_free_memory_is_measured_against_the_least_where_the_full_context_never_fits():
    machine = make_inventory(make_gpu(0, total=40 * 1024, free=39 * 1024))
    (reason,) = judge(needing(gib(41), gib(10)), machine).reasons
    assert reason.kind == "memory_context"


def test_on_a_machine_without_gpus_one_is_missing_and_nothing_is_emulated():
    verdict = judge(make_profile(llm_engine="vllm", precision="nvfp4", tp="2"), make_inventory())
    assert kinds(verdict) == ["gpu_count"]
    assert (verdict.gpus, verdict.emulated, verdict.elsewhere) == ((), False, ())


def test_a_profile_that_does_not_run_is_not_said_to_be_emulated():
    fp4 = make_profile(llm_engine="vllm", precision="nvfp4", tp="4")
    assert not judge(fp4, "2xh100").emulated
    assert not judge(fp4, "2xh100,1xl4").emulated


def test_reasons_are_told_in_the_order_of_the_gates():
    requires = Requires(">=12", ">=999", ">=99", memory_gib_per_gpu=1000.0)
    tags = {"llm_engine": "vllm", "gpu": "l4", "compute_capability": "8.9", "feat_lora": "true"}
    request = Request(engines=(), tags=(("tp", "4"),))
    machine = mock_inventory("1xh100").replace(driver_version="550", cuda_version="12.4")

    def told(precision):
        profile = make_profile(requires=requires, **tags, precision=precision)
        return [
            getattr(reason, "need", "") if "capability" in reason.kind else reason.kind
            for reason in judge(profile, machine, request).reasons
        ]

    assert told("fp6") == [
        *("engine", "precision", "driver", "cuda", "gpu", "==8.9", ">=12", "memory_total"),
        *("lora", "tags"),
    ]
    assert told("nvfp4") == [
        *("engine", "driver", "cuda", "gpu", "==8.9", ">=12", "memory_total"),
        *("lora", "tags"),
    ]


@pytest.mark.parametrize(
    ("name", "device_id", "in_doubt"),
    [
        ("Acme X1", None, False),
        (None, "fff0:10de", False),
        ("Acme X1", "fff0:10de", False),
        (None, None, True),
    ],
)
def test_whether_gpus_are_alike_is_in_doubt_only_where_nothing_names_them(
    name, device_id, in_doubt
):
    gpus = (make_gpu(at, name=name, device_id=device_id) for at in range(2))
    machine = make_inventory(*gpus)
    verdict = judge(needing(gib(30), tp="2"), machine)
    assert verdict.fits
    assert verdict.gpus == (0, 1)
    assert in_doubt is ("gpu_count" in {doubt.kind for doubt in verdict.doubts})
    assert not judge(needing(gib(30), tp="1"), machine).doubts


def test_a_profile_that_names_its_gpu_by_a_pattern_is_in_doubt_and_one_like_it_is_not():
    profiles = [needing(gib(30)), needing(gib(30), product_name_regex=".*H100.*")]
    for order in (profiles, profiles[::-1]):
        judge = Judge(Machine(make_inventory(make_gpu())), Request())
        doubts = [bool(judge.verdict(profile).doubts) for profile in order]
        assert doubts == ["product_name_regex" in profile.tags for profile in order]


def test_of_two_products_the_one_that_lacks_fewer_gpus_comes_nearer():
    tp8 = make_profile(llm_engine="vllm", tp="8")
    for machine in ("2xl4,6xa100", "6xa100,2xl4"):
        verdict = judge(tp8, machine)
        (reason,) = verdict.reasons
        (other,) = verdict.elsewhere
        assert (reason.have, other.have) == (6, 2)


def test_beside_gpus_that_could_be_freed_stand_the_reasons_against_the_others():
    machine = make_inventory(
        make_gpu(0, total=80_000, free=40_000, name="Acme X1"),
        make_gpu(1, total=10_000, free=10_000, name="Acme X2"),
    )
    verdict = judge(needing(gib(30)), machine)
    assert kinds(verdict) == ["gpu_not_empty"]
    assert [reason.kind for reason in verdict.elsewhere] == ["memory_total"]
    assert verdict.gpus == (0,)


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
        ("id", {}, "the-id"),
        ("name", {}, "the name"),
    ],
)
def test_what_a_verdict_shows_at_a_criterion(criterion, tags, shown):
    verdict = Verdict(make_profile("the-id", name="the name", **tags), (), ())
    assert shown == CRITERIA[criterion].describe(verdict)


def test_an_emulated_precision_says_so():
    verdict = Verdict(make_profile(precision="nvfp4"), (), (), emulated=True)
    assert CRITERIA["precision"].describe(verdict) == "nvfp4, emulated"


# Chains of one's own.


@pytest.mark.parametrize("chain", ["tp=low", "pp=high", "tp=2", "objective=latency"])
def test_a_link_of_ones_own_says_where_it_comes_from(chain):
    name = chain.partition("=")[0]
    link = prefer(chain, NIM).criteria[0]
    assert (link.name, link.source) == (name, "--prefer")


def test_a_chain_of_ones_own_says_so():
    assert prefer("tp", NIM).about == "A chain of your own."


@pytest.mark.parametrize(
    ("chain", "ordered"),
    [
        ("tp=low", [None, "1", "2", "4"]),
        ("tp=high", ["4", "2", None, "1"]),
        ("tp=1", ["1", None, "4", "2"]),
    ],
)
def test_an_unknown_count_is_one(chain, ordered):
    assert ordered == ranked_tps(chain, None, "1", "2", "4")


@pytest.mark.parametrize(("count", "accepted"), [("9999", True), ("10000", False)])
def test_a_preferred_count_has_up_to_four_digits(count, accepted):
    if accepted:
        assert prefer(f"tp={count}", NIM).criteria[0].prefers.startswith("tp 9999")
        return
    with pytest.raises(RequestError, match="tp takes low, high or a number, not '10000'"):
        prefer(f"tp={count}", NIM)


@pytest.mark.parametrize(
    ("chain", "known"),
    [
        ("", "engine, precision, objective, tp, gpu_specific, prebuilt, pp, name, id"),
        ("speed", "engine, precision, objective, tp, gpu_specific, prebuilt, pp, name, id"),
        ("engine=triton", "tensorrt_llm, vllm, sglang"),
        ("objective=cost", "latency, balanced, throughput"),
    ],
)
def test_what_would_have_been_right_is_listed_whole(chain, known):
    with pytest.raises(RequestError) as caught:
        prefer(chain, NIM)
    assert str(caught.value).endswith(known)


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


# Tables that are made once, when a module is imported: made anew, they say the same.


@pytest.fixture
def anew(monkeypatch):
    """Import a module again, for this test only."""

    def again(name):
        monkeypatch.setattr(f"nimprofile.{name}", sys.modules[f"nimprofile.{name}"])
        monkeypatch.delitem(sys.modules, f"nimprofile.{name}")
        return importlib.import_module(f"nimprofile.{name}")

    return again


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
def test_a_policy_made_anew_orders_as_it_did(anew, policy, criterion, ordered):
    policies = anew("selection.policies").POLICIES
    verdicts = [Verdict(make_profile(value, **{criterion: value}), (), ()) for value in ordered]
    ranked = rank(reversed(verdicts), policies[policy])
    assert ordered == [verdict.profile.id for verdict in ranked]


def test_a_chain_made_anew_names_no_criterion_twice(anew):
    for policy in anew("selection.policies").POLICIES.values():
        names = [criterion.name for criterion in policy.criteria]
        assert sorted(set(names)) == sorted(names)
        assert names[-1] == "id"


def test_the_floors_made_anew_are_the_floors(anew):
    rules = anew("engines.compute_floors")
    assert (rules.RUNS_FROM["fp8"], rules.RUNS_FROM["nvfp4"], rules.AMPERE) == (
        (8, 9),
        (10, 0),
        (8, 0),
    )
