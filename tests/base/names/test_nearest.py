"""Which known words an unknown one may have been meant for."""

import pytest

from nimprofile.base.names.nearest import MAX_KNOWN, MAX_WORD, nearest


def test_the_most_alike_come_first():
    assert ["precision", "decision"] == nearest("precison", ["decision", "tp", "precision"], 2)


def test_what_is_not_alike_is_not_named():
    assert [] == nearest("xyz", ["precision", "tp"])


@pytest.mark.parametrize("least", [0.5, 0.6, 0.8])
def test_no_word_is_left_out_for_its_length_that_is_alike_enough(least):
    from difflib import get_close_matches

    known = ["a" * length for length in range(1, 60)]
    for length in range(1, 40):
        word = "a" * length
        assert get_close_matches(word, known, 60, least) == nearest(word, known, 60, least=least)


def test_a_word_as_long_as_no_name_is_like_none():
    assert ["a" * MAX_WORD] == nearest("a" * MAX_WORD, ["a" * MAX_WORD])
    assert [] == nearest("a" * (MAX_WORD + 1), ["a" * (MAX_WORD + 1)])
    assert [] == nearest("", [""])


def test_of_very_many_known_words_the_first_of_a_fitting_length_are_compared():
    others = ["x" * 9] * (MAX_KNOWN - 1)
    assert ["precision"] == nearest("precison", [*["tp"] * 5000, *others, "precision"])
    assert [] == nearest("precison", [*others, "y" * 9, "precision"])
