"""Profiles as a `list-model-profiles` printout or a start-up log names them."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.base.text_files import is_json
from nimprofile.base.units import stated_gb_to_bytes
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile import Stated, profile_from_tags
from nimprofile.manifest.profile_names import parse_name


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
                max_model_len=row.length,
                printed_gb=row.full_gb,
                printed_least_gb=row.least_gb,
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


_LISTING_MARKS = ("MODEL PROFILES", "ompatible with", "All profiles", "Valid profile")
"""Cheap to look for; only a text that has one is worth a closer look."""


def printout_in(text: str, source: str) -> str | None:
    """The lines of a `list-model-profiles` printout or a start-up log; None when it is none."""
    if not text.strip():
        raise ManifestError("the file is empty", source=source)
    if any(mark in text for mark in _LISTING_MARKS):
        from nimprofile.base.nim_printout import is_listing, unwrap_json_lines

        lines = unwrap_json_lines(text)
        if not is_json(text) and is_listing(lines):
            return lines
    return None
