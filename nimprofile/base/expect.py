"""Checks of what a caller hands in, with a sentence that says what was expected.

Used by the public functions, and by the records that people write by hand.
"""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import TypeVar

    T = TypeVar("T")

MOST_OF_VALUE = 60
"""Characters of a value that a sentence repeats."""


def expect(where: str, value: object, *types: type, hint: str = "") -> None:
    """Refuse a value of another type.

    Args:
        where: the function and its argument, `select: inventory`.
        value: what was given.
        types: what it may be.
        hint: how to get one.

    Raises TypeError.
    """
    if not isinstance(value, types):
        names = " or ".join(_with_article(type.__name__) for type in types)
        raise TypeError(f"{where} is {names}, not {_shown(value)}{hint and f'; {hint}'}")


def expect_each(where: str, values: Iterable[T], type_: type[T], hint: str = "") -> tuple[T, ...]:
    """The values as a tuple; TypeError when one has another type, or they are not several."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        problem = f"{where} is several of {type_.__name__}, not {_shown(values)}"
        raise TypeError(f"{problem}{hint and f'; {hint}'}")
    several = tuple(values)
    for value in several:
        if not isinstance(value, type_):
            problem = f"{where} holds {_with_article(type_.__name__)}, not {_shown(value)}"
            raise TypeError(f"{problem}{hint and f'; {hint}'}")
    return several


def expect_text(where: str, value: object, hint: str = "") -> None:
    """Refuse what is no text; TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{where} is a text, not {_shown(value)}{hint and f'; {hint}'}")


def expect_path(where: str, value: str | os.PathLike[str]) -> str:
    """The text of a path; TypeError for what is none."""
    path = value if isinstance(value, str) else getattr(value, "__fspath__", lambda: None)()
    if not isinstance(path, str):
        raise TypeError(f"{where} is a path, not {_shown(value)}")
    return path


def expect_mapping(where: str, value: object, hint: str = "") -> None:
    """Refuse what is no mapping, such as `os.environ` or a dict; TypeError."""
    if not (hasattr(value, "keys") and hasattr(value, "__getitem__")):
        raise TypeError(f"{where} is a mapping, not {_shown(value)}{hint and f'; {hint}'}")


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Refuse what is no whole number from `least` on; RequestError."""
    if type(value) is not int or value < least:
        raise RequestError(f"{name} {quoted(value)} is not a whole number from {least} on")


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _shown(value: object) -> str:
    if value is None:
        return "None"
    return f"the {type(value).__name__} {quoted(value, MOST_OF_VALUE)}"
