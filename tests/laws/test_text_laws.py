"""Laws of the words: the text, the listing and the JSON leave nobody out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from nimprofile import (
    POLICIES,
    decision_to_dict,
    message,
    parse_inventory,
    remedy,
    select,
)
from nimprofile.base.formats.nim_printout import read_listing
from nimprofile.report.blocks import plain_text
from nimprofile.report.explain import explain_decision, explain_profile
from nimprofile.report.nim_listing import LAYOUTS, nim_listing
from nimprofile.report.tables import list_blocks
from nimprofile.report.text import (
    NO_PROFILE,
    NOT_AS_REQUIRED,
    NOT_IN_MANIFEST,
    nothing_runs,
)
from nimprofile.report.to_json import explanation_to_dict
from nimprofile.selection.reasons import LoraMismatch, RequirementUnmet, TagMismatch
from nimprofile.testing import inventories, manifests, near_misses, requests, situations
from tests.support.report_cases import in_colour, on_terminal

STYLES = st.sampled_from([plain_text, on_terminal, in_colour])
POLICY_NAMES = st.sampled_from(list(POLICIES))


@st.composite
def decisions(draw):
    if draw(st.booleans()):
        manifest, inventory, request = draw(situations())
    else:
        manifest, inventory = draw(manifests()), draw(inventories())
        request = draw(requests(manifest=manifest))
    return select(manifest, inventory, request, draw(POLICY_NAMES))


def judged(decision):
    return (*decision.ranked, *decision.rejected)


@given(decisions(), STYLES)
def test_the_list_names_every_profile_with_its_id_and_grade(decision, style):
    text = style(list_blocks(decision))
    for verdict in judged(decision):
        assert verdict.profile.name in text
        assert verdict.profile.id[:12] in text
        selected = decision.selected
        runs = verdict.fits or (selected and selected.profile.id == verdict.profile.id)
        unwanted = verdict.grade == "runnable" and not runs  # a pin runs although it was not wanted
        assert ("not wanted" if unwanted else verdict.grade) in text


@given(decisions())
def test_the_list_in_a_pipe_has_a_line_for_each_profile(decision):
    lines = plain_text(list_blocks(decision)).split("\n")

    assert sorted(line.split("\t")[1] for line in lines) == sorted(
        verdict.profile.id for verdict in judged(decision)
    )
    assert {4} == {line.count("\t") + 1 for line in lines}


@given(decisions(), STYLES)
def test_the_explanation_names_every_profile(decision, style):
    text = style(explain_decision(decision))
    for verdict in judged(decision):
        assert verdict.profile.name in text


@given(decisions(), STYLES)
def test_the_explanation_gives_every_reason_and_what_would_change_it(decision, style):
    text = style(explain_decision(decision))
    for verdict in decision.rejected:
        assert all(message(reason) in text for reason in verdict.reasons)


@given(decisions(), STYLES)
def test_the_story_of_a_profile_tells_each_of_its_reasons_and_doubts(decision, style):
    for verdict in judged(decision):
        story = style(explain_profile(decision, verdict))
        assert verdict.profile.name in story
        assert verdict.profile.id in story
        assert all(message(reason) in story for reason in (*verdict.reasons, *verdict.waived))
        assert all(doubt.unknown in story for doubt in verdict.doubts)
        assert ("To make it run:" in story) is bool(verdict.reasons)


@given(near_misses())
def test_when_nothing_runs_the_text_begins_as_nims_and_counts_the_reason(miss):
    decision = select(miss.manifest, miss.inventory, miss.request)
    text = nothing_runs(decision)

    # The one profile there is lacks what is asked for.
    if miss.reason in {TagMismatch, LoraMismatch}:
        assert text.startswith(NOT_IN_MANIFEST)
        return
    if miss.reason is RequirementUnmet:
        assert text.startswith(NOT_AS_REQUIRED)
        assert miss.profile.name in text
        return
    assert text.startswith(NO_PROFILE)
    assert miss.profile.name in text
    assert "   1 × " in text
    assert all(remedy_line in text for remedy_line in _remedies(decision))


def _remedies(decision):
    (verdict,) = decision.rejected
    return decision_to_dict(decision)["rejected"][0]["remedies"] if verdict.reasons else ()


@given(near_misses())
def test_every_reason_has_a_message_and_a_remedy_of_its_own(miss):
    (verdict,) = select(miss.manifest, miss.inventory, miss.request).rejected
    for reason in verdict.reasons:
        assert message(reason)
        assert remedy(reason)
        assert message(reason) != remedy(reason)


@given(decisions())
def test_the_json_has_every_profile_once_and_survives_a_dump(decision):
    report = json.loads(json.dumps(decision_to_dict(decision)))
    ids = [entry["id"] for entry in (*report["ranked"], *report["rejected"])]

    assert sorted(verdict.profile.id for verdict in judged(decision)) == sorted(ids)
    assert (decision.selected and decision.selected.profile.id) == (
        report["selected"] and report["selected"]["id"]
    )
    for verdict in judged(decision):
        assert json.dumps(explanation_to_dict(decision, verdict))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nims_own_layout_lists_every_profile_once_and_our_reader_reads_it_back(layout):
    @given(decisions())
    def law(decision):
        printed = nim_listing(decision, layout)
        ids = [verdict.profile.id for verdict in judged(decision)]
        names = [verdict.profile.name for verdict in judged(decision)]
        for id, name in zip(ids, names, strict=True):
            assert printed.count(f"- {id} ({name})") == 1
        if all(len(id) == 64 for id in ids) and not any("\n" in name for name in names):
            rows, listed = read_listing(printed, source="")
            assert sorted(zip(ids, names, strict=True)) == sorted((r.id, r.name) for r in rows)
            assert {gpu.index: gpu.device_id for gpu in decision.inventory.offered} == {
                gpu.index: gpu.device_id for gpu in listed
            }
            named = {gpu.index: gpu.name for gpu in decision.inventory.offered if gpu.name}
            if named:
                gpus = parse_inventory(printed).gpus
                assert named == {gpu.index: gpu.name for gpu in gpus if gpu.index in named}

    law()
