"""What is written never has a secret: those that were given to this process, and those of a form.

`conceal` says where the secrets of this process are: its arguments and its variables. `concealed`
puts stars into a message; a document, which a program reads, is refused where it `has_secret`.
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


def has_secret(text: str) -> bool:
    """Whether a document has a secret that was given to this process; it is never rewritten."""
    return _without_given(text) != text


def concealed(text: str) -> str:
    """A message with stars for each secret in it."""
    text = _without_given(text)
    folded = text.lower()
    if not any(mark in folded for mark in MARKS):
        return text
    from nimprofile.base.secrets.shapes import without_shapes

    return without_shapes(text)


def _without_given(text: str) -> str:
    secrets = _given.secrets
    if len(secrets) > MANY:
        return _scanned(text, secrets)
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, STARS)
    return text


STARS = "***"
"""What stands where a secret was."""

MARKS = (
    *("://", "hf_", "nvapi-", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "xox", "akia", "asia", "aiza", "eyj", "private key", "bearer", "basic"),
)
"""One of these stands, in small letters, in every text that has a secret by its form."""

SHORTEST = 6
"""Characters of a secret that is looked for in texts: a shorter one is part of many a word."""


MANY = 100
"""Above so many secrets a text is searched once for all of them."""


def _scanned(text: str, secrets: tuple[str, ...]) -> str:
    """A text with stars for these secrets, the longest first, in one pass over it."""
    beginning: dict[str, list[str]] = {}
    for secret in secrets:
        beginning.setdefault(secret[:SHORTEST], []).append(secret)
    shown, kept, at = [], 0, 0
    while at <= len(text) - SHORTEST:
        here = beginning.get(text[at : at + SHORTEST], ())
        found = next((secret for secret in here if text.startswith(secret, at)), None)
        if found is None:
            at += 1
            continue
        shown += [text[kept:at], STARS]
        at = kept = at + len(found)
    return "".join((*shown, text[kept:]))


def _secrets(arguments: Sequence[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets of this process as texts can have them, the longest first."""
    named = {name: value for name, value in variables.items() if _may_have(f"{name}={value}")}
    if not named and not any(map(_may_have, arguments)):
        return ()
    from nimprofile.base.secrets.arguments import secret_values
    from nimprofile.base.secrets.strength import is_strong

    # What a variable holds may be any word or number of ours, and is seldom repeated.
    kept = filter(is_strong, secret_values((), named))
    secrets = {secret.strip() for secret in (*secret_values(arguments, {}), *kept)}
    found = {form for secret in secrets for form in _forms(secret) if _is_looked_for(form)}
    return tuple(sorted(found, key=len, reverse=True))


def _may_have(text: str) -> bool:
    """Whether a text can have a secret, told by parts of words that every one has beside it."""
    folded = text.lower()
    return any(part in folded for part in _BESIDE)


_BESIDE = (
    *("key", "token", "secret", "pass", "pwd", "auth", "cred", "cookie", "dsn", "jwt", "bearer"),
    *("header", "metadata", "connection", "restricted", "--a", "--h"),
    *("otp", "signature", "psk", "-user", "@"),
    *MARKS,
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
    spelt = {secret, secret.lower(), secret.upper()}
    yield from spelt
    if not secret.isalnum():
        for text in spelt:
            yield from _escaped(text)


def _escaped(text: str) -> Iterator[str]:
    import json
    import re
    from shlex import quote

    from nimprofile.base.formats.shell_words import shell_word
    from nimprofile.base.printable import printable

    yield from (repr(text)[1:-1], json.dumps(text)[1:-1], printable(text))
    yield from (shell_word(text), quote(text))
    yield from (json.dumps(text, ensure_ascii=False)[1:-1], *text.splitlines())
    for part in re.findall(r"[A-Za-z0-9]+", text):
        is_word = part.isalpha() and (part.islower() or part.isupper())
        if len(part) >= (2 * LONG_PART if is_word else LONG_PART):
            yield part


LONG_PART = 12
"""Characters of a part of a secret that is known for one, if it is no word."""
