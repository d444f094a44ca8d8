"""`LaunchPlan`: the arguments, variables and files that start a server."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from typing import Any


PLAN_VERSION = "1.0"
"""Of the form of a plan in JSON; `nimprofile schema launch` describes it."""


class PlanFile(Record):
    """A text file that the server reads."""

    path: str
    text: str


class LaunchPlan(Record):
    """Everything that starts a server, without any key or token.

    Attributes:
        server: what is started.
        argv: the program and its arguments, unquoted.
        env: variables to set, beside those that are there; never a key or a token.
        files: to be written before.
        port: of its HTTP interface.
        health: the path on that port which answers 200 once requests are served.
        notes: what the operator should know: what of the profile it does not carry out, and which
            arguments of theirs change what was selected.
    """

    server: Server
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    _: KW_ONLY
    files: tuple[PlanFile, ...]
    port: int
    health: str
    notes: tuple[str, ...] = ()

    @property
    def environ(self) -> dict[str, str]:
        """`env` as a mapping."""
        return dict(self.env)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `files` maps paths to texts."""
        return {
            "schema_version": PLAN_VERSION,
            "server": str(self.server),
            "argv": list(self.argv),
            "env": self.environ,
            "files": {file.path: file.text for file in self.files},
            "port": self.port,
            "health": self.health,
            "notes": list(self.notes),
        }
