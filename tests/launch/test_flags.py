"""Which of an operator's arguments win or change the selection."""

import pytest

from nimprofile.launch.flags import FlagSyntax, last_number, merge_arguments, read_flags, take_value

FLAGS = FlagSyntax(
    {"-tp": "--tensor-parallel-size"},
    {"--tensor-parallel-size": "tensor parallelism", "--max-model-len": "memory"},
    dashed=True,
    prefixes=True,
)
OWN = [("--host", "0.0.0.0"), ("--tensor-parallel-size", "2"), ("--enforce-eager",)]


@pytest.mark.parametrize(
    "extra",
    [
        ("--tensor-parallel-size", "4"),
        ("--tensor-parallel-size=4",),
        ("--tensor_parallel_size", "4"),
        ("--tensor-par", "4"),
        ("-tp", "4"),
        ("-tp=4",),
    ],
)
def test_an_argument_wins_over_ours_in_every_spelling(extra):
    words, notes = merge_arguments(OWN, extra, FLAGS)
    assert ("--host", "0.0.0.0", "--enforce-eager", *extra) == words
    assert (
        "your --tensor-parallel-size 4 instead of 2 changes what was selected: tensor parallelism",
    ) == notes


def test_what_says_the_same_is_no_change():
    assert () == merge_arguments(OWN, ("--tensor-parallel-size", "2"), FLAGS)[1]


def test_what_decides_nothing_is_not_noted():
    assert () == merge_arguments(OWN, ("--seed", "7", "--host=::1"), FLAGS)[1]


def test_what_we_leave_to_the_engine_is_noted_when_it_decides():
    notes = merge_arguments(OWN, ("--max-model-len", "4096"), FLAGS)[1]
    assert ("your --max-model-len 4096 changes what was selected: memory",) == notes


def test_values_are_no_flags():
    words = ("--a", "-1", "--b", "--c=d", "e", "-", "--", "--not-read")
    assert [("--a", "-1"), ("--b", None), ("--c", "d")] == list(read_flags(words, FLAGS))


def test_a_value_that_looks_like_a_flag_is_joined_to_its_own():
    assert ("--name=--trust-remote-code",) == merge_arguments(
        [("--name", "--trust-remote-code")], (), FLAGS
    )[0]


@pytest.mark.parametrize(
    ("words", "value", "rest"),
    [
        (("--model", "a", "--b"), "a", ("--b",)),
        (("--b", "--model=a"), "a", ("--b",)),
        (("--model", "a", "--model", "c"), "c", ()),
        (("--b", "c"), None, ("--b", "c")),
        (("--b", "--model"), None, ("--b",)),
    ],
)
def test_a_flag_is_taken_out_with_its_last_value(words, value, rest):
    assert (value, rest) == take_value(words, "--model", FLAGS)


@pytest.mark.parametrize(
    ("words", "port"),
    [((), 8000), (("--port", "1", "--port=2"), 2), (("--port", "x"), 8000), (("--port",), 8000)],
)
def test_the_last_number_counts(words, port):
    assert port == last_number(words, "--port", FLAGS, 8000)
