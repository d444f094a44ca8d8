"""The lines of a start-up log with which NIM tells the profile it matched, and that profile's tags.

NIM prints `Matched profile_id in manifest from LLMBasedProfileSelector <id> with tags: {…}`
(corpus, 033), or `Matched profile:`, the tags as `key=value` on the lines that follow, and
`profile_id: <id>` (corpus, 023).
"""

from __future__ import annotations

import re

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ID = r"(?P<id>[0-9a-f]{8}[0-9a-f-]{0,56})"
_ON_ONE_LINE = re.compile(
    rf"Matched profile(?:_id)?\b.*?\b{_ID}\b with tags: *\{{(?P<tags>.*)\}}\s*"
)
_ABOVE_ITS_TAGS = re.compile(r"Matched profile: *(?P<tags>\S.*)?")
_BELOW_ITS_TAGS = re.compile(rf"\s*profile_id: *{_ID}\s*")
_PAIR = re.compile(
    r"""\s*+(?:'(?P<key_1>[^'\\]*)'|"(?P<key_2>[^"\\]*)"|(?P<key_3>\w++))\s*+[:=]\s*+"""
    r"""(?:'(?P<value_1>[^'\\]*)'|"(?P<value_2>[^"\\]*)"|(?P<value_3>[^,'"{}\[\]]*+))\s*+(?:,|$)"""
)
_MAX_LINE = 4096
_MAX_LINES = 40
"""The most lines that the tags of one profile take."""


class Matched(Record):
    """A profile that a log says was matched: its id, its tags, and the line, counted from 1."""

    id: str
    tags: Mapping[str, str]
    line: int


def matched_profiles(lines: Iterable[str]) -> Iterator[Matched]:
    """Every matched profile whose tags the log tells; what cannot be read is passed over."""
    block: list[str] | None = None
    for number, line in enumerate(lines, 1):
        if len(line) > _MAX_LINE or not line.expandtabs().isprintable():
            continue
        if match := _ON_ONE_LINE.search(line):
            tags = pairs_in(match["tags"])
            if tags is not None:
                yield Matched(match["id"], tags, number)
        elif match := _ABOVE_ITS_TAGS.search(line):
            block = [match["tags"] or ""]
        elif block is not None and (match := _BELOW_ITS_TAGS.fullmatch(line)):
            tags = pairs_in(" ".join(block))
            if tags is not None:
                yield Matched(match["id"], tags, number)
            block = None
        elif block is not None:
            block = [*block, line] if len(block) < _MAX_LINES else None


def pairs_in(text: str) -> dict[str, str] | None:
    """The pairs of `'a': 'b', 'c': 'd'`, of JSON or of `a=b, c=d`; None of any other text."""
    text, pairs, at = text.strip(), {}, 0
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1].strip()
    while at < len(text):
        if (match := _PAIR.match(text, at)) is None:
            return None
        key = next(match[name] for name in ("key_1", "key_2", "key_3") if match[name] is not None)
        values = (match[name] for name in ("value_1", "value_2", "value_3"))
        pairs[key] = next(value for value in values if value is not None).strip()
        at = match.end()
    return pairs
