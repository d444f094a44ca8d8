"""What is served at an address, by recorded answers of every server, and by hostile ones."""

import json
from collections import defaultdict

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.errors import RequestError
from nimprofile.base.web.client import Answer, Limits
from nimprofile.base.web.faults import Fault, WebError
from nimprofile.verify.servers.asking import KEY, interviewed, key_in, observations_of
from tests.support.http import ways
from tests.support.http.server import serving
from tests.support.paths import ROOT

CASES = json.loads((ROOT / "tests/corpus/servers.json").read_text(encoding="utf-8"))


def routes(case):
    return {
        path: ways.answer(given["body"], given["status"], given["kind"])
        for path, given in case["answers"].items()
    }


def told_by(server, **kwargs):
    return observations_of(server.url, environ={}, **kwargs)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_server_is_known_and_tells_what_it_runs(name):
    case = CASES[name]
    with serving(routes(case)) as server:
        told = told_by(server)
    facts = defaultdict(list)
    for each in told.observations:
        facts[each.fact.value].append(each.value)
    assert case["server"] == told.server
    assert case["facts"] == dict(facts)
    assert case.get("manifest") == told.manifest
    assert len(case["notes"]) == len(told.notes)
    assert all(words in note for words, note in zip(case["notes"], told.notes, strict=True))
    assert {"secret", "SECRET", "admin-key"} == {
        word for word in ("secret", "SECRET", "admin-key") if word not in repr(told)
    }


def test_every_recorded_answer_has_its_source():
    assert [] == [name for name, case in CASES.items() if len(case["source"]) < 40]


def test_an_observation_has_the_address_the_path_and_the_field_with_its_value():
    with serving(routes(CASES["sglang of its docs"])) as server:
        told = told_by(server)
    (weights,) = [each for each in told.observations if each.fact == "weights_bytes"]
    assert server.url == weights.source
    assert "/server_info" == weights.place
    assert "internal_states[0].memory_usage.weight: 0.98 (GiB)" == weights.text


def test_each_question_is_asked_once_and_what_came_is_told():
    with serving(routes(CASES["triton with TensorRT-LLM"])) as server:
        told = told_by(server)
        asked = [f"{each.method} {each.path}" for each in server.asked]
    assert [question.asked for question in told.questions] == asked
    assert len(set(asked)) == len(asked)
    answers = {question.asked: (question.status, question.answer) for question in told.questions}
    assert (404, "has no such interface") == answers["GET /v1/models"]
    assert (200, "answered") == answers["POST /v2/repository/index"]


def test_nothing_is_generated():
    for case in CASES.values():
        with serving(routes(case)) as server:
            told_by(server)
        posted = {each.path for each in server.asked if each.method != "GET"}
        assert posted <= {"/v2/repository/index"}
        assert not any("health_generate" in each.path for each in server.asked)


def test_nobody_there_is_an_error():
    with serving({}) as server:
        pass
    with pytest.raises(WebError) as error:
        told_by(server)
    assert Fault.REFUSED == error.value.fault


def test_a_server_that_says_nothing_is_an_error():
    with serving({}, other=ways.silent) as server, pytest.raises(WebError) as error:
        told_by(server, limits=Limits(pause=0.05, total=0.05))
    assert Fault.TIMEOUT == error.value.fault


def test_one_answer_that_does_not_come_costs_that_answer():
    case = routes(CASES["vllm 0.4"]) | {"/version": ways.hung_up, "/metrics": ways.endless}
    with serving(case) as server:
        told = told_by(server, limits=Limits(most=1 << 20))
    answers = {each.asked: each.answer for each in told.questions}
    assert "the connection was closed before the answer was whole" == answers["GET /version"]
    assert "the answer is larger than 1 MiB" == answers["GET /metrics"]
    assert "vllm" == told.server


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "answered, but not JSON"),
        (b"[" * 5000 + b"]" * 5000, "answered, but nested"),
        (b"\xff", "answered, but the answer is not UTF-8"),
    ],
)
def test_an_answer_that_is_no_json_is_told(body, words):
    with serving({"/v1/models": ways.answer(body)}) as server:
        told = told_by(server)
    assert told.questions[0].answer.startswith(words)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "answered with status 500"),
        (401, "wants a key"),
        (404, "has no such interface"),
    ],
)
def test_of_a_server_that_is_not_known_it_is_told_what_it_answered(status, words):
    with serving({}, other=ways.answer(b"{}", status)) as server:
        told = told_by(server)
    assert f"or it does not tell (GET /v1/models: {words})" in told.notes[-1]


