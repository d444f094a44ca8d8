"""Does a terminal of any width show every word, none of it as markup, and nothing beyond its edge?"""

import re

import pytest
from hypothesis import given, strategies as st

from nimprofile.report.blocks import Bar, Column, Line, Span, Table, fields, line
from nimprofile.report.terminal import terminal_text
from tests.support.report_cases import in_colour, on_terminal

TEXTS = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" []{}:\\"), max_size=60
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.builds(
        lambda rows, lead, wraps: Table(
            tuple(Column(f"heading {at}", wraps=at in wraps) for at in range(width)),
            rows,
            lead=min(lead, width),
        ),
        st.lists(st.tuples(*([TEXTS] * width)), max_size=4),
        st.integers(1, 3),
        st.sets(st.integers(0, 3)),
    )
)
WIDTHS = st.integers(12, 200)


def bare(text):
    """The text without colour."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@given(st.lists(TABLES | TEXTS.map(line), max_size=3), WIDTHS, st.booleans())
def test_no_line_is_longer_than_the_terminal_is_wide(blocks, width, colour):
    from rich.cells import cell_len

    text = bare(terminal_text(blocks, width=width, colour=colour))
    assert all(cell_len(line) <= width for line in text.split("\n"))


@given(TABLES, WIDTHS)
def test_every_word_of_a_table_is_shown_at_every_width(table, width):
    shown = "".join(on_terminal([table], width).split())
    for letter in {letter for row in table.rows for cell in row for letter in cell if cell != "-"}:
        assert letter.isspace() or letter in shown


@given(TEXTS, WIDTHS)
def test_a_line_is_all_there_however_it_is_broken(text, width):
    assert "".join(text.split()) == "".join(on_terminal([line(text)], width).split())


def test_what_continues_a_line_is_further_in():
    assert [
        "  a context of 31232",
        "    tokens or less",
    ] == on_terminal([line("a context of 31232 tokens or less", indent=2)], 22).splitlines()


@pytest.mark.parametrize("text", ["[red]a[/red]", "[/]", ":smile:", r"\[b]", "[link=x]y"])
def test_text_is_never_markup(text):
    table = Table((Column(text), Column()), [(text, Span(text, "plain"))])
    assert [text, text, f"{text}  {text}"] == on_terminal([line(text), table]).splitlines()
    assert text in bare(in_colour([line(Span(text, "bad"))]))


def test_what_steers_a_terminal_is_written_as_an_escape():
    blocks = [line("\x1b[2J"), Table((Column(), Column()), [("\u202ex", "a\nb")])]
    assert [r"\x1b[2J", r"\u202ex  a\nb"] == on_terminal(blocks).splitlines()


@pytest.mark.parametrize(
    ("meaning", "code"), [("strong", "1"), ("good", "32"), ("doubtful", "33"), ("bad", "31")]
)
def test_a_meaning_has_its_colour_where_there_is_colour(meaning, code):
    blocks = [line(Span("x", meaning))]
    assert ("x", f"\x1b[{code}mx\x1b[0m") == (on_terminal(blocks), in_colour(blocks))


def test_columns_are_aligned_and_figures_at_their_right():
    table = Table((Column("name"), Column("MiB", figures=True)), [("a", "1"), ("bbbbb", "1000")])
    assert ["name    MiB", "a         1", "bbbbb  1000"] == on_terminal([table]).splitlines()


def test_a_sentence_is_broken_within_its_column():
    table = Table((Column(), Column(wraps=True)), [("a", "x" * 20 + " " + "y" * 20)])
    assert ["a  " + "x" * 20, "   " + "y" * 20] == on_terminal([table], 33).splitlines()


def test_a_narrow_terminal_leaves_columns_out_in_their_order():
    columns = (Column("a"), Column("b", narrow=2), Column("c", narrow=1))
    table = Table(columns, [("1" * 8, "2" * 8, "3" * 8)])
    headings = [on_terminal([table], width).split("\n")[0].split() for width in (28, 27, 17)]
    assert [["a", "b", "c"], ["a", "c"], ["a"]] == headings


def test_where_a_table_does_not_fit_its_rows_are_below_each_other():
    columns = (Column("id"), Column("name"), Column("for"), Column("needs"))
    table = Table(
        columns, [("1", "first", "any", "-"), ("2", "second", "h100", "8 GPUs or")], lead=2
    )
    assert [
        "1  first",
        "    for: any",
        "2  second",
        "    for: h100; needs:",
        "      8 GPUs or",
    ] == on_terminal([table], 24).splitlines()


def test_a_column_that_says_nothing_is_left_out():
    table = Table((Column("a"), Column("b"), Column("c")), [("1", "-", "2"), ("3", "-", "4")])
    assert ["a  c", "1  2", "3  4"] == on_terminal([table]).splitlines()


def test_ids_are_cut_to_what_tells_them_apart():
    rows = [("abcdefgh", "x"), ("abcdefxy", "y")]
    columns = (Column(shortened=4), Column())
    assert ["abcdefg  x", "abcdefx  y"] == on_terminal([Table(columns, rows)]).splitlines()
    assert ["abcd  x"] == on_terminal([Table(columns, rows[:1])]).splitlines()


def test_the_groups_of_a_table_are_headings_with_their_number():
    groups = (Span("good", "good"), Span("none"))
    table = Table((Column(), Column()), [("good", "a"), ("good", "b")], groups=groups)
    assert ["good (2)", "  a", "  b", "none (0)"] == on_terminal([table]).splitlines()
    assert in_colour([table]).startswith("\x1b[32mgood (2)\x1b[0m\n")


@pytest.mark.parametrize(
    ("begin", "end", "drawn"),
    [(0, 1, "█" * 16), (0, 0.5, "█" * 8), (0.5, 1, " " * 8 + "█" * 8), (0, 0.53125, "█" * 8 + "▌")],
)
def test_a_bar_is_as_long_as_its_part(begin, end, drawn):
    table = Table((Column(), Column()), [("x", Bar(1, begin, end))])
    assert f"x  {drawn}" == on_terminal([table])


def test_a_terminal_without_their_characters_gets_no_bars():
    table = Table((Column("a"), Column("b")), [("x", Bar(1, 0, 1))])
    assert "a\nx" == terminal_text([table], width=80, colour=False, bars=False)


def test_a_word_that_fits_on_a_line_of_its_own_is_not_broken_by_its_column():
    blocks = [fields([("before", "x y"), ("name", "a" * 36), ("longer", "x " * 17)])]
    assert [
        "before  x y",
        "name",
        "    " + "a" * 36,
        "longer  " + "x " * 15 + "x",
        "        x",
    ] == on_terminal(blocks, 40).splitlines()


def test_a_word_that_fits_on_no_line_is_broken_in_its_column():
    blocks = [fields([("name", "a" * 37), ("longer", "x")])]
    assert [
        "name    " + "a" * 32,
        "        aaaaa",
        "longer  x",
    ] == on_terminal(blocks, 40).splitlines()


def test_an_id_is_whole_where_it_fits_on_a_line_and_else_cut():
    id = Span("a" * 36, shortened=12)
    blocks = [fields([("profile", id)]), line("id ", id)]
    assert ["profile", "    " + "a" * 36, "id " + "a" * 36] == on_terminal(blocks, 40).splitlines()
    assert ["id", "  " + "a" * 36] == on_terminal(blocks[1:], 38).splitlines()
    assert ["profile  " + "a" * 12, "id " + "a" * 12] == on_terminal(blocks, 37).splitlines()


def test_a_cell_that_needs_no_heading_has_none_below_its_row():
    columns = (Column("each GPU"), Column("source", unnamed=True), Column("for", unnamed=False))
    table = Table(columns, [("overhead", "estimated", "CUDA itself")])
    assert [
        "overhead",
        "    estimated; for:",
        "      CUDA itself",
    ] == on_terminal([table], 24).splitlines()


def test_no_block_is_no_text():
    assert ("", "\n") == (on_terminal([]), on_terminal([Line(), Line()]))
