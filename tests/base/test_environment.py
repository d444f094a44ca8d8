"""Variables are read as NIM reads them: the same words for every switch, whole numbers as counts."""

import pytest

from nimprofile import Request, RequestError, Setup
from nimprofile.base.environment import (
    RELAX,
    SEQUENCES,
    TRUTH_WORDS,
    model_in,
    read_count,
    read_switch,
)
from nimprofile.report.startup_log import wants_json

SWITCHES = {
    "NIM_RELAX_MEM_CONSTRAINTS": lambda environ: Request.from_env(environ).relax_memory,
    "NIM_MANIFEST_ALLOW_UNSAFE": lambda environ: Request.from_env(environ).allow_unsafe,
    "NIM_ALLOW_NVFP4_EMULATION": lambda environ: Request.from_env(environ).allow_nvfp4_emulation,
    "NIM_DISABLE_CUDA_GRAPH": lambda environ: Request.from_env(environ).serving.eager,
    "NIM_JSONL_LOGGING": wants_json,
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        *((word, False) for word in ("", " ", "0", "false", "False", "no", "off")),
        *((word, True) for word in ("1", " 1 ", "true", "True", "TRUE", "yes", "on")),
    ],
)
def test_a_word_means_the_same_for_every_switch(name, word, meaning):
    assert meaning is SWITCHES[name]({name: word})


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("word", ["2", "y", "maybe", "enabled"])
def test_any_other_word_is_an_error_for_every_switch(name, word):
    with pytest.raises(RequestError, match=f"{name}='{word}' is neither 0 nor 1"):
        SWITCHES[name]({name: word})


def test_a_switch_that_is_not_set_is_off():
    assert read_switch({}, "NIM_JSONL_LOGGING") is False


def test_the_words_are_in_lower_case():
    assert [word.lower() for word in TRUTH_WORDS] == list(TRUTH_WORDS)


@pytest.mark.parametrize(("text", "count"), [("", None), (" ", None), ("1", 1), (" 65535 ", 65535)])
def test_a_count_is_a_whole_number_or_nothing(text, count):
    assert count == read_count({"N": text}, "N", 65535)


@pytest.mark.parametrize("text", ["0", "-1", "65536", "1.5", "٣", "1e3"])
def test_a_count_out_of_range_is_an_error(text):
    with pytest.raises(RequestError, match=r"N: '.*' is not a whole number from 1 to 65,535"):
        read_count({"N": text}, "N", 65535)


@pytest.mark.parametrize(
    ("environ", "model"),
    [
        ({}, None),
        ({"NIM_MODEL_NAME": " "}, None),
        ({"NIM_MODEL_NAME": "a/b"}, "a/b"),
        ({"NIM_MODEL_NAME": "a/b", "NIM_MODEL_PATH": "/weights"}, "/weights"),
    ],
)
def test_the_path_of_a_model_wins_over_its_name(environ, model):
    assert model == model_in(environ)


@pytest.mark.parametrize("text", ["0", "1.5", "-0.1", "nan", "inf", "1e-1", "half", "٠.٥"])
def test_a_fraction_out_of_range_is_an_error(text):
    with pytest.raises(RequestError, match=r"NIM_KVCACHE_PERCENT: '.*' is no fraction above 0"):
        Request.from_env({"NIM_KVCACHE_PERCENT": text})


def test_a_fraction_in_percent_is_an_error_with_the_fraction():
    with pytest.raises(RequestError, match=r"'90' is no fraction .* write 0\.9 for 90 percent$"):
        Request.from_env({"NIM_KVCACHE_PERCENT": "90"})


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("3.75", 4), ("2.0", 2), ("", 1)])
def test_sequences_that_the_kv_cache_holds_are_requests_at_once_a_part_counting_as_one(text, count):
    environ = {RELAX: "1", SEQUENCES: text}
    assert count == Request.from_env(environ).serving.concurrency


@pytest.mark.parametrize("text", ["0", "0.5", "-1", "many", "nan"])
def test_sequences_below_one_are_an_error(text):
    with pytest.raises(RequestError, match=f"{SEQUENCES}: '{text}' is no number from 1 on"):
        Request.from_env({RELAX: "1", SEQUENCES: text})


def test_sequences_take_effect_only_with_the_switch_and_a_note_says_so():
    request = Request.from_env({SEQUENCES: "2"})
    assert Request().serving == request.serving
    (note,) = request.notes
    assert f"{SEQUENCES} is set and not used: it takes effect only with {RELAX}=1" == str(note)


# What Kubernetes adds for services called nim-….

LINKS = {
    "NIM_SERVICE_HOST": "10.0.0.1",
    "NIM_SERVICE_PORT": "8000",
    "NIM_PORT": "tcp://10.0.0.1:8000",
    "NIM_LLM_SERVICE_HOST": "10.0.0.2",
    "NIM_LLM_SERVICE_PORT": "8000",
    "NIM_LLM_SERVICE_PORT_HTTP_OPENAI": "8000",
    "NIM_LLM_PORT": "tcp://10.0.0.2:8000",
    "NIM_LLM_PORT_8000_TCP": "tcp://10.0.0.2:8000",
    "NIM_LLM_PORT_8000_TCP_PROTO": "tcp",
    "NIM_LLM_PORT_8000_TCP_PORT": "8000",
    "NIM_LLM_PORT_8000_TCP_ADDR": "10.0.0.2",
    "NIM_SERVER_SERVICE_HOST": "10.0.0.3",
    "NIM_SERVER_SERVICE_PORT": "8000",
    "NIM_SERVER_PORT": "tcp://10.0.0.3:8000",
}


def test_the_links_of_a_service_are_no_variables_of_nims():
    assert Request() == Request.from_env(LINKS)
    assert Setup() == Setup.from_env(LINKS)


def test_a_variable_beside_the_links_of_a_service_of_its_name_counts():
    environ = LINKS | {"NIM_SERVER_PORT": "9000", "NIM_MAX_MODEL_LEN": "4096"}
    assert 9000 == Setup.from_env(environ).port
    assert 4096 == Request.from_env(environ).serving.max_model_len
