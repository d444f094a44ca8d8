"""Columns, colour and bars, as the output can show them."""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


GRADE_COLOURS = {"runnable": "32", "low memory": "33", "incompatible": "31"}
"""The SGR colour of each grade of a verdict."""

BAR = 16
"""Characters of a memory bar."""


class Style(Record):
    """How to write: `columns` for a terminal `width` wide, `colour` when it may have colour."""

    columns: bool = False
    colour: bool = False
    width: int = 200

    def paint(self, text: str, code: str) -> str:
        """The text in an SGR colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def table(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Rows aligned on a terminal, separated by tabs in a pipe."""
        if not self.columns:
            yield from ("\t".join(row) for row in rows)
            return
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()


def bar(fraction: float | None) -> str:
    """A fraction as a bar, to an eighth of a character; dots when it is unknown."""
    if fraction is None:
        return "·" * BAR
    eighths = round(fraction * BAR * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(BAR, "░")
