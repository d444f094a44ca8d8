"""Secrets are looked for in time in proportion to the length of a text, whatever it is."""

import pytest

from nimprofile.base.secrets.arguments import redacted
from nimprofile.base.secrets.output import conceal, concealed
from nimprofile.base.secrets.shapes import secret_parts, without_shapes
from tests.support.growth.ratio import grows_with_the_square

TEXTS = [
    *("a", "A", "aB", "a=", "token=", "token=a,", "a : ", "a='", "--a ", "-", "'", '"', "\\", " "),
    *("://", "://a:", "://u:p@", "@", "?&token=b", "hf_", "hf_ ", "sk-", "eyJaaaaaaaa.", "bearer "),
    *("Basic a ", "-----BEGIN ", "[", '{"a":', "token=/a/", "password=\n"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_searched_in_time_in_proportion_to_its_length(text):
    def work_of(size):
        whole = text * (size // len(text))

        def work():
            without_shapes(whole)
            list(secret_parts(whole, headers=True))
            redacted([whole, f"NIM_PASSTHROUGH_ARGS={whole}", "--api-key", whole])

        return work

    assert "" == grows_with_the_square(work_of, 4000)


def test_many_secrets_are_looked_for_like_few():
    def work_of(size):
        keys = [f"abcdefgh-{number}" for number in range(size)]

        def work():
            conceal(["--api-key", *keys], {})
            concealed("a text without them " * size)

        return work

    try:
        assert "" == grows_with_the_square(work_of, 500)
    finally:
        conceal((), {})
