"""Schema v1 of NIM's manifests: a mapping of id to profile.

It has no head: fields of the whole manifest are repeated in every profile.
"""

from __future__ import annotations

from nimprofile.manifest.dialects.spec import Entry, TreeDialect, other_fields
from nimprofile.manifest.extensions import HEAD_KEYS
from nimprofile.manifest.nodes import MisplacedError, kind_of, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.yaml_reader import Node, Path
    from nimprofile.manifest.dialects.spec import Head, Mapped

KEYS_IN_PROFILES = ("model", "engine_version", "model_shape", "sources")
"""Fields of the whole manifest that schema v1 repeats in every profile."""


def _entries(root: Mapped, problems: list[MisplacedError]) -> list[Entry]:
    entries: list[Entry] = []
    for key, node in root.items():
        if key in HEAD_KEYS and not (isinstance(node, dict) and "tags" in node):
            continue
        try:
            entries.append(_entry(key, node))
        except MisplacedError as error:
            problems.append(error)
    return entries


def _entry(key: str, node: Node) -> Entry:
    if not isinstance(node, dict):
        problem = f"expected a profile with tags, or a list `profiles`; this is {kind_of(node)}"
        raise MisplacedError(problem, (key,))
    if not (id := read_text(key, (key,))):
        raise MisplacedError("this profile has no id", (key,))
    return Entry((key,), id, node)


def _head(root: Mapped, entries: list[Entry]) -> Head:
    """What all the profiles that state it state alike, and where it stands first.

    Raises MisplacedError for what they state differently; the model's name may differ.
    """
    head = {key: value for key, value in root.items() if key in HEAD_KEYS}
    paths: dict[str, Path] = {}
    for key in KEYS_IN_PROFILES:
        values = [root[key]] if root.get(key) is not None else []
        values += [entry.fields[key] for entry in entries if entry.fields.get(key) is not None]
        if values and all(value == values[0] for value in values):
            head[key] = values[0]
        elif values and key != "model":
            raise MisplacedError(f"the profiles say different things of {key}: write two files", ())
        first = next((entry.path for entry in entries if key in entry.fields), None)
        if first is not None:
            paths[key] = (*first, key)
    checkpoints = _checkpoints(entries)
    if checkpoints and "checkpoints" not in head:
        head["checkpoints"] = [checkpoints[name] for name in sorted(checkpoints)]
    return head, paths


def _checkpoints(entries: list[Entry]) -> Mapped:
    """The checkpoints that profiles have as a block of their own, by name."""
    checkpoints: Mapped = {}
    for entry in entries:
        checkpoint = entry.fields.get("checkpoint")
        if checkpoint is None:
            continue
        if not isinstance(checkpoint, dict):
            raise MisplacedError(f"a checkpoint is a mapping, this is {kind_of(checkpoint)}", ())
        name = checkpoint.get("name")
        if not isinstance(name, str) or not name:
            raise MisplacedError("a checkpoint has a name", ())
        if checkpoints.setdefault(name, checkpoint) != checkpoint:
            raise MisplacedError(f"its profiles say different things of checkpoint {name}", ())
    return checkpoints


def _conversion_notes(entries: list[Entry]) -> tuple[str, ...]:
    if not any("workspace" in entry.fields for entry in entries):
        return ()
    note = (
        "workspaces are copied as they are: v1 lists files otherwise than v2, and YAML tags such "
        "as !workspace are gone"
    )
    return (note,)


SPEC = TreeDialect(
    "v1",
    matches=lambda _: True,  # what no other dialect recognises
    entries=_entries,
    list_key=None,
    head=_head,
    v2_fields=lambda entry, head: other_fields(entry, {"checkpoint", *head}),
    conversion_notes=_conversion_notes,
)
