import json

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.client import Client
from nimprofile.verify.load.completions import (
    FIRST_WAY,
    PLAIN,
    Refusal,
    Way,
    first_model,
    next_way,
    prompt_of,
    read_answer,
    refused,
)
from tests.support.http import completions, ways
from tests.support.http.server import serving

ROLE, DONE, FINISHED = completions.ROLE, completions.DONE, completions.FINISHED


def _pieces(*parts):
    """One part at each second from 1 on, of requests that are sent at 0."""
    return [(float(at), part) for at, part in enumerate(parts, 1)]


def _read(*parts):
    return read_answer(0.0, _pieces(*parts))


def test_the_first_token_is_the_first_text_and_the_end_the_last():
    answered = _read(ROLE, completions.part("a"), completions.part("b"), FINISHED, DONE)
    assert (2.0, 3.0, 2, None) == (
        answered.first,
        answered.ended,
        answered.parts,
        answered.refusal,
    )


@pytest.mark.parametrize("name", ["content", "reasoning_content", "reasoning"])
def test_what_a_model_thinks_counts_as_text(name):
    thought = completions.event({"choices": [{"delta": {name: "hm"}}]})
    assert 1.0 == _read(thought, FINISHED).first


def test_a_call_of_a_tool_counts_as_text():
    called = completions.event({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]})
    assert 1 == _read(called, FINISHED).parts


def test_the_server_counts_the_tokens_and_the_last_number_holds():
    answered = _read(
        completions.part("a", usage={"prompt_tokens": 7, "completion_tokens": 1}),
        completions.part("b", usage={"prompt_tokens": 7, "completion_tokens": 9}),
        DONE,
    )
    assert (9, 7, 2) == (answered.tokens, answered.prompt_tokens, answered.parts)


@pytest.mark.parametrize("number", [-1, True, "3", 1.5, 10**12, None])
def test_a_number_of_tokens_that_is_none_is_not_taken(number):
    spoilt = completions.event({"choices": [], "usage": {"completion_tokens": number}})
    assert None is _read(completions.part("a"), spoilt, DONE).tokens


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ((), "cut-off"),
        ((ROLE, completions.part("a")), "cut-off"),
        ((completions.event("{nonsense"),), "a part that is no JSON"),
        ((completions.event("[" * 100),), "a part that is no JSON"),
        ((completions.event("3"),), "an error in the stream"),
        ((b"event: error\ndata: {}\n\n",), "an error in the stream"),
        ((completions.part("a"), b"data: \xff\n\n"), "content"),
        ((b"data: " + b"x" * (2 << 20),), "too-large"),
    ],
)
def test_an_answer_that_breaks_off_failed(parts, what):
    assert what == _read(*parts).refusal.what


def test_an_error_within_the_stream_is_told_in_the_server_s_words():
    failed = completions.event({"error": {"message": "out of blocks", "code": 500}})
    assert "out of blocks" == _read(completions.part("a"), failed, DONE).refusal.text


@pytest.mark.parametrize("last", [DONE, FINISHED, b": comment\n\n" + DONE])
def test_an_answer_is_over_where_the_server_says_so(last):
    assert None is _read(completions.part("a"), last).refusal


@pytest.mark.parametrize(
    "value", [{}, {"choices": 3}, {"choices": [3]}, {"choices": [{"delta": 3}]}, {"usage": []}]
)
def test_a_part_of_another_form_has_no_text(value):
    answered = _read(completions.event(value), DONE)
    assert (None, 0, None) == (answered.first, answered.parts, answered.refusal)


def test_an_answer_without_text_has_no_first_token():
    answered = _read(ROLE, FINISHED, DONE)
    assert (None, 3.0) == (answered.first, answered.ended)


@pytest.mark.parametrize(
    ("status", "text", "way"),
    [
        (400, "Unknown field stream_options", FIRST_WAY.replace(usage=False)),
        (422, "include_usage is not allowed", FIRST_WAY.replace(usage=False)),
        (404, "Not Found", Way(PLAIN, "/v1/completions", usage=True)),
        (405, "Method Not Allowed", Way(PLAIN, "/v1/completions", usage=True)),
        (400, "the model has no chat template", Way(PLAIN, "/v1/completions", usage=True)),
        (404, "The model `x` does not exist", None),
        (400, "too many tokens", None),
        (401, "stream_options", None),
        (429, "slow down", None),
        (500, "Not Found", None),
        (None, "stream_options", None),
    ],
)
def test_another_way_is_tried_only_where_the_way_is_what_was_refused(status, text, way):
    assert way == next_way(FIRST_WAY, Refusal(status, "", text))


