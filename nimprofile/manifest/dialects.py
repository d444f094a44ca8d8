"""What does each dialect of a manifest say about its profiles?

Schema v1 and v2 and the Metadata API have tags; a printout has only names. Strict about the blocks
that are ours, tolerant about everybody else's.
"""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.base.record import Record
from nimprofile.base.units import stated_gb_to_bytes
from nimprofile.base.yaml_reader import place
from nimprofile.manifest.extensions import (
    HEAD,
    SHARED,
    Checkpoint,
    MisplacedError,
    kind_of,
    read_checkpoints,
    read_requires,
    read_shape,
    read_text,
    read_version,
    shared,
)
from nimprofile.manifest.profile import NOTHING_REQUIRED, Profile, Stated, profile_from_tags
from nimprofile.manifest.profile_names import describe, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from nimprofile.base.yaml_reader import Node, Path
    from nimprofile.model.shape import ModelShape

    Dialect = Literal["v1", "v2", "metadata-api", "listing"]
    Entry = tuple[Path, str, dict[str, Node]]


class Manifest(Record):
    """The profiles of one model.

    Attributes:
        profiles: in the order of the source; the order means nothing.
        dialect: `v1`, `v2`, `metadata-api` or `listing`.
        model: the model's name, when the source has it.
        model_shape: what memory is estimated from, when the source has it.
        source: where it was read from.
        engine_version: of the engine in the container, when the source says so.
        checkpoints: of which the profiles are served, when the source names them.
    """

    profiles: tuple[Profile, ...]
    dialect: Dialect = "v2"
    model: str | None = None
    model_shape: ModelShape | None = None
    source: str = ""
    engine_version: str | None = None
    checkpoints: tuple[Checkpoint, ...] = ()

    def shape_of(self, profile: Profile) -> ModelShape | None:
        """The shape of what a profile serves: its checkpoint's, or the only one there is."""
        own = profile.checkpoint
        for checkpoint in self.checkpoints:
            if checkpoint.name == own:
                return checkpoint.shape
        return self.model_shape


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
        checkpoints[0].shape if checkpoints else shape,
        source,
        read_version(head.get("engine_version"), at.get("engine_version", ("engine_version",))),
        checkpoints,
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
    if root and root.keys() <= _METADATA_HEAD:
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
            inner = [_METADATA_NAMES.get(inner[-1], inner[-1])]
        raise MisplacedError(error.problem, (*path, *inner)) from None


def read_tags(node: Node, path: Path) -> dict[str, str]:
    """Tag values are texts; a list, as the Metadata API has for `gpu`, is joined by commas."""
    if not isinstance(node, dict):
        raise MisplacedError(f"tags is a mapping of texts, this is {kind_of(node)}", path)
    tags = {}
    for key, value in node.items():
        if value is not None:
            tags[key] = _tag_value(key, value, path)
    return tags


def _tag_value(key: str, value: Node, path: Path) -> str:
    text = value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ",".join(str(item) for item in value)
    if isinstance(text, str) and text.isprintable() and key.isprintable():
        return text
    raise MisplacedError(
        f"a tag is a text or a list of texts, this is {kind_of(value)}", (*path, key)
    )


_METADATA_TAGS = {
    "inference_backend": "llm_engine",
    "tensor_parallel_size": "tp",
    "pipeline_parallel_size": "pp",
    "buildable_profile": "trtllm_buildable",
}
_METADATA_NAMES = {tag: field for field, tag in _METADATA_TAGS.items()}
_METADATA_HEAD = frozenset({"release_details", "features", "related_urls"})
_NOT_TAGS = frozenset({"profile_id", "name", "requires", "workspace"})


def tags_of(entry: dict[str, Node], path: Path) -> dict[str, str]:
    """The tags of a profile of the Metadata API, which has fields instead; absent means unknown.

    Source: docs.nvidia.com/nim/metadata-api, response fields (1.0.0).
    """
    return {
        _METADATA_TAGS.get(key, key): _tag_value(key, value, path)
        for key, value in entry.items()
        if key not in _NOT_TAGS and isinstance(value, str | list)
    }


def read_printout(text: str, source: str) -> Manifest:
    """Read a `list-model-profiles` printout or a start-up log, whose tags are in the names.

    Raises ManifestError.
    """
    from nimprofile.base.nim_printout import read_listing

    rows, _ = read_listing(text, source=source)
    if not rows:
        raise ManifestError("a printout without any profile in it", source=source)
    profiles = []
    for row in rows:
        memory = None
        if row.full_gb is not None:
            size = stated_gb_to_bytes(row.full_gb)
            least = stated_gb_to_bytes(row.least_gb) if row.least_gb is not None else size
            if row.length is not None and row.least_gb is None:
                least = 0
            memory = Stated(
                size,
                min(least, size),
                "the listing's [requires …]",
                row.length,
                row.full_gb,
                row.least_gb,
            )
        tags = parse_name(row.name).tags
        try:
            profiles.append(
                profile_from_tags(
                    row.id, tags, name=row.name or row.id, memory=memory, tags_from_name=True
                )
            )
        except ManifestError as error:
            raise ManifestError(
                error.problem, source=source, place=row.name, line=row.line
            ) from None
    named: dict[str, str] = {}
    for row in rows:
        if named.setdefault(row.id, row.name) != row.name:
            raise ManifestError(
                f"the id {row.id} stands here under two names", source=source, line=row.line
            )
    return Manifest(tuple(profiles), "listing", source=source)
