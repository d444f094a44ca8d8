"""A manifest, its findings and the difference of two, as tables and as JSON."""

from __future__ import annotations

from nimprofile.base.units import format_gib
from nimprofile.hardware.describe import describe_machine
from nimprofile.report.blocks import Column, Line, Span, Table, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from nimprofile.authoring.diff import Edit, ManifestDiff, SelectionChange
    from nimprofile.authoring.findings import Finding
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape
    from nimprofile.report.blocks import Block
    from nimprofile.selection.decision import Decision


def manifest_blocks(manifest: Manifest) -> list[Block]:
    """What the manifest says of itself, and its profiles as a table."""
    head = [
        ("model", manifest.model),
        ("source", manifest.source),
        ("dialect", manifest.dialect),
        ("engine version", manifest.engine_version),
        ("shape", None if manifest.checkpoints else _shape(manifest.model_shape)),
        *(
            (f"checkpoint {checkpoint.name}", _shape(checkpoint.shape))
            for checkpoint in manifest.checkpoints
        ),
    ]
    known = [(name, value) for name, value in head if value is not None]
    rows = [_row(profile) for profile in manifest.profiles]
    return [
        Table((Column(), Column(wraps=True)), known),
        Line(),
        Table(_COLUMNS, rows, headed=True),
    ]


_COLUMNS = (
    Column("profile"),
    Column("GPUs", figures=True),
    Column("made for", wraps=True),
    Column("requires", wraps=True),
    Column("memory per GPU"),
    Column("checkpoint", narrow=1),
    Column("id"),
)


def _row(profile: Profile) -> tuple[str, ...]:
    requires = profile.requires
    wants = (
        ("compute capability", requires.compute_capability),
        ("driver", requires.driver),
        ("CUDA", requires.cuda),
        ("", requires.engine),
    )
    return (
        profile.name,
        str(profile.gpus_needed) if profile.tp is not None else "?",
        " / ".join(profile.made_for) or "any",
        ", ".join(f"{what} {value}".strip() for what, value in wants if value) or "-",
        _memory(profile),
        profile.checkpoint or "-",
        profile.id[:12],
    )


def _memory(profile: Profile) -> str:
    estimate = profile.requires.estimated_memory_gib_per_gpu
    if profile.memory is not None:
        return format_gib(profile.memory.full_bytes)
    return "-" if estimate is None else f"{estimate:.1f} GiB, estimated"


def _shape(shape: ModelShape | None) -> str | None:
    if shape is None:
        return None
    if not shape.known:
        return f"{shape.architecture or 'unknown'}: its layers are not known"
    stored = "" if shape.quantization is None else f", stored as {shape.quantization.method}"
    context = shape.max_position_embeddings
    longest = "" if context is None else f", {context:,} tokens"
    exact = shape.checkpoint_bytes
    size = "" if exact is None else f", {format_gib(exact)} on disk"
    kind = shape.architecture or "five figures"
    return f"{kind}, {shape.parameters:,} parameters{stored}{size}{longest}"


def manifest_to_dict(manifest: Manifest) -> dict[str, Any]:
    """A manifest as plain JSON values, as it was understood."""
    return {
        "model": manifest.model,
        "source": manifest.source,
        "dialect": manifest.dialect,
        "engine_version": manifest.engine_version,
        "model_shape": None if manifest.checkpoints else _shape_to_dict(manifest.model_shape),
        "checkpoints": [
            {
                "name": checkpoint.name,
                "path": checkpoint.path,
                "model_shape": _shape_to_dict(checkpoint.shape),
            }
            for checkpoint in manifest.checkpoints
        ],
        "profiles": [_profile_to_dict(profile) for profile in manifest.profiles],
    }


