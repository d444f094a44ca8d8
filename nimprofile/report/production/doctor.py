"""What `nimprofile doctor` prints: a row for each finding, and how many there are."""

from __future__ import annotations

from nimprofile.doctor.examination import starts, summary
from nimprofile.doctor.finding import Status
from nimprofile.report.blocks import Column, Span, Table, line
from nimprofile.report.schemas.terms import document, obj, or_null, several, text, truth, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from nimprofile.doctor.finding import Finding
    from nimprofile.report.blocks import Block, Meaning
    from nimprofile.report.schemas.terms import Schema

DOCTOR_VERSION = "1.0"
"""Of the form of the findings in JSON; `nimprofile schema doctor` describes it."""

_MEANINGS: dict[Status, Meaning] = {
    Status.OK: "good",
    Status.UNKNOWN: "doubtful",
    Status.WARNING: "doubtful",
    Status.FAILED: "bad",
}


def doctor_blocks(findings: Sequence[Finding]) -> list[Block]:
    """The findings as a table, and a line that counts them."""
    rows = [
        (
            each.check,
            Span(each.status, _MEANINGS.get(each.status, "plain")),
            each.finding,
            each.fix,
        )
        for each in findings
    ]
    columns = (
        Column("check"),
        Column("status"),
        Column("finding", wraps=True),
        Column("what to do", wraps=True),
    )
    end = Span(summary(findings), "good" if starts(findings) else "bad")
    return [Table(columns, rows, lead=2), line(end)]


def doctor_to_dict(findings: Sequence[Finding], uid: int, selected: str | None) -> dict[str, Any]:
    """The findings as plain JSON values."""
    return {
        "schema_version": DOCTOR_VERSION,
        "starts": starts(findings),
        "selected": selected,
        "uid": uid,
        "findings": [each.to_dict() for each in findings],
    }


def doctor_schema() -> Schema:
    """The JSON Schema of the findings."""
    return document(
        "Doctor",
        "What was found on a host: `nimprofile doctor --json`.",
        DOCTOR_VERSION,
        starts=truth("nothing was found that keeps the server from starting; else exit code 6"),
        selected=or_null(text("the id of the profile that would be started; null without one")),
        uid=whole("the user that the server is taken to run as"),
        findings=several(
            "what the checks found, in their order; a check may find several things",
            obj(
                "what one check found",
                check=text("the name of the check; more may come"),
                status=text("how it ended", *Status),
                finding=text("what was found, with its figures"),
                fix=text("what to do; empty where nothing is to be done"),
            ),
        ),
    )
