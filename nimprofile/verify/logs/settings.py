"""The settings in a line in which a server prints its arguments.

Servers print them as Python does: `Namespace(model='a', tp=2)`, `{'model': 'a', 'tp': 2}`, or
pairs with commas between them. What is within the brackets or quotes of another setting is not read
as a setting of the server.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A key and the beginning of its value; a piece of a value; each is found once, so that a line is
# read in time in proportion to its length.
_KEY = re.compile(r"\s*(?:'(?P<quoted>\w{1,80})'\s?:|(?P<bare>\w{1,80})\s?=)\s?")
_PIECE = re.compile(
    r"'(?:[^'\\]|\\.)*+'?|\"(?:[^\"\\]|\\.)*+\"?|[^'\"(\[{<)\]}>, ]++|[(\[{<)\]}>, ]"
)
MAX_VALUE = 400


def settings_in(text: str, apart: str = ",") -> Iterator[tuple[str, str]]:
    """The names and values of settings, the values as they are printed, quotes included.

    What is cut off by the end of the text is left out, as is what is longer than `MAX_VALUE`.

    Args:
        text: of one line.
        apart: what stands between two settings, a comma or a blank.
    """
    at, end = 0, len(text)
    opening = re.match(r"\s*(?:[\w.]{0,80}\s?[({])?", text)
    if opening is not None:
        at = opening.end() if opening[0].rstrip()[-1:] in ("(", "{") else 0
    while at < end:
        key = _KEY.match(text, at)
        value_at = key.end() if key else at
        stop, ended = _value_end(text, value_at, apart)
        if key and ended and stop - value_at <= MAX_VALUE:
            yield (key["quoted"] or key["bare"]), text[value_at:stop].strip()
        at = stop + 1


def _value_end(text: str, at: int, apart: str) -> tuple[int, bool]:
    """Where a value ends, and whether it does before the text does."""
    depth = 0
    while (piece := _PIECE.match(text, at)) is not None:
        found = piece[0]
        if found[0] in "'\"" and (len(found) < 2 or found[-1] != found[0]):
            return len(text), False
        if found in {"(", "[", "{", "<"}:
            depth += 1
        elif found in {")", "]", "}", ">"}:
            if depth == 0:
                return at, True
            depth -= 1
        elif found == apart and depth == 0:
            return at, True
        at = piece.end()
    return len(text), depth == 0 and not text.endswith(("…", "..."))
