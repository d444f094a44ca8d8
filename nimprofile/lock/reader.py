"""Locks read from files and texts, strictly: an unknown key is an error with its place and line."""

from __future__ import annotations

from nimprofile.base.errors import LockError, ManifestError
from nimprofile.base.expect import expect_path, expect_text
from nimprofile.base.formats.text_files import read_text
from nimprofile.base.formats.yaml_reader import line_of, place, read_yaml
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.lock import record
from nimprofile.lock.record import LOCK_VERSION, Lock
from nimprofile.manifest.nodes import MisplacedError, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from nimprofile.base.formats.yaml_reader import Node, Path

MAX_BYTES = 1 << 20
"""Largest lock that is read. One is about 3 KB, and has the tags of one profile."""

MOST_WORDS = 1000
"""Of a lock: a command line of more is none, and argparse takes time with the square of them."""

DIGITS = 15
"""Of a whole number in a lock: bytes of a GPU have at most twelve."""


def load_lock(path: str | os.PathLike[str]) -> Lock:
    """Read a lock from a file.

    Raises LockError, with the line and a place such as `choice.tp`.
    """
    name = expect_path("load_lock: path", path)
    if not name:
        raise LockError("an empty path names no lock")
    return parse_lock(read_text(name, what="lock", error=LockError, most=MAX_BYTES), name)


def parse_lock(text: str, source: str = "<string>") -> Lock:
    """Read a lock from its text.

    Raises LockError, with the line and a place such as `choice.tp`.
    """
    expect_text("parse_lock: text", text, hint="load_lock(path) reads a file")
    expect_text("parse_lock: source", source)
    try:
        node = read_yaml(text, source=source)
    except ManifestError as error:
        raise LockError(error.problem, source=source, place=error.place, line=error.line) from None
    try:
        return _lock(node)
    except MisplacedError as error:
        line = line_of(text, error.path)
        raise LockError(error.problem, source=source, place=place(error.path), line=line) from None


def _lock(node: Node) -> Lock:
    if not isinstance(node, dict) or "lock_version" not in node:
        raise MisplacedError("this is no lock: `nimprofile lock -o FILE` writes one", ())
    version = node.pop("lock_version")
    ours = LOCK_VERSION.partition(".")[0]
    if not isinstance(version, str) or version.partition(".")[0] != ours:
        found = quoted(version) if isinstance(version, str) else kind_of(version)
        problem = f"{found} is not the form {LOCK_VERSION} that this nimprofile reads"
        raise MisplacedError(f"{problem}: remove it and write it anew", ("lock_version",))
    made: Lock = _record(Lock, node, ())
    if len(made.words) > MOST_WORDS:
        problem = f"{len(made.words):,} words, of which a lock has {MOST_WORDS:,} at most"
        raise MisplacedError(problem, ("words",))
    return made


def _record(kind: type[Record], node: Node, path: Path) -> Any:
    """A record of the keys of a mapping; what may be None or empty may be left out."""
    if not isinstance(node, dict):
        raise MisplacedError(f"expected a mapping, this is {kind_of(node)}", path)
    for key in node:
        if key not in kind._fields:
            raise MisplacedError(f"unknown key{_meant(key, kind)}", (*path, key))
    types = kind._types  # noqa: SLF001 - the annotations say what a file has
    values = {key: _value(str(types[key]), node.get(key), (*path, key)) for key in kind._fields}
    return kind(**values)


def _meant(key: str, kind: type[Record]) -> str:
    from nimprofile.base.names.nearest import nearest

    near = nearest(key, kind._fields, 1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(kind._fields)}"


def _value(type: str, node: Node, path: Path) -> Any:
    """The value of a field that is annotated so."""
    wanted = type.removesuffix(" | None")
    if node is None and wanted != type:
        return None
    if wanted.startswith("tuple["):
        inner = wanted.removeprefix("tuple[").removesuffix(", ...]")
        items = _expected(list, [] if node is None else node, "a list", path)
        return tuple(_value(inner, item, (*path, at)) for at, item in enumerate(items))
    if wanted.startswith("Mapping["):
        items = _expected(dict, {} if node is None else node, "a mapping", path)
        return {key: _value("str", value, (*path, key)) for key, value in items.items()}
    match wanted:
        case "str":
            return _expected(str, node, "a text", path)
        case "int":
            return _whole(_expected(str, node, "a whole number", path), path)
        case "bool":
            text = _expected(str, node, "true or false", path)
            if text not in {"true", "false"}:
                raise MisplacedError(f"{quoted(text)} is neither true nor false", path)
            return text == "true"
    return _record(getattr(record, wanted), node, path)


def _expected(kind: type, node: Node, what: str, path: Path) -> Any:
    if node is None:
        raise MisplacedError(f"expected {what}, and there is none", path)
    if not isinstance(node, kind):
        raise MisplacedError(f"expected {what}, this is {kind_of(node)}", path)
    return node


def _whole(text: str, path: Path) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise MisplacedError(f"{quoted(text)} is not a whole number", path)
    return int(text)
