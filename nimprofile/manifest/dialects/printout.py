"""A `list-model-profiles` printout or a start-up log, whose profiles have names and seldom tags."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.base.units import stated_gb_to_bytes
from nimprofile.manifest.dialects.spec import TextDialect
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.nim_version import version_in_printout
from nimprofile.manifest.profile import Stated
from nimprofile.manifest.profile_names import describe, parse_name
from nimprofile.manifest.profile_tags import profile_from_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.nim_printout import Row
    from nimprofile.manifest.profile import Profile

_MARKS = ("MODEL PROFILES", "ompatible with", "All profiles", "Valid profile", "Matched profile")
"""Cheap to look for; only a text that has one is worth a closer look."""
_MANIFEST_KEY = r"""(?m)^[ ]*(?:- )?["']?(?:tags|profiles)["']?:"""
"""Starts a line in a manifest of every dialect, and none in a printout."""


def _lines_in(text: str) -> str | None:
    if not any(mark in text for mark in _MARKS):
        return None
    import re

    from nimprofile.base.formats.json_reader import is_json
    from nimprofile.base.formats.nim_printout import is_listing, unwrap_json_lines

    if is_json(text) or re.search(_MANIFEST_KEY, text):
        return None
    lines = unwrap_json_lines(text)
    return lines if is_listing(lines) else None


def _read(text: str, source: str) -> Manifest:
    from nimprofile.base.formats.nim_printout import read_listing

    rows, _ = read_listing(text, source=source)
    if not rows:
        raise ManifestError("a printout without any profile in it", source=source)
    profiles = tuple(_profile(row, source) for row in rows)
    names: dict[str, str] = {}
    for row in rows:
        if names.setdefault(row.id, row.name) != row.name:
            raise ManifestError(
                f"the id {row.id} stands here under two names", source=source, line=row.line
            )
    return Manifest(profiles, SPEC.name, source=source, nim=version_in_printout(text))


def _profile(row: Row, source: str) -> Profile:
    tags = parse_name(row.name).tags if row.tags is None else row.tags
    try:
        return profile_from_tags(
            row.id,
            tags,
            name=row.name or (row.tags and describe(row.tags)) or row.id,
            memory=_stated_memory(row),
            tags_from_name=row.tags is None,
        )
    except ManifestError as error:
        raise ManifestError(error.problem, source=source, place=row.name, line=row.line) from None


def _stated_memory(row: Row) -> Stated | None:
    """What `[requires >=33 GB/gpu, …]` says; None when it is not printed."""
    if row.full_gb is None:
        return None
    size = stated_gb_to_bytes(row.full_gb)
    least = stated_gb_to_bytes(row.least_gb) if row.least_gb is not None else size
    if row.length is not None and row.least_gb is None:
        least = 0
    return Stated(
        size,
        min(least, size),
        "the listing's [requires …]",
        max_model_len=row.length,
        printed_gb=row.full_gb,
        printed_least_gb=row.least_gb,
    )


SPEC = TextDialect(
    "listing",
    lines_in=_lines_in,
    read=_read,
    not_convertible="a printout has names and no tags: only a manifest can be converted",
)
