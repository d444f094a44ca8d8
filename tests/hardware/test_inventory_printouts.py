"""Inventories read from NIM printouts: SYSTEM INFO has the GPUs, the catalogue the rest."""

import json

import pytest

from nimprofile import InventoryError, parse_inventory


def error_of(text):
    with pytest.raises(InventoryError) as caught:
        parse_inventory(text, "box.json")
    return str(caught.value)


PRINTOUT = """\
SYSTEM INFO
- Free GPUs:
  -  [2330:10de] (1) NVIDIA H100 80GB HBM3 (H100 80GB) [current utilization: 0%]
  -  [2e12:10de] (2) NVIDIA GB10 [current utilization: N/A%]
- Non-free GPUs:
  -  [2684:10de] (0) NVIDIA GeForce RTX 4090[current utilization: 7%]
  -  [ffff:10de] (3) NVIDIA Dream [current utilization: 50%]
MODEL PROFILES
- Incompatible with system:
  - 4f904d571fe60ff24695b5ee2aa42da58cb460787a968f1e8a09f5a7e862728d (vllm-bf16-tp1-pp1)
"""


def test_a_printout_tells_the_gpus_and_the_catalogue_the_rest():
    gpus = parse_inventory(PRINTOUT).gpus
    assert [
        (0, "NVIDIA GeForce RTX 4090", 24564, 24564 * 93 // 100, "8.9", False),
        (1, "NVIDIA H100 80GB HBM3", 81559, 81559, "9.0", False),
        (2, "NVIDIA GB10", None, None, "12.1", True),
        (3, "NVIDIA Dream", None, None, "None", False),
    ] == [
        (
            gpu.index,
            gpu.name,
            gpu.memory_total_mib,
            gpu.memory_free_mib,
            str(gpu.compute_capability),
            gpu.unified_memory,
        )
        for gpu in gpus
    ]


def test_a_printout_without_gpus_is_refused():
    text = PRINTOUT.partition("MODEL PROFILES")[2]
    assert "box.json: a printout without GPUs (no SYSTEM INFO)" == error_of(text)


def test_a_printout_of_another_vendors_gpu_is_refused():
    text = PRINTOUT.replace("2330:10de", "2330:1002")
    assert error_of(text).startswith("box.json: '2330:1002' is not a PCI id of the form")


def test_a_printout_with_a_broken_row_is_refused_with_its_line():
    text = PRINTOUT.replace("(vllm-bf16-tp1-pp1)", "vllm")
    assert error_of(text).startswith("box.json:10: this line stands among the profiles")


def test_a_use_beyond_100_percent_is_unknown():
    text = PRINTOUT.replace("[current utilization: 0%]", "[current utilization: 130%]")
    assert (81559, None) == (
        parse_inventory(text).gpus[1].memory_total_mib,
        parse_inventory(text).gpus[1].memory_free_mib,
    )


@pytest.mark.parametrize("used", ["7%", "6%", "5%", "0%", "N/A%", "130%"])
def test_a_gpu_that_nim_calls_non_free_is_never_taken_for_an_empty_one(used):
    text = PRINTOUT.replace("[current utilization: 7%]", f"[current utilization: {used}]")
    gpu = parse_inventory(text).gpus[0]
    assert gpu.free_fraction < 0.95


def test_a_mig_instance_has_its_boards_id_but_not_its_memory():
    text = PRINTOUT.replace(
        "NVIDIA H100 80GB HBM3 (H100 80GB)", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    )
    gpu = parse_inventory(text).gpus[1]
    assert ("2330:10de", None, None, "9.0") == (
        gpu.device_id,
        gpu.memory_total_mib,
        gpu.memory_free_mib,
        str(gpu.compute_capability),
    )


@pytest.mark.parametrize("row", ["NVIDIA H100", "  -  [2330:10de] NVIDIA H100 80GB HBM3"])
def test_a_gpu_of_a_printout_that_cannot_be_read_is_refused_with_its_line(row):
    text = f"SYSTEM INFO\n- Free GPUs:\n- {row}\nMODEL PROFILES\n"
    assert error_of(text).startswith("box.json:3: this line stands among the GPUs but is not one")


def test_a_log_of_json_lines_is_a_printout_too():
    text = "\n".join(json.dumps({"message": line}) for line in PRINTOUT.splitlines())
    assert parse_inventory(PRINTOUT) == parse_inventory(text)


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("NVIDIA H100 80GB HBM3 (H100 80GB)", "NVIDIA H100 80GB HBM3"),
        ("NVIDIA L4 (L4 24GB)", "NVIDIA L4"),
        ("NVIDIA Dream (H100 80GB)", "NVIDIA Dream"),
        ("Orin (nvgpu)", "Orin (nvgpu)"),
        ("NVIDIA Dream (as such)", "NVIDIA Dream (as such)"),
    ],
)
def test_only_a_short_name_is_taken_off_the_name_of_a_gpu(printed, name):
    line = f"  -  [????:????] (0) {printed} [current utilization: 0%]"
    assert name == parse_inventory(f"SYSTEM INFO\n- Free GPUs:\n{line}\n").gpus[0].name


def test_the_boards_of_a_printout_tell_the_cpu_they_come_with():
    assert "aarch64" == parse_inventory(PRINTOUT).cpu_architecture  # a GB10 is among them
    assert (
        None
        is parse_inventory(
            PRINTOUT.replace("2e12:10de", "fffe:10de").replace("GB10", "X")
        ).cpu_architecture
    )
