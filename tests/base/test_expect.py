"""The sentences with which wrong arguments are refused."""

from pathlib import Path

import pytest

from nimprofile import Inventory, RequestError
from nimprofile.base.expect import (
    expect,
    expect_each,
    expect_mapping,
    expect_path,
    expect_text,
    require_whole,
)


def _refused(check, *args, error=TypeError, **kwargs):
    with pytest.raises(error) as caught:
        check(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "types", "sentence"),
    [
        ("x", (int,), "f: a is an int, not the str 'x'"),
        (3, (str, Inventory), "f: a is a str or an Inventory, not the int 3"),
        (None, (str,), "f: a is a str, not None"),
        ("x" * 80, (int,), f"f: a is an int, not the str '{'x' * 40}…{'x' * 20}'"),
    ],
    ids=["another type", "of two types", "nothing", "long"],
)
def test_a_value_of_another_type_is_named_with_what_was_expected(value, types, sentence):
    assert sentence == _refused(expect, "f: a", value, *types)
    assert f"{sentence}; g() makes one" == _refused(
        expect, "f: a", value, *types, hint="g() makes one"
    )


def test_a_value_of_the_type_passes():
    assert None is expect("f: a", True, str, int)
    assert None is expect_text("f: a", "x")
    assert None is expect_mapping("f: a", {})
    assert None is require_whole("n", 1)
    assert None is require_whole("n", 0, 0)


def test_several_values_come_back_as_a_tuple():
    assert (1, 2) == expect_each("f: a", iter([1, 2]), int)
    assert () == expect_each("f: a", [], int)
    assert "f: a is several of int, not the int 3; h" == _refused(expect_each, "f: a", 3, int, "h")
    assert "f: a is several of str, not the str 'x'" == _refused(expect_each, "f: a", "x", str)
    assert "f: a holds an int, not None; h" == _refused(expect_each, "f: a", [1, None], int, "h")


def test_a_path_is_a_text_or_has_one():
    assert "a/b" == expect_path("f: a", "a/b") == expect_path("f: a", Path("a/b"))
    assert "f: a is a path, not the bytes b'a'" == _refused(expect_path, "f: a", b"a")
    assert "f: a is a path, not the int 3" == _refused(expect_path, "f: a", 3)


def test_a_text_and_a_mapping_are_asked_for_by_those_words():
    assert "f: a is a text, not the bytes b'a'; h" == _refused(expect_text, "f: a", b"a", "h")
    assert "f: a is a mapping, not the str 'a'; h" == _refused(expect_mapping, "f: a", "a", "h")
    assert "f: a is a mapping, not the list []" == _refused(expect_mapping, "f: a", [])


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", True, None])
def test_what_is_no_whole_number_is_refused(value):
    sentence = _refused(require_whole, "n", value, error=RequestError)
    assert f"n {value!r} is not a whole number from 1 on" == sentence
