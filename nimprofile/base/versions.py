"""Versions, specifier sets and requirements.

They mean what they mean to `packaging`. Plain sets of plain versions, `>=8.0,<10.0`, are compared
here, because importing packaging costs an entrypoint as much as three bare interpreters; a law
compares the two.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Release: TypeAlias = tuple[int, ...]

MAX_LENGTH = 200
"""Longer versions and specifier sets, in characters, are none: numbers of thousands of digits are
none in Python, and no project has such."""

_OPERATORS: dict[str, Callable[[Release, Release], bool]] = {
    ">=": lambda have, bound: have >= bound,
    "<=": lambda have, bound: have <= bound,
    "==": lambda have, bound: have == bound,
    "!=": lambda have, bound: have != bound,
    ">": lambda have, bound: have > bound,
    "<": lambda have, bound: have < bound,
}
"""Longer signs first: `>=8` does not begin with `>`."""


def satisfies(version: str, specifiers: str) -> bool:
    """Whether a version is in a specifier set; prereleases are versions like others.

    Raises ValueError when either is none.
    """
    if max(len(version), len(specifiers)) > MAX_LENGTH:
        raise ValueError(f"a version or specifier set of more than {MAX_LENGTH} characters")
    have, bounds = _release(version), _plain(specifiers)
    if have is not None and bounds is not None:
        return all(_OPERATORS[operator](have, bound) for operator, bound in bounds)
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    return SpecifierSet(specifiers).contains(Version(version), prereleases=True)


def is_version(text: str) -> bool:
    """Whether a text is a version."""
    if len(text) > MAX_LENGTH:
        return False
    if _release(text) is not None:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def is_specifier_set(text: str) -> bool:
    """Whether a text is a specifier set."""
    if len(text) > MAX_LENGTH:
        return False
    if _plain(text) is not None:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def narrowest(*sets: str) -> str:
    """What all of these sets of `>=` and `<` allow: the highest lower, the lowest upper bound."""
    parts = [part for text in sets for part in text.split(",") if part]
    low = [part.removeprefix(">=") for part in parts if part.startswith(">=")]
    high = [part.removeprefix("<") for part in parts if part.startswith("<")]
    bounds = [f">={max(low, key=_key(low))}"] if low else []
    return ",".join([*bounds, *([f"<{min(high, key=_key(high))}"] if high else [])])


def _key(versions: list[str]) -> Callable[[str], Any]:
    if all(_release(version) is not None for version in versions):
        return _release
    from packaging.version import Version

    return Version


def split_requirement(text: str) -> tuple[str, str]:
    """The name and the specifier set of a requirement such as `vllm>=0.10.1`.

    Raises ValueError when it is none, or has more than these two.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a requirement of more than {MAX_LENGTH} characters")
    end = next((at for at, sign in enumerate(text) if sign in "<>=!~ "), len(text))
    name, specifiers = text[:end], text[end:]
    plain = name.isascii() and name.replace("_", "").isalnum() and name.strip("_") == name
    if plain and _plain(specifiers) is not None:
        return name, specifiers
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker or requirement.extras or requirement.url:
        raise ValueError("expected a name and versions alone")
    return requirement.name, str(requirement.specifier)


def _plain(specifiers: str) -> list[tuple[str, Release]] | None:
    """Bounds of plain releases; None when there is anything else."""
    bounds = []
    for part in specifiers.split(",") if specifiers.strip() else ():
        text = part.strip()
        operator = next((sign for sign in _OPERATORS if text.startswith(sign)), None)
        bound = None if operator is None else _release(text.removeprefix(operator).strip())
        if operator is None or bound is None:
            return None
        bounds.append((operator, bound))
    return bounds


def _release(text: str) -> Release | None:
    """A version of numbers and dots alone, without the zeros at its end."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def is_release(text: str) -> bool:
    """Whether it is one to four numbers with dots between, as `570.124.06`."""
    parts = text.split(".")
    return len(parts) <= 4 and all(
        part.isascii() and part.isdigit() and len(part) <= 6 for part in parts
    )
