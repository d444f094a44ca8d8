"""Chains of the operator's own, as `--prefer` has them."""

import pytest

from nimprofile import POLICIES, RequestError, prefer
from nimprofile.selection.rank import rank
from nimprofile.selection.ranking.criteria import TAIL
from nimprofile.selection.verdict import Verdict
from tests.support.builders import decide, make_profile
from tests.support.ranked import LATENCY_1, THROUGHPUT_8, best_first

NIM = POLICIES["nim"]


def ranked_tps(chain, *tps):
    """The tp tags in the order of a chain; None is a profile that has none."""
    tags = [{} if tp is None else {"tp": tp} for tp in tps]
    verdicts = [Verdict(make_profile(str(at), **one), (), ()) for at, one in enumerate(tags)]
    return [verdict.profile.tags.get("tp") for verdict in rank(verdicts, prefer(chain, NIM))]


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
        "custom",
        "gpu_specific",
        "engine",
        "precision",
        "prebuilt",
        "pp",
        "variant",
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


def test_a_chain_keeps_the_memory_arithmetic_of_its_base():
    assert (False, True) == (
        prefer("tp", NIM).nim_memory,
        prefer("tp", POLICIES["nim-2.0"]).nim_memory,
    )


def test_a_chain_keeps_the_empty_gpu_gate_of_its_base():
    for base in (NIM, POLICIES["nim-1.13"]):
        chain = prefer("tp", base)
        assert (base.empty_gpu_gate, base.gate_source) == (chain.empty_gpu_gate, chain.gate_source)


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
        pytest.param(
            "speed",
            "'speed' is not a criterion; known: custom, unpacked, engine, prebuilt",
            id="unknown",
        ),
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
        (
            "",
            "custom, unpacked, engine, prebuilt, precision, objective, tp, gpu_specific, pp, variant, name, id",
        ),
        (
            "speed",
            "custom, unpacked, engine, prebuilt, precision, objective, tp, gpu_specific, pp, variant, name, id",
        ),
        ("engine=triton", "tensorrt_llm, vllm, sglang"),
        ("objective=cost", "latency, balanced, throughput"),
    ],
)
def test_what_would_have_been_right_is_listed_whole(chain, known):
    with pytest.raises(RequestError) as caught:
        prefer(chain, NIM)
    assert str(caught.value).endswith(known)


def test_a_decision_under_a_chain_of_ones_own_names_its_link():
    profiles = [make_profile("a", **LATENCY_1), make_profile("b", **THROUGHPUT_8)]
    decision = decide(profiles, "8xh100", policy=prefer("objective=throughput", NIM))
    assert ("b", "objective") == (decision.selected.profile.id, decision.deciding.name)
