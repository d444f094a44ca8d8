"""Keys, tokens and passwords among the arguments of a program, and among variables."""

from __future__ import annotations

import re
from shlex import join

from nimprofile.base.environment import PASSTHROUGH
from nimprofile.base.formats.shell_words import split_words
from nimprofile.base.secrets.names import (
    is_name_of_headers,
    is_plain_header,
    is_secret_name,
)
from nimprofile.base.secrets.output import SHORTEST, STARS
from nimprofile.base.secrets.shapes import is_no_secret, leaves, secret_parts
from nimprofile.base.secrets.strength import is_strong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_ABBREVIATED = {"--api-key": 5, "--admin-api-key": 5, "--hf-token": 5, "--ssl-keyfile-password": 14}
"""Flags of which the engines' parsers take a beginning, such as `--api-k`, and how long it is."""

_RESTRICTED = re.compile(r"--[\w-]*restricted-(api|protocol)s?", re.IGNORECASE)
"""Triton's flags whose value has a key of its own (server/src/command_line_parser.cc)."""


_WORDS = f"{PASSTHROUGH}="
"""The variable of arguments, as `docker run -e` has it; its value is a line of shell words."""


def secret_flags(arguments: Iterable[str]) -> list[str]:
    """The flags whose value is a key, a token or a password, or has one in it; never the value."""
    return [flag for flag, _, parts in _read(arguments) if parts]


def secret_variables(variables: Iterable[tuple[str, str]]) -> list[str]:
    """The variables that are a secret, or have one in their value; never the value."""
    return [name for name, value in variables if any(_of_variable(name, value))]


def redacted(arguments: Sequence[str]) -> list[str]:
    """The same arguments with stars for whatever may be a secret."""
    return [
        _starred(argument, kept) if parts else argument
        for argument, (_, kept, parts) in zip(arguments, _read(arguments), strict=True)
    ]


def secret_values(arguments: Iterable[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Every secret among arguments and variables, and the whole argument of a short one."""
    words = [*arguments]
    for argument, (_, _, parts) in zip(words, _read(words), strict=True):
        yield from parts
        if any(len(part) < SHORTEST for part in parts):
            yield argument
    for name, value in variables.items():
        yield from _of_variable(name, value)


def _read(arguments: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Of each argument the flag that it is or belongs to, what stays, and the secrets in the rest.

    All that follows a flag is its value, for vLLM's `--api-key` takes several.
    """
    flag, hides, headers, first = "an argument", False, False, False
    for argument in arguments:
        name, separator, value = _divided(argument)
        if not name or (first and hides and argument[:2] != "--"):
            variable = _VARIABLE.match(argument)
            if hides or variable is None:
                yield flag, "", _parts(flag, argument, hides=hides, headers=headers)
                hides = hides or _announces(argument, headers=headers)
            else:
                inside = _of_variable(variable[1], argument[variable.end() :], headers=headers)
                yield flag, variable[0], tuple(inside)
            first = False
            continue
        flag, hides, headers = name, _hides(name), is_name_of_headers(name)
        first = not separator
        if first:
            glued = _GLUED.fullmatch(name)
            key = glued[2] if glued and is_strong(glued[2]) else ""
            flag = name.removesuffix(key) if key else name
            yield flag, flag if key else "", (key,) if key else ()
            continue
        yield flag, f"{name}{separator}", _parts(flag, value, hides=hides, headers=headers)
        hides = headers = False


def _parts(flag: str, value: str, *, hides: bool, headers: bool) -> tuple[str, ...]:
    """The secrets in the value of a flag."""
    if hides and not is_no_secret(value):
        return tuple(filter(None, leaves(value)))
    user, _, password = value.partition(":")
    if flag in _USERS and user and is_strong(password):
        return (password,)
    return tuple(filter(None, _of_value(value, headers=headers)))


def _divided(argument: str) -> tuple[str, str, str]:
    """A flag, what divides it from its value in the same word, and that; no flag in other words."""
    found = _FLAG.fullmatch(argument)
    return (found[1], found[2] or "", found[3] or "") if found else ("", "", argument)


def _announces(word: str, *, headers: bool) -> bool:
    """Whether the words after this one are a secret, as those of an unquoted header are."""
    if word.lower() in {"bearer", "basic"}:
        return True
    if _COMPOUND.fullmatch(word) and not headers:  # a flag without its dashes
        return is_secret_name(word)
    name = word[:-1] if word[-1:] in {":", "="} else ""
    return is_secret_name(name) or (headers and name != "" and not is_plain_header(name))


_DASH = r"[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
"""Dashes that programs make of the one that is typed."""

_FLAG = re.compile(rf"({_DASH}{{1,3}}[A-Za-z][^\s=:]*+)(?:([=:]|\s+)([\s\S]*))?")
_COMPOUND = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)+")
_GLUED = re.compile(r"(--?(?:\w+[-_])?(?:api[-_]?key|token|password|secret))([A-Za-z0-9]\S{7,})")
_USERS = frozenset({"-u", "--user", "--proxy-user"})
"""Flags whose value is a user and a password."""

_VARIABLE = re.compile(r"(\w+)=")


def _hides(flag: str) -> bool:
    """Whether the value of a flag is a secret."""
    if is_secret_name(flag) or _RESTRICTED.fullmatch(flag) is not None:
        return True
    spelt = flag.lower().replace("_", "-")
    return any(
        len(spelt) >= least and name.startswith(spelt) for name, least in _ABBREVIATED.items()
    )


def _of_value(text: str, *, headers: bool = False) -> Iterator[str]:
    """The secrets in a value, which can be a line of words with flags of their own."""
    yield from secret_parts(text, headers=headers)
    if not _is_line(text):
        return
    words = split_words(text, lenient=True)
    if len(words) > 1 and any(_divided(word)[0] for word in words):
        for _, _, parts in _read(words):
            yield from parts


def _is_line(text: str) -> bool:
    """Whether a text can be a line of words: it is no JSON, and has a space."""
    return text.lstrip()[:1] not in {"{", "["} and any(map(str.isspace, text))


def _of_variable(name: str, value: str, *, headers: bool = False) -> Iterator[str]:
    if is_secret_name(name) and name != "PWD":
        parts = () if is_no_secret(value) else leaves(value)
    elif headers:
        parts = secret_parts(f"{name}={value}", headers=True)
    else:
        parts = _of_value(value, headers=is_name_of_headers(name))
    yield from filter(None, parts)


def _starred(argument: str, kept: str) -> str:
    """An argument that has a secret, as it is shown: what stays, and stars."""
    line = argument.removeprefix(kept)
    if kept != _WORDS or not _is_line(line):
        return kept + STARS
    return kept + join(redacted(split_words(line, lenient=True)))
