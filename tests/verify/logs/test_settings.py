"""Settings in a line, as servers print their arguments."""

import pytest

from nimprofile.verify.logs.settings import settings_in


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=1, b='x, c=2', d=None", [("a", "1"), ("b", "'x, c=2'"), ("d", "None")]),
        ("Namespace(a=1, b=[1, 2], c=3)", [("a", "1"), ("b", "[1, 2]"), ("c", "3")]),
        ("ServerArgs(model_path='m', tp_size=2)", [("model_path", "'m'"), ("tp_size", "2")]),
        (
            "{'a': 1, 'b': {'a': 2}, 'c': \"it's\"}",
            [("a", "1"), ("b", "{'a': 2}"), ("c", '"it\'s"')],
        ),
        ("a=<Mode.X: 3>, b=f(x=1)", [("a", "<Mode.X: 3>"), ("b", "f(x=1)")]),
        ("a='it\\'s', b=1", [("a", "'it\\'s'"), ("b", "1")]),
        ("", []),
        ("no settings here", []),
    ],
)
def test_settings_are_read_at_the_outermost_level(text, pairs):
    assert pairs == list(settings_in(text))


@pytest.mark.parametrize("text", ["a=1, b=tru …", "a=1, b=[1, 2", "a=1, b='x", "a=1, b="])
def test_a_value_that_is_cut_off_is_not_read(text):
    assert [("a", "1")] == [(name, value) for name, value in settings_in(text) if value]


def test_brackets_that_do_not_fit_end_nothing():
    assert [("a", "1")] == list(settings_in("a=1, )))b=((2"))


def test_settings_may_stand_apart_by_blanks():
    text = "model='a b' tp=2 kv=KvCacheConfig(a=1, tp=3) end=None"
    pairs = [("model", "'a b'"), ("tp", "2"), ("kv", "KvCacheConfig(a=1, tp=3)"), ("end", "None")]
    assert pairs == list(settings_in(text, " "))
