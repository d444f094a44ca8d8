"""What was seen of a server, held against what was expected of it."""

import pytest

from nimprofile.manifest.profile_conditions import conditions_of, parse_conditions
from nimprofile.verify.expectation import Expectation, Prediction, expectation_of_conditions
from nimprofile.verify.judgement import Outcome, verification_of
from nimprofile.verify.observation import Fact, Observation


def seen(fact, value, source="server.log", line=1):
    return Observation(fact, value, source, place=f"line {line}", text=f"{fact}: {value}")


def judged(conditions, *observations, implied=()):
    expectation = expectation_of_conditions(conditions_of(conditions, "test"))
    return verification_of(expectation, observations, implied)


def test_a_demand_that_was_told_is_proven_with_the_line():
    told = seen(Fact.TP, 8)
    (judgement,) = judged("tp=8", told).judgements
    assert (Outcome.PROVEN, (told,)) == (judgement.outcome, judgement.evidence)


def test_a_pin_to_tp8_with_a_log_of_tp4_is_contradicted_with_the_line():
    told = seen(Fact.TP, 4, line=17)
    (judgement,) = judged("tp=8", told).judgements
    assert (Outcome.CONTRADICTED, (told,)) == (judgement.outcome, judgement.evidence)
    assert "line 17" == judgement.evidence[0].place


def test_what_nothing_told_is_not_observable():
    (judgement,) = judged("tp=8", seen(Fact.PP, 1)).judgements
    assert (Outcome.NOT_OBSERVABLE, ()) == (judgement.outcome, judgement.evidence)


def test_a_word_that_leaves_it_open_is_shown_and_proves_nothing():
    told = seen(Fact.QUANTIZATION, "compressed-tensors")
    (judgement,) = judged("precision=fp8", told).judgements
    assert (Outcome.NOT_OBSERVABLE, (told,)) == (judgement.outcome, judgement.evidence)
    assert "'compressed-tensors' leaves open whether the weights are fp8" == judgement.note


def test_sources_that_contradict_each_other_contradict_the_demand_and_are_named():
    log, url = seen(Fact.TP, 8), seen(Fact.TP, 4, source="http://host:8000", line=3)
    (judgement,) = judged("tp=8", log, url).judgements
    assert (Outcome.CONTRADICTED, (url,)) == (judgement.outcome, judgement.evidence)
    assert (
        "sources contradict each other: http://host:8000, line 3 has '4', and "
        "server.log, line 1 has '8'"
    ) == judgement.note


def test_of_a_machine_of_several_products_one_that_is_demanded_is_enough():
    told = [seen(Fact.GPU_NAME, name) for name in ("NVIDIA T400", "NVIDIA L40S")]
    (judgement,) = judged("gpu_name=NVIDIA L40S", *told).judgements
    assert (Outcome.PROVEN, (told[1],)) == (judgement.outcome, judgement.evidence)
    assert not judged("gpu_name!=NVIDIA L40S", *told).holds()


def test_what_follows_counts_where_nothing_was_told():
    follows = seen(Fact.TP, 4)
    (judgement,) = judged("tp=8", implied=[follows]).judgements
    assert (Outcome.CONTRADICTED, True) == (judgement.outcome, judgement.indirect)


def test_what_was_told_beats_what_follows():
    (judgement,) = judged("tp=8", seen(Fact.TP, 8), implied=[seen(Fact.TP, 4)]).judgements
    assert (Outcome.PROVEN, False) == (judgement.outcome, judgement.indirect)


@pytest.mark.parametrize(
    ("tag", "meant"),
    [("tpp", "tp"), ("precison", "precision"), ("max_model_length", "max_model_len")],
)
def test_a_fact_that_is_misspelt_is_told_what_was_meant(tag, meant):
    (judgement,) = judged(f"{tag}=8").judgements
    assert Outcome.NOT_OBSERVABLE == judgement.outcome
    told = f"no server tells '{tag}': did you mean {meant}? name the manifest with --manifest"
    assert told == judgement.note


def test_a_tag_that_no_server_tells_says_how_it_could_be_told():
    (judgement,) = judged("gpu_device=2330:10de").judgements
    assert Outcome.NOT_OBSERVABLE == judgement.outcome
    assert "no server tells 'gpu_device': name the manifest with --manifest" == judgement.note


@pytest.mark.parametrize(
    ("observation", "outcome"),
    [
        (seen(Fact.READY, True), Outcome.PROVEN),
        (seen(Fact.READY, False), Outcome.CONTRADICTED),
        (seen(Fact.FAILURE, "CUDA out of memory"), Outcome.CONTRADICTED),
    ],
)
def test_whether_the_server_came_up_is_judged_where_it_was_told(observation, outcome):
    (ready,) = judged("", observation).judgements
    assert ("ready", outcome) == (ready.demand.about, ready.outcome)


def test_an_optional_demand_is_passed_over_where_nothing_tells_it():
    (demand,) = expectation_of_conditions(parse_conditions("lora=false")).demands
    optional = Expectation((demand.replace(optional=True),))
    assert () == verification_of(optional, ()).judgements
    assert 1 == len(verification_of(optional, [seen(Fact.LORA, True)]).judgements)


def test_strict_fails_on_what_is_not_observable():
    found = judged("tp=8,pp=1", seen(Fact.TP, 8))
    assert (True, False) == (found.holds(), found.holds(strict=True))


def test_what_is_contradicted_never_holds():
    assert not judged("tp=8", seen(Fact.TP, 4)).holds()


WEIGHTS = Prediction(Fact.WEIGHTS_BYTES, 110, "estimated")
TOKENS = Prediction(Fact.KV_CACHE_TOKENS, 90, "estimated")


def test_a_prediction_stands_beside_what_was_measured_with_the_error():
    (figure,) = verification_of(
        Expectation((), (WEIGHTS,)), [seen(Fact.WEIGHTS_BYTES, 100)]
    ).figures
    assert (110, 100, pytest.approx(0.1)) == (figure.predicted, figure.measured, figure.error)


def test_of_several_ranks_the_fullest_gpu_and_the_smallest_cache_count():
    told = [seen(fact, value) for fact in (WEIGHTS.fact, TOKENS.fact) for value in (99, 101, 100)]
    figures = verification_of(Expectation((), (WEIGHTS, TOKENS)), told).figures
    assert [101, 99] == [figure.measured for figure in figures]


def test_a_figure_that_nothing_told_has_no_error():
    (figure,) = verification_of(Expectation((), (WEIGHTS,)), []).figures
    assert (None, None) == (figure.measured, figure.error)
