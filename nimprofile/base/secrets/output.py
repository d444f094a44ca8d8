"""What is written never has a secret: those that were given to this process, and those of a form.

`conceal` says where the secrets of this process are: its arguments and its variables. `concealed`
is asked for every text that is written, or that a message repeats.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class _Given:
    """The arguments and variables of this process, which are looked into once and when needed."""

    __slots__ = ("arguments", "found", "variables")

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str]):
        self.arguments, self.variables = arguments, variables
        self.found: tuple[str, ...] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        if self.found is None:
            self.found = _secrets(self.arguments, self.variables)
        return self.found


_given = _Given((), {})


def conceal(arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    """Let no text that is written from now on have a secret of these.

    Args:
        arguments: of the process, those for a server among them.
        variables: its environment.
    """
    global _given  # noqa: PLW0603 - a process has one command line and one environment
    _given = _Given(arguments, variables)


def concealed(text: str) -> str:
    """A text with stars for each secret in it."""
    for secret in _given.secrets:
        if secret in text:
            text = text.replace(secret, STARS)
    if not any(mark in text for mark in MARKS):
        return text
    from nimprofile.base.secrets.shapes import without_shapes

    return without_shapes(text)


STARS = "***"
"""What stands where a secret was."""

MARKS = (
    *("://", "hf_", "nvapi-", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "xox", "AKIA", "ASIA", "AIza", "eyJ", "PRIVATE KEY", "earer ", "EARER ", "Basic "),
)
"""One of these stands in every text that has a secret by its form."""

SHORTEST = 6
"""Characters of a secret that is looked for in texts: a shorter one is part of many a word."""


def _secrets(arguments: Sequence[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets of this process as texts can have them, the longest first."""
    named = {name: value for name, value in variables.items() if _may_have(f"{name}={value}")}
    if not named and not any(map(_may_have, arguments)):
        return ()
    from nimprofile.base.secrets.arguments import secret_values

    # What a variable holds may be any word of ours, and is seldom repeated.
    kept = (secret for secret in secret_values((), named) if not _is_word(secret))
    secrets = {secret.strip() for secret in (*secret_values(arguments, {}), *kept)}
    found = {form for secret in secrets for form in _forms(secret) if _is_looked_for(form)}
    return tuple(sorted(found, key=len, reverse=True))


def _is_word(secret: str) -> bool:
    return secret.isalpha() and len(secret) < LONG


def _may_have(text: str) -> bool:
    """Whether a text can have a secret, told by parts of words that every one has beside it."""
    folded = text.lower()
    return any(part in folded for part in _BESIDE)


_BESIDE = (
    *("key", "token", "secret", "pass", "pwd", "auth", "cred", "cookie", "dsn", "jwt", "bearer"),
    *("header", "metadata", "connection", "restricted", "--a", "--h"),
    *(mark.lower() for mark in MARKS),
)


def _is_looked_for(secret: str) -> bool:
    return len(secret) >= SHORTEST and secret.lower() not in _ORDINARY


_ORDINARY = frozenset(
    {
        *("secret", "password", "api-key", "apikey", "default", "profile", "manifest", "engine"),
        *("sglang", "triton", "tensorrt_llm", "trtllm", "nvidia", "docker", "nimprofile"),
    }
)
"""Words that our own texts have; a secret of this kind keeps nobody out."""


def _forms(secret: str) -> Iterator[str]:
    """A secret as messages and documents write it: escaped, quoted, in other letters, in part."""
    import json
    from shlex import quote

    from nimprofile.base.formats.shell_words import shell_word
    from nimprofile.base.printable import printable

    yield from (secret, secret.lower(), secret.upper())
    if secret.isalnum():
        return
    yield from (repr(secret)[1:-1], json.dumps(secret)[1:-1], printable(secret))
    yield from (shell_word(secret), quote(secret))
    yield from (json.dumps(secret, ensure_ascii=False)[1:-1], *secret.splitlines())
    yield from (part for part in secret.replace(",", " ").split() if len(part) >= LONG)


LONG = 12
"""Characters of a part of a secret, between commas and spaces, that is a secret itself."""
