"""Versions against specifier sets, at their edges."""

import pytest

from nimprofile.base.versions import (
    is_specifier_set,
    is_version,
    narrowest,
    satisfies,
    split_requirement,
)


@pytest.mark.parametrize(
    ("version", "specifiers", "satisfied"),
    [
        ("8.9", ">=8.9", True),
        ("8.9", ">8.9", False),
        ("8.10", ">=8.9", True),
        ("9", "==9.0.0", True),
        ("9.0", "!=9", False),
        ("12.4", ">=12,<12.4", False),
        ("12.3.9", ">=12,<12.4", True),
        ("0.10.1", "", True),
        ("1.3.0rc7", ">=1.3", False),
        ("1.3.0rc7", ">=1.3.0rc7", True),
        ("0.4.10.post1", ">=0.4.10.post2", False),
        ("1.4", "~=1.3", True),
    ],
)
def test_a_version_is_in_a_set_or_is_not(version, specifiers, satisfied):
    assert satisfied is satisfies(version, specifiers)


@pytest.mark.parametrize(("version", "specifiers"), [("abc", ">=1"), ("1.0", "new"), ("1.0", "1")])
def test_what_is_no_version_or_no_set_is_an_error(version, specifiers):
    with pytest.raises(ValueError, match="Invalid"):
        satisfies(version, specifiers)


@pytest.mark.parametrize("text", ["1" * 5000, "1." * 5000 + "1", "1.0+" + "a." * 5000 + "a"])
def test_what_is_longer_than_any_version_is_none(text):
    assert not is_version(text)
    assert not is_specifier_set(f">={text}")
    with pytest.raises(ValueError, match="more than 200 characters"):
        satisfies("1.0", f">={text}")
    with pytest.raises(ValueError, match="more than 200 characters"):
        split_requirement(f"vllm>={text}")


@pytest.mark.parametrize(
    ("text", "is_set"), [(">=8.0,<10.0", True), ("", True), ("~=1.3", True), ("550", False)]
)
def test_a_specifier_set_has_an_operator(text, is_set):
    assert is_set is is_specifier_set(text)


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ((), ""),
        ((">=0.9", ">=0.10"), ">=0.10"),
        ((">=0.9,<2", "<1.5", ">=1"), ">=1,<1.5"),
        (("<1.3.0rc7", "<1.3"), "<1.3.0rc7"),
    ],
)
def test_the_narrowest_set_has_the_highest_lower_and_the_lowest_upper_bound(sets, expected):
    assert expected == narrowest(*sets)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vllm>=0.10.1", ("vllm", ">=0.10.1")),
        ("tensorrt_llm >=1.0, <2", ("tensorrt_llm", " >=1.0, <2")),
        ("sglang", ("sglang", "")),
        ("vllm~=0.9", ("vllm", "~=0.9")),
    ],
)
def test_a_requirement_is_a_name_and_a_set(text, expected):
    assert expected == split_requirement(text)


@pytest.mark.parametrize("text", ["", ">=1", "vllm[x]>=1", "vllm>=1; python_version > '3'", "a b"])
def test_anything_else_is_no_requirement(text):
    with pytest.raises(ValueError, match=r"(?i)expected"):
        split_requirement(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("0.19.0", True), ("0.33.0rc1", True), ("1.2+nv25", True), ("abc", False), ("", False)],
)
def test_a_version_is_what_packaging_reads(text, answer):
    assert answer is is_version(text)
