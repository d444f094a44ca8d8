"""What is a frozen value that costs a start-up nothing?

A `Record` subclass is a frozen, slotted dataclass to its users: constructor, defaults,
`__post_init__`, equality, hash, repr, pattern matching, `dataclasses.fields`, `replace` and
`asdict`, and pydantic's `TypeAdapter`. But the `dataclasses` module, which with `inspect` behind it
costs as much as a bare interpreter, and 0.25 ms more for every class, is imported only when one of
those is asked for. `docs/decisions/0003-records.md` has the measurement.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> object:
        """For type checkers only; importing `typing` costs 4 ms."""
        return lambda decorated: decorated


_DATACLASS_MARKS = frozenset({"__dataclass_fields__", "__dataclass_params__"})


@dataclass_transform(frozen_default=True)
class _RecordType(type):
    """Turns the annotations of a class body into slots."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        fields = tuple(namespace.get("__annotations__", ()))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        namespace |= {"__slots__": fields, "__match_args__": fields, "_defaults": defaults}
        return super().__new__(mcs, name, bases, namespace)

    def __getattr__(cls, name: str) -> Any:
        """Answer `dataclasses` and pydantic, the first time they ask, with what they look for."""
        if (
            name not in _DATACLASS_MARKS or not cls.__dict__["__match_args__"]
        ):  # `Record` itself has no fields
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        from dataclasses import field, make_dataclass

        defaults: dict[str, Any] = cls.__dict__["_defaults"]
        twin: Any = make_dataclass(
            cls.__name__,
            [
                (key, type_, field(default=defaults[key]) if key in defaults else field())
                for key, type_ in cls.__annotations__.items()
            ],
            frozen=True,
        )
        cls.__dataclass_fields__ = twin.__dataclass_fields__
        cls.__dataclass_params__ = twin.__dataclass_params__
        return getattr(cls, name)


_set = object.__setattr__


class Record(metaclass=_RecordType):
    """Base of every value of this package."""

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self.__match_args__
        if kwargs or len(args) != len(fields):
            args = self._complete(args, kwargs)
        for field, value in zip(fields, args):  # noqa: B905 - of one length by now
            _set(self, field, value)
        self.__post_init__()

    def _complete(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The values of all fields, from those given by place, by name and by default."""
        name, fields = type(self).__name__, self.__match_args__
        if len(args) > len(fields):
            raise TypeError(f"{name} takes {len(fields)} values, not {len(args)}")
        given = dict(zip(fields, args)) | kwargs  # noqa: B905 - the rest has names or defaults
        if len(given) < len(args) + len(kwargs):
            raise TypeError(f"{name} got a value twice: {', '.join(kwargs)}")
        if unknown := given.keys() - set(fields):
            raise TypeError(f"{name} has no field {', '.join(sorted(unknown))}")
        values = self._defaults | given
        if missing := [field for field in fields if field not in values]:
            raise TypeError(f"{name} is missing {', '.join(missing)}")
        return tuple(values[field] for field in fields)

    def __post_init__(self) -> None:
        """Check or normalise the fields; for subclasses."""

    def __getattr__(self, name: str) -> Any:
        """`dataclasses.fields` asks an instance, which does not ask the metaclass."""
        if name in _DATACLASS_MARKS:
            return getattr(type(self), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values: records as objects, tuples as arrays."""
        return {field: _plain(getattr(self, field)) for field in self.__match_args__}

    def replace(self, **changes: Any) -> Self:
        """The same value but for these fields, as `dataclasses.replace` makes it."""
        return type(self)(**dict(zip(self.__match_args__, self._values(), strict=True)) | changes)

    __replace__ = replace

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {name!r}")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = (f"{field}={getattr(self, field)!r}" for field in self.__match_args__)
        return f"{type(self).__name__}({', '.join(values)})"

    def __getstate__(self) -> tuple[object, ...]:
        return self._values()

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for field, value in zip(self.__match_args__, state, strict=True):
            _set(self, field, value)


def _plain(value: object) -> object:
    if isinstance(value, Record):
        return value.to_dict()
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, int | float) else str(value)
