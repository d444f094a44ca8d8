"""The processes that a process has started, as Linux tells of them."""

from __future__ import annotations

from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Their ids, zombies included; none of a process that is gone."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in children.split()]