def test_there_is_no_way_behind_the_last():
    last = Way(PLAIN, "/v1/completions", usage=False)
    assert [None] * 3 == [
        next_way(last, Refusal(status, "", "usage chat template")) for status in (400, 404, 405)
    ]


def test_what_is_sent_is_a_chat_or_a_prompt():
    asked = json.loads(FIRST_WAY.body("m", "Hello", 5))
    assert asked == {
        "model": "m",
        "max_tokens": 5,
        "temperature": 0,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    other = json.loads(Way(PLAIN, "/v1/completions", usage=False).body("m", "Hello", 5))
    assert ("Hello", False, False) == (
        other["prompt"],
        "messages" in other,
        "stream_options" in other,
    )


@pytest.mark.parametrize(
    ("way", "text"),
    [
        (completions.error(429, "slow down"), "slow down"),
        (ways.answer({"detail": "Not Found"}, 404), "Not Found"),
        (ways.answer({"object": "error", "message": "no such model"}, 404), "no such model"),
        (ways.answer(b"<html>Bad gateway</html>", 502), "<html>Bad gateway</html>"),
        (ways.answer(b"", 503), "nothing"),
        (ways.answer(b"\xff\xfe", 500), "��"),
    ],
)
def test_a_refusal_is_told_in_the_server_s_words(way, text):
    with serving({"/": way}) as server, _client(server) as asking, asking.open("POST", "/") as got:
        assert text == refused(got).text


def test_a_hostile_refusal_is_short_and_printable():
    hostile = ways.answer(ways.HOSTILE.encode() * 5000, 500)
    with (
        serving({"/": hostile}) as server,
        _client(server) as asking,
        asking.open("POST", "/") as got,
    ):
        text = refused(got).text
    assert text.isprintable()
    assert len(text) <= 400


def _client(server):
    return Client(address_of(server.url), environ={})


def test_the_first_model_of_the_list_is_asked():
    with serving({"/v1/models": completions.models("a", "b")}) as server:
        assert "a" == first_model(_client(server))


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (ways.answer({"error": "no"}, 401), "answers HTTP 401: name the model, and the key"),
        (ways.answer({"data": []}), "lists no model"),
        (ways.answer([1, 2]), "lists no model"),
        (ways.answer({"data": [3, {"id": 4}, {"id": ""}]}), "lists no model"),
    ],
)
def test_without_a_model_there_is_nothing_to_ask(way, words):
    with (
        serving({"/v1/models": way}) as server,
        pytest.raises(RequestError, match=words),
    ):
        first_model(_client(server))


def test_no_two_prompts_begin_alike():
    prompts = [prompt_of(number, 300, salt) for number in range(50) for salt in ("a", "b")]
    assert 100 == len({prompt[:8] for prompt in prompts})


@pytest.mark.parametrize("tokens", [1, 30, 256, 5000])
def test_a_prompt_is_about_as_long_as_is_asked(tokens):
    words = len(prompt_of(1, tokens, "salt").split())
    assert max(1, tokens - 24) <= words <= max(1, tokens - 24) + 14


def test_the_same_prompt_is_made_again_of_the_same_words():
    assert prompt_of(3, 100, "s") == prompt_of(3, 100, "s")


PARTS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [ROLE, DONE, FINISHED, completions.part("a"), completions.usage(7, 3), b"\n\n", b"data: "]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "delta", "content", "usage", "error", "text"]), inner
            )
        ),
        max_leaves=6,
    ).map(completions.event),
)


@given(st.lists(PARTS, max_size=8), st.integers(1, 40))
def test_whatever_a_stream_holds_it_is_an_answer_or_a_failure(parts, size):
    data = b"".join(parts)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    answered = _read(*pieces)
    assert answered.began <= answered.ended <= len(pieces)
    assert answered.first is None or answered.began < answered.first <= len(pieces)
    assert (answered.first is None) == (answered.parts == 0)
    if answered.refusal is not None:
        assert answered.refusal.text.isprintable()
        assert len(answered.refusal.text) <= 800
