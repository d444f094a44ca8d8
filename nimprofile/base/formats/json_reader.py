"""A reader of JSON that others wrote: plain values, within bounds.

Nothing that it returns breaks who uses it: no value is nested so deep that a walk over it runs out
of stack, no text holds half a character, and no whole number is too large to become a float.
"""

from __future__ import annotations

import json
import re

from nimprofile.base.formats.text_files import MAX_DEPTH
from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DIGITS = 40
"""Digits of the longest whole number that is read as one. A longer one becomes a float, infinity
included; a float takes whole numbers of 308 digits, and JSON promises no more than it (RFC 8259,
section 6)."""

_LONG = re.compile(rf"\d{{{MAX_DIGITS}}}", re.ASCII)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """A text is no JSON, or none that is read here; `line` is 1-based, None when unknown."""

    def __init__(self, problem: str, *, line: int | None = None):
        self.problem, self.line = problem, line
        super().__init__(problem)


def read_json(text: str, *, unique: bool = False, finite: bool = False, texts: bool = False) -> Any:
    """Read JSON.

    Args:
        text: the whole of it.
        unique: refuse a key that stands twice in one object; otherwise the last one counts, as in
            Python's own reader.
        finite: refuse `NaN` and `Infinity`, which Python writes and JSON does not have.
        texts: leave numbers as they are written.

    Raises JsonError.
    """
    whole = _whole if _LONG.search(text) else None
    written = str if texts else None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique if unique else None,
            parse_int=written or whole,
            parse_float=written,
            parse_constant=_refuse if finite else written,
        )
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg}", line=error.lineno) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(value):
        raise JsonError(_TOO_DEEP)
    try:
        text.encode()
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError("not a text: it holds half a character") from None
    return value


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


def _refuse(constant: str) -> float:
    raise JsonError(f"not JSON: {constant} is no number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        from collections import Counter

        counts = Counter(key for key, _ in pairs)
        repeated = next(key for key, _ in pairs if counts[key] > 1)
        raise JsonError(f"not JSON: the key {quoted(repeated)} stands twice in one object")
    return unique


def is_json(text: str) -> bool:
    """Whether a text is JSON; a log may begin with a bracket too."""
    if text.lstrip()[:1] not in "{[":
        return False
    try:
        read_json(text)
    except JsonError:
        return False
    return True


_CONTAINERS = (dict, list, tuple)
_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


def is_too_deep(value: object) -> bool:
    """Whether mappings and lists are nested more than `MAX_DEPTH` levels deep in a value."""
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _CONTAINERS)
        ]
    return bool(level)
