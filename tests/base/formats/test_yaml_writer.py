"""Manifests are written for people, and deployments so that every reader takes them alike."""

import pytest
import yaml
from hypothesis import given, strategies as st

from nimprofile.base.formats.yaml_reader import read_yaml
from nimprofile.base.formats.yaml_writer import (
    SHORT_ITEM,
    FlowMapping,
    deployment_yaml,
    manifest_yaml,
)


def test_a_flow_mapping_stands_in_one_line():
    document = {"a": FlowMapping({"tp": "1", "pp": "2"}), "b": {"c": "d"}}
    assert "a: {tp: '1', pp: '2'}\nb:\n  c: d\n" == manifest_yaml(document)


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (["x", "y"], "a: [x, y]\n"),
        (["x" * (SHORT_ITEM - 1)], f"a: [{'x' * (SHORT_ITEM - 1)}]\n"),
        (["x" * SHORT_ITEM], f"a:\n- {'x' * SHORT_ITEM}\n"),
        ([["x"]], "a:\n- [x]\n"),
    ],
)
def test_a_list_of_short_items_stands_in_one_line(items, text):
    assert text == manifest_yaml({"a": items})


def test_the_order_of_keys_is_kept():
    assert "z: 1\na: 2\n" == manifest_yaml({"z": 1, "a": 2})


def test_what_stands_twice_is_written_twice():
    same = {"b": "c"}
    text = manifest_yaml({"x": same, "y": same})
    assert {"x": {"b": "c"}, "y": {"b": "c"}} == read_yaml(text, source="")


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "y", "N", "null", "~", "1", "1.0", "1e3", "0x1"]
)
def test_a_text_that_could_be_another_type_is_a_text_in_both_forms(text):
    for written in (manifest_yaml({"a": text}), deployment_yaml([{"a": text}])):
        assert {"a": text} == yaml.safe_load(written)


@pytest.mark.parametrize("text", ["y", "Y", "n", "N", "1", "", "a b", "a: b", "#", "-"])
def test_a_deployment_has_quotes_around_what_is_not_plain(text):
    assert f'a: "{text}"\n' == deployment_yaml([{"a": text}])


@pytest.mark.parametrize("text", ["a", "a/b", "v1.2-3_4", "/etc/x", "yy"])
def test_a_deployment_has_no_quotes_around_what_is_plain(text):
    assert f"a: {text}\n" == deployment_yaml([{"a": text}])


def test_a_text_of_several_lines_is_a_block():
    assert "a: |\n  b\n  c\n" == deployment_yaml([{"a": "b\nc\n"}])


def test_documents_have_dashes_between_them_and_comments_before():
    text = deployment_yaml([{"a": 1}, {"b": 2}], ["from here\nkind: Secret"])
    assert "# from here\\nkind: Secret\na: 1\n---\nb: 2\n" == text


AMBIGUOUS = [
    *("yes", "No", "on", "OFF", "true", "null", "~", "", "1", "1_0", "0x1f", "0o7", "012", "1e3"),
    *(".5", "12:30:00", "2026-01-01", "<<", "=", "- a", "a: b", "a #b", "*a", "&a", "!a", "%a"),
    *(
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'",
        '"',
        "\\",
        "a\n",
        "\na",
        " a\n b",
        "\t",
        "\u0085",
        "é",
        "\x07",
    ),
]


def test_a_text_is_read_as_it_was_and_as_a_text():
    assert AMBIGUOUS == yaml.safe_load(deployment_yaml([AMBIGUOUS]))
    document = {text: text for text in AMBIGUOUS}
    assert document == yaml.safe_load(deployment_yaml([document]))


@pytest.mark.parametrize("letter", ["y", "Y", "n", "N"])
def test_a_lone_letter_is_no_boolean(letter):
    assert f'- "{letter}"\n' == deployment_yaml([[letter]])


def test_documents_are_divided_and_comments_stay_comments():
    text = deployment_yaml([{"a": 1}, {"b": 2}], ["one\nkind: Secret", "two"])
    assert [{"a": 1}, {"b": 2}] == [*yaml.safe_load_all(text)]
    assert [r"# one\nkind: Secret", "# two"] == text.splitlines()[:2]


def test_what_stands_twice_in_a_deployment_is_written_twice():
    same = {"a": "b"}
    assert "a:\n  a: b\nb:\n  a: b\n" == deployment_yaml([{"a": same, "b": same}])


STEERING = st.text(
    st.sampled_from(
        "ab: #'\"\\\n\t\r\x1b\x07\x7f\x85\x9b\u202e\u2028\u200b\ufeff\u00ad\U000e0041é-[]{}|>%&*!"
    ),
    max_size=8,
)
TREES = st.recursive(
    STEERING | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STEERING, inner, max_size=3),
    max_leaves=8,
).map(lambda tree: {"value": tree})


@given(TREES, STEERING)
def test_what_is_written_steers_no_terminal_and_reads_back(tree, comment):
    for text in (deployment_yaml([tree], [comment]), manifest_yaml(tree)):
        assert text.replace("\n", "").isprintable()
        assert tree == yaml.safe_load(text)
