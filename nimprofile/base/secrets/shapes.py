"""The secrets inside a text, told by the names that stand before them or by their own form.

`secret_parts` looks into a value that an operator gives: JSON, `name=value`, headers, addresses.
`without_shapes` looks at any text, and knows a secret by its form alone. The time that either takes
grows with the length of the text.
"""

from __future__ import annotations

import re

from nimprofile.base.record import Record
from nimprofile.base.secrets.names import (
    is_name_of_headers,
    is_plain_header,
    is_secret_name,
    is_secret_parameter,
    is_token_of_text,
)
from nimprofile.base.secrets.output import STARS
from nimprofile.base.secrets.strength import is_path, is_strong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY


def secret_parts(text: str, *, headers: bool = False) -> Iterator[str]:
    """The secrets in a value that an operator gives.

    Args:
        text: the value of a flag or of a variable, or a word.
        headers: it holds headers; all are secrets but for those that are known to be none.
    """
    if text.lstrip()[:1] in _JSON and (value := _parsed(text)) is not None:
        yield from _of_json(value, headers=headers)
        return
    alone = True
    for found in _NAMED.finditer(text):
        name = found[1]
        if not (is_secret_name(name) or (headers and not is_plain_header(name))):
            continue
        rest = text[found.end() : found.end() + LONGEST_VALUE]
        value = _value(rest)
        told = is_no_secret(rest if value == STARS or value[:1] in _WHOLE else value)
        told = told or _VARIABLE.match(rest) is not None
        if (value and told) or is_token_of_text(name, value) or _is_entry_point(found, rest):
            continue
        yield value
        if alone:  # a password may have commas and spaces of its own
            yield text[found.end() :].strip()
        alone = False
    for start, end in _spans(text, _SPACE):
        yield text[start:end]
    for found in _USER.finditer(text):
        yield found[1]


def leaves(text: str) -> Iterator[str]:
    """A text that is a secret as a whole, and each of the texts in it where it is JSON."""
    yield text
    if text.lstrip()[:1] in _JSON and (value := _parsed(text)) is not None:
        yield from _of_json(value, secret=True)


def without_shapes(text: str) -> str:
    """A text with stars for what is a secret by its form: in an address, or as issuers mark it."""
    shown, at = [], 0
    for start, end in sorted(_spans(text, _SPACE_OR_QUOTE)):
        if end <= at:
            continue
        shown += [text[at:start], STARS] if start >= at else []
        at = end
    return "".join((*shown, text[at:]))


def is_no_secret(value: str) -> bool:
    """Whether a value says something of a secret, as `true` does or the path of its file."""
    text = value.strip("\"' ")
    if text.lower() in _WORDS or is_path(text):
        return True
    return any(form.fullmatch(text) for form in (_PATH, _VARIABLE))


_JSON = frozenset({"{", "[", '"'})
_WORDS = frozenset(
    {
        *("", STARS, "true", "false", "null", "none", "yes", "no", "on", "off", "auto"),
        *("bearer", "basic", "token", "digest"),  # which stand before it
    }
)
_PATH = re.compile(
    r"(?:~|\.{1,2})?/(?:[\w@-][\w.@-]*/)+[\w@.-]+\.[a-z]{2,7}|/(?:var/)?run/[\w./@-]+"
)
"""The path of a file that holds a secret."""

_VARIABLE = re.compile(r"\{\{[\s\w.]{0,40}\}\}(?![\w/+=-])")
"""A variable of a template."""

_WHOLE = frozenset("/~.")
"""What a path begins with, which is looked at to its end."""

_NAMED = re.compile(r"""(?<![\w.-])([\w.-]++)["']?[ \t]*+(?:=>|[=:](?!//))[ \t]*+""")
_VALUE = re.compile(r"""\s*("[^"\n]*|'[^'\n]*|[^\s,;&}\]"']*)""")

LONGEST_VALUE = 512
"""Characters of a value that is looked for by its name; of a longer one this many are found."""


_USER = re.compile(r"(?<![\w./:@-])[\w.+-]++:([^\s:@/]++)@(?!sha\d+:)[\w-]++(?:\.[\w-]|:\d)")
"""A user, a password and a host without a scheme before them."""


def _is_entry_point(named: re.Match[str], rest: str) -> bool:
    """Whether this is an object in a Python module, as `app.auth:check` is."""
    inside = named[0].endswith(":") and "." in named[1]
    return inside and rest.isidentifier() and not is_strong(rest)


def _value(text: str) -> str:
    """The value that a text begins with, without its quotation marks."""
    found = _VALUE.match(text)
    return found[1].strip("\"'") if found else ""


class _Number(str):
    """A number as JSON has it, however many digits."""

    __slots__ = ()


class _Pairs(list):  # type: ignore[type-arg]
    """The keys and values of an object, a key that stands there twice twice."""

    __slots__ = ()


def _parsed(text: str) -> object:
    """A text as JSON; None where it is none."""
    import json

    try:
        return json.loads(
            text, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, strict=False
        )
    except (ValueError, RecursionError):
        return None


