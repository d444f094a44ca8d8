"""The schema of `nimprofile verify --json`."""

from __future__ import annotations

from nimprofile.report.production.verification import VERIFICATION_VERSION
from nimprofile.report.schemas.load import load_schema
from nimprofile.report.schemas.terms import (
    document,
    number,
    obj,
    or_null,
    ref,
    several,
    text,
    texts,
    truth,
    whole,
)
from nimprofile.verify.judgement import Outcome
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema


def verification_schema() -> Schema:
    """The JSON Schema of a verification."""
    evidence = several("what told it, with its place", ref("Observation"))
    made = document(
        "Verification",
        "What runs, held against what was expected: `nimprofile verify --json`.",
        VERIFICATION_VERSION,
        holds=truth("whether the exit code is 0"),
        strict=truth("whether what is not observable fails too"),
        profile=obj(
            "the profile of the lock; null where there is none",
            id=or_null(text("its id")),
            name=or_null(text("its name")),
        ),
        judgements=several(
            "what is known of each demand",
            obj(
                "what is known of one demand",
                demand=text("the demand as --require has it, `tp=8`"),
                about=text("what it is about"),
                relation=text("how it is compared", "=", "!=", ">=", "<=", ">", "<"),
                value=text("what it must be"),
                origin=text("who demands it"),
                outcome=text("what is known of it", *Outcome),
                indirect=truth("it follows from what was told, and was not told itself"),
                note=text('what is not certain about it, or why it follows; "" without a note'),
                evidence=evidence,
            ),
        ),
        figures=several(
            "the predictions beside what was measured",
            obj(
                "a prediction",
                fact=text("which figure; of one GPU where it is in bytes", *Fact),
                predicted=whole("in the unit of the fact"),
                measured=or_null(whole("the same, as it was told; null where it was not")),
                error=or_null(number("by which part of the measured the prediction is off")),
                source=text("where the prediction comes from"),
                evidence=evidence,
            ),
        ),
        findings=several("what makes the server slower or smaller", ref("Observation")),
        seen=several("everything that was told", ref("Observation")),
        loads=several("requests that were measured, by us or by another program", ref("Load")),
        notes=texts("what the operator should know, in sentences"),
    )
    load, definitions = load_schema()
    made["$defs"] = {"Observation": _observation(), "Load": load, **definitions}
    return made


def _observation() -> Schema:
    value = {
        "anyOf": [{"type": name} for name in ("string", "number", "boolean")],
        "description": "what it told, in the unit of the fact",
    }
    return obj(
        "one thing that a server told",
        fact=text("what it is about", *Fact),
        value=value,
        source=text("the log or the address"),
        place=text("where in it: a line, or a field"),
        text=text("the line, or the field with its value"),
        process=text('the process of the server that told it; "" where none is named'),
    )
