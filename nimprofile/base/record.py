"""`Record`, the base of every value of this package: frozen, and nearly free at start-up.

To its users a `Record` subclass is a frozen, slotted dataclass: constructor, defaults,
`__post_init__`, equality, hash, repr, inheritance, pattern matching, `dataclasses`, pydantic's
`TypeAdapter`, and the signature that `help()` shows. But the `dataclasses` module is imported only
when one of those asks for it (`docs/decisions/0003-records.md`).

Up to three fields may be given by place. A class of more says with `_: KW_ONLY` from which field
on they have names. A class that would not work as its author expects is refused when it is defined.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> object:
        """For type checkers only; importing `typing` costs 4 ms."""
        return lambda decorated: decorated


MAX_POSITIONAL = 3
"""A call with more values than this cannot be read without the class beside it."""


class FrozenDict(dict):  # type: ignore[type-arg]
    """A mapping that cannot be changed, can be hashed, and is a `dict` in every other respect."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping is part of a frozen value: dict(…) makes a copy to change")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (dict(self),)


def frozen(value: Any) -> Any:
    """A read-only copy of a mapping, and of the mappings and lists in it; lists become tuples."""
    if value is None or type(value) is FrozenDict:
        return value
    try:
        copied = FrozenDict(value)
    except (TypeError, ValueError):
        raise TypeError(f"{value!r} is not a mapping") from None
    if {dict, list}.isdisjoint(map(type, copied.values())):
        return copied
    return FrozenDict({key: _kept(inner) for key, inner in copied.items()})


def _kept(value: Any) -> Any:
    if type(value) is dict:
        return frozen(value)
    return tuple(map(_kept, value)) if type(value) is list else value


class _Shown(str):
    """An annotation, which a signature shows without quotation marks."""

    __slots__ = ()
    __repr__ = str.__str__


_set = object.__setattr__


@dataclass_transform(frozen_default=True)
class _RecordType(type):
    """Turns the annotations of a class body into slots, and calls of the class into records."""

    # What `Record` itself inherits.
    __match_args__: tuple[str, ...] = ()
    _fields: tuple[str, ...] = ()
    _defaults: dict[str, Any] = {}  # noqa: RUF012 - never written to
    _keepers: dict[str, Callable[[Any], Any]] = {}  # noqa: RUF012 - never written to
    _types: dict[str, Any] = {}  # noqa: RUF012 - never written to

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        parents = [base for base in bases if isinstance(base, _RecordType)]
        if len(parents) > 1:
            raise TypeError(f"{name}: a record has one record as its base, not {len(parents)}")
        types, positional = _declared(name, namespace)
        inherited: Any = parents[0] if parents else mcs
        new = [field for field in types if field not in inherited._fields]
        places = (*inherited.__match_args__, *(field for field in new if field in positional))
        defaults = inherited._defaults | {
            field: namespace.pop(field) for field in types if field in namespace
        }
        if replaced := [field for field in inherited._fields if field in namespace]:
            raise TypeError(f"{name}: {replaced[0]} is a field of its base: annotate it")
        keepers = {field: keep for field, keep in inherited._keepers.items() if field not in types}
        keepers |= {field: keep for field in types if (keep := _keeper(types[field])) is not None}
        for field in keepers.keys() & defaults.keys():
            defaults[field] = keepers[field](defaults[field])
        _check_places(name, places, defaults)
        namespace |= {
            "__slots__": tuple(new),
            "__match_args__": places,
            "_fields": (*places, *(f for f in (*inherited._fields, *new) if f not in places)),
            "_defaults": defaults,
            "_keepers": keepers,
            "_types": inherited._types | types,
        }
        cls = super().__new__(mcs, name, bases, namespace)
        if "__dataclass_fields__" in inherited.__dict__:  # the base's would be taken for its own
            _describe(cls)
        return cls

    if not TYPE_CHECKING:  # type checkers make the constructor of the annotations

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Make a record; without an `__init__`, `help()` shows none of `*args`."""
            fields, values = cls._fields, cls._defaults | kwargs
            if args:
                placed = fields[: len(args)]
                if len(args) > len(cls.__match_args__) or not kwargs.keys().isdisjoint(placed):
                    _refuse_args(cls, args, kwargs)
                values |= zip(fields, args)  # noqa: B905 - the others have names or defaults
            return _made(cls, fields, values)

    def __getattr__(cls, name: str) -> Any:
        """Answer `dataclasses`, pydantic and `inspect`, the first time they ask."""
        if name in _DESCRIPTION and cls._fields:  # `Record` itself has no fields
            _describe(cls)
            return cls.__dict__[name]
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


def _declared(name: str, namespace: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The annotated fields of a class body, and which of them may be given by place."""
    if not {"__annotate__", "__annotate_func__"}.isdisjoint(namespace):  # Python 3.14
        raise TypeError(f"{name}: its module needs `from __future__ import annotations`")
    if "__init__" in namespace:
        raise TypeError(f"{name}: a record is made from its fields; __post_init__ checks them")
    types = namespace.get("__annotations__", {})
    keys = list(types)
    positional = keys[: keys.index("_")] if "_" in types else keys
    types.pop("_", None)  # `typing.get_type_hints` need not know `KW_ONLY`
    if "ClassVar" in " ".join(map(str, types.values())):
        types = {key: type for key, type in types.items() if "ClassVar" not in str(type)}
    return types, positional


