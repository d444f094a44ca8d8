"""Memoisation by exactly the attributes that were read."""

from types import SimpleNamespace as Thing

import pytest

from nimprofile import Engine, Profile
from nimprofile.base.memo import memoised
from tests.support.builders import make_profile


@pytest.fixture
def counted():
    """Memoise a function, and the objects it was really called for."""
    calls = []

    def memoise(function):
        def counting(thing):
            calls.append(thing)
            return function(thing)

        return memoised(counting)

    return memoise, calls


def test_what_was_not_read_does_not_matter(counted):
    memoise, calls = counted
    size = memoise(lambda thing: thing.size * 2)
    assert [2, 2, 4] == [
        size(Thing(size=n, name=name)) for n, name in ((1, "a"), (1, "b"), (2, "a"))
    ]
    assert 2 == len(calls)


def test_what_was_read_tells_objects_apart(counted):
    memoise, calls = counted
    both = memoise(lambda thing: (thing.a, thing.b))
    pairs = [(a, b) for a in range(3) for b in range(3)]
    for _ in range(2):
        assert pairs == [both(Thing(a=a, b=b)) for a, b in pairs]
    assert 9 == len(calls)


def test_what_is_read_may_depend_on_what_was_read_before(counted):
    memoise, calls = counted
    function = memoise(lambda thing: thing.big if thing.is_big else thing.small)
    things = [
        Thing(is_big=is_big, big=big, small=small)
        for is_big in (True, False)
        for big in (1, 2)
        for small in (3, 4)
    ]
    assert [1, 1, 2, 2, 3, 4, 3, 4] == [function(thing) for thing in things]
    assert 4 == len(calls)


def test_an_attribute_read_only_the_first_time_is_still_a_part_of_the_key():
    seen = []

    def function(thing):
        if not seen:
            seen.append(thing.a)
        return thing.b

    memo = memoised(function)
    things = [Thing(a=a, b=b) for a, b in ((1, 1), (2, 1), (2, 2), (1, 2), (1, 1))]
    assert [thing.b for thing in things] == [memo(thing) for thing in things]


def test_what_reads_nothing_is_worked_out_once(counted):
    memoise, calls = counted
    constant = memoise(lambda _: "always")
    assert ["always", "always"] == [constant(Thing()), constant(Thing(a=1))]
    assert 1 == len(calls)


def test_a_result_of_none_is_remembered_too(counted):
    memoise, calls = counted
    nothing = memoise(lambda thing: thing.a and None)
    assert [None, None] == [nothing(Thing(a=1)), nothing(Thing(a=1))]
    assert 1 == len(calls)


def test_a_value_of_none_is_a_value_like_any_other(counted):
    memoise, calls = counted
    same = memoise(lambda thing: thing.a)
    assert [None, None, 1] == [same(Thing(a=a)) for a in (None, None, 1)]
    assert 2 == len(calls)


def test_a_property_is_read_as_its_value():
    count = memoised(lambda profile: profile.gpus_needed)
    profiles = [make_profile(tp=tp, pp=pp) for tp, pp in (("2", "1"), ("1", "2"), ("2", "2"))]
    assert [2, 2, 4] == [count(profile) for profile in profiles]


def test_the_class_and_its_patterns_are_those_of_the_object():
    profile = make_profile("a", llm_engine="vllm")

    def function(given):
        match given:
            case Profile(id, engine=Engine.VLLM):
                return id
        return None

    assert "a" == memoised(function)(profile)


@pytest.mark.parametrize("whole", [hash, lambda thing: thing == 1, lambda thing: {thing: 1}])
def test_an_object_read_as_a_whole_is_refused(whole):
    with pytest.raises(TypeError):
        memoised(whole)(make_profile())


def test_an_attribute_that_is_not_there_is_missed_as_ever():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        memoised(lambda profile: profile.nonsense)(make_profile())
