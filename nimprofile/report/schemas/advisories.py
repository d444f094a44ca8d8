"""The schema of the known issues, and of one, which decisions and explanations have too."""

from __future__ import annotations

from nimprofile.report.production.advisories import ADVISORIES_VERSION
from nimprofile.report.schemas.terms import document, of_record, ref, several
from nimprofile.selection.advisories.advisory import Advisory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema


def advisories_schema() -> Schema:
    """The JSON Schema of `nimprofile advisories --json`."""
    made = document(
        "Advisories",
        "The known issues of profiles, or the one that is named: `nimprofile advisories --json`.",
        ADVISORIES_VERSION,
        advisories=several("the known issues, in the order of the list", ref("Advisory")),
    )
    made["$defs"] = advisory_definitions()
    return made


def advisory_definitions() -> dict[str, Schema]:
    """What `Advisory` refers to."""
    made, definitions = of_record(Advisory)
    return {"Advisory": made, **definitions}
