"""How is a manifest written, as YAML or JSON, in schema v1 or v2?

A document is plain values in the form of schema v2: numbers where our own blocks have numbers,
texts everywhere else. Schema v1 has no head; what is said of a manifest as a whole stands in each
of its profiles, and comes back from there.
"""

from __future__ import annotations

import json

from nimprofile.manifest.dialects import entries_of
from nimprofile.manifest.extensions import HEAD, SHARED, shared
from nimprofile.manifest.metadata_api import tags_of
from nimprofile.manifest.nodes import MisplacedError, read_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from nimprofile.base.yaml_reader import Node
    from nimprofile.manifest.dialects import Entry

    Document = dict[str, Any]


def to_document(root: Node) -> tuple[Document, tuple[str, ...]]:
    """A manifest of schema v1, schema v2 or the Metadata API in the form of schema v2.

    Returns:
        The document, and notes on what does not mean the same there.

    Raises:
        MisplacedError: it is none of these.
    """
    if not isinstance(root, dict):
        raise MisplacedError("a manifest is a mapping", ())
    dialect, entries = entries_of(root)
    head = shared(root, [entry for _, _, entry in entries]) if dialect == "v1" else root
    document: Document = {"schema_version": "2.0", "profile_selection_criteria": "auto"}
    if dialect == "metadata-api":
        profiles = [
            {"id": id, "tags": tags_of(entry, path), **_kept(entry, ("name", "requires"))}
            for path, id, entry in entries
        ]
        notes = ("fields of the Metadata API became tags; what is no text was left out",)
        return document | _kept(root, HEAD) | {"profiles": profiles}, notes
    document |= {key: _typed(key, value) for key, value in head.items() if key != "profiles"}
    lifted = {"id", "checkpoint", *head} if dialect == "v1" else {"id"}
    document["profiles"] = [_profile(entry, lifted) for entry in entries]
    listed = dialect == "v1" and any("workspace" in entry for _, _, entry in entries)
    note = (
        "workspaces are copied as they are: v1 lists files otherwise than v2, and YAML tags such "
        "as !workspace are gone"
    )
    return document, (note,) if listed else ()


def _profile(entry: Entry, lifted: set[str]) -> Document:
    path, id, values = entry
    tags = read_tags(values.get("tags"), (*path, "tags"))
    kept = {key: _typed(key, value) for key, value in values.items() if key not in lifted}
    return {"id": id, **kept, "tags": tags}


def to_v1(document: Document) -> tuple[Document, tuple[str, ...]]:
    """A document as a mapping of id to profile.

    Returns:
        The mapping, and notes on what has no place in it.
    """
    checkpoints = {one["name"]: one for one in document.get("checkpoints") or ()}
    served: set[str] = set()
    result: Document = {}
    for profile in document["profiles"]:
        own = profile["tags"].get("checkpoint")
        if own not in checkpoints and len(checkpoints) == 1:
            own = next(iter(checkpoints))
        result[profile["id"]] = {
            **_kept(document, SHARED),
            **{key: value for key, value in profile.items() if key != "id"},
            **({"checkpoint": checkpoints[own]} if own in checkpoints else {}),
        }
        served.add(own)
    gone = document.keys() - {*SHARED, "schema_version", "checkpoints", "profiles"}
    if document.get("profile_selection_criteria") == "auto":
        gone -= {"profile_selection_criteria"}
    notes = [f"schema v1 has no place for {key}: left out" for key in sorted(gone)]
    unserved = sorted(checkpoints.keys() - served)
    notes += [f"no profile serves the checkpoint {name}: left out" for name in unserved]
    return result, tuple(notes)


def _kept(entry: dict[str, Any], keys: Iterable[str]) -> Document:
    return {key: _typed(key, entry[key]) for key in keys if key in entry}


def _typed(key: str, value: object) -> object:
    """The value with numbers for texts that are numbers, where our own blocks have numbers."""
    match key, value:
        case "model_shape", _:
            return _number(value)
        case "checkpoints", list():
            return [_typed("checkpoint", each) for each in value]
        case "checkpoint", dict():
            return {each: _typed(each, inner) for each, inner in value.items()}
        case "requires", dict():
            return {
                each: _number(inner) if each.endswith("_gib_per_gpu") else inner
                for each, inner in value.items()
            }
    return value


def _number(value: object) -> object:
    match value:
        case dict():
            return {key: _number(each) for key, each in value.items()}
        case list():
            return [_number(each) for each in value]
        case "true" | "false":
            return value == "true"
        case str() if value[-1:].isdigit():  # not `nan`, `inf`
            for kind in (int, float):
                try:
                    return kind(value)
                except ValueError:
                    continue
    return value


def to_json(document: Document) -> str:
    """A document as JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_yaml(document: Document) -> str:
    """A document as YAML, each profile's tags and requirements in a line."""
    from nimprofile.base.yaml_writer import manifest_yaml

    return manifest_yaml(_styled("", document))


_IN_A_LINE = frozenset({"tags", "requires", "checkpoint"})


def _styled(key: str, value: object) -> object:
    from nimprofile.base.yaml_writer import FlowMapping

    match value:
        case dict():
            mapping = {each: _styled(each, inner) for each, inner in value.items()}
            return FlowMapping(mapping) if key in _IN_A_LINE else mapping
        case list() | tuple():
            return [_styled("", each) for each in value]
    return value
