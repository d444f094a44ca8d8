"""How a profile stands at each gate, with the figures."""

import pytest

from nimprofile import Request
from nimprofile.selection.gates.outcomes import GATES, gate_of, gate_outcomes
from tests.support.builders import decide, make_profile

BF16 = make_profile("b" * 64, llm_engine="vllm", precision="bf16", tp="2", pp="1")


def _of(decision, gate):
    verdict = decision.verdict(BF16)
    return [(o.outcome, o.text) for o in gate_outcomes(verdict, decision) if o.gate == gate]


def test_a_profile_that_runs_has_one_outcome_at_each_gate():
    decision = decide([BF16], "2xh100")
    outcomes = [*gate_outcomes(decision.verdict(BF16), decision)]
    assert [title for title, _ in GATES] == [outcome.gate for outcome in outcomes]
    assert [("yes", "tp 2 × pp 1: 2 of one product")] == _of(decision, "GPU count")


def test_a_gate_that_is_failed_has_the_reason():
    ((outcome, text),) = _of(decide([BF16], "1xh100"), "GPU count")
    assert "no" == outcome
    assert "2 GPUs" in text


def test_what_is_only_not_wanted_is_told_from_what_does_not_run():
    request = Request(tags=(("precision", "fp8"),))
    assert "not wanted" == _of(decide([BF16], "2xh100", request), "tags")[0][0]


def test_the_gate_of_a_kind_of_reason():
    assert "driver" == gate_of("cuda")
    with pytest.raises(KeyError):
        gate_of("weather")
