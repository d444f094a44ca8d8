"""The options of `lock` and `check`, a record for each."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.cli.arguments import MachineArguments, SelectionArguments, ServerArguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.lock.record import Lock


class LockArguments(Record):
    """The options of `nimprofile lock`; `words` are those that the lock keeps."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    output: str | None
    launchable: bool
    update: bool
    uuids: bool
    words: tuple[str, ...]
    format: str
    color: str


class CheckArguments(Record):
    """The options of `nimprofile check`; `locked` is what the file of `lock` has."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    lock: str
    locked: Lock | None
    strict: bool
    launchable: bool
    format: str
    color: str
