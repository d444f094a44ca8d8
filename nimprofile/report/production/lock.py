"""A lock, what changes in it, and what has moved since, as text and as JSON."""

from __future__ import annotations

from nimprofile.lock.record import LOCK_VERSION
from nimprofile.report.blocks import Span, line, shown_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from nimprofile.authoring.diff import Edit
    from nimprofile.lock.drift import Drift
    from nimprofile.lock.record import Lock, LockedChoice
    from nimprofile.report.blocks import Block

DRIFT_VERSION = "1.0"
"""Of the form of what `check` prints in JSON; `nimprofile schema drift` describes it."""


def lock_to_dict(
    lock: Lock, path: str | None, edits: Iterable[Edit], *, written: bool
) -> dict[str, Any]:
    """What `lock --json` prints: the lock, where it was written, and what changes in it."""
    return {
        "schema_version": LOCK_VERSION,
        "path": path,
        "written": written,
        "changes": [edit.to_dict() for edit in edits],
        "lock": lock.to_dict(),
    }


def update_blocks(edits: Iterable[Edit]) -> list[Block]:
    """What changes in a lock, both sides on a line."""
    return [line(_edit(edit)) for edit in edits]


def drift_blocks(drift: Drift, path: str) -> list[Block]:
    """What has moved since a lock was written; what differs, both sides on a line."""
    first, *others = drift_lines(drift, path)
    meaning = Span(first, "bad" if drift.drifted else "good")
    return [line(meaning), *map(line, others)]


def drift_lines(drift: Drift, path: str) -> Iterator[str]:
    """The lines of that: the choice, why it is another, what is started otherwise, and the rest."""
    locked, today = _named(drift.locked), _named(drift.today)
    if not drift.drifted:
        yield f"as {path} has it: {locked}"
    elif drift.why:
        yield f"drift from {path}: {locked} → {today}"
        yield f"{drift.at}: {locked} {drift.why}"
    else:
        yield f"drift from {path}: {locked} would be started otherwise"
    for edit in drift.choice[1 if drift.why else 0 :]:
        yield _edit(edit)
    for edit in drift.causes:
        yield f"since the lock: {_edit(edit)}"


def _named(choice: LockedChoice | None) -> str:
    return "nothing" if choice is None else shown_text(choice.name)


_READ_OFF = frozenset({"driver", "CUDA", "CPU architecture", "GPU memory"})
"""What is read off a machine, and is not gone where nobody has read it."""


def _edit(edit: Edit) -> str:
    absent = "not known" if edit.what in _READ_OFF else "nothing"
    old, new = (absent if value is None else shown_text(value) for value in (edit.old, edit.new))
    return f"{shown_text(edit.what)}: {old} → {new}"


def drift_to_dict(drift: Drift, path: str) -> dict[str, Any]:
    """What `check --json` prints."""
    return {
        "schema_version": DRIFT_VERSION,
        "lock": path,
        "drifted": drift.drifted,
        "unchanged": drift.unchanged,
        **drift.to_dict(),
    }
