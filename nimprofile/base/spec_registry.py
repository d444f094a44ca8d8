"""Specifications by name, each imported from its file when it is first asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Name = TypeVar("Name", bound=str)
    Spec = TypeVar("Spec")


def load_spec(specs: dict[Name, Spec], name: Name, kind: str, folder: str) -> Spec:
    """The specification of a name: the registered one, else `SPEC` of its module in `folder`.

    Args:
        specs: those known already; takes what is imported.
        name: the name; its module in `folder` is called the same.
        kind: what the name names, for the error: `engine`, `server`.
        folder: the package of the modules.

    Raises ImportError, naming the module, when there is none.
    """
    spec = specs.get(name)
    if spec is None:
        from importlib import import_module

        place = f"{folder}.{name}"
        try:
            spec = import_module(place).SPEC
        except (ModuleNotFoundError, AttributeError) as error:
            raise ImportError(f"{kind} {name} has no specification: {place}.SPEC") from error
        specs[name] = spec
    return spec
