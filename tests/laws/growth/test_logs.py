"""The time that a log takes grows with its size, whatever is written in it."""

import pytest

from nimprofile.verify.logs.reader import observations
from tests.support.growth.ratio import grows_with_the_square

OF_LONG_LINES = {
    "letters": lambda n: "x" * n,
    "blanks": lambda n: " " * n + "x",
    "opened brackets": lambda n: "server_args=" + "(" * n,
    "closed brackets": lambda n: "server_args=" + ")" * n,
    "opened quotes": lambda n: "server_args=" + "'" * n,
    "escaped quotes": lambda n: "server_args='" + "\\'" * n,
    "commas": lambda n: "server_args=" + "," * n,
    "settings": lambda n: "server_args=" + "tp_size=2, " * n,
    "long names": lambda n: "server_args=" + "a" * n + "=",
    "a record of JSON": lambda n: '{"log": "' + "x" * n + '"}',
    "opened objects": lambda n: '{"a":' * n + "}",
    "escapes": lambda n: "\x1b[" * n,
    "numbers of escapes": lambda n: "\x1b[" + "1;" * n,
    "half escapes": lambda n: "[1;" * n,
    "heads": lambda n: "INFO:     " * n,
    "processes": lambda n: "(Worker pid=1) " * n,
    "half processes": lambda n: "(a " * n,
    "progress bars": lambda n: "a: 9%|x" * n,
    "preempted": lambda n: "Sequence group " + "a " * n,
    "a profile": lambda n: "Selected profile: " + "a" * n,
    "tags": lambda n: (
        "Matched profile_id in manifest from X "
        + "a" * 64
        + " with tags: {"
        + "'a': 'b', " * n
        + "}"
    ),
    "weights": lambda n: "Load weight end. type=" + "a" * n + ", mem usage=",
    "sizes": lambda n: "GPU KV cache size: " + "1," * n + " tokens",
    "returns": lambda n: "GPU is there\r" * (n // 10),
}

OF_MANY_LINES = {
    "of one text": lambda at: "hello",
    "of weights": lambda at: (
        f"(Worker pid={at}) INFO 04-22 00:46:45 [a.py:1] Model loading took {at}.5 GiB"
    ),
    "of starts": lambda at: f"INFO 04-22 00:46:45 [a.py:1] vLLM API server version 0.8.{at}",
    "of failures": lambda at: f"ValueError: No available memory for the cache blocks {at}",
    "of parts": lambda at: f"2026-04-22T00:46:45.1Z stdout P part {at}",
    "of a block": lambda at: "Matched profile:" if at == 0 else f"tag{at}=b,",
    "of findings": lambda at: "Skipping CUDA graph capture",
}


@pytest.mark.parametrize("kind", OF_LONG_LINES)
def test_a_long_line_takes_time_in_proportion(kind):
    def work_of(size):
        line = OF_LONG_LINES[kind](size)
        return lambda: sum(1 for _ in observations([line] * 5, ""))

    assert "" == grows_with_the_square(work_of, 2000)


@pytest.mark.parametrize("kind", OF_MANY_LINES)
def test_many_lines_take_time_in_proportion(kind):
    def work_of(size):
        lines = [OF_MANY_LINES[kind](at) for at in range(size)]
        return lambda: sum(1 for _ in observations(lines, ""))

    assert "" == grows_with_the_square(work_of, 500)
