"""Laws of a whole decision: nobody is forgotten, and order, losers and repetition do not matter."""

from __future__ import annotations

from itertools import product

from hypothesis import given, strategies as st

from nimprofile import POLICIES, Manifest, select
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.hardware.inventory import Inventory
from nimprofile.selection.decision import Decision
from nimprofile.selection.fit import Judge
from nimprofile.selection.reasons import NotDefault
from nimprofile.testing import (
    Situation,
    fitting_pairs,
    inventories,
    manifests,
    related_profiles,
    requests,
    situations,
)

POLICY_NAMES = st.sampled_from(list(POLICIES))


@st.composite
def worlds(draw):
    """A situation in which something was made to run, or one drawn at random; a request of either."""
    if draw(st.booleans()):
        situation = draw(situations())
    else:
        situation = Situation(draw(manifests()), draw(inventories()), None)
    if situation.request is None or draw(st.booleans()):
        situation = situation._replace(request=draw(requests(manifest=situation.manifest)))
    return situation


def outcome(decision: Decision) -> tuple[object, ...]:
    """What must not change: who was chosen, the order, the reasons, the GPUs."""

    def told(verdict):
        return (verdict.profile.id, verdict.grade, verdict.reasons, verdict.waived, verdict.gpus)

    return (
        decision.selected and told(decision.selected),
        [told(verdict) for verdict in decision.ranked],
        [told(verdict) for verdict in decision.rejected],
        decision.deciding and decision.deciding.name,
    )


@given(fitting_pairs())
def test_what_was_made_to_run_is_selected_and_everything_else_follows_from_that(pair):
    decision = select(pair.manifest, pair.inventory, pair.request)

    assert decision.selected is not None
    assert pair.profile == decision.selected.profile
    assert decision.rejected == ()


@given(worlds(), POLICY_NAMES)
def test_every_profile_is_ranked_or_rejected_exactly_once(world, policy):
    decision = select(*world, policy)

    judged = [verdict.profile.id for verdict in (*decision.ranked, *decision.rejected)]
    assert sorted(profile.id for profile in world.manifest.profiles) == sorted(judged)
    assert all(not verdict.reasons for verdict in decision.ranked)
    assert all(verdict.reasons for verdict in decision.rejected)


@given(worlds(), POLICY_NAMES, st.randoms(use_true_random=False))
def test_the_order_of_the_manifest_never_matters(world, policy, random):
    shuffled = list(world.manifest.profiles)
    random.shuffle(shuffled)
    other = world.manifest.replace(profiles=tuple(shuffled))

    assert outcome(select(*world, policy)) == outcome(
        select(other, world.inventory, world.request, policy)
    )


@given(worlds(), POLICY_NAMES, st.randoms(use_true_random=False))
def test_the_order_of_the_tags_never_matters(world, policy, random):
    def shuffled(profile):
        tags = list(profile.tags.items())
        random.shuffle(tags)
        return profile.replace(tags=dict(tags))

    other = world.manifest.replace(profiles=tuple(map(shuffled, world.manifest.profiles)))

    assert outcome(select(*world, policy)) == outcome(
        select(other, world.inventory, world.request, policy)
    )


@given(worlds(), POLICY_NAMES, st.randoms(use_true_random=False))
def test_the_order_in_which_gpus_are_listed_never_matters(world, policy, random):
    shuffled = list(world.inventory.gpus)
    random.shuffle(shuffled)
    other = world.inventory.replace(gpus=tuple(shuffled))

    assert outcome(select(*world, policy)) == outcome(
        select(world.manifest, other, world.request, policy)
    )


@given(situations(), POLICY_NAMES, st.randoms(use_true_random=False))
def test_how_gpus_are_numbered_never_decides_which_profiles_run(situation, policy, random):
    indices = [gpu.index for gpu in situation.inventory.gpus]
    random.shuffle(indices)
    renumbered = Inventory(
        tuple(
            gpu.replace(index=index)
            for gpu, index in zip(situation.inventory.gpus, indices, strict=True)
        ),
        situation.inventory.driver_version,
        situation.inventory.cuda_version,
    )

    first = select(*situation, policy)
    second = select(situation.manifest, renumbered, situation.request, policy)

    assert [(v.profile.id, v.grade) for v in first.ranked] == [
        (v.profile.id, v.grade) for v in second.ranked
    ]
    assert {v.profile.id: v.grade for v in first.rejected} == {
        v.profile.id: v.grade for v in second.rejected
    }


@given(worlds(), POLICY_NAMES)
def test_dropping_a_loser_never_changes_the_winner(world, policy):
    """But for a loser beside which another is not taken unasked."""
    decision = select(*world, policy)
    winner = decision.selected
    pinned = decision.pinned and decision.pinned.profile.id
    for loser in world.manifest.profiles:
        if loser.id in {pinned, winner and winner.profile.id}:
            continue
        rest = tuple(profile for profile in world.manifest.profiles if profile.id != loser.id)
        without = select(
            world.manifest.replace(profiles=rest), world.inventory, world.request, policy
        )
        if not_default(decision) - {loser.id} == not_default(without):
            assert winner == without.selected


def not_default(decision):
    """The ids of what a speech NIM does not take unasked, beside the others."""
    rejected = decision.rejected
    return {v.profile.id for v in rejected if any(isinstance(r, NotDefault) for r in v.reasons)}


@given(worlds(), POLICY_NAMES)
def test_a_profile_is_judged_the_same_whatever_stands_beside_it(world, policy):
    """But for what a speech NIM takes unasked, which is a choice among its profiles."""
    request = world.request.replace(pin=None)
    decision = select(world.manifest, world.inventory, request, policy)
    for profile in world.manifest.profiles:
        alone = select(
            world.manifest.replace(profiles=(profile,)), world.inventory, request, policy
        )
        beside = decision.verdict(profile)
        own = tuple(each for each in beside.reasons if not isinstance(each, NotDefault))
        assert alone.verdict(profile) == beside.replace(reasons=own)


@given(related_profiles(), inventories(), requests(), requests())
def test_a_judge_that_has_judged_before_judges_as_a_fresh_one(related, inventory, first, second):
    """What is remembered of like profiles is never another's."""
    machine = Machine(inventory)
    for request, pinned in product((first, second), (False, True)):
        judge = Judge(machine, request, pinned=pinned)
        for profile in (related.first, related.second):
            fresh = Judge(Machine(inventory), request, pinned=pinned)
            assert fresh.verdict(profile) == judge.verdict(profile)


@given(worlds(), POLICY_NAMES)
def test_select_is_deterministic(world, policy):
    assert select(*world, policy) == select(*world, policy)


@given(inventories(), POLICY_NAMES)
def test_a_manifest_without_profiles_selects_nothing(inventory, policy):
    decision = select(Manifest(()), inventory, policy=policy)

    assert decision.selected is None
    assert () == decision.ranked == decision.rejected
