"""Variables of NIM's that change nothing, and the pin that a manifest lacks."""

from __future__ import annotations

from nimprofile.base.errors import PinError
from nimprofile.base.printable import quoted
from nimprofile.base.variables.notes import variable_notes
from nimprofile.doctor.finding import Finding, Status
from nimprofile.selection.request import find_pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.request import Pin

NIM, PIN = "nim variables", "pin"


def nim_variables(subject: Subject) -> Iterator[Finding]:
    """What of NIM's variables is set and does nothing."""
    yield from nim_variable_findings(subject.environ)


def nim_variable_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Those that are set and change nothing, or that NIM does not know; never their values."""
    notes = variable_notes(environ)
    for note in notes:
        fix = f"unset {note.variable}, unless something else reads it"
        yield Finding(NIM, Status.WARNING, str(note), fix=fix)
    if not notes:
        yield Finding(NIM, Status.OK, "none is set that changes nothing")


def pin(subject: Subject) -> Iterator[Finding]:
    """Whether the manifest has the profile that is pinned."""
    yield pin_finding(subject.pin, subject.manifest)


def pin_finding(pinned: Pin | None, manifest: Manifest | None) -> Finding:
    """Whether a manifest has the profile that is pinned; in the words of the selection.

    Args:
        pinned: what is pinned, and by what; None where the selection is automatic.
        manifest: that must have it; None where none is known.
    """
    if pinned is None:
        return Finding(PIN, Status.SKIPPED, "no profile is pinned: the selection is automatic")
    told = f"{pinned.source} pins {quoted(pinned.value)}"
    if manifest is None:
        fix = "name the manifest: --manifest"
        return Finding(PIN, Status.UNKNOWN, f"{told}, and no manifest to look it up in", fix=fix)
    try:
        profile = find_pin(pinned, manifest)
    except PinError as error:
        first, *rest = str(error).splitlines()
        fix = f"pin one that nimprofile list shows, or none: {pinned.source}"
        return Finding(PIN, Status.FAILED, " ".join((first, *map(str.strip, rest))), fix=fix)
    return Finding(PIN, Status.OK, f"{told}, and the manifest has it: {profile.id}")
