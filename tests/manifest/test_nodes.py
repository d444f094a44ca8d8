"""The nodes of a parsed manifest are checked, and an error has the path of its node."""

import pytest

from nimprofile.manifest.nodes import (
    MisplacedError,
    kind_of,
    read_fields,
    read_size,
    read_tags,
    read_text,
    read_whole,
    tag_value,
)


def error_of(read, *arguments):
    with pytest.raises(MisplacedError) as caught:
        read(*arguments)
    return caught.value.problem, caught.value.path


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (None, "empty"),
        ("x", "the text 'x'"),
        ("x" * 50, f"the text '{'x' * 27}…{'x' * 13}'"),
        ("a\x07", "a text with control characters, 'a\\x07'"),
        ([], "a list"),
        ({}, "a mapping"),
    ],
)
def test_a_node_is_named_by_its_kind(node, kind):
    assert kind == kind_of(node)


def test_a_text_is_printable_or_absent():
    assert ("x", None) == (read_text("x", ()), read_text(None, ()))
    assert ("expected a text, this is a list", ("a", 0)) == error_of(read_text, [], ("a", 0))


def test_the_fields_of_a_block_are_those_allowed():
    assert {"a": "1"} == read_fields({"a": "1", "b": None}, ("r",), ("a", "b"))
    problem = "unknown key; known: a, b"
    assert (problem, ("r", "c")) == error_of(read_fields, {"c": "1"}, ("r",), ("a", "b"))
    problem = "expected a mapping, this is a list"
    assert (problem, ("r",)) == error_of(read_fields, [], ("r",), ("a",))


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("8_030", 8030), ("9" * 15, 10**15 - 1)])
def test_a_whole_number_may_have_underscores(text, number):
    assert number == read_whole(text, ())


@pytest.mark.parametrize("text", ["", "0", "-1", "1.0", "9" * 16, "١"])
def test_anything_else_is_no_whole_number(text):
    assert (f"{text!r} is not a whole number above 0", ("n",)) == error_of(read_whole, text, ("n",))


def test_a_size_is_in_gib():
    assert 17.5 == read_size("17.5", ())
    assert ("'0' is not a size in GiB", ("m",)) == error_of(read_size, "0", ("m",))


def test_a_tag_is_a_text_or_a_list_of_texts():
    assert {"gpu": "a,b", "tp": "1"} == read_tags({"gpu": ["a", "b"], "tp": "1", "pp": None}, ())
    problem = "a tag is a text or a list of texts, this is a list"
    assert (problem, ("p", "gpu")) == error_of(tag_value, "gpu", ["a", None], ("p",))
    problem = "tags is a mapping of texts, this is empty"
    assert (problem, ("tags",)) == error_of(read_tags, None, ("tags",))