def test_of_a_server_that_wants_a_key_it_is_told_where_one_is_put():
    with serving({}, other=ways.answer(b"{}", 401)) as server:
        told = told_by(server)
    assert f"put it into {KEY}, or name the variable" in told.notes[0]


def test_values_that_are_none_are_told_and_clipped():
    body = {"data": [{"id": "x" * 9000, "owned_by": "vllm", "max_model_len": "\x1b[2J"}]}
    with serving({"/v1/models": ways.answer(body)}) as server:
        told = told_by(server)
    assert ["vllm"] == [each.value for each in told.observations]
    assert len(told.notes) == 2
    assert all(len(note) < 300 and "\x1b" not in note for note in told.notes)


def test_a_key_is_sent_and_is_in_nothing_that_is_told():
    with serving(routes(CASES["vllm 0.4"])) as server:
        told = told_by(server, key="very-secret-key")
        assert {"Bearer very-secret-key"} == {
            each.headers["Authorization"] for each in server.asked
        }
    assert "very-secret-key" not in repr(told)


def test_a_key_is_in_the_variable_that_is_named():
    environ = {KEY: "one", "MY_KEY": "two\n", "OPENAI_API_KEY": "three"}
    assert ("one", "two") == (key_in(environ), key_in(environ, "MY_KEY"))
    assert key_in({"OPENAI_API_KEY": "three"}) is None
    with pytest.raises(RequestError, match="OTHER, which is to have the key, is not set"):
        key_in(environ, "OTHER")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted({
    *("data", "id", "owned_by", "max_model_len", "parent", "version", "modelInfo", "release"),
    *("selectedModelProfileId", "tp_size", "model_path", "dp_size", "internal_states", "name"),
    *("memory_usage", "token_capacity", "weight", "vllm_config", "parallel_config", "state"),
    *("model_config", "kvCacheStats", "maxNumBlocks", "tokensPerBlock", "manifest_file", "backend"),
})  # fmt: skip
SHAPED = st.recursive(
    JSON | st.sampled_from(["vllm", "sglang", "tensorrt_llm", "triton", "READY", 4]),
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=6) | st.lists(inner, max_size=2)
    ),
    max_leaves=12,
)


class Answering:
    """A client whose server answers from a table."""

    def __init__(self, bodies):
        self.address, self._bodies = "http://host:1", bodies

    def get(self, path):
        return self.post(path, b"")

    def post(self, path, body):
        given = self._bodies.get(path)
        status = 404 if path not in self._bodies else 200
        data = given if isinstance(given, bytes) else json.dumps(given).encode()
        return Answer(f"{self.address}{path}", status, headers={}, body=data, seconds=0.0)


def test_all_questions_have_one_time():
    told = interviewed(Answering({"/v1/models": {"data": []}}), 0)
    assert {"was not asked: the 0 s were over"} == {each.answer for each in told.questions}
    assert {None} == {each.status for each in told.questions}


PATHS = sorted({path for case in CASES.values() for path in case["answers"]})


@given(
    st.dictionaries(st.sampled_from(PATHS), SHAPED | st.binary(max_size=20), max_size=6),
    st.sampled_from(["vllm", "sglang", "tensorrt_llm", "x"]),
)
def test_whatever_a_server_answers_is_read_or_named(bodies, owner):
    bodies.setdefault("/v1/models", {"data": [{"id": "m", "owned_by": owner}]})
    told = interviewed(Answering(bodies), 60)
    for each in told.observations:
        assert len(each.text) < 700
        assert isinstance(each.value, str | int | float | bool)
