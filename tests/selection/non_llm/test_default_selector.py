"""What speech NIMs take unasked, and that asking for something else gets it."""

import pytest

from nimprofile import Pin, Request
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection.reasons import NotDefault
from tests.support.builders import decide

NAME = {"name": "parakeet"}
RMIR = {"model_type": "rmir", **NAME}
H100 = {"model_type": "prebuilt", "gpu": "h100", "gpu_device": "2330", **NAME}
AMPERE = H100 | {"gpu": "a100", "gpu_device": "20b2", "ampereplus": "enabled"}


def make(id, tags):
    return profile_from_tags(id, tags, name=id)


def unselected(*tags, machine="1xh100", request=None):
    """By which defaults each profile is not selected, in the order given."""
    profiles = [make(str(at), each) for at, each in enumerate(tags)]
    decision = decide(profiles, machine, request)
    verdicts = {v.profile.id: v for v in (*decision.ranked, *decision.rejected)}
    return [
        [reason for reason in verdicts[str(at)].reasons if isinstance(reason, NotDefault)]
        for at in range(len(tags))
    ]


STR = [NotDefault("mode", "all", "str")]
BUILT = [NotDefault("model_type", "prebuilt", "rmir")]


def test_where_a_profile_of_all_modes_is_those_of_one_mode_are_not_taken():
    assert [[], STR, []] == unselected(
        AMPERE | {"mode": "all"}, H100 | {"mode": "str"}, RMIR | {"mode": "all"}
    )


def test_without_one_of_all_modes_every_mode_may_be_taken():
    assert [[], []] == unselected(H100 | {"mode": "str"}, H100 | {"mode": "ofl"})


def test_another_models_modes_do_not_matter():
    assert [[], []] == unselected(H100 | {"mode": "str"}, RMIR | {"mode": "all", "name": "canary"})


def test_a_name_that_is_cut_short_is_the_models_all_the_same():
    assert [[], STR] == unselected(RMIR | {"mode": "all"}, H100 | {"mode": "str", "name": "para…"})
    assert [[], []] == unselected(RMIR | {"mode": "all"}, H100 | {"mode": "str", "name": "can…"})


def test_what_is_prebuilt_for_this_gpu_is_not_built():
    assert [BUILT, []] == unselected(RMIR | {"batch_size": "8"}, H100 | {"batch_size": "8"})


@pytest.mark.parametrize(
    ("prebuilt", "machine"),
    [
        (AMPERE, "1xh100"),
        (H100, "1xt4"),
        (H100 | {"batch_size": "8"}, "1xh100"),
        (H100 | {"name": "canary"}, "1xh100"),
    ],
    ids=["for any Ampere", "for another GPU", "another variant", "another model"],
)
def test_what_is_prebuilt_for_something_else_leaves_what_is_built(prebuilt, machine):
    assert [] == unselected(RMIR, prebuilt, machine=machine)[0]


@pytest.mark.parametrize("tag", ["mode", "model_type"])
def test_who_asks_for_a_tag_gets_what_is_asked_for(tag):
    tags = (RMIR | {"mode": "str"}, RMIR | {"mode": "all"}, H100 | {"mode": "str"})
    value = tags[0][tag]
    found = unselected(*tags, request=Request(tags={tag: value}))
    assert tag not in [reason.tag for reasons in found for reason in reasons]


def test_a_pinned_profile_starts_and_the_decision_says_what_the_pin_overrides():
    profiles = [make(mode, H100 | {"mode": mode}) for mode in ("all", "str")]
    decision = decide(profiles, "1xh100", Request(pin=Pin("str")))
    assert "str" == decision.selected.profile.id
    assert (NotDefault("mode", "all", "str"),) == decision.selected.waived
    expected = "the pin overrides: unasked this NIM takes mode=all; the profile has mode=str"
    assert expected in [str(warning) for warning in decision.warnings]


def test_other_manifests_have_no_such_default():
    assert [[], []] == unselected({"mode": "all"}, {"mode": "str"})
    assert [[], []] == unselected({"model_type": "onnx", "mode": "all"}, {"mode": "str"})
