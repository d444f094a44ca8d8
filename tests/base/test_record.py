"""A record is a frozen, slotted dataclass to its users."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import pydoc
import re
import subprocess
import sys
import typing
from collections.abc import Mapping
from dataclasses import KW_ONLY
from pathlib import Path
from typing import ClassVar
from unittest.mock import ANY

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

import nimprofile
from nimprofile.base.record import FrozenDict, Record, frozen
from nimprofile.base.units import ComputeCapability


class Point(Record):
    x: int
    y: int = 0
    kind = "point"


class Box(Record):
    corner: Point
    tags: tuple[str, ...] = ()
    capability: ComputeCapability | None = None


class Space(Point):
    """A record based on another: one field more, another default for one it inherits."""

    z: int = 9
    _: KW_ONLY
    unit: str = "m"
    y: int = 5


class Labelled(Record):
    name: str
    labels: Mapping[str, object] = {}
    _: KW_ONLY
    more: Mapping[str, str] | None = None
    count: ClassVar[int] = 3


class Even(Record):
    number: int

    def __post_init__(self):
        if self.number % 2:
            raise ValueError("odd")


def test_fields_are_given_by_place_by_name_and_by_default():
    assert Point(1, 0) == Point(1) == Point(x=1) == Point(y=0, x=1) == Point(1, y=0)


def test_what_is_not_annotated_is_no_field():
    assert (("x", "y"), "point") == (Point.__match_args__, Point(1).kind)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "Point is missing x"),
        ((), {"y": 1}, "Point is missing x"),
        ((1, 2, 3), {}, "Point takes 2 values by place, not 3"),
        ((1,), {"x": 2}, "Point got a value twice: x"),
        ((1,), {"z": 2}, "Point has no field z"),
    ],
    ids=["none", "not all", "too many", "twice", "unknown"],
)
def test_a_wrong_call_says_what_is_wrong(args, kwargs, message):
    with pytest.raises(TypeError) as caught:
        Point(*args, **kwargs)
    assert message == str(caught.value)


def test_a_record_checks_itself():
    with pytest.raises(ValueError, match="odd"):
        Even(1)


def test_a_record_is_frozen():
    point = Point(1)
    with pytest.raises(AttributeError, match="Point is frozen: cannot set 'x'"):
        point.x = 2
    with pytest.raises(AttributeError, match="Point is frozen: cannot delete 'x'"):
        del point.x
    with pytest.raises(AttributeError, match="cannot set 'z'"):
        point.z = 2


def test_a_record_has_slots_and_no_dict():
    assert not hasattr(Point(1), "__dict__")


def test_an_unknown_attribute_is_named():
    with pytest.raises(AttributeError, match="'Point' object has no attribute 'z'"):
        _ = Point(1).z
    with pytest.raises(AttributeError, match="type object 'Point' has no attribute 'z'"):
        _ = Point.z


def test_records_of_equal_fields_are_equal_and_hash_alike():
    assert (True, True) == (Point(1, 2) == Point(1, 2), hash(Point(1, 2)) == hash(Point(1, 2)))


@pytest.mark.parametrize("other", [Point(1, 3), Even(2), (1, 2), None])
def test_other_values_are_not_equal(other):
    assert Point(1, 2) != other


def test_a_record_shows_its_fields():
    assert "Point(x=1, y='a')" == repr(Point(1, "a"))


def test_replace_changes_some_fields_and_checks_again():
    assert Point(1, 5) == Point(1, 2).replace(y=5)
    with pytest.raises(ValueError, match="odd"):
        Even(2).replace(number=3)
    with pytest.raises(TypeError, match="Point has no field z"):
        Point(1).replace(z=1)


def test_a_record_is_matched_by_place():
    match Point(3, 4):
        case Point(x, y):
            assert (3, 4) == (x, y)


@pytest.mark.parametrize(
    "again", [lambda v: pickle.loads(pickle.dumps(v)), copy.copy, copy.deepcopy]
)
def test_a_record_survives_pickle_and_copy(again):
    value = nimprofile.Gpu(3, "Tesla T4", memory_total_mib=10)
    assert value == again(value)


def test_a_record_is_a_dataclass_to_those_who_ask():
    assert dataclasses.is_dataclass(Point)
    assert ["x", "y"] == [field.name for field in dataclasses.fields(Point)]
    assert ["x", "y"] == [field.name for field in dataclasses.fields(Point(1))]
    assert 0 == dataclasses.fields(Point)[1].default
    assert {"x": 1, "y": 2} == dataclasses.asdict(Point(1, 2))
    assert Point(1, 5) == dataclasses.replace(Point(1, 2), y=5)


def test_a_value_can_be_asked_before_its_class_was():
    class Fresh(Record):
        z: int

    assert ["z"] == [field.name for field in dataclasses.fields(Fresh(1))]


def test_the_base_of_all_records_is_no_dataclass():
    assert not dataclasses.is_dataclass(Record)


def test_pydantic_reads_and_checks_records():
    adapter = TypeAdapter(Box)
    box = Box(Point(1), ("a",), ComputeCapability.parse("9.0"))
    given = {"corner": {"x": 1}, "tags": ["a"], "capability": "9.0"}
    assert box == adapter.validate_python(given)
    with pytest.raises(ValidationError, match="not a compute capability"):
        adapter.validate_python(given | {"capability": "nine"})


def test_a_record_becomes_plain_json_values():
    box = Box(Point(1), ("a", "b"), ComputeCapability.parse("12.1"))
    assert {
        "corner": {"x": 1, "y": 0},
        "tags": ["a", "b"],
        "capability": "12.1",
    } == box.to_dict()


def test_none_numbers_and_booleans_stay_what_they_are_in_json():
    values = [Point(value).to_dict()["x"] for value in (None, 1, 1.5, True)]
    assert [None, 1, 1.5, True] == values


def test_a_subclass_keeps_its_parents_fields_in_their_places():
    assert ("x", "y", "z") == Space.__match_args__
    assert "Space(x=1, y=5, z=9, unit='m')" == repr(Space(1))
    assert Space(1, 2, 3, unit="km") == Space(x=1, y=2, z=3, unit="km")
    assert 0 == Point(1).y


def test_a_subclass_is_a_dataclass_of_all_its_fields():
    class Base(Record):
        x: int

    class Derived(Base):
        y: int = 1

    fields = [field.name for field in dataclasses.fields(Base)]  # the base is asked first

    class Later(Base):
        z: int = 2

    assert ["x"] == fields
    assert ["x", "y"] == [field.name for field in dataclasses.fields(Derived)]
    assert ["x", "z"] == [field.name for field in dataclasses.fields(Later)]
    assert {"x": 1, "z": 2} == dataclasses.asdict(Later(1))
    assert Derived(1, 7) == dataclasses.replace(Derived(1), y=7)
    assert "(x: int, z: int = 2)" == str(inspect.signature(Later))


def test_a_subclass_is_matched_compared_copied_and_read_like_any_record():
    value = Space(1, 2, 3)
    match value:
        case Point(x, y):
            assert (1, 2) == (x, y)
    match value:
        case Space(x, y, z, unit=unit):
            assert (1, 2, 3, "m") == (x, y, z, unit)
    assert Point(1, 2) != value
    assert value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert value == TypeAdapter(Space).validate_python({"x": 1, "y": 2, "z": 3})
    assert Space(1, 2, 4) == value.replace(z=4)


def test_a_subclass_keeps_its_parents_mappings():
    class Tagged(Labelled):
        other: int = 0

    value = Tagged("a", {"b": 1})
    assert FrozenDict is type(value.labels)
    assert {"name": "a", "labels": {"b": 1}, "other": 0, "more": None} == value.to_dict()


def test_a_mixin_may_stand_before_the_record():
    class Loud:
        def shout(self):
            return repr(self).upper()

    class Box3(Loud, Point):
        z: int = 3

    assert "BOX3(X=1, Y=0, Z=3)" == Box3(1).shout().rpartition(".")[2]


def _positional_after_default():
    class Wrong(Point):
        z: int


def _four_by_place():
    class Wrong(Point):
        a: int = 1
        b: int = 2


def _default_without_annotation():
    class Wrong(Point):
        y = 3


def _two_records():
    class Wrong(Point, Even):
        pass


def _own_init():
    class Wrong(Record):
        x: int

        def __init__(self, x):
            pass


def _shared_default():
    type(Record)("Wrong", (Record,), {"__annotations__": {"x": "list[int]"}, "x": []})


def _lazy_annotations():
    type(Record)("Wrong", (Record,), {"__annotate_func__": lambda _: {"x": int}})


@pytest.mark.parametrize(
    ("define", "message"),
    [
        (_positional_after_default, "Wrong: z without a default comes after y with one"),
        (_four_by_place, "Wrong: `_: KW_ONLY` is missing before the field b"),
        (_default_without_annotation, "Wrong: y is a field of its base: annotate it"),
        (_two_records, "Wrong: a record has one record as its base, not 2"),
        (_own_init, "Wrong: a record is made from its fields; __post_init__ checks them"),
        (_shared_default, "Wrong: all records would share the default of x"),
        (_lazy_annotations, "Wrong: its module needs `from __future__ import annotations`"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_class_that_would_not_work_is_refused_when_it_is_defined(define, message):
    with pytest.raises(TypeError) as caught:
        define()
    assert message == str(caught.value)


def test_values_beyond_the_third_are_given_by_name():
    with pytest.raises(TypeError) as caught:
        Space(1, 2, 3, "km")
    assert "Space takes 3 values by place, not 4; by name: unit" == str(caught.value)


def test_every_record_of_the_package_takes_at_most_three_values_by_place():
    assert all(3 >= len(cls.__match_args__) for cls in _records(Record))


def _records(base):
    for cls in base.__subclasses__():
        yield cls
        yield from _records(cls)


def test_a_mapping_given_to_a_record_is_copied_and_cannot_be_changed():
    given = {"a": 1, "inner": {"b": 2}}
    value = Labelled("x", given, more=given)
    given["a"] = 5
    given["inner"]["b"] = 6
    assert {"a": 1, "inner": {"b": 2}} == value.labels == value.more
    for change in (
        lambda d: d.update(a=2),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.setdefault("z", 1),
        lambda d: d.__setitem__("a", 2),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({"a": 2}),
        lambda d: d["inner"].update(b=3),
    ):
        with pytest.raises(TypeError, match="part of a frozen value"):
            change(value.labels)


def test_a_mapping_is_frozen_by_default_replace_and_pydantic_too():
    assert FrozenDict() == Labelled("x").labels
    assert FrozenDict is type(Labelled("x").labels)
    assert FrozenDict is type(Labelled("x").replace(labels={"a": 1}).labels)
    made = TypeAdapter(Labelled).validate_python({"name": "x", "labels": {"a": 1}})
    assert Labelled("x", {"a": 1}) == made
    assert FrozenDict is type(made.labels)


def test_a_list_given_for_a_tuple_becomes_one_by_call_default_replace_and_pydantic():
    class Listed(Record):
        names: tuple[object, ...]
        _: KW_ONLY
        more: tuple[str, ...] | None = None

    given = ["a", ["b", {"c": ["d"]}]]
    kept = ("a", ("b", {"c": ("d",)}))
    listed = Listed(given)
    given.append("e")
    assert kept == listed.names
    hash(listed)
    assert ("x",) == listed.replace(more=["x"]).more
    assert Listed(("a",)) == TypeAdapter(Listed).validate_python({"names": ["a"]})


def test_the_lists_in_a_mapping_become_tuples():
    labelled = Labelled("it", {"a": ["b", {"c": []}], "d": ("e",)})
    assert {"a": ("b", {"c": ()}), "d": ("e",)} == labelled.labels
    assert {"a": ["b", {"c": []}], "d": ["e"]} == labelled.to_dict()["labels"]
    hash(labelled)


def test_what_is_no_mapping_is_refused_for_one():
    with pytest.raises(TypeError, match="'abc' is not a mapping"):
        Labelled("x", "abc")


def test_a_frozen_mapping_does_what_a_dict_does():
    value = frozen({"a": 1})
    assert {"a": 1} == value
    assert ({"a": 1, "b": 2}, dict) == (value | {"b": 2}, type(value | {"b": 2}))
    assert {"a": 1, "b": 2} == {"b": 2} | value
    assert '{"a": 1}' == json.dumps(value)
    assert "a: 1\n" == yaml.safe_dump(value)
    match value:
        case {"a": one}:
            assert 1 == one


@pytest.mark.parametrize(
    "again", [lambda v: pickle.loads(pickle.dumps(v)), copy.copy, copy.deepcopy]
)
def test_a_frozen_mapping_survives_pickle_and_copy(again):
    value = frozen({"a": {"b": 1}})
    assert (value, FrozenDict, FrozenDict) == (
        again(value),
        type(again(value)),
        type(again(value)["a"]),
    )


def test_what_selection_works_with_can_be_hashed():
    manifest = nimprofile.load_manifest("llama-3.1-8b-instruct")
    decision = nimprofile.select(manifest, nimprofile.mock_inventory("2xl40s"))
    again = nimprofile.select(manifest, nimprofile.mock_inventory("2xl40s"))
    assert 1 == len({decision, again})
    assert 1 == len({manifest, nimprofile.load_manifest("llama-3.1-8b-instruct")})
    assert len(manifest.profiles) == len(set(manifest.profiles))


PUBLIC = [
    value for name in nimprofile.__all__ if type(value := getattr(nimprofile, name)) is type(Record)
]


@pytest.mark.parametrize("cls", PUBLIC)
def test_help_shows_the_fields_and_not_any_arguments(cls):
    text = pydoc.render_doc(cls, renderer=pydoc.plaintext)
    assert "*args" not in text
    assert "**kwargs: Any" not in text
    assert list(cls._fields) == list(inspect.signature(cls).parameters)
    # Python 3.13 begins a line for each field of a long signature.
    assert re.search(rf"^ \|  {cls.__name__}\((\n \|      )?{cls._fields[0]}: ", text, re.MULTILINE)


def test_a_signature_says_types_defaults_and_what_is_given_by_name():
    assert (
        "(name: str, labels: Mapping[str, object] = {}, *, more: Mapping[str, str] | None = None)"
        == str(inspect.signature(Labelled))
    )


def test_type_hints_can_be_evaluated():
    assert {"x": int, "y": int, "z": int, "unit": str} == typing.get_type_hints(Space)


def test_a_record_leaves_equality_with_what_is_no_record_to_the_other():
    assert Point(1) == ANY


def test_importing_the_package_imports_no_heavy_module():
    package = str(Path(nimprofile.__file__).parents[1])
    script = (
        f"import sys; sys.path.insert(0, {package!r}); before = set(sys.modules)\n"
        "import nimprofile, nimprofile.selection.decision, nimprofile.cli.main\n"
        "heavy = {'dataclasses', 'pydantic', 'yaml', 'typing', 'inspect', 'json'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert "[]\n" == done.stdout
