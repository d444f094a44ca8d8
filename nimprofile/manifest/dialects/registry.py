"""The dialects of a manifest, in the order in which a text is compared with them."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.manifest.dialects import metadata_api, printout, v1, v2
from nimprofile.manifest.dialects.spec import TextDialect, TreeDialect
from nimprofile.manifest.nodes import MisplacedError, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.yaml_reader import Node
    from nimprofile.manifest.dialects.spec import Mapped

DIALECTS: tuple[TextDialect | TreeDialect, ...] = (
    printout.SPEC,
    metadata_api.SPEC,
    v2.SPEC,
    v1.SPEC,
)
"""The first that recognises a text reads it. A new dialect stands before v1, which takes all."""


def text_dialect_of(text: str, source: str) -> tuple[TextDialect, str] | None:
    """The dialect of a text that is neither YAML nor JSON, and its lines; None when it is either.

    Raises ManifestError when the text is empty.
    """
    if not text.strip():
        raise ManifestError("the file is empty", source=source)
    for dialect in DIALECTS:
        if isinstance(dialect, TextDialect) and (lines := dialect.lines_in(text)) is not None:
            return dialect, lines
    return None


def tree_dialect_of(root: Node) -> tuple[TreeDialect, Mapped]:
    """The dialect of a parsed manifest, and its root. Raises MisplacedError when it has none."""
    if not isinstance(root, dict):
        raise MisplacedError(f"a manifest is a mapping, this is {kind_of(root)}", ())
    for dialect in DIALECTS:
        if isinstance(dialect, TreeDialect) and dialect.matches(root):
            return dialect, root
    raise MisplacedError("a manifest of no known dialect", ())


def tags_are_fields(dialect: str) -> bool:
    """Whether the profiles of a dialect, given by its name, have fields instead of tags."""
    return any(
        isinstance(spec, TreeDialect) and spec.name == dialect and spec.tags_are_fields
        for spec in DIALECTS
    )
