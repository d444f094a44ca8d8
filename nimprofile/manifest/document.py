"""A parsed manifest of any dialect as one `Manifest`."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.yaml_reader import place
from nimprofile.base.printable import quoted, shown
from nimprofile.manifest.dialects.registry import tree_dialect_of
from nimprofile.manifest.extensions import (
    read_checkpoints,
    read_requires,
    read_shape,
    read_version,
)
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.nim_version import nim_version
from nimprofile.manifest.nodes import MisplacedError, read_text
from nimprofile.manifest.profile import NOTHING_REQUIRED
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nimprofile.base.formats.yaml_reader import Node, Path
    from nimprofile.manifest.dialects.spec import Entry, TreeDialect
    from nimprofile.manifest.extensions import Checkpoint
    from nimprofile.manifest.nim_version import NimVersion
    from nimprofile.manifest.profile import Profile


def read_document(node: Node, source: str, *, read: tuple[Profile, ...] | None = None) -> Manifest:
    """Read a parsed manifest of any dialect. Raises MisplacedError for the first problem.

    `read` are its profiles, by a caller that has read them all already.
    """
    dialect, root = tree_dialect_of(node)
    problems: list[MisplacedError] = []
    entries = dialect.entries(root, problems)
    for problem in problems:
        raise problem
    head, paths = dialect.head(root, entries)
    profiles = read
    if profiles is None:
        profiles = tuple(profile_of(entry, dialect) for entry in entries)
    if not profiles:
        key = dialect.list_key
        raise MisplacedError("no profiles in it", () if key is None else (key,))
    places = _places(entries)
    checkpoints = read_checkpoints(head.get("checkpoints"), ("checkpoints",))
    shape = read_shape(head.get("model_shape"), paths.get("model_shape", ("model_shape",)))
    if checkpoints and shape is not None:
        message = "each of the checkpoints has its own; leave this out"
        raise MisplacedError(message, ("model_shape",))
    for problem in unknown_checkpoints(checkpoints, profiles, places):
        raise problem
    version = head.get("engine_version")
    return Manifest(
        profiles,
        dialect.name,
        read_text(head.get("model"), ("model",)),
        model_shape=checkpoints[0].shape if checkpoints else shape,
        source=source,
        engine_version=read_version(version, paths.get("engine_version", ("engine_version",))),
        checkpoints=checkpoints,
        nim=_release([head, *(entry.fields for entry in entries)]),
    )


def _release(stated: Iterable[Mapping[str, Node]]) -> NimVersion | None:
    """The NIM that the head or the profiles say they are of, when they agree."""
    releases = {text for fields in stated if isinstance(text := fields.get("release"), str)}
    if len(releases) != 1:
        return None
    release = releases.pop()
    return nim_version(release, f"release {release}")


def _places(entries: list[Entry]) -> dict[str, Path]:
    """The path of each profile by its id. Raises MisplacedError when an id repeats."""
    places: dict[str, Path] = {}
    for entry in entries:
        if entry.id in places:
            raise repeated_id(entry, places[entry.id])
        places[entry.id] = entry.path
    return places


def repeated_id(entry: Entry, first: Path) -> MisplacedError:
    """The problem of an entry whose id an earlier one has already."""
    problem = f"the id {entry.id} is that of {place(first)} too"
    return MisplacedError(problem, (*entry.path, "id"))


MOST_NAMED = 8
"""Of the checkpoints of a manifest, in one sentence."""


def unknown_checkpoints(
    checkpoints: tuple[Checkpoint, ...], profiles: Iterable[Profile], places: dict[str, Path]
) -> Iterator[MisplacedError]:
    """The profiles that name none of the manifest's checkpoints."""
    names = {checkpoint.name for checkpoint in checkpoints}
    known = ", ".join(shown(checkpoint.name, 40) for checkpoint in checkpoints[:MOST_NAMED])
    known += ", …" if len(checkpoints) > MOST_NAMED else ""
    for profile in profiles if names else ():
        untagged = profile.checkpoint is None and len(names) == 1
        if not untagged and profile.checkpoint not in names:
            problem = f"{quoted(profile.checkpoint)} is none of the checkpoints: {known}"
            yield MisplacedError(problem, (*places[profile.id], "tags", "checkpoint"))


def profile_of(entry: Entry, dialect: TreeDialect) -> Profile:
    """Read one profile. Raises MisplacedError."""
    tags = dialect.tags(entry)
    requires = entry.fields.get("requires")
    name = read_text(entry.fields.get("name"), (*entry.path, "name"))
    conditions = NOTHING_REQUIRED
    if requires is not None:
        conditions = read_requires(requires, (*entry.path, "requires"))
    try:
        return profile_from_tags(
            entry.id,
            tags,
            name=name or describe(tags) or entry.id,
            tags_from_name=dialect.tags_are_fields,
            requires=conditions,
        )
    except ManifestError as error:
        tag = error.place.removeprefix("tags.")
        raise MisplacedError(error.problem, (*entry.path, *dialect.place_of_tag(tag))) from None
