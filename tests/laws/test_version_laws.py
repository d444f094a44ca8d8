"""Are plain versions compared as packaging compares them?"""

import pytest
from hypothesis import given, strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from nimprofile.base.versions import is_specifier_set, narrowest, satisfies, split_requirement

NUMBERS = st.sampled_from(["0", "1", "9", "10", "29", "00", "550"])
RELEASES = st.lists(NUMBERS, min_size=1, max_size=4).map(".".join)
VERSIONS = RELEASES | st.builds(
    "{}{}".format, RELEASES, st.sampled_from(["rc1", ".post1", ".dev3"])
)
OPERATORS = st.sampled_from([">=", "<=", "==", "!=", ">", "<", "~="])
SPECIFIERS = st.builds("{}{}{}".format, OPERATORS, st.sampled_from(["", " "]), VERSIONS)
SETS = st.lists(SPECIFIERS, max_size=3).map(",".join)


def as_packaging(text):
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


@given(VERSIONS, SETS)
def test_a_version_is_in_a_set_as_packaging_says(version, specifiers):
    known = as_packaging(specifiers)
    if known is None:
        assert not is_specifier_set(specifiers)
        with pytest.raises(ValueError, match=r"."):
            satisfies(version, specifiers)
    else:
        assert is_specifier_set(specifiers)
        assert known.contains(Version(version), prereleases=True) is satisfies(version, specifiers)


@given(st.text(alphabet=">=<!~.0123456789 ,*v", max_size=12))
def test_what_is_no_set_is_none(text):
    assert (as_packaging(text) is not None) is is_specifier_set(text)


@given(
    st.sampled_from(["vllm", "sglang", "tensorrt_llm", "v-l", "1x", "_a", "", "a b"]),
    SETS,
    st.sampled_from(["", " ", "[x]", "; python_version > '3'", "@ https://x"]),
)
def test_a_requirement_is_split_as_packaging_splits_it(name, specifiers, more):
    text = f"{name}{specifiers}{more}"
    try:
        known = Requirement(text)
    except InvalidRequirement:
        known = None
    if known is None or known.extras or known.marker or known.url:
        with pytest.raises(ValueError, match=r"."):
            split_requirement(text)
    else:
        found, versions = split_requirement(text)
        assert (known.name, known.specifier) == (found, SpecifierSet(versions))


BOUNDS = st.lists(
    st.builds("{}{}".format, st.sampled_from([">=", "<"]), RELEASES | st.just("1.3.0rc7")),
    max_size=3,
).map(",".join)


@given(st.lists(BOUNDS, max_size=3), VERSIONS)
def test_the_narrowest_of_some_sets_allows_what_all_allow(sets, version):
    assert satisfies(version, narrowest(*sets)) is all(satisfies(version, each) for each in sets)
