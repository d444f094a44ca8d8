"""What `exec` looks for before a start, as findings: one wording for both."""

from __future__ import annotations

from nimprofile.doctor.finding import Finding, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.launch.preflight import HostProblem

NO_PROFILE = "it needs a profile to start: name a manifest with --manifest, or a model with --model"
"""Why a check is skipped that has nothing to go by."""


def findings_of(check: str, problems: Iterable[HostProblem], otherwise: str) -> Iterator[Finding]:
    """The problems as findings of a check; where there is none, that all is well.

    Args:
        check: its name.
        problems: what was found.
        otherwise: what is well, where nothing was.
    """
    found = [*problems]
    for problem in found:
        status = Status.FAILED if problem.fatal else Status.WARNING
        yield Finding(check, status, problem.problem, fix=problem.fix)
    if not found:
        yield Finding(check, Status.OK, otherwise)


def needs_a_profile(check: str) -> Finding:
    """That a check has nothing to go by."""
    return Finding(check, Status.SKIPPED, NO_PROFILE)
