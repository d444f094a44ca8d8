"""Server-sent events, however they are cut into parts."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.web.event_stream import LONGEST_EVENT, Event, events
from nimprofile.base.web.faults import Fault, WebError

STREAM = (
    b'\xef\xbb\xbf: a comment\ndata: {"a": 1}\n\ndata:one\r\ndata: two\r\nid: 7\r\n\r\n'
    b"event: error\rdata\r\r\n\nretry: 5\n\ndata: [DONE]\n\ndata: never ended\n"
)
TOLD = [("", '{"a": 1}'), ("", "one\ntwo"), ("error", ""), ("", "[DONE]")]


def test_the_fields_of_an_event_are_read():
    assert TOLD == [(event.name, event.data) for event in events([(0.0, STREAM)])]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_it_does_not_matter_how_a_stream_is_cut(cuts):
    edges = [0, *cuts, len(STREAM)]
    parts = [(0.0, STREAM[a:b]) for a, b in pairwise(edges)]
    assert TOLD == [(event.name, event.data) for event in events(parts)]


def test_an_event_has_the_time_of_its_last_bytes():
    parts = [(1.0, b"data: a\n"), (2.0, b"\ndata: b"), (3.0, b"\n\n")]
    assert [Event("a", 2.0), Event("b", 3.0)] == [*events(parts)]


def test_an_event_is_told_before_the_next_part_is_read():
    def parts():
        yield 0.0, b"data: a\n\n"
        raise AssertionError

    assert "a" == next(events(parts())).data


@pytest.mark.parametrize(
    "stream",
    [b"x" * (LONGEST_EVENT + 1), b"data: x\n" * (LONGEST_EVENT // 7), b"\xff\n\n"],
    ids=["one line", "many lines", "no text"],
)
def test_what_is_no_stream_of_events_is_told(stream):
    with pytest.raises(WebError) as error:
        [*events((0.0, stream[at : at + 65536]) for at in range(0, len(stream), 65536))]
    assert error.value.fault in {Fault.TOO_LARGE, Fault.CONTENT}
