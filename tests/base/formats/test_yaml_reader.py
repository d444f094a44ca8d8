"""YAML is read as plain mappings, lists and texts, and never trusted."""

import pytest
import yaml

from nimprofile import ManifestError
from nimprofile.base.formats import yaml_reader
from nimprofile.base.formats.yaml_reader import MAX_DEPTH, line_of, place, read_yaml


@pytest.fixture(params=["libyaml", "pure"])
def parser(request, monkeypatch):
    """Both of PyYAML's parsers; the pure one is used where there is no libyaml."""
    loader = yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    monkeypatch.setattr(yaml_reader, "Parser", loader)


def read(text, **options):
    return read_yaml(text, source="m.yaml", **options)


def error_of(text, **options):
    with pytest.raises(ManifestError) as caught:
        read(text, **options)
    return caught.value


def test_libyaml_is_used_where_it_is():
    assert yaml.CSafeLoader is yaml_reader.Parser


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, {y: z}]", {"a": "1", "b": ["x", {"y": "z"}]}),
        ("- 1.0\n- true\n- 2024-01-01\n- 0x10", ["1.0", "true", "2024-01-01", "0x10"]),
        ("[12345e67, 1_000, .inf, .nan, yes]", ["12345e67", "1_000", ".inf", ".nan", "yes"]),
        ("[~, null, Null, NULL, ]", [None, None, None, None]),
        ("a:", {"a": None}),
        ("['', \"\", 'null', \"~\"]", ["", "", "null", "~"]),
        ("!!str null", "null"),
        ("!x [!y {a: !z b}]", [{"a": "b"}]),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("'1': a\n2: b\ntrue: c", {"1": "a", "2": "b", "true": "c"}),
        ("a: &x b", {"a": "b"}),
        ("---\na: b\n...\n", {"a": "b"}),
        ('{"a": "\\u00e9", "b": "\\U0001F600"}', {"a": "é", "b": "\N{GRINNING FACE}"}),
        ("just text", "just text"),
    ],
)
def test_what_is_read_is_what_is_written(text, value):
    assert value == read(text)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "line", "at", "problem"),
    [
        pytest.param("a: &x 1\nb: *x", 2, "b", "YAML aliases are not read", id="alias"),
        pytest.param("- &x 1\n- - *x", 2, "[1][0]", "YAML aliases are not read", id="in a list"),
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2", 4, "b.c", "this key stands twice", id="twice"),
        pytest.param(
            "a:\n  ? {b: c}\n  : d", 2, "a", "a key must be a text", id="a mapping as key"
        ),
        pytest.param("a: 1\n--- \nb: 1", 2, "", "a second document starts here", id="documents"),
        pytest.param("a: ]", 1, "", "not YAML: ", id="a list closed and not opened"),
        pytest.param("a: b: c", 1, "", "not YAML: mapping values are not allowed", id="a: b: c"),
        pytest.param("a: 1\nb: \x01", 2, "", "not YAML: ", id="control character"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_line(text, line, at, problem):
    error = error_of(text)
    assert (line, at) == (error.line, error.place)
    assert error.problem.startswith(problem)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "problem"),
    [("# nothing", "the file is empty"), ("a: [", "not YAML: ")],
    ids=["only a comment", "open list"],
)
def test_a_text_that_ends_too_soon_is_refused(text, problem):
    assert error_of(text).problem.startswith(problem)


@pytest.mark.usefixtures("parser")
def test_the_deepest_text_allowed_is_read():
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert deepest == str(read(deepest))
    assert f"nested more than {MAX_DEPTH} levels deep" == error_of(f"[{deepest}]").problem


@pytest.mark.usefixtures("parser")
def test_half_a_character_is_refused():
    assert "m.yaml" == error_of("a: \ud800").source


# What is skipped.

SKIP = frozenset({"workspace"})


def test_a_skipped_value_is_none():
    text = "a: {workspace: {files: [x, {y: z}]}, b: 1}"
    assert {"a": {"workspace": None, "b": "1"}} == read(text, skip=SKIP)


@pytest.mark.parametrize("value", ["x", "[]", "{}", "[[], {a: []}]", "!t {a: !u b}", ""])
def test_a_skipped_value_may_be_anything(value):
    text = f"a:\n  workspace: {value}\n  b: 1"
    assert {"a": {"workspace": None, "b": "1"}} == read(text, skip=SKIP)


def test_nothing_is_skipped_at_the_top():
    assert {"workspace": ["x"]} == read("workspace: [x]", skip=SKIP)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[*x]", "YAML aliases are not read"),
        ("{*x : y}", "YAML aliases are not read"),
        ("[" * 70 + "]" * 70, f"nested more than {MAX_DEPTH} levels deep"),
        ("[1, 2", "not YAML"),
    ],
    ids=["alias", "alias as a key", "deep", "broken"],
)
def test_what_is_skipped_must_be_sound(value, problem):
    text = f"n: &x 1\na:\n  workspace: {value}\n"
    assert error_of(text, skip=SKIP).problem.startswith(problem)


def test_a_key_that_stands_twice_is_found_beside_what_is_skipped():
    assert "a.workspace" == error_of("a: {workspace: 1, workspace: 2}", skip=SKIP).place


# Lines and places.

TEXT = """\
profiles:
  - id: a
    tags: {tp: 1}
    workspace: [1, {x: [2]}]
  - id: b
    tags:
      gpu: [h100,
            h200]
      tp: two
"""


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), None),
        (("profiles",), 2),
        (("profiles", 0), 2),
        (("profiles", 0, "tags", "tp"), 3),
        (("profiles", 1), 5),
        (("profiles", 1, "tags", "gpu", 1), 8),
        (("profiles", 1, "tags", "tp"), 9),
        (("profiles", 1, "name"), 5),
        (("profiles", 1, "id", "x"), 5),
        (("profiles", 9), 2),
        (("nothing",), None),
    ],
    ids=str,
)
def test_the_line_of_a_value_is_found(path, line):
    assert line == line_of(TEXT, path)


@pytest.mark.parametrize("text", ["a: [", "", "a: \ud800", "- &x 1\n- *x"])
def test_a_text_that_cannot_be_read_has_no_lines(text):
    assert None is line_of(text, (2,))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("profiles",), "profiles"),
        (("profiles", 3, "tags", "tp"), "profiles[3].tags.tp"),
        ((0, 1, "a"), "[0][1].a"),
        (("x" * 300,), "x" * 134 + "…" + "x" * 66),
    ],
    ids=["root", "key", "path", "lists", "long"],
)
def test_a_place_is_written_as_people_write_it(path, text):
    assert text == place(path)


def test_a_place_that_is_cut_has_no_half_of_a_secret():
    token = "hf_" + "a" * 34
    for length in range(100, 210):
        assert "aaaa" not in place(("x" * length, token, "x" * 100))
