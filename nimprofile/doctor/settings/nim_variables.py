"""Variables of NIM's that are set and change nothing."""

from __future__ import annotations

from nimprofile.base.variables.notes import variable_notes
from nimprofile.doctor.finding import Finding, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject

CHECK = "nim variables"


def nim_variables(subject: Subject) -> Iterator[Finding]:
    """What of NIM's variables is set and does nothing."""
    yield from nim_variable_findings(subject.environ)


def nim_variable_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Those that are set and change nothing, or that NIM does not know; never their values."""
    notes = variable_notes(environ)
    for note in notes:
        fix = f"unset {note.variable}, unless something else reads it"
        yield Finding(CHECK, Status.WARNING, str(note), fix=fix)
    if not notes:
        yield Finding(CHECK, Status.OK, "none is set that changes nothing")
