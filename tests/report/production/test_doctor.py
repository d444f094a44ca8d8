"""Findings as a table, and as JSON that is as its schema says."""

from nimprofile.doctor.finding import Finding, Status
from nimprofile.report.blocks import plain_text
from nimprofile.report.production.doctor import doctor_blocks, doctor_to_dict
from tests.support.schemas import check

FINDINGS = [
    Finding("cache", Status.FAILED, "user 1000 cannot write in /a", fix="chown 1000 /a"),
    Finding("port", Status.OK, "8000 is free"),
]


def test_a_pipe_has_a_row_for_each_finding_and_a_line_that_counts_them():
    expected = (
        "cache\tfailed\tuser 1000 cannot write in /a\tchown 1000 /a\n"
        "port\tok\t8000 is free\t\n"
        "2 findings: 1 failed, 1 ok"
    )
    assert expected == plain_text(doctor_blocks(FINDINGS))


def test_control_characters_of_others_are_escapes():
    text = plain_text(doctor_blocks([Finding("a", Status.OK, "\x1b[31m\n")]))
    assert "\\x1b[31m\\n" in text


def test_json_is_as_its_schema_says():
    printed = doctor_to_dict(FINDINGS, 1000, None)
    check("doctor", printed)
    assert (False, None, 1000) == (printed["starts"], printed["selected"], printed["uid"])
    assert "chown 1000 /a" == printed["findings"][0]["fix"]
