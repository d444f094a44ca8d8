"""Is nothing raw left in a text that could steer a terminal?"""

import json
import pickle

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.errors import ManifestError
from nimprofile.base.printable import (
    MOST,
    MOST_OF_MESSAGE,
    clipped,
    message_line,
    message_text,
    printable,
    printable_json,
    printable_lines,
    quoted,
    shown,
)


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_made_printable_is_printable(text):
    assert printable(text).isprintable()
    assert all(part.isprintable() for part in printable(text, indented=True).split("\n  "))


@pytest.mark.parametrize("text", ["", "é × … 模型", "[red]"])
def test_what_is_printable_stays_as_it_is(text):
    assert text == printable(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202e", r"\u202e"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_is_an_escape(text, shown):
    assert shown == printable(text)


def test_only_an_indented_line_begins_after_another():
    text = "a\n  b\nwarning: c"
    shown = (r"a\n  b\nwarning: c", "a\n  b" + r"\nwarning: c")
    assert shown == (printable(text), printable(text, indented=True))


def test_lines_and_tabs_stay_where_they_are_ours():
    assert "a\tb\n" + r"\x1b\u202e" == printable_lines("a\tb\n\x1b\u202e")


@given(st.text(st.characters(exclude_categories=())))
def test_json_stays_the_same_document(text):
    written = printable_json(json.dumps({"a": text}, indent=2, ensure_ascii=False))
    assert written.replace("\n", "").isprintable()
    assert {"a": text} == json.loads(written)


def test_a_long_value_is_repeated_without_its_middle():
    text = "a" * 10**6 + "end"
    assert MOST + 1 == len(clipped(text))
    assert clipped(text).startswith("aaa")
    assert clipped(text).endswith("aend")
    assert "…" in clipped(text)


def test_a_value_that_is_short_is_repeated_as_it_is():
    assert ("é" * MOST, "'it'", "5") == (clipped("é" * MOST), quoted("it"), shown(5))


@given(st.text(st.characters(exclude_categories=())) | st.integers() | st.lists(st.text()))
def test_a_value_in_a_message_is_short_and_printable(value):
    for words in (shown(value), quoted(value), shown([value] * 10**3), quoted([value] * 10**3)):
        assert words.isprintable()
        assert len(words) <= 2 * MOST + 1


def test_a_message_loses_the_middle_of_its_long_words_and_lines():
    message = "a value " + "x" * 10**5 + " is wrong\n  " + "so it is " * 10**5
    first, second = message_text(message).split("\n")
    assert "a value xxx" == first[:11]
    assert "xxx is wrong" == first[-12:]
    assert len(first) < 3 * MOST
    assert MOST_OF_MESSAGE + 1 == len(second)
    assert "short" == message_text("short")


def test_a_message_is_printed_without_secrets_and_control_characters():
    message = "no \x1b at https://me:hunter2@h/x\n  b"
    assert r"no \x1b at https://me:***@h/x\n  b" == message_line(message)
    assert "no \\x1b at https://me:***@h/x\n  b" == message_line(message, indented=True)
    assert message_line(message) == str(ManifestError(message))


def test_an_error_is_printable_short_and_the_same_in_another_process():
    error = ManifestError("no \x1b" + "x" * 10**5, "below\n", source="a\nb", place="c", line=1)
    first, second = str(error).split("\n")
    assert r"a\nb:1: c: no \x1bxxx" == first[:21]
    assert len(first) < 3 * MOST
    assert r"  below\n" == second
    assert str(error) == str(pickle.loads(pickle.dumps(error)))
