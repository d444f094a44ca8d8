"""Findings about the text of a manifest, with their lines."""

from __future__ import annotations

from nimprofile.authoring.findings import ERROR, WARNING, Finding
from nimprofile.authoring.lint_rules import RULES
from nimprofile.base.errors import ManifestError
from nimprofile.base.expect import expect_text
from nimprofile.base.formats.yaml_reader import lines_of, place
from nimprofile.manifest.dialects.manifest_body import unwrapped
from nimprofile.manifest.dialects.registry import text_dialect_of, tree_dialect_of
from nimprofile.manifest.document import (
    profile_of,
    read_document,
    repeated_id,
    unknown_checkpoints,
)
from nimprofile.manifest.extensions import read_checkpoints, read_shape, read_version
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.nodes import MisplacedError
from nimprofile.manifest.reader import read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.authoring.findings import RuleFinding
    from nimprofile.base.formats.yaml_reader import Node, Path
    from nimprofile.manifest.dialects.spec import Entry, TreeDialect
    from nimprofile.manifest.extensions import Checkpoint
    from nimprofile.manifest.profile import Profile


def check_manifest(text: str, source: str = "<string>") -> tuple[Finding, ...]:
    """Everything that is wrong with a manifest of any dialect, or likely to be.

    What keeps it from being read, every place of it, and what `lint_rules.RULES` find in the
    profiles that can be read; in the order of the text.
    """
    expect_text("check_manifest: text", text)
    expect_text("check_manifest: source", source)
    source, text = unwrapped(source, text)
    try:
        recognised = text_dialect_of(text, source)
        if recognised is not None:
            dialect, lines_in = recognised
            printed = dialect.read(lines_in, source)
            places: dict[str, Path] = {profile.id: (profile.name,) for profile in printed.profiles}
            return tuple(
                Finding(
                    finding.severity,
                    rule,
                    place(_path(finding, places)),
                    problem=finding.problem,
                    suggestion=finding.suggestion,
                    line=None,
                )
                for rule, finding in _rule_findings(printed)
            )
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
    found = [(ERROR, "unreadable", error.path, error.problem, "") for error in misplaced]
    if manifest is not None:
        tree_dialect, mapping = tree_dialect_of(root)
        found += [
            (WARNING, rule, (), problem, suggestion)
            for rule, problem, suggestion in tree_dialect.head_warnings(mapping)
        ]
        found += [
            (
                finding.severity,
                rule,
                _path(finding, paths),
                finding.problem,
                finding.suggestion,
            )
            for rule, finding in _rule_findings(manifest)
        ]
    lines = lines_of(text, [path for _, _, path, _, _ in found])
    findings = [
        Finding(
            severity,
            rule,
            place(path),
            problem=problem,
            suggestion=suggestion,
            line=_line(path, lines),
        )
        for severity, rule, path, problem, suggestion in found
    ]
    return tuple(sorted(findings, key=lambda finding: (finding.line or 0, finding.severity)))


def _rule_findings(manifest: Manifest) -> Iterator[tuple[str, RuleFinding]]:
    for rule in RULES:
        for finding in rule(manifest):
            yield rule.__name__, finding


def _path(finding: RuleFinding, paths: dict[str, Path]) -> Path:
    return (*paths.get(finding.profile, ()), *finding.key)


def _line(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of a value, or of the nearest that it is a part of and is there."""
    ends = range(len(path), 0, -1)
    return next((lines[path[:end]] for end in ends if path[:end] in lines), None)


def _read(root: Node, source: str) -> tuple[list[MisplacedError], Manifest | None, dict[str, Path]]:
    """Everything that keeps a manifest from being read, and what of it can be read in spite."""
    errors: list[MisplacedError] = []
    try:
        dialect, mapping = tree_dialect_of(root)
        entries = dialect.entries(mapping, errors)
        head, head_paths = dialect.head(mapping, entries)
    except MisplacedError as error:
        return [*errors, error], None, {}
    profiles, unreadable, paths = _profiles(entries, dialect)
    errors += unreadable
    read = None if errors else tuple(profiles)
    checkpoints = _head(head, head_paths, errors)
    errors += unknown_checkpoints(checkpoints, profiles, paths)
    try:
        return errors, read_document(root, source, read=read), paths
    except MisplacedError as error:
        if error.path not in [known.path for known in errors]:
            errors.append(error)
        manifest = Manifest(tuple(profiles), dialect.name, source=source) if profiles else None
        return errors, manifest, paths


def _head(
    head: dict[str, Node], paths: dict[str, Path], errors: list[MisplacedError]
) -> tuple[Checkpoint, ...]:
    """The checkpoints; `errors` takes what of the head cannot be read."""
    values: dict[str, object] = {}
    readers = (
        ("model_shape", read_shape),
        ("engine_version", read_version),
        ("checkpoints", read_checkpoints),
    )
    for key, reader in readers:
        try:
            values[key] = reader(head.get(key), paths.get(key, (key,)))
        except MisplacedError as error:
            errors.append(error)
    checkpoints = values.get("checkpoints")
    return checkpoints if isinstance(checkpoints, tuple) else ()


def _profiles(
    entries: list[Entry], dialect: TreeDialect
) -> tuple[list[Profile], list[MisplacedError], dict[str, Path]]:
    """The profiles that can be read, why the others cannot, and where each id stands first."""
    profiles: list[Profile] = []
    errors: list[MisplacedError] = []
    paths: dict[str, Path] = {}
    for entry in entries:
        if entry.id in paths:
            errors.append(repeated_id(entry, paths[entry.id]))
        try:
            profile = profile_of(entry, dialect)
        except MisplacedError as error:
            errors.append(error)
        else:
            profiles += [] if entry.id in paths else [profile]
        paths.setdefault(entry.id, entry.path)
    return profiles, errors, paths
