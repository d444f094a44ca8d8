"""Blocks drawn on a terminal: tables, wrapping, bars and colour, all of them by `rich`.

Nothing that is printed is read as markup: every text is made a `Text` of its own, its control
characters as escapes. Importing `rich` takes longer than all the rest of a command; so only
`cli.console` imports this module, where it prints to a terminal
(`docs/decisions/0011-rich-on-terminals.md`).
"""

from __future__ import annotations

from io import StringIO
from itertools import groupby

from rich.bar import Bar as DrawnBar
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from nimprofile.base.secrets.output import concealed
from nimprofile.report.blocks import Bar, Column, Line, Span, Table, shown_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from rich.console import RenderableType

    from nimprofile.report.blocks import Block, Cell, Meaning

    Cells: TypeAlias = tuple[Column, list[Cell]]
    """A column of a table with its cells."""

STYLES: dict[Meaning, str] = {
    "plain": "",
    "strong": "bold",
    "good": "green",
    "doubtful": "yellow",
    "bad": "red",
}
BAR_WIDTHS = (10, 16)
"""Characters of a bar: on a terminal too narrow for the whole table, and else."""
GAP = 2
"""Spaces between columns, and before what continues a line."""
NARROWEST = 20
"""Characters that a sentence in a column must have on each line, or it is put below its row."""