def _of_json(value: object, *, headers: bool = False, secret: bool = False) -> Iterator[str]:
    """The secrets in a value of JSON, whatever it stands under."""
    todo = [_Met("", value, headers=headers, secret=secret)]
    while todo:
        met = todo.pop()
        if isinstance(met.value, list):
            todo += _inside(met)
        elif isinstance(met.value, str):
            yield from _of_text(met, met.value)


class _Met(Record):
    """A value of JSON with what is known of it from what it stands in."""

    name: str
    value: object
    _: KW_ONLY
    headers: bool = False
    secret: bool = False


def _inside(met: _Met) -> Iterator[_Met]:
    """The values in an object or a list, which can be a pair of a name and its value."""
    values: list[object] = met.value  # type: ignore[assignment]
    headers = met.headers
    if isinstance(values, _Pairs):
        named = any(key.lower() in _NAMES and _opens(text, headers) for key, text in values)
        for key, inner in values:
            secret = met.secret or (named and key.lower() in _VALUES) or _opens(key, headers)
            own = headers or is_name_of_headers(key)
            yield _Met(key, inner, headers=own, secret=secret)
    elif len(values) == 2 and _opens(values[0], headers) and not _opens(values[1], headers=False):
        yield _Met(str(values[0]), values[1], headers=headers, secret=True)
    else:
        yield from (met.replace(value=inner) for inner in values)


def _of_text(met: _Met, text: str) -> Iterator[str]:
    number = isinstance(text, _Number)
    if not met.secret:
        yield from () if number else secret_parts(text, headers=met.headers)
    elif not (is_no_secret(text) or is_token_of_text(met.name, text, number=number)):
        yield from (text,) if number else (text, *secret_parts(text))


def _opens(name: object, headers: bool) -> bool:
    """Whether this is the name of a secret."""
    if not isinstance(name, str):
        return False
    return is_secret_name(name) or (headers and not is_plain_header(name))


_NAMES = frozenset({"name", "key", "header", "variable", "env"})
_VALUES = frozenset({"value", "val", "default"})
"""Keys of an object that names something and says its value, as Kubernetes' variables do."""


def _spans(text: str, ends: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the secrets in a text are that are told by their form.

    Args:
        text: any text.
        ends: what ends an address.
    """
    for found in _ISSUED.finditer(text):
        yield found.span(found.lastindex or 0)
    at = text.find("://")
    while at >= 0:
        stop = ends.search(text, at)
        end = stop.start() if stop else len(text)
        if (span := _in_authority(text, at + 3, end)) is not None:
            yield span
        for each in _PARAMETER.finditer(text, at, end):
            if is_secret_parameter(_decoded(each[1])) and not is_no_secret(each[2]):
                yield each.span(2)
        at = text.find("://", end)


def _in_authority(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where an address has a password, or a token for a user, before its host."""
    last = text.rfind("@", start, end)
    if last < 0 or text.startswith("[", start):
        return None
    found = _AUTHORITY.search(text, start, end)
    stop = found.start() if found else end
    inside = text.rfind("@", start, stop)
    colon = text.find(":", start, stop if inside < 0 else inside)
    if colon < 0:  # a user alone, which in an address of HTTP can be a token
        is_token = inside - start >= LONG_USER or text.endswith(("http", "https"), 0, start - 3)
        return (start, inside) if is_token and inside > start else None
    if inside < 0 and text[colon + 1 : stop].isdigit():  # a port, and the @ is of the path
        return None
    return (colon + 1, last) if last > colon + 1 else None


LONG_USER = 16
"""From so many characters on, who stands before the @ of an address is a token and no name."""


def _decoded(name: str) -> str:
    if "%" not in name:
        return name
    from urllib.parse import unquote

    return unquote(name)


_SPACE = re.compile(r"\s")
_SPACE_OR_QUOTE = re.compile(r"""[\s"'<>`]""")
_AUTHORITY = re.compile(r"[/?#]")
_PARAMETER = re.compile(r"""[?&;#]([\w.%~-]++)=([^&;#\s"'<>`]*+)""")

ISSUED = (
    r"hf_(?:[A-Za-z0-9]{17,}|(?=[A-Za-z]*[0-9]+[A-Za-z])[A-Za-z0-9]{8,})",
    r"nvapi-[\w-]{16,}",
    r"(?<![\w-])sk-(?:[A-Za-z0-9]+[-_]){0,4}[A-Za-z0-9]{16,}[\w-]*",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_\w{20,}",
    r"glpat-[\w-]{16,}",
    r"xox[abeposr]-[\w-]{10,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"AIza[\w-]{30,}",
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    r"https://hooks\.slack\.com/services/([\w/-]+)",
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*",
    r"(?i:bearer)[ \t]+([^\s\"',;<>`*]{6,})",
    r"Basic[ \t]+((?=[A-Za-z+/]*(?:[0-9=]|(?<=[a-z])[A-Z]))[A-Za-z0-9+/=]{8,})",
)
"""Tokens as those who issue them mark them, and what follows the scheme of an authorization.

Each has one of `output.MARKS` in it."""

_ISSUED = re.compile("|".join(ISSUED))
