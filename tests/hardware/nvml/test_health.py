"""Answers of NVML as reasons to be unavailable and health issues."""

import json

import pytest

from nimprofile.hardware.nvml.answers import Answers
from nimprofile.testing import (
    Fault,
    lost,
)
from tests.support.builders import make_inventory
from tests.support.nvml.reading import BOARD, PART, StubHost, only_gpu, read_here


def test_a_board_without_an_instance_cannot_be_used():
    gpu = only_gpu(read_here(make_inventory(BOARD)))
    assert "MIG mode is on, and there is no MIG instance" == gpu.unavailable


def test_an_instance_that_is_lost_is_unavailable_with_its_board():
    inventory = read_here(make_inventory(BOARD, PART), Fault("nvmlDeviceGetTotalEccErrors", 15))
    assert ["GPU is lost"] * 2 == [gpu.unavailable for gpu in inventory.gpus]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (15, "GPU is lost"),
        (16, "GPU requires a reset"),
        (28, "GPU not found"),
        (999, "unknown error (nvmlDeviceGetHandleByIndex)"),
        (4, "insufficient permissions (nvmlDeviceGetHandleByIndex)"),
        (77, "NVML error 77 (nvmlDeviceGetHandleByIndex)"),
    ],
)
def test_a_gpu_that_cannot_be_opened_stays_with_its_reason(code, reason):
    inventory = read_here("3xt4", Fault("nvmlDeviceGetHandleByIndex", code, gpu=1))
    assert [None, reason, None] == [gpu.unavailable for gpu in inventory.gpus]


def test_a_gpu_lost_on_the_way_keeps_what_was_read():
    inventory = read_here("2xt4", lost(1, after=3))
    gpu = inventory.gpus[1]
    assert ("Tesla T4", "GPU is lost") == (gpu.name, gpu.unavailable)
    assert inventory.gpus[0].offered


def test_a_gpu_whose_memory_cannot_be_read_is_not_used():
    fault = Fault("nvmlDeviceGetMemoryInfo", 999)
    assert (
        "unknown error (nvmlDeviceGetMemoryInfo)" == only_gpu(read_here("1xt4", fault)).unavailable
    )


@pytest.mark.parametrize(
    ("facts", "unavailable", "issues"),
    [
        ({"remapped": [0, 0, 0, 1]}, "failing ECC: a row of its memory could not be remapped", ()),
        (
            {"remapped": [0, 0, 1, 0]},
            None,
            ("a row of its memory waits for a reset of the GPU to be remapped",),
        ),
        ({"remapped": [5, 1, 0, 0]}, None, ()),
        (
            {"retired": 1},
            None,
            ("a page of its memory waits for a reset of the GPU to be retired",),
        ),
        ({"ecc": 2}, None, ("2 uncorrected ECC errors since the driver was loaded",)),
        ({"ecc": 0}, None, ()),
        ({"recovery": 0}, None, ()),
        ({"recovery": 1}, "the driver asks for a reset of the GPU", ()),
        ({"recovery": 2}, "the driver asks for a reboot of the host", ()),
        ({"recovery": 3}, None, ("the driver asks to drain peer-to-peer traffic",)),
        ({"recovery": 4}, None, ("the driver asks to drain the GPU and reset it",)),
        ({"fabric": [0, 0]}, None, ()),
        ({"fabric": [1, 0]}, None, ("its NVLink fabric is not started",)),
        ({"fabric": [2, 0]}, None, ("its NVLink fabric is not ready yet",)),
        ({"fabric": [3, 0]}, None, ()),
        ({"fabric": [3, 999]}, None, ("its NVLink fabric failed: unknown error",)),
    ],
)
def test_health_is_read(facts, unavailable, issues):
    lines = [b'[null,"count",1]', *(json.dumps([0, *fact]).encode() for fact in facts.items())]
    gpu = only_gpu(Answers([*lines, b'[0,"done",true]']).inventory(StubHost()))
    assert (unavailable, issues) == (gpu.unavailable, gpu.health_issues)


def test_a_gpu_whose_node_is_kept_from_the_container_cannot_be_used():
    lines = [b'[null,"count",2]']
    for index in (0, 1):
        lines += [json.dumps([index, "minor", index]).encode(), b'[%d,"done",true]' % index]
    inventory = Answers(lines).inventory(StubHost(blocked={1}))
    told = "its device node /dev/nvidia1 cannot be opened"
    assert [None, told] == [gpu.unavailable for gpu in inventory.gpus]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (15, "GPU is lost"),
        (4, "insufficient permissions (nvmlDeviceGetMigDeviceHandleByIndex)"),
        (999, "unknown error (nvmlDeviceGetMigDeviceHandleByIndex)"),
    ],
)
def test_an_instance_that_cannot_be_opened_stays_with_its_reason(code, told):
    fault = Fault("nvmlDeviceGetMigDeviceHandleByIndex", code, times=1)
    inventory = read_here(make_inventory(BOARD, PART, PART.replace(index=2, uuid="MIG-2")), fault)
    assert [told, None] == [gpu.unavailable for gpu in inventory.gpus if gpu.mig]


@pytest.mark.parametrize("code", [2, 6])
def test_an_empty_slot_is_no_instance(code):
    fault = Fault("nvmlDeviceGetMigDeviceHandleByIndex", code)
    inventory = read_here(make_inventory(BOARD, PART), fault)
    assert ["MIG mode is on, and there is no MIG instance"] == [
        g.unavailable for g in inventory.gpus
    ]
    assert () == inventory.remarks


def test_a_board_that_does_not_count_its_slots_says_so():
    inventory = read_here(make_inventory(BOARD, PART), Fault("nvmlDeviceGetMaxMigDeviceCount", 999))
    assert "unknown error (nvmlDeviceGetMaxMigDeviceCount)" == only_gpu(inventory).unavailable
