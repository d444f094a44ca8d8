"""Has a pipe everything, in lines and tabs, and nothing that steers a terminal?"""

import pytest

from nimprofile.base.printable import MOST_OF_MESSAGE
from nimprofile.report.blocks import Bar, Column, Line, Span, Table, fields, line, plain_text

TWO_COLUMNS = (Column("first"), Column("second"))


def test_a_pipe_gets_tabs():
    table = Table(TWO_COLUMNS, [("a", Span("bb", "bad")), ("ccc", "d")])
    assert "a\tbb\nccc\td" == plain_text([table])


def test_a_pipe_gets_the_headings_of_a_table_that_says_so():
    assert "first\tsecond\na\tb" == plain_text([Table(TWO_COLUMNS, [("a", "b")], headed=True)])


def test_an_aligned_table_is_aligned_in_a_pipe_too():
    table = Table(TWO_COLUMNS, [("a", "bb"), ("ccc", "")], indent=2, aligned=True)
    assert "  a    bb\n  ccc" == plain_text([table])


@pytest.mark.parametrize("aligned", [False, True])
def test_a_table_may_be_empty(aligned):
    assert "" == plain_text([Table(TWO_COLUMNS, [], aligned=aligned)])


def test_names_stand_before_their_values():
    assert "name   me\nlonger you" == plain_text(
        [fields([("name", "me"), ("longer", "you")])]
    ).replace("  ", " ").replace("name ", "name  ")


def test_a_line_is_its_parts_after_its_indent():
    assert "  ab\n" == plain_text([line("a", Span("b", "good"), indent=2), Line()])


def test_a_pipe_has_no_bars_and_nothing_that_is_for_terminals():
    columns = (Column("a"), Column("b", terminal_only=True))
    blocks = [Table(columns, [("1", Bar(2, 0, 1))]), Line(("more",), terminal_only=True)]
    assert "1" == plain_text(blocks)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\a", r"\x1b]0;title\x07"),
        ("a\tb\nwarning: c", r"a\tb\nwarning: c"),
        ("\u202eabc", r"\u202eabc"),
        ("\ud800", r"\ud800"),
        ("[red]é × …", "[red]é × …"),
    ],
)
def test_what_steers_a_terminal_is_written_as_an_escape(text, shown):
    assert f"{shown}\n{shown}\t{shown}" == plain_text(
        [line(text), Table(TWO_COLUMNS, [(text, Span(text, "bad"))])]
    )


def test_a_cell_is_whole_up_to_the_length_of_a_line():
    id = "a" * MOST_OF_MESSAGE
    assert f"{id}\tb" == plain_text([Table(TWO_COLUMNS, [(id, "b")])])
    assert MOST_OF_MESSAGE + 1 == len(plain_text([line(id + "a")]))
