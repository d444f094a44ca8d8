"""Which of an operator's arguments win, change the selection, or hold a secret?"""

import pytest

from nimprofile.launch.flags import FlagSyntax, last_number, merge_arguments, read_flags, take_value
from nimprofile.launch.secrets import redacted, secret_flags

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


SECRETS = [
    ("--api-key", "hunter2"),
    ("--api-key=hunter2",),
    ("--api_key", "hunter2"),
    ("--api-k", "hunter2"),
    ("--admin-api-key", "hunter2"),
    ("--hf-token", "hunter2"),
    ("--ssl-keyfile-password", "hunter2"),
    ("--grpc-restricted-protocol=inference:admin-key=hunter2",),
    ("--http-restricted-api", "inference:key=hunter2"),
    ("--cache-config=redis,password=hunter2",),
    ("--model-loader-extra-config", '{"api_key": "hunter2"}'),
]


@pytest.mark.parametrize("words", SECRETS)
def test_a_secret_is_seen_and_starred(words):
    assert secret_flags(["--seed", "7", *words])
    assert not any("hunter2" in found for found in secret_flags(words))
    shown = redacted(["--seed", "7", *words, "--port", "8000"])
    assert not any("hunter2" in word for word in shown)
    assert ["--seed", "7"] == shown[:2]
    assert ["--port", "8000"] == shown[-2:]


@pytest.mark.parametrize(
    "words",
    [
        ("--max-num-batched-tokens", "8192"),
        ("--tokenizer", "acme/llama"),
        ("--num-speculative-tokens=4",),
        ("--skip-tokenizer-init",),
        ("--a", "b"),
        ("--ssl-keyfile", "/etc/key.pem"),
        ("--speculative-config", '{"num_speculative_tokens": 4}'),
    ],
)
def test_what_is_no_secret_is_shown(words):
    assert [] == secret_flags(words)
    assert [*words] == redacted(words)
