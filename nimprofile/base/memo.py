"""Memoisation whose key is exactly the attributes that a calculation read.

A key written by hand must list everything that the function reads, and nothing says so when it does
not. Here the function is handed a stand-in that notes each attribute it reads, so what was read is
the key: a function that comes to read one attribute more gets a longer key by itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Subject = TypeVar("Subject")
    Result = TypeVar("Result")


def memoised(calculate: Callable[[Subject], Result]) -> Callable[[Subject], Result]:
    """The same function of one frozen object, worked out once for objects that read alike.

    Two objects share a result when they agree in every attribute that the function read. It must
    depend on nothing else that changes, and must read attributes, whose values can be hashed: to
    compare or hash the object as a whole raises TypeError.
    """
    return _Memo(calculate)


class _Memo:
    """A decision tree of results: inner nodes read an attribute and branch by its value."""

    __slots__ = ("calculate", "start")

    def __init__(self, calculate: Callable[[Any], Any]):
        self.calculate = calculate
        self.start: _Question | _Answer | None = None

    def __call__(self, subject: object) -> Any:
        step = self.start
        while type(step) is _Question:
            step = step.next.get(getattr(subject, step.attribute))
        if step is None:
            step = self._learn(subject)
        return step.result  # type: ignore[union-attr]

    def _learn(self, subject: object) -> _Answer:
        """Work out a result, and keep it behind all that was asked and read."""
        asked: dict[str, object] = {}
        last: _Question | None = None
        step = self.start
        while isinstance(step, _Question):
            last, value = step, getattr(subject, step.attribute)
            asked[step.attribute] = value
            step = step.next.get(value)
        reading = _Reading(subject)
        answer = _Answer(self.calculate(reading))
        path: _Question | _Answer = answer
        for attribute, value in reversed(vars(reading).items()):
            if attribute not in asked:
                path = _Question(attribute, value, path)
        if last is None:
            self.start = path
        else:
            last.next[asked[last.attribute]] = path
        return answer


class _Answer:
    __slots__ = ("result",)

    def __init__(self, result: Any):
        self.result = result


class _Question:
    """The attribute to read next, and the node that follows for every value seen."""

    __slots__ = ("attribute", "next")

    def __init__(self, attribute: str, value: object, following: _Question | _Answer):
        self.attribute = attribute
        self.next = {value: following}


class _Reading:
    """Stands for an object; its own attributes are those that were read, in that order."""

    __slots__ = ("__dict__", "_subject")
    __hash__ = None  # type: ignore[assignment]
    __eq__ = None  # type: ignore[assignment]

    def __init__(self, subject: object):
        self._subject = subject

    def __getattr__(self, name: str) -> object:
        """Read an attribute once and keep it; later reads do not come here."""
        value = getattr(self._subject, name)
        self.__dict__[name] = value
        return value

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class of the object, for `isinstance` and `match`."""
        return type(self._subject)
