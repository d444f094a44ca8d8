"""A host is examined by every check at once, whatever becomes of one of them."""

import threading

import pytest

from nimprofile.base.errors import ManifestError
from nimprofile.doctor.checks import CHECKS, Check
from nimprofile.doctor.examination import examine, starts, summary
from nimprofile.doctor.finding import Finding, Status
from tests.support.doctor.deadlines import soon_late  # noqa: F401
from tests.support.doctor.subjects import host, served
from tests.support.paths import DOCS


def check(name, find):
    return Check(name, find, "")


def well(subject):
    yield Finding("a", Status.OK, "well")


def hangs(subject):
    yield Finding("b", Status.OK, "so far")
    threading.Event().wait()


def refuses(subject):
    raise ManifestError("cannot be read")
    yield


def breaks(subject):
    raise KeyError("x")
    yield


@pytest.mark.usefixtures("soon_late")
def test_findings_come_in_the_order_of_the_checks():
    checks = [check("b", hangs), check("a", well), check("c", refuses), check("d", breaks)]
    checks.append(check("e", lambda subject: iter(())))
    expected = [
        Finding("b", Status.OK, "so far"),
        Finding("b", Status.UNKNOWN, "there was no answer within 5 s"),
        Finding("a", Status.OK, "well"),
        Finding("c", Status.UNKNOWN, "cannot be read"),
        Finding("d", Status.UNKNOWN, "it failed: KeyError: 'x'"),
        Finding("e", Status.SKIPPED, "it does not apply here"),
    ]
    assert expected == [*examine(host(), checks)]


@pytest.mark.usefixtures("soon_late")
def test_a_check_of_files_that_hangs_says_where_to_look():
    (_, finding) = examine(host(), [check("cache", hangs)])
    assert finding.fix.startswith("look whether the file system answers")


def test_only_a_failure_keeps_a_server_from_starting():
    findings = [Finding("a", status, "") for status in Status if status is not Status.FAILED]
    assert starts(findings)
    assert not starts([*findings, Finding("a", Status.FAILED, "")])


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([Status.OK], "1 finding: 1 ok"),
        ([Status.OK, Status.WARNING, Status.WARNING], "3 findings: 2 warnings, 1 ok"),
        ([Status.FAILED, Status.WARNING], "2 findings: 1 failed, 1 warning"),
        ([Status.SKIPPED, Status.UNKNOWN], "2 findings: 1 unknown, 1 skipped"),
    ],
)
def test_the_summary_counts_the_worst_first(statuses, words):
    assert words == summary([Finding("a", status, "") for status in statuses])


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.name)
@pytest.mark.parametrize("subject", [host(), served(), served("nim")], ids=["host", "vllm", "nim"])
def test_every_check_finds_something_and_calls_it_by_its_name(each, subject, tmp_path):
    findings = [*each.find(subject.replace(root=str(tmp_path)))]
    assert findings
    assert {each.name} == {finding.check for finding in findings}
    assert all(finding.finding and "\n" not in finding.finding for finding in findings)


def test_checks_have_names_of_their_own():
    assert len(CHECKS) == len({each.name for each in CHECKS})


def test_the_page_has_every_check_with_what_it_looks_at():
    rows = [f"| `{each.name}` | {each.about} |" for each in CHECKS]
    page = (DOCS / "doctor.md").read_text(encoding="utf-8")
    assert [] == [row for row in rows if row not in page]
