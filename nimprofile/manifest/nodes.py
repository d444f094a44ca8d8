"""Checked access to the nodes of a parsed manifest; each error knows its place."""

from __future__ import annotations

from nimprofile.base.printable import quoted
from nimprofile.base.units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.yaml_reader import Node, Path


class MisplacedError(Exception):
    """A problem and where it is; becomes a ManifestError once the line is known."""

    def __init__(self, problem: str, path: Path):
        self.problem, self.path = problem, path


def read_fields(node: Node, path: Path, allowed: tuple[str, ...]) -> dict[str, str]:
    """The texts of one of our own blocks, whose keys must be among those allowed."""
    if not isinstance(node, dict):
        raise MisplacedError(f"expected a mapping, this is {kind_of(node)}", path)
    fields = {}
    for key, value in node.items():
        if key not in allowed:
            raise MisplacedError(f"unknown key; known: {', '.join(allowed)}", (*path, key))
        if (text := read_text(value, (*path, key))) is not None:
            fields[key] = text
    return fields


def read_whole(text: str, path: Path) -> int:
    """A whole number above 0, of at most 15 digits. Raises MisplacedError."""
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15 and int(digits) > 0):
        raise MisplacedError(f"{quoted(text)} is not a whole number above 0", path)
    return int(digits)


def read_size(text: str, path: Path) -> float:
    """A size in GiB. Raises MisplacedError."""
    try:
        return parse_size(text)
    except ValueError:
        raise MisplacedError(f"{quoted(text)} is not a size in GiB", path) from None


def read_text(node: Node, path: Path) -> str | None:
    """A printable text, or None where there is none. Raises MisplacedError."""
    if node is None or (isinstance(node, str) and node.isprintable()):
        return node
    raise MisplacedError(f"expected a text, this is {kind_of(node)}", path)


def kind_of(node: Node) -> str:
    """What a node is, for an error that expected another kind."""
    match node:
        case None:
            return "empty"
        case str() if not node.isprintable():
            return f"a text with control characters, {quoted(node, 40)}"
        case str():
            return f"the text {quoted(node, 40)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def read_tags(node: Node, path: Path) -> dict[str, str]:
    """The texts of a mapping `tags`; a list of texts is joined by commas.

    Raises MisplacedError.
    """
    if not isinstance(node, dict):
        raise MisplacedError(f"tags is a mapping of texts, this is {kind_of(node)}", path)
    tags = {}
    for key, value in node.items():
        if value is not None:
            tags[key] = tag_value(key, value, path)
    return tags


def tag_value(key: str, value: Node, path: Path) -> str:
    """The text of a tag; `path` is that of the mapping it stands in. Raises MisplacedError."""
    text = value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ",".join(str(item) for item in value)
    if isinstance(text, str) and text.isprintable() and key.isprintable():
        return text
    raise MisplacedError(
        f"a tag is a text or a list of texts, this is {kind_of(value)}", (*path, key)
    )
