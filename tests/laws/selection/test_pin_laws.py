"""Laws of the override: a pin is honoured or refused, never replaced."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nimprofile import POLICIES, Pin, PinError, message, select
from nimprofile.testing import near_misses, requests, situations

POLICY_NAMES = st.sampled_from(list(POLICIES))


@st.composite
def pinned_worlds(draw):
    manifest, inventory, request = draw(situations())
    if draw(st.booleans()):
        request = draw(requests())
    pin = draw(st.sampled_from(manifest.profiles))
    return manifest, inventory, request.replace(pin=Pin(pin.id)), pin


@given(pinned_worlds(), POLICY_NAMES)
def test_a_pin_is_honoured_or_refused_never_replaced(world, policy):
    manifest, inventory, request, pin = world
    decision = select(manifest, inventory, request, policy)

    assert decision.pinned is not None
    assert pin == decision.pinned.profile
    if decision.selected is None:
        assert decision.pinned.reasons
    else:
        assert pin == decision.selected.profile
        assert decision.selected.reasons == ()


@given(pinned_worlds(), POLICY_NAMES)
def test_whatever_is_set_aside_the_selected_profile_is_the_pinned_one(world, policy):
    manifest, inventory, request, pin = world
    request = request.replace(relax_memory=True, allow_unsafe=True)
    decision = select(manifest, inventory, request, policy)

    assert decision.selected is None or pin == decision.selected.profile


@given(pinned_worlds(), POLICY_NAMES)
def test_a_pin_changes_nothing_but_the_choice(world, policy):
    manifest, inventory, request, _ = world
    pinned = select(manifest, inventory, request, policy)
    free = select(manifest, inventory, request.replace(pin=None), policy)

    assert free.ranked == pinned.ranked
    assert free.rejected == pinned.rejected
    assert pinned.deciding is None


@given(pinned_worlds(), POLICY_NAMES)
def test_a_candidate_is_never_refused_as_a_pin(world, policy):
    manifest, inventory, request, pin = world
    decision = select(manifest, inventory, request, policy)

    if pin.id in {verdict.profile.id for verdict in decision.ranked}:
        assert decision.selected is not None


@given(pinned_worlds(), st.booleans(), st.booleans())
def test_what_is_set_aside_is_told_in_a_warning_each(world, relax, unsafe):
    manifest, inventory, request, _ = world
    decision = select(manifest, inventory, request.replace(relax_memory=relax, allow_unsafe=unsafe))
    if decision.selected is not None:
        for reason in decision.selected.waived:
            (_,) = (text for text in map(str, decision.warnings) if message(reason) in text)


@given(near_misses())
def test_a_refused_pin_starts_with_exactly_the_switch_its_reasons_name(miss):
    request = miss.request.replace(pin=Pin(miss.profile.id), relax_memory=False, allow_unsafe=False)
    refused = select(miss.manifest, miss.inventory, request)
    forced = select(
        miss.manifest, miss.inventory, request.replace(relax_memory=True, allow_unsafe=True)
    )

    can_be_set_aside = miss.reason.waived_by is not None  # what is required cannot
    lenient = can_be_set_aside and miss.reason.effect in ("low memory", "not wanted")
    assert lenient is (refused.selected is not None)
    assert can_be_set_aside is (forced.selected is not None)
    if forced.selected is not None:
        assert {miss.reason} == {type(reason) for reason in forced.selected.waived}


@given(situations(), st.text(min_size=1).filter(str.strip))
def test_a_pin_that_is_in_no_manifest_is_an_error(situation, text):
    known = {profile.id for profile in situation.manifest.profiles}
    known |= {profile.name.casefold() for profile in situation.manifest.profiles}
    if text in known or text.casefold() in known:
        return
    with pytest.raises(PinError):
        select(situation.manifest, situation.inventory, situation.request.replace(pin=Pin(text)))
