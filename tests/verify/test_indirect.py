"""What memory bears out: the precision and the sizes, among the profiles of a manifest."""

import pytest

from nimprofile import load_manifest, mock_inventory, select
from nimprofile.manifest.profile_conditions import conditions_of
from nimprofile.verify.expectation import Expectation, expectation_of_conditions
from nimprofile.verify.indirect import FAR, NEAR, borne_out, neighbours_of
from nimprofile.verify.judgement import Outcome, verification_of
from nimprofile.verify.observation import Fact, Observation
from tests.tools.memory_runs import RUNS, Outcome as Run

NEIGHBOURS = neighbours_of(
    select(load_manifest("llama-3.1-70b-instruct"), mock_inventory("8xh100"))
)
NAME = "tensorrt_llm-h100-fp8-tp8-pp1-latency"
(FP8_TP8,) = [each for each in NEIGHBOURS if each.profile.name == NAME]
(FP8_TP4,) = [
    each for each in NEIGHBOURS if each.profile.name.startswith("tensorrt_llm-h100-fp8-tp4")
]


def seen(fact, value):
    return Observation(fact, value, "a.log", place="line 1", text=f"{fact}: {value}")


def figures(neighbour, factor=1.0):
    return [seen(fact, int(factor * value)) for fact, value in neighbour.figures.items()]


def judged(conditions, observations, neighbours=NEIGHBOURS):
    expectation = expectation_of_conditions(conditions_of(conditions, "test"))
    return borne_out(verification_of(expectation, observations), neighbours)


def outcomes(conditions, observations, neighbours=NEIGHBOURS):
    return [each.outcome for each in judged(conditions, observations, neighbours).judgements]


PROVEN, OPEN = Outcome.PROVEN, Outcome.NOT_OBSERVABLE


@pytest.mark.parametrize("factor", [1.0, 1.02, 0.98])
def test_figures_within_the_known_error_bear_out_precision_and_tp(factor):
    assert [PROVEN, PROVEN] == outcomes("precision=fp8,tp=8", figures(FP8_TP8, factor))


def test_what_is_borne_out_names_what_was_measured_and_what_it_excludes():
    told = figures(FP8_TP8, 1.01)
    judgement = judged("tp=8", told).judgements[0]
    assert judgement.indirect
    assert {*told} == {*judgement.evidence}
    assert f"is that of {NAME}; this excludes " in judgement.note
    assert "tensorrt_llm-h100-fp8-tp4-pp1-throughput (16.9 GiB of weights, 677,408 KV tokens)" in (
        judgement.note
    )


def test_the_number_of_kv_tokens_alone_bears_it_out():
    (told,) = [each for each in figures(FP8_TP4) if each.fact is Fact.KV_CACHE_TOKENS]
    assert [PROVEN] == outcomes("tp=4", [told])


@pytest.mark.parametrize(
    ("fact", "value"), [(Fact.MEMORY_FRACTION, 0.5), (Fact.KV_CACHE_DTYPE, "nvfp4")]
)
def test_kv_tokens_of_a_server_that_is_started_otherwise_bear_nothing_out(fact, value):
    (told,) = [each for each in figures(FP8_TP4) if each.fact is Fact.KV_CACHE_TOKENS]
    assert [OPEN] == outcomes("tp=4", [told, seen(fact, value)])


def test_kv_tokens_of_a_server_that_is_started_so_bear_it_out():
    started = [
        seen(fact, value)
        for fact, value in (
            (Fact.MEMORY_FRACTION, FP8_TP4.started_with[Fact.MEMORY_FRACTION]),
            (Fact.KV_CACHE_DTYPE, "auto"),
        )
    ]
    (told,) = [each for each in figures(FP8_TP4) if each.fact is Fact.KV_CACHE_TOKENS]
    assert [PROVEN] == outcomes("tp=4", [told, *started])


