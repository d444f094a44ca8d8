"""A lock as a value."""

from nimprofile.lock.record import LockedMachine, LockedProduct


def test_a_machine_is_told_by_what_it_has_and_not_by_which_it_is():
    ours, theirs = (
        LockedMachine(
            (LockedProduct("NVIDIA H100 80GB HBM3", 8, 81559),),
            0,
            driver="570.86.15",
            cuda="12.8",
            cpu_architecture="x86_64",
        )
        for _ in range(2)
    )
    assert ours == theirs
    assert () == ours.gpus[0].uuids
