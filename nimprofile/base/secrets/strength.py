"""Whether a value is strong enough to be a key, or is a path, a name or a word as many texts have.

A variable such as `IMAGE_PULL_SECRET` or `HOST_PWD` is called like a secret and holds none. What is
looked for in every text must be found in none by chance.
"""

from __future__ import annotations

import re

STRONG = 8
"""Characters of a key, at least."""


def is_strong(value: str) -> bool:
    """Whether a value can be a key, and is nothing that other texts have by chance."""
    text = value.strip("\"' ")
    if len(text) < STRONG or _NUMBERS.fullmatch(text):
        return False
    if text.isalpha() and len(text) < LONG_WORD and text[1:].islower() | text.isupper():
        return False
    return not (is_path(text) or _is_name(text))


def is_path(text: str) -> bool:
    """Whether a text is a path that begins at the root, at home or at this directory."""
    return _PATH.fullmatch(text) is not None and not _has_random_part(text)


def _is_name(text: str) -> bool:
    """Whether a text is a name as Kubernetes, images, profiles and model repositories have it."""
    form = _REPOSITORY if "/" in text else _NAME
    return form.fullmatch(text) is not None and not _has_random_part(text)


def _has_random_part(text: str) -> bool:
    return any(_is_random(part) for part in _PART.findall(text))


def _is_random(part: str) -> bool:
    """Whether letters and digits are too many, or too mixed, for a word with a number."""
    if len(part) >= LONG_NAME or (len(part) >= LONG_WORD and not part.isalpha()):
        return True
    return len(part) >= MIXED and len(_CHANGE.findall(part)) > 1


LONG_WORD = 16
"""From so many characters on, letters alone are no word, and letters with digits no name."""

LONG_NAME = 24
"""From so many characters on, letters are no part of a name."""

MIXED = 12
"""From so many characters on, what changes between letters and digits or cases is no name."""

_NUMBERS = re.compile(r"[\d\s.,:/_+-]+")
_PATH = re.compile(r"(?:~|\.{1,2})?/[\w.@:/-]*")
_NAME = re.compile(r"[a-z0-9]+(?:[-._:]+[a-z0-9]+)+")
_REPOSITORY = re.compile(r"[A-Za-z0-9]+(?:[-._:/]+[A-Za-z0-9]+)+")
_PART = re.compile(r"[A-Za-z0-9]+")
_CHANGE = re.compile(r"(?=[a-z][A-Z]|[A-Za-z][0-9]|[0-9][A-Za-z])")
