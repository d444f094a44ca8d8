"""Laws of what is required: nothing else runs, and nothing else changes."""

from __future__ import annotations

from hypothesis import assume, given, strategies as st

from nimprofile import POLICIES, Condition, Pin, select
from nimprofile.manifest.profile_conditions import unmet
from nimprofile.testing import requests, situations

POLICY_NAMES = st.sampled_from(list(POLICIES))


@st.composite
def conditions(draw, manifest):
    """A condition that some profile meets, or that perhaps none does."""
    profile = draw(st.sampled_from(manifest.profiles))
    tag, value = draw(st.sampled_from(sorted(profile.tags.items()) or [("tp", "1")]))
    if tag in {"tp", "pp"}:
        return Condition(tag, draw(st.sampled_from(["=", "!=", ">=", "<=", ">", "<"])), value)
    relation = draw(st.sampled_from(["=", "!="]))
    return draw(
        st.sampled_from(
            [
                Condition("name", relation, f"{profile.name[:4] or 'x'}*"),
                Condition(tag, relation, value) if value.strip() else Condition("tp", "=", "1"),
            ]
        )
    )


@st.composite
def worlds(draw):
    """A situation of which something is required, with a pin and switches or without."""
    manifest, inventory, request = draw(situations())
    if draw(st.booleans()):
        request = draw(requests())
    if draw(st.booleans()):
        request = request.replace(pin=Pin(draw(st.sampled_from(manifest.profiles)).id))
    if draw(st.booleans()):
        request = request.replace(relax_memory=True, allow_unsafe=True)
    required = tuple(draw(st.lists(conditions(manifest), min_size=1, max_size=3)))
    return manifest, inventory, request.replace(pin=request.pin, require=required)


@given(worlds(), POLICY_NAMES)
def test_what_is_selected_is_as_required_whatever_pins_and_relaxes(world, policy):
    manifest, inventory, request = world
    selected = select(manifest, inventory, request, policy).selected
    assume(selected is not None)
    assert [] == [*unmet(request.require, selected.profile, len(selected.gpus))]


@given(worlds(), POLICY_NAMES)
def test_what_would_be_selected_anyway_is_selected_and_the_rest_is_told(world, policy):
    manifest, inventory, request = world
    decision = select(manifest, inventory, request, policy)
    free = select(manifest, inventory, request.replace(require=()), policy)
    without = free.selected
    if without is None:
        assert (None, None) == (decision.selected, decision.otherwise)
    elif not [*unmet(request.require, without.profile, len(without.gpus))]:
        assert without.profile == decision.selected.profile
        assert decision.otherwise is None
    else:
        assert without.profile == decision.otherwise.profile
        assert decision.required_in_vain is (decision.selected is None)


@given(worlds(), POLICY_NAMES)
def test_what_is_required_takes_candidates_away_and_changes_no_order(world, policy):
    manifest, inventory, request = world
    some = select(manifest, inventory, request, policy).ranked
    every = select(manifest, inventory, request.replace(require=()), policy).ranked
    left = [verdict.profile for verdict in some]
    assert left == [verdict.profile for verdict in every if verdict.profile in left]
