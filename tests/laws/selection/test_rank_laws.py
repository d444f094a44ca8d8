"""Laws of the order: it is total, it is a chain, and the deciding criterion is the first that differs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from nimprofile import POLICIES, prefer, select
from nimprofile.selection.rank import deciding, rank
from nimprofile.selection.ranking.criteria import ID, TAIL
from nimprofile.selection.verdict import Verdict
from nimprofile.testing import related_profiles, situations

CHAINS = (
    "objective=throughput,precision,tp",
    "tp=low",
    "engine=sglang,tp=high",
    "precision=bf16",
    "pp=low,tp=4",
    "id",
    "name,gpu_specific,prebuilt",
)


def policies():
    plain = st.sampled_from(list(POLICIES.values()))
    return st.one_of(plain, st.builds(prefer, st.sampled_from(CHAINS), plain))


@given(situations(), policies())
def test_the_deciding_criterion_is_the_first_that_differs(situation, policy):
    decision = select(*situation, policy)
    if len(decision.ranked) < 2:
        assert decision.deciding is None
        return
    first, second = decision.ranked[:2]
    at = policy.criteria.index(decision.deciding)
    assert all(c.key(first) == c.key(second) for c in policy.criteria[:at])
    assert decision.deciding.key(first) < decision.deciding.key(second)
    assert second is decision.runner_up


@given(situations(), policies())
def test_each_candidate_beats_the_next_on_the_criterion_that_decides(situation, policy):
    decision = select(*situation, policy)
    for better, worse in pairwise(decision.ranked):
        criterion = deciding(better, worse, policy)
        assert criterion.key(better) < criterion.key(worse)


@given(situations(), policies(), st.randoms(use_true_random=False))
def test_ranking_does_not_depend_on_the_order_it_is_given(situation, policy, random):
    verdicts = list(select(*situation).ranked)
    expected = rank(verdicts, policy)
    random.shuffle(verdicts)

    assert expected == rank(verdicts, policy)


@given(situations(), policies(), st.data())
def test_a_candidate_stands_the_same_to_another_whoever_else_is_there(situation, policy, data):
    ranked = rank(select(*situation).ranked, policy)
    kept = data.draw(st.sets(st.sampled_from(range(len(ranked))) if ranked else st.nothing()))
    some = [verdict for at, verdict in enumerate(ranked) if at in kept]

    assert tuple(some) == rank(some, policy)


@given(related_profiles(), policies())
def test_of_two_profiles_of_different_ids_one_is_always_better(related, policy):
    first = Verdict(related.first, (), ())
    second = Verdict(related.second, (), ())

    criterion = deciding(first, second, policy)
    assert criterion.key(first) != criterion.key(second)
    assert criterion is deciding(second, first, policy)


@given(related_profiles(), policies())
def test_a_profile_is_never_better_than_itself(related, policy):
    verdict = Verdict(related.first, (), ())
    with pytest.raises(ValueError, match="the same profile"):
        deciding(verdict, verdict, policy)


@given(policies())
def test_every_chain_names_each_criterion_once_and_can_end_in_the_id(policy):
    names = [criterion.name for criterion in policy.criteria]

    assert len(set(names)) == len(names)
    assert ID in policy.criteria
    assert {criterion.name for criterion in TAIL} <= set(names)
