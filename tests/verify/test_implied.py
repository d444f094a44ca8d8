"""What follows from the profile that a server says it runs."""

import pytest

from nimprofile.manifest.profile_conditions import parse_conditions
from nimprofile.manifest.reader import parse_manifest
from nimprofile.verify.expectation import expectation_of_conditions
from nimprofile.verify.implied import implied
from nimprofile.verify.judgement import Outcome, verification_of
from nimprofile.verify.observation import Fact, Observation

TP4, TP8 = "4" * 64, "8" * 64
MANIFEST = parse_manifest(f"""\
schema_version: 2.0.0
profiles:
  - id: {TP4}
    name: tensorrt_llm-h100-fp8-tp4-pp1-throughput
    tags: {{llm_engine: tensorrt_llm, precision: fp8, tp: "4", pp: "1", gpu: H100}}
  - id: {TP8}
    name: tensorrt_llm-h100-fp8-tp8-pp1-latency
    tags: {{llm_engine: tensorrt_llm, precision: fp8, tp: "8", pp: "1", profile: latency}}
""")
LINE = f"Selected profile: {TP4} (tensorrt_llm-h100-fp8-tp4-pp1-throughput)"


def named(fact, value):
    return Observation(fact, value, "nim.log", place="line 17", text=LINE)


def judged(conditions, observations, manifest=MANIFEST):
    expectation = expectation_of_conditions(parse_conditions(conditions))
    return verification_of(expectation, observations, implied(observations, manifest)).judgements


@pytest.mark.parametrize(
    "told",
    [
        named(Fact.PROFILE_ID, TP4),
        named(Fact.PROFILE_ID, TP4[:8] + "…"),
        named(Fact.PROFILE_NAME, "tensorrt_llm-h100-fp8-tp4-pp1-throughput"),
    ],
)
def test_a_pin_to_tp8_with_a_log_that_names_a_profile_of_tp4_is_contradicted(told):
    (judgement,) = judged("tp=8", [told])
    assert (Outcome.CONTRADICTED, True) == (judgement.outcome, judgement.indirect)
    (evidence,) = judgement.evidence
    assert "line 17" == evidence.place
    assert f"tp=4 of tensorrt_llm-h100-fp8-tp4-pp1-throughput, which {LINE!r} names" == (
        evidence.text
    )


def test_the_name_alone_says_so_where_there_is_no_manifest():
    told = named(Fact.PROFILE_NAME, "tensorrt_llm-h100-fp8-tp4-pp1-throughput")
    tp, precision = judged("tp=8,precision=fp8", [told], manifest=None)
    assert (Outcome.CONTRADICTED, Outcome.PROVEN) == (tp.outcome, precision.outcome)
    assert f"tp=4 by the name in {LINE!r}" == tp.evidence[0].text


def test_a_name_is_not_read_where_the_manifest_has_its_tags():
    strange = parse_manifest(
        f'{{"profiles": [{{"id": "{TP4}", "name": "vllm-fp8-tp8-pp1", "tags": {{"tp": "4"}}}}]}}'
    )
    told = named(Fact.PROFILE_NAME, "vllm-fp8-tp8-pp1")
    (judgement,) = judged("tp=8", [told], strange)
    assert Outcome.CONTRADICTED == judgement.outcome


def test_a_tag_that_only_the_manifest_has_is_judged_by_it():
    told = named(Fact.PROFILE_ID, TP4)
    (judgement,) = judged("gpu=H100", [told])
    assert Outcome.PROVEN == judgement.outcome


def test_an_objective_follows_from_the_profile():
    (judgement,) = judged("objective=latency", [named(Fact.PROFILE_ID, TP8)])
    assert Outcome.PROVEN == judgement.outcome


@pytest.mark.parametrize("value", ["0" * 64, "4…", "44…"])
def test_a_profile_that_is_not_known_implies_nothing(value):
    (judgement,) = judged("tp=8", [named(Fact.PROFILE_ID, value)])
    assert Outcome.NOT_OBSERVABLE == judgement.outcome
