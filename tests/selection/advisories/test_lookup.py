"""The list is read only where an advisory can apply, and only what applies is told of."""

import pytest

from nimprofile import Request, Serving, mock_inventory, select
from nimprofile.selection.advisories import advisory
from nimprofile.selection.advisories.lookup import advised
from tests.support.builders import make_manifest, make_profile

FP8 = make_profile(llm_engine="vllm", precision="fp8", tp="1", pp="1")
MANIFEST = make_manifest(FP8)


@pytest.fixture
def unread(monkeypatch):
    """The file cannot be read."""

    def rows():
        raise AssertionError("the list was read")

    advisory.known_advisories.cache_clear()
    monkeypatch.setattr(advisory, "_rows", rows)
    yield
    advisory.known_advisories.cache_clear()


def box(spec, driver=None):
    return mock_inventory(spec).replace(driver_version=driver)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("machine", [box("1xh100"), box("1xb200"), box("8xh100", "570.133.20")])
def test_it_is_not_read_where_no_version_is_known_that_an_advisory_is_of(machine):
    assert select(MANIFEST, machine).selected is not None


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("machine", "request_"),
    [
        (box("1xh100"), Request(nim="1.13.1")),
        (box("1xh100"), Request(serving=Serving(engine_version="0.28.0"))),
        (box("1xb200", "570.133.20"), Request()),
    ],
)
def test_it_is_read_where_one_is(machine, request_):
    with pytest.raises(AssertionError, match="the list was read"):
        select(MANIFEST, machine, request_)


def test_what_only_may_apply_is_not_told_of():
    known = advised(MANIFEST, box("1xb200", "570.133.20"), Request())
    assert ["driver-b200-570-66-days"] == [one.id for one in known(FP8, (0,))]


def test_an_engine_version_of_the_request_is_enough():
    request = Request(serving=Serving(engine_version="0.28.0"))
    known = advised(MANIFEST, box("1xrtx6000_blackwell_sv"), request)
    assert ["vllm-0.28-fp8-capability-12"] == [one.id for one in known(FP8, (0,))]
