"""`Finding`: what one check of a host found, and what to do about it."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Status(StrEnum):
    """How a check ended, best first."""

    OK = "ok"
    SKIPPED = "skipped"
    """It does not apply here, or was not asked for; the finding says why."""
    UNKNOWN = "unknown"
    """It could not be told, or took too long; the finding says why."""
    WARNING = "warning"
    """The server can start, and something will be worse for it."""
    FAILED = "failed"
    """The server will not start, or not as it was judged."""


class Finding(Record):
    """What a check found.

    Attributes:
        check: its name: `cache`, `port`, `driver`.
        status: how it ended.
        finding: what was found, with its figures.
        fix: what to do; "" where nothing is to be done.
    """

    check: str
    status: Status
    finding: str
    _: KW_ONLY
    fix: str = ""