def terminal_text(blocks: Iterable[Block], *, width: int, colour: bool, bars: bool = True) -> str:
    """The blocks as a terminal shows them, no line longer than its width.

    Args:
        blocks: what is printed.
        width: characters in a line.
        colour: whether there may be colour and bold letters.
        bars: whether the terminal can show the characters that bars are made of.
    """
    console = Console(
        file=StringIO(),
        width=max(1, width),
        height=25,
        color_system="standard" if colour else None,
        force_terminal=True,
        force_jupyter=False,
        force_interactive=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    with console.capture() as captured:
        for block in blocks:
            for drawn in _drawn(block, console, bars):
                console.print(drawn)
    return "\n".join(_without_padding(text) for text in captured.get().split("\n")[:-1])


def _without_padding(text: str) -> str:
    """A line without the spaces that fill its last cell."""
    reset = "\x1b[0m"
    bare = text.removesuffix(reset).rstrip(" ")
    return bare + reset if text.endswith(reset) else bare


def _drawn(block: Block, console: Console, bars: bool) -> Iterator[RenderableType]:
    if isinstance(block, Line):
        room = console.width - _further(block.indent, GAP, console)
        parts = (_cut(part, room) for part in block.parts)
        yield from _line(_text(*parts), block.indent, console)
    elif block.groups:
        yield from _grouped(block, console, bars)
    else:
        yield from _table(block, console, bars)


def _text(*parts: Cell, meaning: Meaning = "plain") -> Text:
    text = Text(overflow="fold", end="")
    for part in parts:
        own = part.meaning if isinstance(part, Span) else meaning
        # Before it is wrapped: half a secret is not known for one.
        text.append(concealed(shown_text(part)), STYLES[own])
    return text


def _line(text: Text, indent: int, console: Console) -> Iterator[RenderableType]:
    """A line; what does not fit continues below, a little further in."""
    width = console.width
    indent = min(indent, width // 4)
    if text.cell_len <= width - indent:
        yield Padding(text, (0, 0, 0, indent))
        return
    further = _further(indent, GAP, console)
    first, *others = text.wrap(console, max(1, width - further), overflow="fold")
    yield Padding(first, (0, 0, 0, indent))
    yield from (Padding(other, (0, 0, 0, further)) for other in others)


def _further(indent: int, more: int, console: Console) -> int:
    """The indent of what continues a line that is itself indented, on a terminal of any width."""
    return min(indent + more, console.width // 4)


def _cut(cell: Cell, room: int) -> Cell:
    """An id that does not fit on a line of its own, cut; else the cell as it is."""
    if isinstance(cell, Span) and cell.shortened is not None and cell_len(cell.text) > room:
        return cell.replace(text=cell.text[: cell.shortened])
    return cell


def _grouped(table: Table, console: Console, bars: bool) -> Iterator[RenderableType]:
    """Each value of the first column as a heading, with how many rows it has."""
    for group in table.groups:
        rows = [row[1:] for row in table.rows if shown_text(row[0]) == shown_text(group)]
        yield from _line(_text(Span(f"{group.text} ({len(rows)})", group.meaning)), 0, console)
        rest = table.replace(
            columns=table.columns[1:], rows=rows, groups=(), indent=table.indent + GAP
        )
        yield from _table(rest, console, bars)


def _table(table: Table, console: Console, bars: bool) -> Iterator[RenderableType]:
    """The table with the columns that fit, or its rows one below the other."""
    if not table.rows:
        return
    alone = console.width - _further(table.indent, 2 * GAP, console)
    columns = [
        (column, _shortened(column, [_cut(row[at], alone) for row in table.rows]))
        for at, column in enumerate(table.columns)
    ]
    if not bars:
        columns = [(column, cells) for column, cells in columns if not _has_bars(cells)]
    told = [entry for entry in columns[table.lead :] if any(map(_says, entry[1]))]
    columns = columns[: table.lead] + told
    width = console.width
    indent = min(table.indent, width // 4)
    while _least_width(columns) > width - indent and any(column.narrow for column, _ in columns):
        columns.remove(max(columns, key=lambda entry: entry[0].narrow))
    if _least_width(columns) > width - indent:
        yield from _below_each_other(columns, table.lead, indent, console)
    else:
        yield from _rows(columns, table.lead, indent, console)


def _rows(
    columns: Sequence[Cells], lead: int, indent: int, console: Console
) -> Iterator[RenderableType]:
    """The table; a word that its column would break has a line of its own, where it fits there."""
    room = console.width - indent
    widths = [_width_of(column, cells) for column, cells in columns]
    wrapping = [at for at, (column, _) in enumerate(columns) if column.wraps]
    if len(wrapping) != 1 or any(_has_bars(cells) for _, cells in columns):
        yield Padding(_grid(columns, room), (0, 0, 0, indent))
        return
    at = wrapping[0]
    left = room - sum(widths) + widths[at] - GAP * (len(columns) - 1)
    alone = console.width - _further(indent, 2 * GAP, console)
    longest = [max(map(cell_len, shown_text(cell).split()), default=0) for cell in columns[at][1]]
    headed = True
    for apart, run in groupby(range(len(longest)), lambda row: left < longest[row] <= alone):
        rows = list(run)
        part = [(column, [cells[row] for row in rows]) for column, cells in columns]
        if apart:
            yield from _below_each_other(part, lead, indent, console)
        else:
            least = [
                None if column.wraps else width
                for (column, _), width in zip(columns, widths, strict=True)
            ]
            yield Padding(_grid(part, room, least, headed=headed), (0, 0, 0, indent))
        headed = False


def _shortened(column: Column, cells: list[Cell]) -> list[Cell]:
    """The cells, ids cut to what tells them apart."""
    if column.shortened is None:
        return cells
    ids = {shown_text(cell) for cell in cells}
    length = column.shortened
    while len({id[:length] for id in ids}) < len(ids):
        length += 1
    return [shown_text(cell)[:length] for cell in cells]


def _has_bars(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, Bar) for cell in cells)


def _says(cell: Cell) -> bool:
    """Whether a cell is more than a sign that there is nothing."""
    return isinstance(cell, Bar) or shown_text(cell) not in {"", "-"}


def _width_of(column: Column, cells: Sequence[Cell]) -> int:
    if _has_bars(cells):
        return max(BAR_WIDTHS[0], cell_len(column.heading))
    return max(cell_len(column.heading), *(cell_len(shown_text(cell)) for cell in cells))


def _least_width(columns: Sequence[Cells]) -> int:
    """How wide the table is when its sentences are broken as far as they may be."""
    widths = (
        min(NARROWEST, _width_of(column, cells)) if column.wraps else _width_of(column, cells)
        for column, cells in columns
    )
    return sum(widths) + GAP * (len(columns) - 1)


def _grid(
    columns: Sequence[Cells],
    room: int,
    widths: Sequence[int | None] = (),
    *,
    headed: bool = True,
) -> Grid:
    """The table; `widths` are those that its columns have in all of it, when this is a part."""
    widest = sum(_width_of(column, cells) for column, cells in columns) + GAP * (len(columns) - 1)
    short, long = BAR_WIDTHS
    bar = long if widest + long - short <= room else short
    headed = headed and any(column.heading for column, _ in columns)
    grid = Grid(
        box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=headed, header_style="bold"
    )
    for at, (column, _) in enumerate(columns):
        grid.add_column(
            _text(column.heading),
            min_width=widths[at] if widths else None,
            no_wrap=not column.wraps,
            overflow="fold",
            justify="right" if column.figures else "left",
        )
    for row in zip(*(cells for _, cells in columns), strict=True):
        grid.add_row(*(_cell(cell, bar) for cell in row))
    return grid


def _cell(cell: Cell, bar: int) -> RenderableType:
    if isinstance(cell, Bar):
        return DrawnBar(cell.size, cell.begin, cell.end, width=bar, color="blue")
    return _text(cell)


def _below_each_other(
    columns: Sequence[Cells], lead: int, indent: int, console: Console
) -> Iterator[RenderableType]:
    """Each row as a line of its first cells, and what the others say below it."""
    for row in zip(*(cells for _, cells in columns), strict=True):
        first = Text(" " * GAP).join(_text(cell) for cell in row[:lead] if shown_text(cell))
        yield from _line(first, indent, console)
        others = [
            _text(f"{column.heading}: " if column.heading and not column.unnamed else "", cell)
            for (column, _), cell in zip(columns[lead:], row[lead:], strict=True)
            if _says(cell) and not isinstance(cell, Bar)
        ]
        if others:
            yield from _line(Text("; ").join(others), indent + 2 * GAP, console)
