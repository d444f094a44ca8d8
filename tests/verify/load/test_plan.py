import pytest

from nimprofile.base.errors import RequestError
from nimprofile.verify.load.plan import LoadPlan


@pytest.mark.parametrize(
    "fields",
    [
        {"requests": 0},
        {"requests": 100_001},
        {"concurrency": 257},
        {"concurrency": 1.5},
        {"seconds": 0},
        {"seconds": 3601},
        {"seconds": float("nan")},
        {"seconds": "10"},
        {"prompt_tokens": -1},
        {"max_tokens": 0},
        {"max_tokens": True},
    ],
)
def test_a_plan_has_bounds(fields):
    with pytest.raises(RequestError, match=next(iter(fields))):
        LoadPlan(**fields)


def test_the_largest_plan_is_one():
    assert 256 == LoadPlan(100_000, 256, 3600).concurrency
