"""Laws of what is preferred: what loses nothing before what is unpacked, prebuilt before built."""

from __future__ import annotations

from hypothesis import assume, given, strategies as st

from nimprofile import POLICIES, Engine, Precision, prefer, select
from nimprofile.engines.compute_floors import unpacks
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection.rank import rank
from nimprofile.selection.verdict import Verdict
from nimprofile.testing import related_profiles, situations

UNPACKED = [precision for precision in Precision if unpacks(precision, None)]
BUILDING = [name for name in POLICIES if name != "nim-1.0"]
"""The policies of the generations that build engines, and of the documents that tell of it."""


def retagged(profile, id, **tags):
    """The same profile with other tags and another id."""
    tags = {key: value for key, value in (profile.tags | tags).items() if value is not None}
    return profile_from_tags(
        id, tags, name=profile.name, requires=profile.requires, memory=profile.memory
    )


@given(situations(), st.sampled_from(UNPACKED), st.sampled_from([*Engine]))
def test_a_profile_that_is_unpacked_never_changes_the_choice_while_another_fits(
    situation, precision, engine
):
    manifest, inventory, request = situation
    request = request.replace(pin=None, uniform_gpus=False)
    before = select(manifest, inventory, request, "nim").selected
    assume(before is not None and not before.emulated and precision != before.stored_as)
    assume(not unpacks(before.profile.precision, before.capability))
    added = retagged(
        before.profile, "the-added", precision=str(precision), llm_engine=str(engine), gpu=None
    )
    more = manifest.replace(profiles=(*manifest.profiles, added))
    after = select(more, inventory, request, "nim")
    if unpacks(precision, after.verdict(added).capability):
        assert before.profile == after.selected.profile


@given(situations(), st.sampled_from(UNPACKED))
def test_what_is_asked_for_is_chosen_although_it_is_unpacked(situation, precision):
    manifest, inventory, request = situation
    request = request.replace(pin=None, uniform_gpus=False)
    chosen = select(manifest, inventory, request, "nim").selected
    assume(chosen is not None)
    added = retagged(chosen.profile, "the-added", precision=str(precision))
    more = manifest.replace(profiles=(*manifest.profiles, added))
    asked = prefer(f"precision={precision}", POLICIES["nim"])
    after = select(more, inventory, request, asked)
    if after.verdict(added).fits:
        assert precision is after.selected.profile.precision


@given(related_profiles(), st.sampled_from(BUILDING), st.booleans())
def test_an_engine_built_here_is_never_before_a_prebuilt_one_made_for_this_gpu(
    related, policy, both_name_it
):
    made = {"llm_engine": "tensorrt_llm", "gpu": "h100", "trtllm_buildable": None}
    prebuilt = retagged(related.first, "b-prebuilt", **made)
    gpu = {} if both_name_it else {"gpu": None, "gpu_device": None, "compute_capability": None}
    built = {"llm_engine": "tensorrt_llm", "gpu": "h100", "trtllm_buildable": "true"} | gpu
    buildable = retagged(related.second, "a-buildable", **built)
    if policy == "nim" and unpacks(prebuilt.precision, None):
        assume(unpacks(buildable.precision, None))  # what is unpacked comes last, prebuilt or not
    ranked = rank((Verdict(buildable, (), ()), Verdict(prebuilt, (), ())), POLICIES[policy])
    assert prebuilt == ranked[0].profile
