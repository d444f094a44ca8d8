import pytest

from nimprofile.base.errors import ResultsError
from nimprofile.verify.load.results.figures import Figures


def _figures(**values):
    return Figures(values, "results.json", "metrics")


def test_a_number_is_a_figure():
    assert 1.5 == _figures(a=1.5).number("a")
    assert 3 == _figures(a=3.0).whole("a")


def test_what_is_not_there_and_nan_are_no_figure():
    assert [None, None, None] == [
        _figures().number("a"),
        _figures(a=None).number("a"),
        _figures(a=float("nan")).number("a"),
    ]


@pytest.mark.parametrize("value", ["12", True, [1], -1, float("inf"), 1e16])
def test_what_is_no_figure_is_refused_with_its_place(value):
    with pytest.raises(ResultsError, match=r"results\.json: metrics\.a: ") as error:
        _figures(a=value).number("a")
    assert "metrics.a" == error.value.place


def test_a_part_of_a_request_is_refused():
    with pytest.raises(ResultsError, match=r"2\.5 is no whole number"):
        _figures(a=2.5).whole("a")


@pytest.mark.parametrize(
    ("unit", "milliseconds"), [("ms", 1), ("sec", 1000), ("us", 0.001), ("NS", 0.000001)]
)
def test_units_of_time_are_milliseconds(unit, milliseconds):
    assert milliseconds == _figures(unit=unit).milliseconds_to("unit")


@pytest.mark.parametrize("unit", ["tokens", "", None, 3])
def test_another_unit_is_not_taken_for_milliseconds(unit):
    with pytest.raises(ResultsError, match="no unit of time that is known"):
        _figures(unit=unit).milliseconds_to("unit")


def test_a_rate_has_the_unit_of_its_kind():
    _figures(unit="requests/sec").require_unit("unit", "requests")
    with pytest.raises(ResultsError, match="no unit of tokens per second that is known"):
        _figures(unit="requests/sec").require_unit("unit", "tokens")


def test_what_is_no_object_has_nothing():
    below = Figures({"a": [1]}, "f").below("a")
    assert (None, None, {}) == (below.number("b"), below.text("b"), below.values)
