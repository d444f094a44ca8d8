"""A deadline that passes as soon as only those who wait for ever are left, however busy the machine.

They say `so far` before they wait.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nimprofile.doctor import bounded


@pytest.fixture
def soon_late(monkeypatch):
    """No time passes until every process has ended or said that it waits; then all of it has."""
    children = []

    class Child(bounded._Child):
        def __init__(self, *args):
            super().__init__(*args)
            children.append(self)

    def clock():
        return (
            1e9
            if children and all(child.over or b"so far" in child.heard for child in children)
            else 0.0
        )

    monkeypatch.setattr(bounded, "_Child", Child)
    monkeypatch.setattr(bounded, "PATIENCE", 0.005)
    monkeypatch.setattr(bounded, "time", SimpleNamespace(monotonic=clock, sleep=lambda _: None))
