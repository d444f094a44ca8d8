"""Words of a command line: plain ones stay, and the others are quoted as every shell reads them.

That bash, dash, zsh and fish read each as itself is a law: `tests/laws/test_injection_laws.py`.
"""

import shlex

import pytest
from hypothesis import example, given, strategies as st

from nimprofile.base.formats.shell_words import (
    shell_line,
    shell_variable,
    shell_word,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("vllm", "vllm"),
        ("--tensor-parallel-size=2", "--tensor-parallel-size=2"),
        ("8000:8000", "8000:8000"),
        ("hf://acme/it@main", "hf://acme/it@main"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("a\\b", r"'a'\\'b'"),
        ("\\'", r"\\\'"),
        ("=ls", "'=ls'"),
        ("a:=ls", "'a:=ls'"),
        ("a==ls", "'a==ls'"),
        ("%self", "'%self'"),
        ("~", "'~'"),
        ("a\nb", "'a\nb'"),
        ("é", "'é'"),
        ("-\x1b[31m\u202e", "\"$(printf '\\055\\033\\13331m\\342\\200\\256')\""),
        ("\ta\n\n", "\"$(printf '\\011a')\"'\n\n'"),
    ],
)
def test_a_word_is_quoted_where_a_shell_would_read_something_else(text, word):
    assert word == shell_word(text)


def test_a_line_has_each_word_apart():
    assert "serve 'a b' ''" == shell_line(("serve", "a b", ""))


def test_a_variable_is_exported_for_the_programs_that_follow():
    assert "export IT='1 2'" == shell_variable("IT", "1 2")


def _outcome(split, text):
    try:
        return split(text)
    except ValueError:
        return "refused"


@given(st.text(alphabet="ab'\"\\ \t\n=é\u00a0\u2028", max_size=30))
@example("'a' \"b\\\"c\\d\" e\\ f ''")
@example("a\\")
@example('a"b')
@example("a'b")
def test_a_line_is_divided_as_shlex_divides_it(text):
    assert _outcome(shlex.split, text) == _outcome(split_words, text)


def test_a_byte_that_is_no_text_is_written_as_it_is():
    assert "\"$(printf '\\377a')\"" == shell_word("\udcffa")
    assert "\"$(printf '\\355\\240\\200')\"" == shell_word("\ud800")
