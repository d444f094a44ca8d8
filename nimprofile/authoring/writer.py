"""Manifests written as YAML or JSON, in schema v1 or v2.

A document is plain values in the form of schema v2: numbers where our own blocks have numbers,
texts everywhere else. Schema v1 has no head; what is stated of a manifest as a whole stands in each
of its profiles, and is read back from there.
"""

from __future__ import annotations

import json

from nimprofile.base.expect import expect
from nimprofile.base.printable import printable_json, shown
from nimprofile.manifest.dialects.registry import tree_dialect_of
from nimprofile.manifest.dialects.v1 import KEYS_IN_PROFILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from nimprofile.base.formats.yaml_reader import Node
    from nimprofile.manifest.nodes import MisplacedError

    Document = dict[str, Any]


def to_document(node: Node) -> tuple[Document, tuple[str, ...]]:
    """A parsed manifest of any dialect in the form of schema v2.

    Returns:
        The document, and notes on what does not mean the same there.

    Raises:
        MisplacedError: it is none that can be read.
    """
    dialect, root = tree_dialect_of(node)
    problems: list[MisplacedError] = []
    entries = dialect.entries(root, problems)
    for problem in problems:
        raise problem
    head, _ = dialect.head(root, entries)
    document: Document = {"schema_version": "2.0", "profile_selection_criteria": "auto"}
    document |= {key: _typed(key, value) for key, value in head.items()}
    document["profiles"] = [
        {
            "id": entry.id,
            **{key: _typed(key, value) for key, value in dialect.v2_fields(entry, head).items()},
            "tags": dialect.tags(entry),
        }
        for entry in entries
    ]
    return document, dialect.conversion_notes(entries)


def has_empty_list(node: Node) -> bool:
    """Whether a manifest lists its profiles and the list is empty: it can be converted."""
    dialect, root = tree_dialect_of(node)
    return dialect.list_key is not None and root.get(dialect.list_key) == []


def to_v1(document: Document) -> tuple[Document, tuple[str, ...]]:
    """A document as a mapping of id to profile.

    Returns:
        The mapping, and notes on what has no place in it.
    """
    checkpoints = {
        checkpoint["name"]: checkpoint for checkpoint in document.get("checkpoints") or ()
    }
    kept = (*KEYS_IN_PROFILES, "release")  # NIM's own manifests of schema v1 have it there
    served: set[str] = set()
    result: Document = {}
    for profile in document["profiles"]:
        own = profile["tags"].get("checkpoint")
        if own not in checkpoints and len(checkpoints) == 1:
            own = next(iter(checkpoints))
        result[profile["id"]] = {
            **_kept(document, kept),
            **{key: value for key, value in profile.items() if key != "id"},
            **({"checkpoint": checkpoints[own]} if own in checkpoints else {}),
        }
        served.add(own)
    gone = document.keys() - {*kept, "schema_version", "checkpoints", "profiles"}
    if document.get("profile_selection_criteria") == "auto":
        gone -= {"profile_selection_criteria"}
    notes = [f"schema v1 has no place for {shown(key)}: left out" for key in sorted(gone)]
    unserved = sorted(checkpoints.keys() - served)
    notes += [f"no profile serves the checkpoint {shown(name)}: left out" for name in unserved]
    return result, tuple(notes)


def _kept(entry: dict[str, Any], keys: Iterable[str]) -> Document:
    return {key: _typed(key, entry[key]) for key in keys if key in entry}


def _typed(key: str, value: object) -> object:
    """The value with numbers for texts that are numbers, where our own blocks have numbers."""
    match key, value:
        case "model_shape", _:
            return _number(value)
        case "checkpoints", list():
            return [_typed("checkpoint", item) for item in value]
        case "checkpoint", dict():
            return {name: _typed(name, inner) for name, inner in value.items()}
        case "requires", dict():
            return {
                name: _number(inner) if name.endswith("_gib_per_gpu") else inner
                for name, inner in value.items()
            }
    return value


def _number(value: object) -> object:
    match value:
        case dict():
            return {key: _number(inner) for key, inner in value.items()}
        case list():
            return [_number(item) for item in value]
        case "true" | "false":
            return value == "true"
        case str() if value[-1:].isdigit():  # not `nan`, `inf`
            for kind in (int, float):
                try:
                    return kind(value)
                except ValueError:
                    continue
    return value


_DOCUMENT = "build_manifest(…).document is one"


def to_json(document: Document) -> str:
    """A document as JSON; characters that are not printable are escapes."""
    expect("to_json: document", document, dict, hint=_DOCUMENT)
    return printable_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def to_yaml(document: Document) -> str:
    """A document as YAML, each profile's tags and requirements in a line.

    Characters that are not printable are escapes.
    """
    expect("to_yaml: document", document, dict, hint=_DOCUMENT)
    from nimprofile.base.formats.yaml_writer import manifest_yaml

    return manifest_yaml(_styled("", document))


_IN_A_LINE = frozenset({"tags", "requires", "checkpoint"})


def _styled(key: str, value: object) -> object:
    from nimprofile.base.formats.yaml_writer import FlowMapping

    match value:
        case dict():
            mapping = {name: _styled(name, inner) for name, inner in value.items()}
            return FlowMapping(mapping) if key in _IN_A_LINE else mapping
        case list() | tuple():
            return [_styled("", item) for item in value]
    return value