def test_figures_that_two_kinds_of_profiles_would_show_bear_nothing_out():
    (weights,) = [each for each in figures(FP8_TP4) if each.fact is Fact.WEIGHTS_BYTES]
    assert [OPEN, OPEN] == outcomes("precision=fp8,tp=4", [weights])


def test_what_is_proven_of_the_server_excludes_too():
    (weights,) = [each for each in figures(FP8_TP4) if each.fact is Fact.WEIGHTS_BYTES]
    assert [PROVEN, PROVEN] == outcomes("precision=fp8,tp=4", [weights, seen(Fact.TP, 4)])


@pytest.mark.parametrize("factor", [1.2, 0.8])
def test_figures_beyond_the_known_error_bear_nothing_out(factor):
    assert [OPEN, OPEN] == outcomes("precision=fp8,tp=8", figures(FP8_TP8, factor))


def test_figures_of_another_profile_contradict_nothing_and_are_noted():
    expectation = Expectation(
        expectation_of_conditions(conditions_of(f"id={FP8_TP8.profile.id},tp=8", "")).demands
    )
    found = borne_out(verification_of(expectation, figures(FP8_TP4)), NEIGHBOURS)
    assert [OPEN, OPEN] == [each.outcome for each in found.judgements]
    (note,) = found.notes
    assert note == (
        f"16.9 GiB of weights and 677,408 KV tokens is not what {NAME} would show (8.5 GiB of "
        "weights, 1,558,256 KV tokens) but what tensorrt_llm-h100-fp8-tp4-pp1-throughput would"
    )


def test_the_profile_itself_is_borne_out_where_every_other_is_excluded():
    told = [seen(Fact.ENGINE, "tensorrt_llm"), *figures(FP8_TP8)]
    assert [PROVEN] * 2 == outcomes(f"engine=trtllm,id={FP8_TP8.profile.id}", told)


def test_the_profile_follows_from_facts_that_no_other_has():
    told = [seen(Fact.ENGINE, "tensorrt_llm"), seen(Fact.PRECISION, "fp8"), seen(Fact.TP, 8)]
    conditions = f"id={FP8_TP8.profile.id},engine=tensorrt_llm,precision=fp8,tp=8"
    profile, *_ = judged(conditions, told).judgements
    assert (PROVEN, True) == (profile.outcome, profile.indirect)
    assert (
        "it is the only profile of the manifest that runs here with engine=tensorrt_llm, "
        "precision=fp8, tp=8"
    ) == profile.note


def test_a_profile_is_not_taken_for_another_of_the_same_sizes():
    by_name = {each.profile.name: each for each in NEIGHBOURS}
    vllm = by_name["vllm-bf16-tp8-pp1"]
    told = [seen(Fact.PRECISION, "bf16"), seen(Fact.TP, 8)]
    assert OPEN == outcomes(f"id={vllm.profile.id},precision=bf16,tp=8", told)[0]


def test_without_neighbours_nothing_is_borne_out():
    assert [OPEN] == outcomes("tp=8", figures(FP8_TP8), [FP8_TP8])
    assert [OPEN] == outcomes("tp=8", figures(FP8_TP8), [])


def test_without_figures_nothing_is_borne_out():
    assert [OPEN] == outcomes("tp=8", [])


def test_a_profile_of_which_nothing_is_known_is_not_excluded():
    unknown = FP8_TP4.replace(figures={})
    assert [OPEN] == outcomes("tp=8", figures(FP8_TP8), [FP8_TP8, unknown])


def test_the_recorded_runs_bear_out_what_counts_as_near_and_as_far():
    runs = [Run(run) for run in RUNS if "not_stated" not in run]
    errors = {
        Fact.WEIGHTS_BYTES: [run.weights_error for run in runs],
        Fact.KV_CACHE_TOKENS: [run.tokens_error for run in runs if run.budget is not None],
    }
    for fact, all_errors in errors.items():
        known = [abs(error) for error in all_errors if error is not None]
        assert 0.9 < sum(error <= NEAR[fact] for error in known) / len(known)
        assert 1 >= sum(error > FAR[fact] for error in known)
