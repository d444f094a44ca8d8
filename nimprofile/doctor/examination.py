"""A host is examined: every check at once, and none longer than it may take."""

from __future__ import annotations

from functools import partial

from nimprofile.doctor.bounded import bounded
from nimprofile.doctor.checks import CHECKS
from nimprofile.doctor.finding import Finding, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nimprofile.doctor.bounded import Outcome
    from nimprofile.doctor.checks import Check
    from nimprofile.doctor.subject import Subject


def examine(
    subject: Subject,
    checks: Sequence[Check] = CHECKS,
    on_wait: Callable[[], None] = lambda: None,
) -> tuple[Finding, ...]:
    """What every check finds, in their order.

    The checks run side by side, each in a process of its own. One that takes longer than
    `subject.seconds` is ended, and what it had found till then is kept.

    Args:
        subject: the host, and the server that is to be started on it.
        checks: which ones.
        on_wait: is called once if they take longer than a second.
    """
    works = [partial(check.find, subject) for check in checks]
    outcomes = bounded(works, subject.seconds, on_wait)
    found = zip(checks, outcomes, strict=True)
    return tuple(finding for check, outcome in found for finding in _findings(check, outcome))


def _findings(check: Check, outcome: Outcome) -> Iterator[Finding]:
    findings = [value for value in outcome.values if isinstance(value, Finding)]
    yield from findings
    if outcome.error is not None:
        yield Finding(check.name, Status.UNKNOWN, str(outcome.error))
    elif outcome.ending:
        yield Finding(check.name, Status.UNKNOWN, outcome.ending, fix=_FIXES.get(check.name, ""))
    elif not findings:
        yield Finding(check.name, Status.SKIPPED, "it does not apply here")


_HANGS = "look whether the file system answers: `stat -f` on it, and `dmesg`"
_FIXES = dict.fromkeys(("cache", "space", "read speed", "leftovers", "weights", "files"), _HANGS)
"""What to do where a check had no answer in time, which is a file system as a rule."""


def starts(findings: Sequence[Finding]) -> bool:
    """Whether nothing was found that keeps the server from starting."""
    return all(finding.status is not Status.FAILED for finding in findings)


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each status: `9 findings: 1 failed, 2 warnings, 6 ok`."""
    counts = {status: sum(each.status is status for each in findings) for status in Status}
    parts = [
        f"{count} {_plural(status, count)}" for status, count in reversed(counts.items()) if count
    ]
    noun = "finding" if len(findings) == 1 else "findings"
    return f"{len(findings)} {noun}: {', '.join(parts)}"


def _plural(status: Status, count: int) -> str:
    return f"{status}s" if status is Status.WARNING and count > 1 else str(status)
