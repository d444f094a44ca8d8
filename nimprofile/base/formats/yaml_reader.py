"""A reader of YAML that trusts nothing it reads.

A walk over libyaml's events that builds plain mappings, lists and texts. Nothing is constructed
from tags, every scalar stays the text that was written (an id like `12345e67` is not a float),
aliases, duplicate keys and deep nesting are errors, and the subtrees that are not wanted are
passed over without being built. `docs/decisions/0002-yaml-reader.md` has the comparison.
"""

from __future__ import annotations

from contextlib import suppress

import yaml
from yaml import events

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import MAX_DEPTH
from nimprofile.base.printable import clipped
from nimprofile.base.record import FrozenDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn, TypeAlias

    Node: TypeAlias = str | list["Node"] | dict[str, "Node"] | None
    Path: TypeAlias = tuple[str | int, ...]
    _Wanted: TypeAlias = dict[str | int, "_Wanted"]

Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser; the pure one, seven times slower, where PyYAML was built without libyaml."""

yaml.SafeDumper.add_representer(FrozenDict, yaml.SafeDumper.represent_dict)
"""PyYAML writes no subclass of `dict` that it does not know: `yaml.safe_dump(profile.tags)`."""

MAX_DIRECTIVES = 100

_Scalar, _Alias = events.ScalarEvent, events.AliasEvent
_Mapping, _MappingEnd = events.MappingStartEvent, events.MappingEndEvent
_Sequence, _SequenceEnd = events.SequenceStartEvent, events.SequenceEndEvent
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def read_yaml(text: str, *, source: str, skip: frozenset[str] = frozenset()) -> Node:
    """Read one document.

    Args:
        text: the document.
        source: what to call it in an error.
        skip: keys of a profile whose values are not built but become None. What is skipped must
            still be well-formed, free of aliases and no deeper than the rest.

    Raises:
        ManifestError: with the line and, where there is one, the path of what is wrong.
    """
    return _Reader(text, source, skip).document()


def line_of(text: str, path: Path) -> int | None:
    """The 1-based line of the value at a path, found by a second walk; None when not there."""
    try:
        return _Reader(text, "", frozenset()).find(path)
    except ManifestError:
        return None


def lines_of(text: str, paths: Iterable[Path]) -> dict[Path, int]:
    """The 1-based lines of the values at these paths, as far as they are there, and around them.

    One more walk finds them all; there is none where no path is asked for.
    """
    wanted: _Wanted = {}
    for path in paths:
        below = wanted
        for step in path:
            below = below.setdefault(step, {})
    lines: dict[Path, int] = {}
    if wanted:  # JSON that is no YAML has the lines up to where it is none
        with suppress(ManifestError, yaml.YAMLError, ValueError, OverflowError):
            _Reader(text, "", frozenset()).note_lines(wanted, lines)
    return lines


def place(path: Path) -> str:
    """A path as text: `profiles[3].tags.tp`."""
    text = ""
    for step in path:
        key = step if isinstance(step, int) or step.isprintable() else repr(step)
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return clipped(text)


class _Reader:
    def __init__(self, text: str, source: str, skip: frozenset[str]):
        self.text, self.source, self.skip = text, source, skip
        if text.count("\n%TAG") > MAX_DIRECTIVES:  # libyaml compares each with all others
            problem = f"more than {MAX_DIRECTIVES} YAML directives; tags are not read anyway"
            raise ManifestError(problem, source=source)
        try:
            parser = Parser(text)
        except yaml.YAMLError as error:  # the reader checks for control characters at once
            self._malformed(error)
        except UnicodeEncodeError:
            raise ManifestError("not a text: it holds half a character", source=source) from None
        self._next: Callable[[], events.Event] = parser.get_event

    def document(self) -> Node:
        try:
            self._next()  # the start of the stream
            if type(event := self._next()) is events.StreamEndEvent:
                self._fail("the file is empty", event)
            node = self._node(self._next(), ())
            self._next()  # the end of the document
            if type(event := self._next()) is not events.StreamEndEvent:
                self._fail("a second document starts here; a manifest is one document", event)
        except ManifestError:
            raise
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # The pure parser lets the errors of `chr` through: `"\UFFFFFFFF"`.
            self._malformed(error)
        return node

    def _node(self, event: events.Event, path: Path) -> Node:
        if isinstance(event, _Scalar):
            value: str = event.value
            return None if value in _NULLS and event.implicit[0] and not event.style else value
        if isinstance(event, _Alias):
            self._alias(event, path)
        if len(path) >= MAX_DEPTH:
            self._fail(f"nested more than {MAX_DEPTH} levels deep", event, path)
        return self._mapping(path) if isinstance(event, _Mapping) else self._sequence(path)

    def _mapping(self, path: Path) -> dict[str, Node]:
        node: dict[str, Node] = {}
        # Only a profile's own keys: `profiles[3].workspace`, or `<id>.workspace` in schema v1. A
        # tag may be called what it likes.
        of_a_profile = len(path) == 1 or (len(path) == 2 and isinstance(path[1], int))
        skip = self.skip if of_a_profile else ()
        while type(event := self._next()) is not _MappingEnd:
            key = self._key(event, path)
            if key in node:
                self._fail("this key stands twice in one mapping", event, (*path, key))
            if key in skip:
                node[key] = None
                self._pass_over((*path, key))
            else:
                node[key] = self._node(self._next(), (*path, key))
        return node

    def _sequence(self, path: Path) -> list[Node]:
        node: list[Node] = []
        while type(event := self._next()) is not _SequenceEnd:
            node.append(self._node(event, (*path, len(node))))
        return node

    def _key(self, event: events.Event, path: Path) -> str:
        if isinstance(event, _Alias):
            self._alias(event, path)
        if not isinstance(event, _Scalar):
            self._fail("a key must be a text", event, path)
        return str(event.value)

    def _pass_over(self, path: Path, first: events.Event | None = None) -> None:
        """Read one value to its end and forget it."""
        level = 0
        event = first or self._next()
        while True:
            kind = type(event)
            if kind is _Scalar:
                pass
            elif kind is _Mapping or kind is _Sequence:
                level += 1
                if level + len(path) > MAX_DEPTH:
                    self._fail(f"nested more than {MAX_DEPTH} levels deep", event, path)
            elif kind is _Alias:
                self._alias(event, path)
            else:
                level -= 1
            if level == 0:
                return
            event = self._next()

    def find(self, path: Path) -> int | None:
        """Walk to the value at `path`; its line, or that of the last step that is there."""
        try:
            self._next(), self._next()
            event, line = self._next(), None
            for step in path:
                reached = self._step(event, step)
                if reached is None:
                    return line
                event, line = reached, _line(reached)
        except (yaml.YAMLError, ValueError, OverflowError):
            return None
        return line

    def note_lines(self, wanted: _Wanted, lines: dict[Path, int]) -> None:
        """Note the lines of the wanted values of the document, and of all around them."""
        self._next(), self._next()
        self._note(self._next(), (), wanted, lines)

    def _note(
        self, event: events.Event, path: Path, wanted: _Wanted, lines: dict[Path, int]
    ) -> None:
        lines[path] = _line(event) or 1
        listed, at = isinstance(event, _Sequence), 0
        if not wanted or not (listed or isinstance(event, _Mapping)):
            self._pass_over(path, event)
            return
        while not isinstance(step := self._next(), _MappingEnd | _SequenceEnd):
            key: str | int = at if listed else getattr(step, "value", "")
            value = step if listed else self._next()
            if key in wanted:
                self._note(value, (*path, key), wanted[key], lines)
            else:
                self._pass_over(path, value)
            at += 1

    def _step(self, event: events.Event, step: str | int) -> events.Event | None:
        if isinstance(event, _Mapping):
            while isinstance(key := self._next(), _Scalar):
                if key.value == step:
                    return self._next()
                self._pass_over(())
        elif isinstance(event, _Sequence):
            at = 0
            while not isinstance(item := self._next(), _SequenceEnd):
                if at == step:
                    return item
                self._pass_over((), item)
                at += 1
        return None

    def _alias(self, event: events.Event, path: Path) -> NoReturn:
        self._fail("YAML aliases are not read; write the value out", event, path)

    def _fail(self, problem: str, event: events.Event, path: Path = ()) -> NoReturn:
        raise ManifestError(problem, source=self.source, place=place(path), line=_line(event))

    def _malformed(self, error: Exception) -> NoReturn:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        if isinstance(position := getattr(error, "position", None), int):  # a ReaderError
            line = self.text.count("\n", 0, position) + 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        problem = " ".join(str(problem).split())
        raise ManifestError(f"not YAML: {problem}", source=self.source, line=line) from None


def _line(event: events.Event) -> int | None:
    return None if event.start_mark is None else event.start_mark.line + 1
