"""A record is a frozen, slotted dataclass to its users."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import nimprofile
from nimprofile.base.record import Record
from nimprofile.base.units import ComputeCapability


class Point(Record):
    x: int
    y: int = 0
    kind = "point"


class Box(Record):
    corner: Point
    tags: tuple[str, ...] = ()
    capability: ComputeCapability | None = None


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
