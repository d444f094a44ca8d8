"""Do the small values read what they should, and nothing else?"""

import pytest
from pydantic import TypeAdapter

from nimprofile.base.gpu_ids import normalise_gpu_name, parse_device_id
from nimprofile.base.units import (
    GB,
    GIB,
    MIB,
    NAMEPLATE_GB,
    ComputeCapability,
    format_gib,
    format_indices,
    stated_gb_to_bytes,
)


def test_the_units_are_what_their_names_say():
    assert (MIB, GIB, GB) == (2**20, 2**30, 10**9)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (33, 33 * GIB),
        (27.0, 27 * GIB),
        (18, 18 * GIB),
        (0.5, GIB // 2),
        (80, 80 * GB),
        (80.0, 80 * GB),
        (24, 24 * GB),
        (80.5, round(80.5 * GIB)),
        (81, 81 * GIB),
    ],
)
def test_a_size_that_boards_are_sold_as_is_in_gb_and_any_other_in_gib(number, expected):
    assert expected == stated_gb_to_bytes(number)


def test_an_h100_has_the_80_gb_it_is_sold_with():
    assert 80 in NAMEPLATE_GB
    assert stated_gb_to_bytes(80.0) <= 81559 * MIB
    assert 81559 * MIB < 80 * GIB


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0 GiB"), (GIB, "1.0 GiB"), (81559 * MIB, "79.6 GiB")]
)
def test_bytes_are_printed_in_gib(size, text):
    assert text == format_gib(size)


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ((), ""),
        ((3,), "3"),
        ((0, 1), "0-1"),
        ((0, 1, 2, 3, 6), "0-3,6"),
        ((6, 0, 2, 1), "0-2,6"),
        ((0, 2, 4), "0,2,4"),
    ],
)
def test_indices_are_printed_as_ranges(indices, text):
    assert text == format_indices(indices)


# Compute capabilities.


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9.0", (9, 0)), ("12.1", (12, 1)), (" 8.9 ", (8, 9)), ("10.10", (10, 10))],
)
def test_a_compute_capability_is_two_numbers(text, expected):
    assert expected == ComputeCapability.parse(text)


@pytest.mark.parametrize(
    "text", ["", "9", "9.", ".9", "9.0.1", "nine", "9.x", "-9.0", "9,0", "100.0", "٩.٠", "9.0a"]
)
def test_anything_else_is_no_compute_capability(text):
    with pytest.raises(ValueError, match=r"is not a compute capability such as 9\.0"):
        ComputeCapability.parse(text)


def test_compute_capabilities_are_ordered_as_versions_are():
    order = ["7.5", "8.0", "8.9", "8.10", "9.0", "10.0", "12.1", "12.10"]
    parsed = list(map(ComputeCapability.parse, order))
    assert parsed == sorted(parsed, reverse=True)[::-1]


def test_a_compute_capability_is_printed_as_it_is_written():
    capability = ComputeCapability.parse("12.10")
    assert ("12.10", "ComputeCapability.parse('12.10')") == (str(capability), repr(capability))


def test_a_compute_capability_is_a_string_in_json():
    adapter = TypeAdapter(ComputeCapability)
    assert ("9.0", (9, 0)) == (
        adapter.dump_python(ComputeCapability((9, 0)), mode="json"),
        adapter.validate_python("9.0"),
    )


# PCI ids.


@pytest.mark.parametrize(
    "text", ["2330:10de", "2330", "2330:10DE", "0x233010DE", "0x2330", " 2330:10de\n", "233010de"]
)
def test_the_spellings_of_a_pci_id_are_one(text):
    assert "2330:10de" == parse_device_id(text)


def test_a_pci_id_is_lower_case():
    assert "26b9:10de" == parse_device_id("26B9:10DE")


@pytest.mark.parametrize(
    "text",
    ["", "10de:2330", "2330:1002", "233", "23300", "gggg", "2330:10de:10de", "0x", "h100"],
)
def test_anything_else_is_no_pci_id(text):
    with pytest.raises(ValueError, match="is not a PCI id of the form device:vendor"):
        parse_device_id(text)


# Names.


@pytest.mark.parametrize(
    "names",
    [
        ("NVIDIA-H100-NVL", "h100_nvl", "H100 NVL", "nvidia h100.nvl"),
        ("gh200_480gb", "NVIDIA-GH200-480GB", "NVIDIA GH200 480GB"),
        ("a100_sxm4_40gb", "NVIDIA A100-SXM4-40GB"),
        ("dgx_spark", "dgx-spark", "DGX Spark"),
        ("h100pcie", "h100-pcie", "H100 PCIe"),
    ],
)
def test_the_spellings_of_one_name_are_one(names):
    assert 1 == len(set(map(normalise_gpu_name, names)))


@pytest.mark.parametrize(
    ("one", "other"),
    [("a10", "a100"), ("a10", "a10g"), ("l40", "l40s"), ("h100", "h100 nvl"), ("h100", "gh200")],
)
def test_the_spellings_of_two_names_are_two(one, other):
    assert normalise_gpu_name(one) != normalise_gpu_name(other)
