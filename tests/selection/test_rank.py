"""Ranking, and the criterion that decides between two verdicts."""

import pytest

from nimprofile import POLICIES
from nimprofile.selection.rank import deciding, rank
from nimprofile.selection.ranking.criteria import ID, NAME
from tests.support.builders import judge, make_profile
from tests.support.ranked import LATENCY_1, THROUGHPUT_8, verdicts

NIM = POLICIES["nim"]


def test_name_then_id_make_the_order_total():
    first, second, third = (
        judge(make_profile(id, name=name), "1xh100")
        for id, name in (("b", "alpha"), ("c", "alpha"), ("a", "beta"))
    )
    assert (first, second, third) == rank([third, second, first], NIM)
    assert (ID, NAME) == (deciding(first, second, NIM), deciding(first, third, NIM))


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
