"""The lowest compute capability of each precision."""

from tests.support.reimport import reimported


def test_the_floors_made_anew_are_the_floors(monkeypatch):
    floors = reimported(monkeypatch, "engines.compute_floors")
    assert (floors.RUNS_FROM["fp8"], floors.RUNS_FROM["nvfp4"], floors.AMPERE) == (
        (8, 9),
        (10, 0),
        (8, 0),
    )
