"""JSON of others becomes plain values that break nobody who uses them, or an error with its line."""

import math

import pytest

from nimprofile.base.formats.json_reader import JsonError, is_json, is_too_deep, read_json

DEEPEST = "[" * 64 + "]" * 64


def error_of(text, **options):
    with pytest.raises(JsonError) as caught:
        read_json(text, **options)
    return caught.value


def test_plain_values_are_read():
    text = '{"a": [1, 2.5, "\\ud83d\\ude00", true, null], "b": {}}'
    assert {"a": [1, 2.5, "😀", True, None], "b": {}} == read_json(text)


def test_what_is_no_json_is_refused_with_its_line():
    error = error_of('{"a":\n1,}')
    assert (2, True) == (error.line, str(error).startswith("not JSON: "))


@pytest.mark.parametrize("text", [f"[{DEEPEST}]", '{"a": ' * 65 + "1" + "}" * 65, "[" * 100_000])
def test_more_than_64_levels_are_refused(text):
    assert "nested more than 64 levels deep" == str(error_of(text))


def test_64_levels_are_read_and_breadth_is_no_depth():
    assert read_json(DEEPEST)
    assert [[]] * 100 == read_json("[" + "[]," * 99 + "[]]")


@pytest.mark.parametrize("value", ["x", 1, [[]] * 100, ((),)])
def test_a_value_of_few_levels_is_not_too_deep(value):
    assert not is_too_deep(value)


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '{"\\udfff": 1}', '["\\ud83d", "\\ude00"]', '["\ud800"]']
)
def test_half_a_character_is_refused(text):
    assert "not a text: it holds half a character" == str(error_of(text))


def test_a_backslash_before_a_u_is_a_backslash():
    assert "\\ud800" == read_json('"\\\\ud800"')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9" * 40, int("9" * 40)),
        ("1" + "0" * 40, 1e40),
        ("-1" + "0" * 400, -math.inf),
        ("9" * 5000, math.inf),
    ],
)
def test_a_whole_number_is_never_too_large_to_become_a_float(text, value):
    found = read_json(text)
    assert (value, type(value)) == (found, type(found))
    assert float(value) == float(found)


def test_a_key_that_stands_twice_is_refused_where_that_matters():
    assert {"a": 2} == read_json('{"a": 1, "a": 2}')
    problem = "not JSON: the key 'a' stands twice in one object"
    assert problem == str(error_of('[{"b": 0, "a": 1, "a": 2}]', unique=True))


def test_infinity_is_refused_where_json_is_written_of_it():
    assert [math.inf] == read_json("[Infinity]")
    assert "not JSON: NaN is no number" == str(error_of("[NaN]", finite=True))


def test_numbers_stay_as_they_are_written_where_they_are_texts():
    numbers = ["1", "1.50", "9" * 5000, "1e999", "NaN"]
    assert numbers == read_json(f"[{','.join(numbers)}]", texts=True)


@pytest.mark.parametrize(
    ("text", "json"),
    [('{"a": 1}', True), (" [1]", True), ("[1/4] Checking", False), ("a: 1", False), ("1", False)],
)
def test_json_begins_with_a_bracket_and_is_well_formed(text, json):
    assert json is is_json(text)


def test_what_is_nested_too_deep_is_not_json():
    assert not is_json("[" * 100_000 + "]" * 100_000)
