"""`Record`, the base of every value of this package: frozen, and nearly free at start-up.

A `Record` subclass is a frozen, slotted dataclass to its users: constructor, defaults,
`__post_init__`, equality, hash, repr, pattern matching, `dataclasses.fields`, `replace` and
`asdict`, and pydantic's `TypeAdapter`. But the `dataclasses` module, which with `inspect` behind it
costs as much as a bare interpreter, and 0.25 ms more for every class, is imported only when one of
those is asked for. `docs/decisions/0003-records.md` has the measurement.

Up to three fields may be given by place. A class of more says with `_: KW_ONLY` from which field
on they have names; one that does not is refused when it is defined.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> object:
        """For type checkers only; importing `typing` costs 4 ms."""
        return lambda decorated: decorated


MOST_BY_PLACE = 3
"""A call with more values than this cannot be read without the class beside it."""

_DATACLASS_MARKS = frozenset({"__dataclass_fields__", "__dataclass_params__"})


class FrozenDict(dict):  # type: ignore[type-arg]
    """A mapping that cannot be changed, can be hashed, and is a dict to everybody else."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping is part of a frozen value: dict(…) makes a copy to change")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (dict(self),)


class _Nothing:
    """What `Record` itself inherits."""

    __match_args__: tuple[str, ...] = ()
    _fields: tuple[str, ...] = ()
    _defaults: dict[str, object] = {}  # noqa: RUF012 - nobody writes to it
    _mappings: frozenset[str] = frozenset()


@dataclass_transform(frozen_default=True)
class _RecordType(type):
    """Turns the annotations of a class body into slots."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        annotations = namespace.get("__annotations__", {})
        own = [field for field in annotations if field != "_"]
        by_place = own[: list(annotations).index("_")] if "_" in annotations else own
        parent: Any = bases[0] if bases else _Nothing
        places = (*parent.__match_args__, *by_place)
        if len(places) > MOST_BY_PLACE:
            missing = places[MOST_BY_PLACE]
            raise TypeError(f"{name}: `_: KW_ONLY` is missing before the field {missing}")
        mappings = {field for field in own if str(annotations[field]).startswith("Mapping")}
        defaults = {field: namespace.pop(field) for field in own if field in namespace}
        namespace |= {
            "__slots__": tuple(own),
            "__match_args__": places,
            "_fields": (*places, *(f for f in (*parent._fields, *own) if f not in places)),
            "_defaults": parent._defaults | defaults,
            "_mappings": parent._mappings | mappings,
        }
        return super().__new__(mcs, name, bases, namespace)

    def __getattr__(cls, name: str) -> Any:
        """Answer `dataclasses`, pydantic and `inspect`, the first time they ask."""
        if not cls.__dict__["_fields"]:  # `Record` itself has no fields
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        if name == "__signature__":
            cls.__signature__ = _signature(cls)
            return cls.__signature__
        if name not in _DATACLASS_MARKS:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        from dataclasses import field, make_dataclass

        twin: Any = make_dataclass(
            cls.__name__,
            [
                (
                    key,
                    annotation,
                    field(default=cls._defaults[key], kw_only=key not in cls.__match_args__)
                    if key in cls._defaults
                    else field(kw_only=key not in cls.__match_args__),
                )
                for key, annotation in _annotations(cls).items()
            ],
            frozen=True,
        )
        cls.__dataclass_fields__ = twin.__dataclass_fields__
        cls.__dataclass_params__ = twin.__dataclass_params__
        return getattr(cls, name)


def _annotations(cls: Any) -> dict[str, Any]:
    """The annotations of all fields, those of the bases first."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found |= {
            key: annotation
            for key, annotation in base.__dict__.get("__annotations__", {}).items()
            if key in cls._fields
        }
    return {key: found[key] for key in cls._fields}


def _signature(cls: Any) -> Any:
    """The constructor as `help()`, editors and notebooks show it."""
    from inspect import Parameter, Signature

    parameters = [
        Parameter(
            key,
            Parameter.POSITIONAL_OR_KEYWORD
            if key in cls.__match_args__
            else Parameter.KEYWORD_ONLY,
            default=cls._defaults.get(key, Parameter.empty),
            annotation=annotation,
        )
        for key, annotation in _annotations(cls).items()
    ]
    return Signature(parameters)


_set = object.__setattr__


class Record(metaclass=_RecordType):
    """Base of every value of this package.

    Fields annotated as a `Mapping` hold a read-only copy of what they are given.
    """

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        _fields: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, Any]]
        _mappings: ClassVar[frozenset[str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self._fields
        if kwargs or len(args) != len(fields) or len(args) > MOST_BY_PLACE:
            args = self._complete(args, kwargs)
        for field, value in zip(fields, args):  # noqa: B905 - of one length by now
            _set(self, field, value)
        for field in self._mappings:
            value = getattr(self, field)
            if type(value) is not FrozenDict and value is not None:
                _set(self, field, FrozenDict(value))
        self.__post_init__()

    def _complete(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The values of all fields, from those given by place, by name and by default."""
        name, fields = type(self).__name__, self._fields
        if len(args) > (most := len(self.__match_args__)):
            named = ", ".join(fields[most:])
            more = f"; by name: {named}" if named else ""
            raise TypeError(f"{name} takes {most} values by place, not {len(args)}{more}")
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
        return {field: _plain(getattr(self, field)) for field in self._fields}

    def replace(self, **changes: Any) -> Self:
        """The same value but for these fields, as `dataclasses.replace` makes it."""
        return type(self)(**dict(zip(self._fields, self._values(), strict=True)) | changes)

    __replace__ = replace

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {name!r}")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self._fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = (f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"{type(self).__name__}({', '.join(values)})"

    def __getstate__(self) -> tuple[object, ...]:
        return self._values()

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for field, value in zip(self._fields, state, strict=True):
            _set(self, field, value)


def _plain(value: object) -> object:
    if isinstance(value, Record):
        return value.to_dict()
    if type(value) is tuple:
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, int | float) else str(value)
