"""The schemas of `lock --json` and of `check --json`, made of the records."""

from __future__ import annotations

from nimprofile.lock.drift import Drift
from nimprofile.lock.record import LOCK_VERSION, Lock
from nimprofile.report.production.lock import DRIFT_VERSION
from nimprofile.report.schemas.terms import (
    document,
    obj,
    of_record,
    or_null,
    several,
    text,
    truth,
    version_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema


def lock_schema() -> Schema:
    """The JSON Schema of what `lock --json` prints; `lock` in it has the keys of the file."""
    lock, definitions = of_record(Lock)
    made = document(
        "Lock",
        "The choice of a profile on record, and what was written of it: `nimprofile lock --json`.",
        LOCK_VERSION,
        path=or_null(text("the file of the lock; null where it was not written to one")),
        written=truth("whether it was written; an unchanged lock is not"),
        changes=several(
            "what changes in a lock that was there",
            obj(
                "one thing that is said otherwise",
                what=text("what it is"),
                old=or_null(text("what was said; null: nothing")),
                new=or_null(text("what is said now; null: nothing")),
            ),
        ),
        lock=lock,
    )
    return {**made, "$defs": definitions}


def drift_schema() -> Schema:
    """The JSON Schema of what `check --json` prints."""
    made, definitions = of_record(
        Drift,
        schema_version=version_of(DRIFT_VERSION),
        lock=text("the file of the lock"),
        drifted=truth("whether something else would be started: exit code 5"),
        unchanged=truth("whether nothing at all has moved; with --strict exit code 5 if not"),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Drift",
        "$defs": definitions,
    }
