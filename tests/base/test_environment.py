"""Variables are read as NIM reads them: the same words for every switch, whole numbers as counts."""

import pytest

from nimprofile import Request, RequestError
from nimprofile.base.environment import TRUTH_WORDS, model_in, read_count, read_switch
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
