"""What a command prints: blocks of lines and tables, and their form in a pipe.

A report is a sequence of blocks, whose parts say what they mean and not how they look.
`plain_text` writes it for a pipe; `report.terminal` draws the same blocks on a terminal.
"""

from __future__ import annotations

from nimprofile.base.printable import MOST_OF_MESSAGE, clipped, printable
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from dataclasses import KW_ONLY
    from typing import Literal, TypeAlias

    Meaning: TypeAlias = Literal["plain", "strong", "good", "doubtful", "bad"]
    """What a terminal shows by bold letters, or by green, yellow and red ones."""


class Span(Record):
    """A text with a meaning.

    Attributes:
        text: the text.
        meaning: what it means.
        shortened: it is an id, of which a terminal shows this many characters where a line of its
            own is too short for all of it; None for what is shown whole in any case.
    """

    text: str
    meaning: Meaning = "plain"
    _: KW_ONLY
    shortened: int | None = None


class Bar(Record):
    """A cell that shows the part from `begin` to `end` of `size`; a pipe has no bars."""

    size: float
    begin: float
    end: float


class Line(Record):
    """A line; on a terminal it is broken over several where it is too long.

    Attributes:
        parts: texts, one after the other.
        indent: spaces before it.
        terminal_only: not printed to a pipe.
    """

    parts: tuple[str | Span, ...] = ()
    indent: int = 0
    _: KW_ONLY
    terminal_only: bool = False


class Column(Record):
    """A column of a table.

    Attributes:
        heading: its heading, if it has one.
        wraps: its cells are sentences, which a terminal may break over lines.
        figures: its cells are numbers, which a terminal aligns at their right.
        narrow: how soon a terminal that is too narrow leaves it out, the highest number first;
            0 is never.
        shortened: its cells are ids, of which a terminal shows this many characters, or as many as
            tell them apart.
        terminal_only: not printed to a pipe.
        unnamed: its cells are understood without its heading, where a terminal that is too narrow
            for the table shows them below their row.
    """

    heading: str = ""
    _: KW_ONLY
    wraps: bool = False
    figures: bool = False
    narrow: int = 0
    shortened: int | None = None
    terminal_only: bool = False
    unnamed: bool = False


class Table(Record):
    """Rows of cells.

    Attributes:
        columns: one for each cell of a row.
        rows: the cells.
        lead: how many columns stay together at the left where the terminal is too narrow for the
            table; the other cells are then below them.
        indent: spaces before each row.
        aligned: the columns are aligned in a pipe too, which else has tabs between the cells.
        headed: the headings are printed to a pipe too.
        groups: the texts that the first column has, in the order in which a terminal shows them
            as headings over their rows.
        terminal_only: not printed to a pipe.
    """

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    _: KW_ONLY
    lead: int = 1
    indent: int = 0
    aligned: bool = False
    headed: bool = False
    groups: tuple[Span, ...] = ()
    terminal_only: bool = False


if TYPE_CHECKING:
    Cell: TypeAlias = str | Span | Bar
    Block: TypeAlias = Line | Table


def line(*parts: str | Span, indent: int = 0) -> Line:
    """A line of these parts."""
    return Line(parts, indent)


def fields(rows: Iterable[tuple[str, str | Span]]) -> Table:
    """Names and their values, a pair on each line."""
    return Table((Column(), Column(wraps=True)), [*rows], aligned=True)


def shown_text(part: Cell) -> str:
    """The text of a part, with its control characters as escapes, and not longer than a line."""
    text = part if isinstance(part, str) else part.text if isinstance(part, Span) else ""
    return printable(clipped(text, MOST_OF_MESSAGE))


def plain_text(blocks: Iterable[Block]) -> str:
    """The blocks as a pipe has them: without colour, cells separated by tabs, nothing cut."""
    return "\n".join(text for block in blocks for text in _plain_lines(block))


def _plain_lines(block: Block) -> Iterator[str]:
    if block.terminal_only:
        return
    if isinstance(block, Line):
        yield " " * block.indent + "".join(map(shown_text, block.parts))
        return
    kept = [at for at, column in enumerate(block.columns) if not column.terminal_only]
    rows = [[shown_text(row[at]) for at in kept] for row in block.rows]
    if block.headed:
        rows.insert(0, [block.columns[at].heading for at in kept])
    if not block.aligned:
        yield from ("\t".join(row) for row in rows)
        return
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield " " * block.indent + "  ".join(cells).rstrip()
