"""No text that is written has a secret that this process was given."""

import json
import shlex

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.formats.shell_words import shell_word
from nimprofile.base.secrets.output import MANY, MARKS, conceal, concealed
from nimprofile.base.secrets.shapes import ISSUED

KEY = "Kx7-hunter2'q\n é"


@pytest.fixture(autouse=True)
def forgotten():
    yield
    conceal((), {})


@pytest.mark.parametrize(
    "form",
    [str, str.lower, str.upper, repr, json.dumps, shlex.quote, shell_word, ascii],
    ids=lambda form: form.__name__,
)
def test_a_secret_is_starred_in_whatever_form_it_is_written(form):
    conceal(["--api-key", KEY], {})
    shown = concealed(f"there is no {form(KEY)} here")
    assert "hunter2" not in shown.lower()
    assert "***" in shown


def test_the_secrets_of_variables_are_starred():
    conceal([], {"HF_TOKEN": "abcdefg8", "HTTP_PROXY": "http://me:hunter22@proxy", "PATH": "/bin"})
    assert "*** and *** in /bin" == concealed("abcdefg8 and hunter22 in /bin")


def test_without_secrets_a_text_is_the_same():
    conceal(["select", "--seed", "7"], {"PATH": "/bin", "NIM_MODEL_PROFILE": "a"})
    text = "select --seed 7 /bin"
    assert text is concealed(text)


@pytest.mark.parametrize("key", ["abc", "sglang", "secret", "x"])
def test_a_short_or_an_ordinary_word_is_not_looked_for(key):
    conceal(["--api-key", key], {})
    assert f"{key} is a word" == concealed(f"{key} is a word")


def test_what_is_known_by_its_form_is_starred_in_every_text():
    assert "https://me:***@h/x" == concealed("https://me:pw@h/x")


@pytest.mark.parametrize("form", ISSUED)
@given(data=st.data())
def test_each_form_of_a_token_has_one_of_the_marks(form, data):
    token = data.draw(st.from_regex(form, fullmatch=True))
    assert any(mark in token.lower() for mark in MARKS)
    assert "***" in concealed(f"a {token}")


@pytest.mark.parametrize("scheme", ["Bearer\t", "BeaRer ", "bEARER \t", "Basic\t"])
def test_the_scheme_of_an_authorization_is_known_however_it_is_spelt(scheme):
    assert f"a {scheme}*** b" == concealed(f"a {scheme}dXNlcjpwYXNz b")


def test_the_whole_of_a_secret_is_starred_and_not_a_part_of_it():
    conceal(["--api-key=abcdefg8-12345678"], {"HF_TOKEN": "abcdefg8"})
    assert "***, ***" == concealed("abcdefg8-12345678, abcdefg8")


def test_an_argument_with_a_short_secret_is_starred_whole():
    conceal(["--gpus", "api_key=abc", '--x={"token": "a1"}', "--api-key", "ab"], {})
    assert "'***' is not a known GPU; abc" == concealed("'api_key=abc' is not a known GPU; abc")
    assert "***" == concealed('--x={"token": "a1"}')
    assert "crabs" == concealed("crabs")


def test_many_secrets_are_starred_like_few():
    keys = [f"abcdefgh-{number}x" for number in range(MANY)]
    conceal(["--api-key", *keys, "abcdefgh-1x-and-more"], {})
    text = f"a {keys[1]} {keys[1]}-and-more b {keys[-1]}abc abcdefgh-x"
    assert "a *** *** b ***abc abcdefgh-x" == concealed(text)
