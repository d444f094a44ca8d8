"""Findings of the check of a manifest: what is wrong, how badly, and where."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Record):
    """One thing that is wrong, or likely to be.

    Attributes:
        severity: an error fails the check.
        rule: the name of the rule, `gpu_contradiction`.
        place: where, `profiles[3].tags.gpu`; "" is the manifest as a whole.
        problem: what is wrong.
        suggestion: what to do; "" when the problem says it.
        line: 1-based; None when it is not known.
    """

    severity: Severity
    rule: str
    place: str
    _: KW_ONLY
    problem: str
    suggestion: str = ""
    line: int | None = None


class RuleFinding(Record):
    """A finding of a rule, before its place in the text is known.

    `profile` is the id of a profile, "" for the manifest as a whole; `key` is a tag or a key in it.
    """

    severity: Severity
    profile: str
    key: tuple[str, ...]
    _: KW_ONLY
    problem: str
    suggestion: str = ""


ERROR, WARNING = Severity.ERROR, Severity.WARNING
