"""The kinds of reasons, their effects and the switches that waive them."""

from typing import get_args

import pytest

from nimprofile.base.printable import MOST
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import Effect, Reason, Waiver, with_short_texts
from nimprofile.selection.remedies import remedy
from tests.support.worded_reasons import WORDED

ALL = get_args(Reason)


def test_kinds_are_told_apart_by_their_names_in_json():
    assert len(ALL) == len({kind.kind for kind in ALL})


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_kind_has_an_effect_and_perhaps_a_waiver(kind):
    assert isinstance(kind.effect, Effect)
    assert kind.waived_by is None or isinstance(kind.waived_by, Waiver)


def _long(value):
    if isinstance(value, tuple):
        return tuple(map(_long, value))
    return "x " * 10**4 if type(value) is str else value


@pytest.mark.parametrize("reason", [reason for reason, _, _ in WORDED], ids=lambda each: each.kind)
def test_the_sentences_of_a_reason_repeat_little_of_each_of_its_texts(reason):
    long = reason.replace(**{name: _long(getattr(reason, name)) for name in reason.to_dict()})
    assert max(len(message(long)), len(remedy(long))) < 1000 + 4 * MOST
    assert reason is with_short_texts(reason)
