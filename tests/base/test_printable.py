"""Is nothing raw left in a text that could steer a terminal?"""

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.printable import printable


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
