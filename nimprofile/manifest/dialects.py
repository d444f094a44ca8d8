"""What does each dialect of a manifest say about its profiles?

Schema v1 and v2 and the Metadata API have tags; a printout has only names. Strict about the blocks
that are ours, tolerant about everybody else's.
"""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.base.yaml_reader import place
from nimprofile.manifest.extensions import (
    HEAD,
    SHARED,
    Checkpoint,
    read_checkpoints,
    read_requires,
    read_shape,
    read_version,
    shared,
)
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.metadata_api import FIELD_OF_TAG, METADATA_HEAD, tags_of
from nimprofile.manifest.nodes import MisplacedError, kind_of, read_tags, read_text
from nimprofile.manifest.profile import NOTHING_REQUIRED, Profile, profile_from_tags
from nimprofile.manifest.profile_names import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.base.yaml_reader import Node, Path
    from nimprofile.manifest.manifest import Dialect

    Entry = tuple[Path, str, dict[str, Node]]


def read_document(root: Node, source: str) -> Manifest:
    """Read schema v1, schema v2 or the Metadata API's answer, told apart by their shape.

    Raises MisplacedError.
    """
    if not isinstance(root, dict):
        raise MisplacedError(f"a manifest is a mapping, this is {kind_of(root)}", ())
    dialect, entries = entries_of(root)
    head = shared(root, [entry for _, _, entry in entries]) if dialect == "v1" else root
    profiles = tuple(profile_of(path, id, entry, dialect) for path, id, entry in entries)
    if not profiles:
        raise MisplacedError("no profiles in it", ("profiles",) if "profiles" in root else ())
    places: dict[str, Path] = {}
    for (path, _, _), profile in zip(entries, profiles, strict=True):
        if profile.id in places:
            first = place(places[profile.id])
            raise MisplacedError(f"the id {profile.id} is that of {first} too", (*path, "id"))
        places[profile.id] = path
    at = where_said(entries) if dialect == "v1" else {}
    checkpoints = read_checkpoints(head.get("checkpoints"), ("checkpoints",))
    shape = read_shape(head.get("model_shape"), at.get("model_shape", ("model_shape",)))
    if checkpoints and shape is not None:
        problem = "each of the checkpoints has its own; leave this out"
        raise MisplacedError(problem, ("model_shape",))
    for error in not_of_these(checkpoints, profiles, places):
        raise error
    return Manifest(
        profiles,
        dialect,
        read_text(head.get("model"), ("model",)),
        model_shape=checkpoints[0].shape if checkpoints else shape,
        source=source,
        engine_version=read_version(
            head.get("engine_version"), at.get("engine_version", ("engine_version",))
        ),
        checkpoints=checkpoints,
    )


def where_said(entries: list[Entry]) -> dict[str, Path]:
    """Where schema v1 first says what it says in each profile."""
    found: dict[str, Path] = {}
    for path, _, entry in entries:
        for key in entry.keys() & set(SHARED):
            found.setdefault(key, (*path, key))
    return found


def not_of_these(
    checkpoints: tuple[Checkpoint, ...], profiles: Iterable[Profile], places: dict[str, Path]
) -> Iterator[MisplacedError]:
    """Profiles that name none of several checkpoints."""
    names = [checkpoint.name for checkpoint in checkpoints]
    for profile in profiles if names else ():
        untagged = profile.checkpoint is None and len(names) == 1
        if not untagged and profile.checkpoint not in names:
            problem = f"{profile.checkpoint!r} is none of the checkpoints: {', '.join(names)}"
            yield MisplacedError(problem, (*places[profile.id], "tags", "checkpoint"))


def entries_of(
    root: dict[str, Node], bad: list[MisplacedError] | None = None
) -> tuple[Dialect, list[Entry]]:
    """Tell the dialect by its shape, and find its profiles.

    Raises MisplacedError for the first entry that is no profile, or puts them all in `bad`.
    """
    errors: list[MisplacedError] = []
    found = _listed(root, errors) if "profiles" in root else _mapped(root, errors)
    if bad is not None:
        bad += errors
    elif errors:
        raise errors[0]
    return found


def _listed(root: dict[str, Node], errors: list[MisplacedError]) -> tuple[Dialect, list[Entry]]:
    """The list `profiles` of schema v2 or the Metadata API."""
    listed = root["profiles"]
    if not isinstance(listed, list):
        raise MisplacedError(f"profiles is a list, this is {kind_of(listed)}", ("profiles",))
    metadata = any(isinstance(entry, dict) and "profile_id" in entry for entry in listed)
    key = "profile_id" if metadata else "id"
    entries: list[Entry] = []
    for at, entry in enumerate(listed):
        try:
            entries.append(_listed_entry(at, entry, key))
        except MisplacedError as error:
            errors.append(error)
    return ("metadata-api" if metadata else "v2"), entries


def _listed_entry(at: int, entry: Node, key: str) -> Entry:
    path: Path = ("profiles", at)
    if not isinstance(entry, dict):
        raise MisplacedError(f"a profile is a mapping, this is {kind_of(entry)}", path)
    if not (id := read_text(entry.get(key), (*path, key))):
        raise MisplacedError(f"this profile has no {key}", path)
    return path, id, entry


def _mapped(root: dict[str, Node], errors: list[MisplacedError]) -> tuple[Dialect, list[Entry]]:
    """The mapping of id to profile of schema v1."""
    if root and root.keys() <= METADATA_HEAD:
        raise MisplacedError("an answer of the Metadata API without profiles", ())
    entries: list[Entry] = []
    for key, entry in root.items():
        if key in HEAD and not (isinstance(entry, dict) and "tags" in entry):
            continue
        try:
            entries.append(_mapped_entry(key, entry))
        except MisplacedError as error:
            errors.append(error)
    return "v1", entries


def _mapped_entry(key: str, entry: Node) -> Entry:
    if not isinstance(entry, dict):
        problem = f"expected a profile with tags, or a list `profiles`; this is {kind_of(entry)}"
        raise MisplacedError(problem, (key,))
    if not (id := read_text(key, (key,))):
        raise MisplacedError("this profile has no id", (key,))
    return (key,), id, entry


def profile_of(path: Path, id: str, entry: dict[str, Node], dialect: Dialect) -> Profile:
    """Read one profile. Raises MisplacedError."""
    if dialect == "metadata-api":
        tags = tags_of(entry, path)
    elif "tags" not in entry:
        raise MisplacedError("this profile has no tags; write `tags: {}` if it has none", path)
    else:
        tags = read_tags(entry["tags"], (*path, "tags"))
    requires = entry.get("requires")
    name = read_text(entry.get("name"), (*path, "name"))
    try:
        return profile_from_tags(
            id,
            tags,
            name=name or describe(tags) or id,
            tags_from_name=dialect == "metadata-api",
            requires=NOTHING_REQUIRED
            if requires is None
            else read_requires(requires, (*path, "requires")),
        )
    except ManifestError as error:
        inner = error.place.split(".")
        if dialect == "metadata-api":
            inner = [FIELD_OF_TAG.get(inner[-1], inner[-1])]
        raise MisplacedError(error.problem, (*path, *inner)) from None
