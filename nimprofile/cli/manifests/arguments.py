"""The options of the actions of `nimprofile manifest`, a record for each."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.cli.arguments import MachineArguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Engine, Precision


class BuildArguments(Record):
    """The options of `nimprofile manifest build`."""

    _: KW_ONLY
    models: tuple[str, ...]
    engine: tuple[Engine, ...] | None
    engine_version: str | None
    precision: tuple[Precision, ...] | None
    max_tp: int
    max_nodes: int
    lora: bool
    name: str | None
    profiles: str | None
    paths: tuple[str, ...] | None
    output: str | None
    force: bool
    format: str


class BundledArguments(Record):
    """The options of `nimprofile manifest list`."""

    format: str
    color: str


class CheckArguments(Record):
    """The options of `nimprofile manifest check`."""

    manifests: tuple[str, ...]
    format: str
    color: str


class ShowArguments(Record):
    """The options of `nimprofile manifest show`."""

    manifest: str
    format: str
    color: str


class ConvertArguments(Record):
    """The options of `nimprofile manifest convert`."""

    manifest: str
    to: str
    _: KW_ONLY
    output: str | None
    force: bool


class DiffArguments(Record):
    """The options of `nimprofile manifest diff`."""

    old: str
    new: str
    machine: MachineArguments
    _: KW_ONLY
    policy: str | None
    engine: tuple[Engine, ...] | None
    format: str
    color: str
