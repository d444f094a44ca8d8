"""Are the GPUs of a machine grouped by product, whatever their spelling and order?"""

import pytest
from helpers import make_gpu, make_h100, make_inventory

from nimprofile import Gpu, mock_inventory
from nimprofile.machine import Machine


def groups(inventory):
    """The label of each group, with the indices of its GPUs."""
    return [
        (group.label, sorted(index for kind in group.kinds for index in kind.indices))
        for group in Machine(inventory).groups
    ]


def test_no_gpus_are_no_groups():
    assert [] == groups(make_inventory())


def test_gpus_of_one_product_are_one_group():
    assert [
        ("NVIDIA L40S", [0, 1, 3]),
        ("Tesla T4", [2]),
    ] == groups(mock_inventory("2xl40s,t4,l40s"))


def test_a_product_is_one_whether_its_id_or_its_name_is_known():
    gpus = make_inventory(Gpu(0, device_id="2330"), Gpu(1, "NVIDIA H100 80GB HBM3"))
    assert [("NVIDIA H100 80GB HBM3", [0, 1])] == groups(gpus)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_total_mib": 80_000, "memory_free_mib": 80_000},
        {"memory_free_mib": None},
        {"compute_capability": None},
    ],
    ids=["another total", "free memory unknown", "capability unknown"],
)
def test_gpus_that_a_rule_can_tell_apart_are_two_kinds_of_one_group(changes):
    machine = Machine(make_inventory(make_h100(0), make_h100(1).replace(**changes)))
    (group,) = machine.groups
    assert (2, [(0,), (1,)]) == (group.size, [kind.indices for kind in group.kinds])


def test_gpus_that_differ_in_free_memory_are_levels_of_one_kind():
    machine = Machine(make_inventory(make_h100(0), make_h100(1, free=5), make_h100(2, free=5)))
    ((kind,),) = [group.kinds for group in machine.groups]
    assert ((0, 1, 2), 5) == (kind.indices, kind.gpu.memory_free_mib)
    assert [(1, 2), (0,)] == [level.indices for level in kind.levels]


def test_gpus_with_equal_free_memory_need_no_levels():
    ((kind,),) = [group.kinds for group in Machine(mock_inventory("4xh100")).groups]
    assert [] == kind.levels


def test_products_nobody_knows_are_told_apart_by_id_then_by_name():
    gpus = make_inventory(
        Gpu(0, "Acme", device_id="ff01"),
        Gpu(1, "Acme", device_id="ff02"),
        Gpu(2, "Acme"),
        Gpu(3, "ACME"),
        Gpu(4, "Other"),
    )
    assert [
        ("Acme", [0]),
        ("Acme", [1]),
        ("Acme", [2, 3]),
        ("Other", [4]),
    ] == groups(gpus)


def test_the_catalogue_supplies_label_spellings_and_capability():
    ((kind,),) = [group.kinds for group in Machine(make_inventory(Gpu(0, device_id="1eb8"))).groups]
    assert ("Tesla T4", "7.5") == (kind.label, str(kind.capability))
    assert {"t4", "teslat4"} <= kind.spellings


def test_what_the_gpu_says_wins_over_the_catalogue():
    gpu = make_gpu(0, name="Tesla T4", capability="8.0")
    ((kind,),) = [group.kinds for group in Machine(make_inventory(gpu)).groups]
    assert "8.0" == str(kind.capability)


def test_the_name_of_the_94_gb_board_does_not_make_it_an_80_gb_one():
    gpu = Gpu(0, "NVIDIA H100", device_id="2339")
    ((kind,),) = [group.kinds for group in Machine(make_inventory(gpu)).groups]
    assert "h100" not in kind.spellings
    assert "h100sxm594gb" in kind.spellings
