"""Inventories read without pydantic: what is accepted, and what is left to pydantic."""

import json
import subprocess
import sys

import pytest

from nimprofile import Connection, Gpu, Inventory, Link, MigInstance, dump_inventory
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.inventory_values import inventory_from

FULL = Inventory(
    (
        Gpu(
            0,
            "NVIDIA H100 80GB HBM3",
            "GPU-0",
            device_id="2330:10de",
            memory_total_mib=81559,
            memory_free_mib=81000,
            compute_capability=ComputeCapability.parse("9.0"),
            memory_reserved_mib=480,
            architecture="Hopper",
            pci_bus_id="00000000:53:00.0",
            utilization_percent=3,
            virtualization="vgpu",
            mig_enabled=True,
            health_issues=("it coughs",),
        ),
        Gpu(1, unified_memory=True, mig=MigInstance(0, 7, 0), unavailable="GPU is lost"),
    ),
    "570.124.06",
    "12.8",
    connections=(Connection((0, 1), Link.NVLINK),),
    remarks=("a note",),
)
VALUES = json.loads(json.dumps(dump_inventory(FULL)))


def test_every_field_is_read():
    assert FULL == inventory_from(VALUES)


def test_absent_fields_have_their_defaults():
    assert Inventory((Gpu(3),)) == inventory_from({"gpus": [{"index": 3}]})


@pytest.mark.parametrize("note", ["text", True, None])
def test_a_plain_note_is_passed_over(note):
    assert FULL == inventory_from(VALUES | {"note": note})


@pytest.mark.parametrize("note", [1, 1.5, [], {}, [[1]]])
def test_another_note_is_left_to_pydantic(note):
    assert None is inventory_from(VALUES | {"note": note})


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {"gpus": None},
        {"gpus": {}},
        {"gpus": [None]},
        {"gpus": [{}]},
        {"gpus": [{"index": True}]},
        {"gpus": [{"index": 0.0}]},
        {"gpus": [{"index": "0"}]},
        {"gpus": [{"index": 0, "memory_total_mib": 1 << 63}]},
        {"gpus": [{"index": 0, "memory_total_mib": 0}]},
        {"gpus": [{"index": 0, "name": 1}]},
        {"gpus": [{"index": 0, "unified_memory": 1}]},
        {"gpus": [{"index": 0, "unified_memory": None}]},
        {"gpus": [{"index": 0, "compute_capability": "9"}]},
        {"gpus": [{"index": 0, "compute_capability": 9.0}]},
        {"gpus": [{"index": 0, "mig": {}}]},
        {"gpus": [{"index": 0, "health_issues": "ill"}]},
        {"gpus": [{"index": 0, "health_issues": [1]}]},
        {"gpus": [{"index": 0}, {"index": 1}], "connections": [{"gpus": [0, 1], "link": "rope"}]},
        {"gpus": [{"index": 0}, {"index": 1}], "connections": [{"gpus": [0], "link": "pix"}]},
        {"gpus": [{"index": 0}, {"index": 1}], "connections": [{"gpus": [0, 1]}]},
        {"gpus": [], "driver_version": "new"},
    ],
    ids=json.dumps,
)
def test_what_is_wrong_is_left_to_pydantic(values):
    assert None is inventory_from(values)


def test_a_well_formed_file_is_read_without_pydantic(tmp_path):
    path = tmp_path / "box.json"
    path.write_text(json.dumps(VALUES), encoding="utf-8")
    code = (
        "import sys, nimprofile; nimprofile.load_inventory(sys.argv[1])\n"
        "print([name for name in ('pydantic', 'dataclasses', 'difflib') if name in sys.modules])"
    )
    out = subprocess.check_output([sys.executable, "-c", code, str(path)], text=True)
    assert "[]\n" == out
