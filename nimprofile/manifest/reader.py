"""Manifests read from files, standard input, bundled names and texts.

The dialect is recognised by the shape of the text, never by a version number; `dialects` has one
file for every dialect.
"""

from __future__ import annotations

import os

from nimprofile.base.errors import ManifestError
from nimprofile.base.expect import expect_path, expect_text
from nimprofile.base.formats.text_files import MAX_DEPTH, read_stdin, read_text
from nimprofile.manifest.dialects.manifest_body import unwrapped
from nimprofile.manifest.dialects.registry import text_dialect_of
from nimprofile.manifest.document import read_document
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.nodes import MisplacedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.yaml_reader import Node


def load_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read a manifest from a file, from standard input (`-`) or by a bundled name.

    A file that exists is read; otherwise a bare name such as `llama-3.1-8b-instruct`, or the name
    of its model, `meta/llama-3.1-8b-instruct`, finds a bundled manifest (`bundled_manifests` lists
    them). Nothing is fetched.

    Raises ManifestError.
    """
    source, text = load_text(path)
    return parse_manifest(text, source)


def load_text(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The source (for errors) and the text of the manifest that `load_manifest` would read."""
    name = expect_path("load_manifest: path", path)
    if not name:
        problem = "an empty path names no manifest; `nimprofile manifest list` has the bundled ones"
        raise ManifestError(problem)
    if name == "-":
        return unwrapped("<stdin>", read_stdin())
    if (not os.path.lexists(name) or os.path.isdir(name)) and (bundled := bundled_path(name)):
        name = bundled
    text = read_text(name, what="manifest", hint=lambda: _nearest_bundled(name))
    return unwrapped(name, text)


def bundled_manifests() -> dict[str, str]:
    """Name -> path of the manifests that come with this package, sorted by name."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (
        os.path.join(here, "manifests"),
        os.path.join(os.path.dirname(here), "manifests"),
    ):
        if os.path.isdir(folder):
            files = sorted(file for file in os.listdir(folder) if file.endswith(".yaml"))
            return {file.removesuffix(".yaml"): os.path.join(folder, file) for file in files}
    return {}


def bundled_path(name: str) -> str | None:
    """The path of the bundled manifest of this name, or of the model of this name."""
    bundled = bundled_manifests()
    if name in bundled or name.count("/") != 1:
        return bundled.get(name)
    wanted = f"model: {name}\n".casefold()
    for path in bundled.values():
        with open(path, encoding="utf-8") as file:
            if any(line.casefold() == wanted for line in file):
                return path
    return None


def shadowed(name: str) -> tuple[str, ...]:
    """What there is of one name: a bundled manifest and a folder or a file here. No folder is read.

    The folder is meant by `./name`; nothing names a bundled manifest beside a file of its name.
    """
    if not os.path.lexists(name) or bundled_path(name) is None:
        return ()
    if os.path.isdir(name):
        return (f"{name} is the bundled manifest; ./{name} is the folder here",)
    return (f"{name} is the file here, and not the bundled manifest of that name",)


def _nearest_bundled(name: str) -> str:
    folder, _, bare = name.rpartition(os.sep)
    if os.sep in folder or name.endswith((".yaml", ".yml", ".json", ".txt")):
        return ""
    from nimprofile.base.names.nearest import nearest

    near = nearest(bare, bundled_manifests(), 3)
    if folder and not near:
        return ""
    meant = f"did you mean {' or '.join(near)}?" if near else "`nimprofile manifest list` has them"
    return f", and no bundled manifest of that name; {meant}"


def parse_manifest(text: str, source: str = "<string>") -> Manifest:
    """Read a manifest of any dialect from its text.

    Raises ManifestError, with the line and a place such as `profiles[3].tags.tp`.
    """
    expect_text("parse_manifest: text", text, hint="load_manifest(path) reads a file")
    expect_text("parse_manifest: source", source)
    source, text = unwrapped(source, text)
    if (recognised := text_dialect_of(text, source)) is not None:
        dialect, lines = recognised
        return dialect.read(lines, source)
    from nimprofile.base.formats.yaml_reader import line_of, place

    root = read_tree(text, source)
    try:
        return read_document(root, source)
    except MisplacedError as error:
        raise ManifestError(
            error.problem, source=source, place=place(error.path), line=line_of(text, error.path)
        ) from None


def manifest_of(document: object, source: str) -> Manifest:
    """Read a manifest from plain values, as `json.loads` gives them.

    Raises ManifestError, with a place.
    """
    expect_text("manifest_of: source", source)
    from nimprofile.base.formats.json_reader import is_too_deep
    from nimprofile.base.formats.yaml_reader import place

    if is_too_deep(document):
        raise ManifestError(f"nested more than {MAX_DEPTH} levels deep", source=source)
    try:
        return read_document(_texts(document), source)
    except MisplacedError as error:
        raise ManifestError(error.problem, source=source, place=place(error.path)) from None
    except UnicodeEncodeError:
        problem = "a name or a path in it is not UTF-8: rename what has it"
        raise ManifestError(problem, source=source) from None


def read_tree(text: str, source: str, *, whole: bool = False) -> Node:
    """Read YAML or JSON into mappings, lists and texts; the `whole` of it with the workspaces.

    Raises ManifestError.
    """
    from nimprofile.base.formats.yaml_reader import read_yaml

    if text.lstrip()[:1] in "{[":
        try:
            return _read_json(text)
        except ValueError:
            pass  # YAML in flow style, or broken JSON: the YAML reader says which, and where
    return read_yaml(text, source=source, skip=frozenset() if whole else _SKIPPED)


def _read_json(text: str) -> Node:
    from nimprofile.base.formats.json_reader import read_json

    return _texts(read_json(text, unique=True, texts=True))


def _texts(node: object) -> Node:
    """JSON's booleans as the texts that YAML would give."""
    if isinstance(node, dict):
        return {str(_texts(key)): _texts(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_texts(value) for value in node]
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, str):
        node.encode()  # half of a surrogate pair is no text: UnicodeEncodeError, a ValueError
    return node if node is None else str(node)


_SKIPPED = frozenset({"workspace"})
"""Nine lines in ten of a real manifest list weight files, which no rule asks for."""
