"""Findings about the text of a manifest, with their lines."""

from __future__ import annotations

from nimprofile.authoring.lint_rules import ERROR, RULES, WARNING, Finding
from nimprofile.base.errors import ManifestError
from nimprofile.base.yaml_reader import lines_of, place
from nimprofile.manifest.dialects import (
    entries_of,
    not_of_these,
    profile_of,
    read_document,
    where_said,
)
from nimprofile.manifest.extensions import read_checkpoints, read_shape, read_version, shared
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.nodes import MisplacedError, kind_of
from nimprofile.manifest.printout import printout_in, read_printout
from nimprofile.manifest.reader import read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.authoring.lint_rules import Found
    from nimprofile.base.yaml_reader import Node, Path
    from nimprofile.manifest.dialects import Entry
    from nimprofile.manifest.extensions import Checkpoint
    from nimprofile.manifest.manifest import Dialect
    from nimprofile.manifest.profile import Profile


def check_manifest(text: str, source: str = "<string>") -> tuple[Finding, ...]:
    """Everything that is wrong with a manifest of any dialect, or likely to be.

    What keeps it from being read, every place of it, and what `lint_rules.RULES` find in the
    profiles that can be read; in the order of the text.
    """
    try:
        printed = printout_in(text, source)
        if printed is not None:
            printout = read_printout(printed, source)
            places: dict[str, Path] = {profile.id: (profile.name,) for profile in printout.profiles}
            return tuple(_placed(found, places, {}) for found in _found(printout))
        root = read_tree(text, source)
    except ManifestError as error:
        return (
            Finding(
                ERROR,
                "unreadable",
                error.place,
                problem=error.problem,
                suggestion="",
                line=error.line,
            ),
        )
    misplaced, manifest, paths = _read(root, source)
    lines = lines_of(text)
    findings = [
        Finding(
            ERROR,
            "unreadable",
            place(error.path),
            problem=error.problem,
            suggestion="",
            line=_line(error.path, lines),
        )
        for error in misplaced
    ]
    if manifest is not None and manifest.dialect == "v2" and not _has_schema_version(root):
        problem = "there is no schema_version: NIM's tools take the text for schema v1"
        suggestion = 'write schema_version: "2.0"'
        findings.append(
            Finding(WARNING, "schema_version", "", problem=problem, suggestion=suggestion)
        )
    if manifest is not None:
        findings += [_placed(found, paths, lines) for found in _found(manifest)]
    return tuple(sorted(findings, key=lambda one: (one.line or 0, one.severity)))


def _found(manifest: Manifest) -> Iterator[tuple[str, Found]]:
    for rule in RULES:
        for found in rule(manifest):
            yield rule.__name__, found


def _placed(named: tuple[str, Found], paths: dict[str, Path], lines: dict[Path, int]) -> Finding:
    rule, found = named
    path: Path = (*paths.get(found.profile, ()), *found.key)
    line = _line(path, lines)
    return Finding(
        found.severity,
        rule,
        place(path),
        problem=found.problem,
        suggestion=found.suggestion,
        line=line,
    )


def _line(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of a value, or of the nearest that it is a part of and is there."""
    ends = range(len(path), 0, -1)
    return next((lines[path[:end]] for end in ends if path[:end] in lines), None)


def _read(root: Node, source: str) -> tuple[list[MisplacedError], Manifest | None, dict[str, Path]]:
    """Everything that keeps a manifest from being read, and what of it can be read in spite."""
    if not isinstance(root, dict):
        return [MisplacedError(f"a manifest is a mapping, this is {kind_of(root)}", ())], None, {}
    errors: list[MisplacedError] = []
    try:
        dialect, entries = entries_of(root, errors)
        head = shared(root, [entry for _, _, entry in entries]) if dialect == "v1" else root
    except MisplacedError as error:
        return [*errors, error], None, {}
    profiles, unreadable, paths = _profiles(entries, dialect)
    errors += unreadable
    said = where_said(entries) if dialect == "v1" else {}
    checkpoints = _head(head, said, errors)
    errors += not_of_these(checkpoints, profiles, paths)
    try:
        return errors, read_document(root, source), paths
    except MisplacedError as error:
        if error.path not in [each.path for each in errors]:
            errors.append(error)
        manifest = Manifest(tuple(profiles), dialect, source=source) if profiles else None
        return errors, manifest, paths


def _head(
    head: dict[str, Node], said: dict[str, Path], errors: list[MisplacedError]
) -> tuple[Checkpoint, ...]:
    """The checkpoints; `errors` takes what of the head cannot be read."""
    found: dict[str, object] = {}
    readers = (
        ("model_shape", read_shape),
        ("engine_version", read_version),
        ("checkpoints", read_checkpoints),
    )
    for key, reader in readers:
        try:
            found[key] = reader(head.get(key), said.get(key, (key,)))
        except MisplacedError as error:
            errors.append(error)
    checkpoints = found.get("checkpoints")
    return checkpoints if isinstance(checkpoints, tuple) else ()


def _has_schema_version(root: Node) -> bool:
    return isinstance(root, dict) and "schema_version" in root


def _profiles(
    entries: list[Entry], dialect: Dialect
) -> tuple[list[Profile], list[MisplacedError], dict[str, Path]]:
    """The profiles that can be read, why the others cannot, and where each id stands first."""
    profiles: list[Profile] = []
    errors: list[MisplacedError] = []
    paths: dict[str, Path] = {}
    for path, id, entry in entries:
        if id in paths:
            problem = f"the id {id} is that of {place(paths[id])} too"
            errors.append(MisplacedError(problem, (*path, "id")))
        try:
            profile = profile_of(path, id, entry, dialect)
        except MisplacedError as error:
            errors.append(error)
        else:
            profiles += [] if id in paths else [profile]
        paths.setdefault(id, path)
    return profiles, errors, paths
