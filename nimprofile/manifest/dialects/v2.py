"""Schema v2 of NIM's manifests: a head, and a list `profiles`."""

from __future__ import annotations

from nimprofile.manifest.dialects.spec import TreeDialect, listed_entries, other_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.manifest.dialects.spec import Entry, Head, Mapped


def _head(root: Mapped, entries: list[Entry]) -> Head:  # noqa: ARG001 - one signature
    return {key: value for key, value in root.items() if key != "profiles"}, {}


def _head_warnings(root: Mapped) -> tuple[tuple[str, str, str], ...]:
    if "schema_version" in root:
        return ()
    problem = "there is no schema_version: NIM's tools take the text for schema v1"
    return (("schema_version", problem, 'write schema_version: "2.0"'),)


SPEC = TreeDialect(
    "v2",
    matches=lambda root: "profiles" in root,
    entries=listed_entries,
    list_key="profiles",
    head=_head,
    head_warnings=_head_warnings,
    v2_fields=lambda entry, _: other_fields(entry, ()),
)
