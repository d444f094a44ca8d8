"""Laws of `verify`: what holds of every expectation and whatever was seen."""

from hypothesis import given, strategies as st

from nimprofile.manifest.profile_conditions import Condition
from nimprofile.verify.expectation import expectation_of_conditions
from nimprofile.verify.judgement import SEVERAL, Outcome, verification_of
from nimprofile.verify.observation import Fact, Observation

VALUES = st.one_of(
    st.sampled_from(["8", "4", "fp8", "bf16", "compressed-tensors", "vllm", "0.33.0", "auto", ""]),
    st.integers(-1, 10),
    st.booleans(),
    st.floats(),
    st.text(max_size=8),
)
OBSERVATIONS = st.builds(
    lambda fact, value, source, line: Observation(
        fact, value, source, place=f"line {line}", text=str(value)
    ),
    st.sampled_from(Fact),
    VALUES,
    st.sampled_from(["a.log", "b.log", "http://host"]),
    st.integers(1, 9),
)
TAGS = st.sampled_from([*map(str, Fact), "llm_engine", "feat_lora", "name", "id", "gpu_device"])
EQUAL = st.builds(
    Condition,
    TAGS,
    st.sampled_from(["=", "!="]),
    st.sampled_from(["8", "4"]),
)
SIZED = st.builds(Condition, TAGS, st.sampled_from([">=", "<=", "<", ">"]), st.just("8"))
WORDS = st.builds(
    Condition,
    st.sampled_from(["precision", "engine", "engine_version", "kv_cache_dtype", "name"]),
    st.sampled_from(["=", "!="]),
    st.sampled_from(["fp8", "bf16", "vllm", "0.33.0", "auto", "vllm-*"]),
)
EXPECTATIONS = st.lists(st.one_of(EQUAL, SIZED, WORDS), max_size=4).map(expectation_of_conditions)


def outcomes(expectation, observations, implied=()):
    return [
        judged.outcome for judged in verification_of(expectation, observations, implied).judgements
    ]


@given(EXPECTATIONS)
def test_without_observations_nothing_is_proven_and_nothing_is_contradicted(expectation):
    assert {Outcome.NOT_OBSERVABLE} >= {*outcomes(expectation, [])}


@given(EXPECTATIONS, st.lists(OBSERVATIONS, max_size=6), st.data())
def test_the_order_of_observations_changes_no_outcome(expectation, observations, data):
    shuffled = data.draw(st.permutations(observations))
    assert outcomes(expectation, observations) == outcomes(expectation, shuffled)


@given(EXPECTATIONS, st.lists(OBSERVATIONS, max_size=6))
def test_a_demand_and_its_opposite_are_never_both_proven(expectation, observations):
    opposite = {"=": "!=", "!=": "=", ">=": "<", "<": ">=", "<=": ">", ">": "<="}
    turned = expectation.replace(
        demands=tuple(
            demand.replace(relation=opposite[demand.relation]) for demand in expectation.demands
        )
    )
    both = zip(outcomes(expectation, observations), outcomes(turned, observations), strict=True)
    asked = len(expectation.demands)
    assert (Outcome.PROVEN, Outcome.PROVEN) not in [*both][:asked]


@given(EXPECTATIONS, st.lists(OBSERVATIONS, max_size=5), OBSERVATIONS)
def test_what_is_contradicted_stays_so_whatever_else_is_seen(expectation, observations, more):
    before, after = (
        outcomes(expectation, observations),
        outcomes(expectation, [*observations, more]),
    )
    for demand, was, now in zip(expectation.demands, before, after, strict=False):
        if demand.fact not in SEVERAL:
            assert was is not Outcome.CONTRADICTED or now is Outcome.CONTRADICTED


@given(EXPECTATIONS, st.lists(OBSERVATIONS, max_size=5))
def test_what_is_told_has_its_evidence(expectation, observations):
    for judged in verification_of(expectation, observations).judgements:
        assert judged.outcome is Outcome.NOT_OBSERVABLE or judged.evidence
        assert {*judged.evidence} <= {*observations} or any(
            each.value != each.value for each in judged.evidence
        )
