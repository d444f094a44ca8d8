"""Patterns of product names: what NVIDIA writes is found, and nothing hostile takes long."""

import subprocess
import sys
from time import perf_counter

import pytest
from hypothesis import given, settings, strategies as st

from nimprofile.base.names.patterns import (
    MAX_LENGTH,
    SECONDS_OF_A_MACHINE,
    NamePatterns,
    label_of,
    problem_of,
)

NVIDIAS = "^NVIDIA-A10(?!0).*"


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        (NVIDIAS, "NVIDIA A10G", True),
        (NVIDIAS, "NVIDIA A10", True),
        (NVIDIAS, "NVIDIA A100-SXM4-80GB", False),
        (NVIDIAS, "Tesla NVIDIA-A10", False),
        ("A10", "NVIDIA A100-PCIE-40GB", True),
        ("(?<=NVIDIA-)H100", "NVIDIA H100 NVL", True),
        ("(?<!NVIDIA-)H100", "NVIDIA H100 NVL", False),
        (r"^NVIDIA-H100-\d{2}GB", "NVIDIA H100 80GB HBM3", True),
        ("(?i:h100)|L4$", "NVIDIA H100 NVL", True),
        ("(?P<x>L4)0S?", "NVIDIA L40S", True),
        (r"^NVIDIA-L4\(x\{1\)$", "NVIDIA L4(x{1)", True),
        ("", "NVIDIA L4", True),
    ],
)
def test_a_pattern_is_searched_in_the_label_of_the_name(pattern, name, found):
    assert found is NamePatterns().find(pattern, name)


def test_the_label_has_dashes_for_spaces():
    assert "NVIDIA-H100-80GB-HBM3" == label_of("NVIDIA H100 80GB HBM3")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a" * (MAX_LENGTH + 1), "it is longer than 200 characters"),
        ("a{99}{99}", "its counts in braces amount to more than 1000 repetitions"),
        ("(?:a?){100000000}", "'{1000000' is more than a plain pattern has"),
        ("a{,9}", "'{,9}' is more than a plain pattern has"),
        ("(?:NV){e<=3}", "'{e<=3}' is more than a plain pattern has"),
        ("(?R)", "'(?R)' is more than a plain pattern has"),
        ("(a)(?1)", "'(?1)' is more than a plain pattern has"),
        ("(?|a|b)", "'(?|a|b)' is more than a plain pattern has"),
        ("(*FAIL)", "'(*FAIL)' is more than a plain pattern has"),
        ("(?V1)[[a]--[b]]", "'(?V1)[[a' is more than a plain pattern has"),
        ("a\\", "'\\\\' is more than a plain pattern has"),
        ("(", "it is no regular expression: missing )"),
        ("[", "it is no regular expression: unterminated character set"),
        ("*", "it is no regular expression: nothing to repeat"),
        (r"\L<x>", "it is no regular expression: undefined named list"),
    ],
)
def test_what_is_not_searched_is_told_why(pattern, problem):
    assert (problem, problem) == (problem_of(pattern), NamePatterns().find(pattern, "NVIDIA L4"))


def test_a_search_that_takes_too_long_is_given_up():
    name = "NVIDIA " + "A" * 60
    assert "it takes more than 0.05 s" == NamePatterns().find(r"(a|A|AA)+\d\d\d\d\d", name)


def test_a_thousand_patterns_that_take_too_long_take_little_more_than_a_few():
    patterns, name = NamePatterns(), "NVIDIA " + "A" * 60
    start = perf_counter()
    answers = {patterns.find(rf"({'A' * n}|A|AA)+\d\d\d\d\d", name) for n in range(2, 150)}
    assert perf_counter() - start < SECONDS_OF_A_MACHINE + 5
    assert {"it takes more than 0.05 s", "the patterns before it took more than 0.5 s"} == answers


def test_thousands_of_plain_patterns_are_all_searched():
    patterns = NamePatterns()
    assert {False} == {patterns.find(f"^NVIDIA-X{n}(?!0)", "NVIDIA L4") for n in range(4000)}


FRAGMENTS = (
    *("a", "N", "-", "[A-Z-]", ".", "(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"),
    *("(?P<x>", "(?P=x)", ")", "*", "+", "?", "{2,9}", "{99}", "{0,30}", "{1,}", "{e}", "|", r"\1"),
    *(r"\w", r"\b", "$", "^", "*?", "+?", "++", "[^a]", "(.*)*", "(a|aa)+", "(?R)", "(?1)", "(?|"),
    *("\\", "[", "]", "(?#", r"\L<x>", "(?e)", "(*SKIP)", "{1000000000}", r"\p{L}", "\U0001f600"),
)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join) | st.text(max_size=300),
    st.sampled_from(["NVIDIA GeForce RTX 5090 Laptop GPU", "NVIDIA " + "a" * 60, "", "-" * 5000]),
)
def test_no_pattern_hangs_or_raises(pattern, name):
    start = perf_counter()
    found = NamePatterns().find(pattern, name)
    assert perf_counter() - start < 5  # 0.05 s of the processor, on a machine that may be busy
    assert found in (True, False) or found


def test_the_package_regex_is_imported_only_for_a_pattern():
    code = (
        "import sys; from nimprofile.__main__ import entry\n"
        "sys.argv = ['nimprofile', 'select', '--manifest', 'llama-3.1-8b-instruct', '--gpus', "
        "'1xh100']\n"
        "try: entry()\nfinally: print('regex' in sys.modules)"
    )
    # `entry` may end the process at once, so what was imported is asked of `-X importtime`.
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    assert "nimprofile.hardware.gpu_groups" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.endswith("| regex")]
