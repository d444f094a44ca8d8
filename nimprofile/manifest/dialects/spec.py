"""The specification of a dialect: its name, how it is recognised, how it is read into profiles.

Each dialect has one, `SPEC` in its file of this folder; `registry.DIALECTS` lists them all. What
comes after the reader asks the specification, and knows no dialect by its name.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.manifest.extensions import HEAD_KEYS
from nimprofile.manifest.nodes import MisplacedError, kind_of, read_tags, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from dataclasses import KW_ONLY

    from nimprofile.base.formats.yaml_reader import Node, Path
    from nimprofile.manifest.manifest import Manifest

    Mapped = dict[str, Node]
    Head = tuple[Mapped, dict[str, Path]]
    """What is stated of the manifest as a whole; the paths of the keys that are not at the root."""


class Entry(Record):
    """A profile as a dialect has it, before its tags are typed.

    Attributes:
        path: where it stands in the text.
        id: the profile's id.
        fields: its keys and values, as written.
    """

    path: Path
    id: str
    fields: Mapped


def head_at_the_root(root: Mapped, entries: list[Entry]) -> Head:  # noqa: ARG001 - one signature
    """The keys at the root that state something of the manifest as a whole."""
    return {key: value for key, value in root.items() if key in HEAD_KEYS}, {}


def tags_block(entry: Entry) -> dict[str, str]:
    """The mapping `tags` of a profile. Raises MisplacedError."""
    if "tags" not in entry.fields:
        problem = "this profile has no tags; write `tags: {}` if it has none"
        raise MisplacedError(problem, entry.path)
    return read_tags(entry.fields["tags"], (*entry.path, "tags"))


def tag_in_its_block(tag: str) -> Path:
    """The place of a tag in a profile that has a mapping `tags`."""
    return ("tags", tag)


def named_fields(entry: Entry, head: Mapped) -> Mapped:  # noqa: ARG001 - one signature
    """The fields of a profile that mean the same in schema v2, besides its id and tags."""
    return {key: entry.fields[key] for key in ("name", "requires") if key in entry.fields}


def other_fields(entry: Entry, left_out: Container[str]) -> Mapped:
    """All fields of a profile besides its id and those that are left out."""
    return {
        key: value for key, value in entry.fields.items() if key != "id" and key not in left_out
    }


class TextDialect(Record):
    """A dialect that is neither YAML nor JSON; it is looked for before the text is parsed.

    Attributes:
        name: what `Manifest.dialect` says.
        lines_in: the lines of a text that are of this dialect; None when it is another.
        read: a manifest from these lines and the name of their source; raises ManifestError.
        not_convertible: why it cannot be written as another dialect, for the error.
    """

    name: str
    lines_in: Callable[[str], str | None]
    read: Callable[[str, str], Manifest]
    _: KW_ONLY
    not_convertible: str


class TreeDialect(Record):
    """A dialect in YAML or JSON, recognised by the shape of its root.

    Attributes:
        name: what `Manifest.dialect` says.
        matches: whether a root mapping is of this dialect.
        entries: its profiles. What is wrong with one of them is put into the list, and the others
            are read; MisplacedError is raised where none can be.
        list_key: the key of the root under which the profiles are listed; None when the root has
            no such list.
        head: what it states of the manifest as a whole, in the keys of schema v2.
        tags: the tags of a profile, in the spelling of schema v2; raises MisplacedError.
        place_of_tag: where the value of a tag stands in its profile.
        tags_are_fields: its profiles have fields instead of tags: an unknown one is no mistake, and
            the ids were computed from something else.
        head_warnings: what is likely to be wrong with the root: rule, problem and suggestion.
        v2_fields: what a profile has in schema v2 besides its id and tags, from its entry and the
            head.
        conversion_notes: what does not mean the same after conversion to schema v2.
    """

    name: str
    matches: Callable[[Mapped], bool]
    entries: Callable[[Mapped, list[MisplacedError]], list[Entry]]
    _: KW_ONLY
    list_key: str | None
    head: Callable[[Mapped, list[Entry]], Head] = head_at_the_root
    tags: Callable[[Entry], dict[str, str]] = tags_block
    place_of_tag: Callable[[str], Path] = tag_in_its_block
    tags_are_fields: bool = False
    head_warnings: Callable[[Mapped], tuple[tuple[str, str, str], ...]] = lambda _: ()
    v2_fields: Callable[[Entry, Mapped], Mapped] = named_fields
    conversion_notes: Callable[[list[Entry]], tuple[str, ...]] = lambda _: ()


def listed_entries(
    root: Mapped, problems: list[MisplacedError], *, list_key: str = "profiles", id_key: str = "id"
) -> list[Entry]:
    """The profiles of a dialect that lists them under a key of its root.

    Raises MisplacedError when there is no list; what is wrong with an entry joins `problems`.
    """
    nodes = root[list_key]
    if not isinstance(nodes, list):
        raise MisplacedError(f"{list_key} is a list, this is {kind_of(nodes)}", (list_key,))
    entries: list[Entry] = []
    for position, node in enumerate(nodes):
        try:
            entries.append(_listed_entry((list_key, position), node, id_key))
        except MisplacedError as error:
            problems.append(error)
    return entries


def _listed_entry(path: Path, node: Node, id_key: str) -> Entry:
    if not isinstance(node, dict):
        raise MisplacedError(f"a profile is a mapping, this is {kind_of(node)}", path)
    if not (id := read_text(node.get(id_key), (*path, id_key))):
        raise MisplacedError(f"this profile has no {id_key}", path)
    return Entry(path, id, node)
