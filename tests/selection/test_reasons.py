"""The kinds of reasons, their effects and the switches that waive them."""

from typing import get_args

import pytest

from nimprofile.selection.reasons import Effect, Reason, Waiver

ALL = get_args(Reason)


def test_kinds_are_told_apart_by_their_names_in_json():
    assert len(ALL) == len({kind.kind for kind in ALL})


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_kind_has_an_effect_and_perhaps_a_waiver(kind):
    assert isinstance(kind.effect, Effect)
    assert kind.waived_by is None or isinstance(kind.waived_by, Waiver)
