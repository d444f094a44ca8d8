import pytest
from hypothesis import given, strategies as st

from nimprofile.verify.load.spreads import percentile, spread


def test_nothing_has_no_spread():
    assert None is spread([])


def test_one_value_is_every_figure_of_its_spread():
    found = spread([7.0])
    assert (1, 7, 7, 7, 7, 7, 7, 7) == (
        found.count,
        found.mean,
        found.least,
        found.p50,
        found.p90,
        found.p95,
        found.p99,
        found.most,
    )


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (90, 3.7), (100, 4)])
def test_a_percentile_lies_between_the_two_nearest_values(percent, value):
    assert value == pytest.approx(percentile([1, 2, 3, 4], percent))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_the_figures_are_in_order_and_within_the_values(values):
    found = spread(values)
    stated = [found.least, found.p50, found.p90, found.p95, found.p99, found.most]
    assert stated == pytest.approx(sorted(stated))
    assert (min(values), max(values)) == (found.least, found.most)
    assert found.least - 1e-6 <= found.mean <= found.most + 1e-6
