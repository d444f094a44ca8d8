"""Units are read and printed as NIM means them."""

import math
from fractions import Fraction

import pytest
from pydantic import TypeAdapter

from nimprofile.base.units import (
    GB,
    GIB,
    MIB,
    NAMEPLATE_GB,
    ComputeCapability,
    format_enough,
    format_gib,
    format_indices,
    parse_tokens,
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


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1", 1),
        ("8192", 8192),
        ("8k", 8000),
        ("8K", 8192),
        ("128K", 131_072),
        ("25.6k", 25_600),
        ("1m", 1_000_000),
        ("1.5m", 1_500_000),
        ("1M", 1_048_576),
        ("999999999", 999_999_999),
    ],
)
def test_tokens_are_read_as_vllm_reads_them(text, tokens):
    assert tokens == parse_tokens(text)


@pytest.mark.parametrize(
    "text",
    [*("", "k", "0", "0k", "-8k", "8 k", "8kk", "8kb", "1.5", "1.5K", ".5k", "1.k"), "1000000000"],
)
def test_anything_else_is_no_number_of_tokens(text):
    with pytest.raises(ValueError, match=r"8k is 8,000 and 8K is 8,192"):
        parse_tokens(text)


@pytest.mark.parametrize("mib", [1, 102, 103, 1024, 1025, 1126, 1127, 33792, 135066])
def test_what_is_enough_is_never_less_and_hardly_more(mib):
    number, unit = format_enough(mib * MIB).split()
    told = math.ceil(Fraction(number) * {"MiB": 1, "GiB": 1024}[unit])
    assert mib <= told <= mib + (0 if unit == "MiB" else 103)
    assert format_enough(mib * MIB) == format_enough(mib * MIB - 1)