def _shape_to_dict(shape: ModelShape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    return {
        "model_type": shape.architecture,
        "known": shape.known,
        "parameters": shape.parameters if shape.known else None,
        "layers": len(shape.layers),
        "attention_heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "experts": shape.experts,
        "max_position_embeddings": shape.max_position_embeddings,
        "quantization": None if shape.quantization is None else shape.quantization.method,
        "checkpoint_bytes": shape.checkpoint_bytes,
    }


def _profile_to_dict(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "name": profile.name,
        "tags": dict(profile.tags),
        "gpus": profile.gpus_needed if profile.tp is not None else None,
        "requires": {key: value for key, value in profile.requires.to_dict().items() if value},
        "memory_bytes_per_gpu": None if profile.memory is None else profile.memory.full_bytes,
        "memory_source": None if profile.memory is None else profile.memory.source,
    }


def findings_blocks(source: str, findings: Iterable[Finding]) -> list[Block]:
    """Findings as compilers write them: file, line, severity, place, problem and advice."""
    return [_finding(source, finding) for finding in findings]


def _finding(source: str, finding: Finding) -> Line:
    where = source + (f":{finding.line}" if finding.line else "")
    severity = Span(str(finding.severity), "bad" if finding.severity == "error" else "doubtful")
    said = ": ".join(part for part in (finding.place, finding.problem) if part)
    advice = f"; {finding.suggestion}" if finding.suggestion else ""
    return line(f"{where}: ", severity, f": {said}{advice}")


def diff_blocks(difference: ManifestDiff, selection: SelectionChange | None) -> list[Block]:
    """What was added, is gone and changed, and what becomes of the selection."""
    blocks: list[Block] = [line(f"{edit.what}: {_edit(edit)}") for edit in difference.head]
    blocks += [line(Span(f"+ {_profile(profile)}", "good")) for profile in difference.added]
    blocks += [line(Span(f"- {_profile(profile)}", "bad")) for profile in difference.gone]
    for changed in difference.changed:
        blocks.append(line(Span(f"~ {changed.new.name}", "doubtful")))
        blocks += [line(f"{edit.what}: {_edit(edit)}", indent=4) for edit in changed.edits]
    counts = (
        f"{len(difference.added)} added, {len(difference.gone)} gone, "
        f"{len(difference.changed)} changed, {difference.same} the same"
    )
    blocks.append(line(counts))
    if selection is not None:
        blocks += map(line, _selection_lines(selection))
    return blocks


def _profile(profile: Profile) -> str:
    return f"{profile.name}  {profile.id[:12]}"


def _edit(edit: Edit) -> str:
    old, new = ("nothing" if value is None else value for value in (edit.old, edit.new))
    return f"{old} → {new}"


def _selection_lines(selection: SelectionChange) -> Iterator[str]:
    machine = describe_machine(selection.new.inventory)
    old, new = (_selected(decision) for decision in (selection.old, selection.new))
    if not selection.changes:
        yield f"on {machine}: {new}, as before"
        return
    yield f"on {machine}: {old} → {new}"
    if selection.why:
        yield f"  {old} {selection.why}"


def _selected(decision: Decision) -> str:
    return "nothing runs" if decision.selected is None else decision.selected.profile.name


def diff_to_dict(difference: ManifestDiff, selection: SelectionChange | None) -> dict[str, Any]:
    """A difference as plain JSON values."""
    return {
        "head": [edit.to_dict() for edit in difference.head],
        "added": [{"id": profile.id, "name": profile.name} for profile in difference.added],
        "gone": [{"id": profile.id, "name": profile.name} for profile in difference.gone],
        "changed": [
            {
                "id": change.new.id,
                "name": change.new.name,
                "edits": [edit.to_dict() for edit in change.edits],
            }
            for change in difference.changed
        ],
        "same": difference.same,
        "selection": None
        if selection is None
        else {
            "changes": selection.changes,
            "old": _chosen(selection.old),
            "new": _chosen(selection.new),
            "why": selection.why or None,
        },
    }


def _chosen(decision: Decision) -> dict[str, Any] | None:
    chosen = decision.selected
    if chosen is None:
        return None
    return {"id": chosen.profile.id, "name": chosen.profile.name, "gpus": list(chosen.gpus)}