def _keeper(annotation: object) -> Callable[[Any], Any] | None:
    """What makes a value of a field one that cannot be changed; None where nothing must."""
    text = str(annotation).removeprefix("collections.abc.").removeprefix("typing.")
    return frozen if text.startswith("Mapping") else _kept if text[:6] == "tuple[" else None


def _check_places(name: str, places: tuple[str, ...], defaults: dict[str, Any]) -> None:
    if len(places) > MAX_POSITIONAL:
        missing = places[MAX_POSITIONAL]
        raise TypeError(f"{name}: `_: KW_ONLY` is missing before the field {missing}")
    optional = ""
    for field in places:
        if field in defaults:
            optional = field
        elif optional:
            raise TypeError(f"{name}: {field} without a default comes after {optional} with one")
    for field, default in defaults.items():
        if type(default).__hash__ is None:
            raise TypeError(f"{name}: all records would share the default of {field}")


def _made(cls: Any, fields: tuple[str, ...], values: dict[str, Any]) -> Any:
    """A record of these values, one for every field."""
    record = object.__new__(cls)
    try:
        for field in fields:
            _set(record, field, values[field])
    except KeyError:
        missing = ", ".join(field for field in fields if field not in values)
        raise TypeError(f"{cls.__name__} is missing {missing}") from None
    if len(values) != len(fields):
        unknown = ", ".join(sorted(values.keys() - set(fields)))
        raise TypeError(f"{cls.__name__} has no field {unknown}")
    for field, keep in cls._keepers.items():
        _set(record, field, keep(getattr(record, field)))
    record.__post_init__()
    return record


def _refuse_args(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
    """Say what is wrong: too many values by place, or one that is given by name too."""
    most = len(cls.__match_args__)
    if len(args) > most:
        named = ", ".join(cls._fields[most:])
        more = f"; by name: {named}" if named else ""
        raise TypeError(f"{cls.__name__} takes {most} values by place, not {len(args)}{more}")
    twice = [field for field in cls._fields[: len(args)] if field in kwargs]
    raise TypeError(f"{cls.__name__} got a value twice: {', '.join(twice)}")


_DESCRIPTION = frozenset({"__dataclass_fields__", "__dataclass_params__", "__signature__"})


def _describe(cls: Any) -> None:
    """Make what `dataclasses`, pydantic and `inspect` read of a class, and of those based on it."""
    from dataclasses import field, make_dataclass
    from inspect import Parameter, Signature

    twin: list[tuple[str, Any, Any]] = []
    parameters = []
    for key in cls._fields:
        named = key not in cls.__match_args__
        default = {"default": cls._defaults[key]} if key in cls._defaults else {}
        twin.append((key, cls._types[key], field(kw_only=named, **default)))
        kind = Parameter.KEYWORD_ONLY if named else Parameter.POSITIONAL_OR_KEYWORD
        shown = _Shown(text) if isinstance(text := cls._types[key], str) else text
        parameters.append(Parameter(key, kind, annotation=shown, **default))
    made: Any = make_dataclass(cls.__name__, twin, frozen=True)
    cls.__dataclass_fields__ = made.__dataclass_fields__
    cls.__dataclass_params__ = made.__dataclass_params__
    cls.__signature__ = Signature(parameters)
    for subclass in cls.__subclasses__():
        _describe(subclass)


class Record(metaclass=_RecordType):
    """Base of every value of this package.

    Fields of a mapping or a tuple hold a read-only copy of the mapping or list they are given.
    """

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        _fields: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        """Check or normalise the fields; for subclasses."""

    def __getattr__(self, name: str) -> Any:
        """`dataclasses.fields` asks an instance, which does not ask the metaclass."""
        if name in _DESCRIPTION:
            return getattr(type(self), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values: records as objects, tuples as arrays."""
        return {field: plain(getattr(self, field)) for field in self._fields}

    def replace(self, **changes: Any) -> Self:
        """The same value but for these fields, as `dataclasses.replace` makes it."""
        values = {field: getattr(self, field) for field in self._fields}
        made: Self = _made(type(self), self._fields, values | changes)
        return made

    __replace__ = replace

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {name!r}")

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, field) for field in self._fields])

    def __eq__(self, other: object) -> bool:
        return other._values() == self._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"{type(self).__name__}({values})"

    def __getstate__(self) -> tuple[object, ...]:
        return self._values()

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for field, value in zip(self._fields, state, strict=True):
            _set(self, field, value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Freeze the mappings of what pydantic makes, for it calls no constructor."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(source.replace, handler(source))


def plain(value: Any) -> Any:
    """The value as JSON has it: records and mappings as objects, tuples as arrays."""
    if isinstance(value, Record):
        return value.to_dict()
    if type(value) is tuple:
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, int | float) else str(value)
