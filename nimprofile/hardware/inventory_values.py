"""Inventories built from the values of well-formed JSON, without pydantic.

Importing pydantic takes longer than a whole `select`. What is not plainly right is left to
pydantic, which also words what is wrong: this module accepts only what pydantic accepts, and builds
the equal value (`tests/laws/test_inventory_laws.py`).
"""

from __future__ import annotations

from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.inventory import Connection, Gpu, Inventory, Link, MigInstance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from nimprofile.base.record import Record

    Reader: TypeAlias = Callable[[object], Any]

MAX_INT = 1 << 63


class _UnusualError(Exception):
    """A value that is wrong, or that only pydantic can judge."""


def inventory_from(values: object) -> Inventory | None:
    """The inventory of these JSON values; None when pydantic must look at them."""
    try:
        inventory: Inventory = _record(Inventory)(values)
    except (_UnusualError, ValueError):
        return None
    return inventory


def _exactly(type_: type) -> Reader:
    """A value of this type and of no subclass: `true` is no number."""

    def read(value: object) -> object:
        if type(value) is not type_:
            raise _UnusualError
        return value

    return read


def _int(value: object) -> int:
    if type(value) is not int or not -MAX_INT <= value < MAX_INT:
        raise _UnusualError
    return value


_text = _exactly(str)


def _capability(value: object) -> ComputeCapability:
    return ComputeCapability.parse(_text(value))


def _link(value: object) -> Link:
    return Link(_text(value))


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _tuple(read: Reader) -> Reader:
    def read_all(value: object) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _UnusualError
        return tuple(map(read, value))

    return read_all


def _pair(value: object) -> tuple[int, ...]:
    pair: tuple[int, ...] = _tuple(_int)(value)
    if len(pair) != 2:
        raise _UnusualError
    return pair


def _record(record: type[Record]) -> Reader:
    """An object with the fields of a record, and notes, which must be plain values."""

    def read(value: object) -> Record:
        if type(value) is not dict:
            raise _UnusualError
        readers = _FIELDS[record]
        fields = {}
        for key, item in value.items():
            if key in readers:
                fields[key] = readers[key](item)
            elif item is not None and type(item) not in (str, bool):
                raise _UnusualError
        if any(name not in fields and name not in record._defaults for name in record._fields):  # noqa: SLF001
            raise _UnusualError
        return record(**fields)

    return read


_READERS: dict[str, Reader] = {
    "int": _int,
    "int | None": _optional(_int),
    "str | None": _optional(_text),
    "bool": _exactly(bool),
    "ComputeCapability | None": _optional(_capability),
    "MigInstance | None": _optional(_record(MigInstance)),
    "Link": _link,
    "tuple[int, int]": _pair,
    "tuple[str, ...]": _tuple(_text),
    "tuple[Gpu, ...]": _tuple(_record(Gpu)),
    "tuple[Connection, ...]": _tuple(_record(Connection)),
}
"""How a field of an annotation is read; a field of another stops the import."""

_FIELDS: dict[type[Record], dict[str, Reader]] = {
    record: {name: _READERS[record.__annotations__[name]] for name in record._fields}
    for record in (Inventory, Gpu, Connection, MigInstance)
}
