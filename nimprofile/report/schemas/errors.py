"""An error as JSON values, and the schema of them."""

from __future__ import annotations

import re

from nimprofile.report.schemas.terms import document, obj, or_null, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.base.errors import NimProfileError
    from nimprofile.report.schemas.terms import Schema

ERROR_VERSION = "1.0"
"""Of the object that `failure` makes."""


def error_to_dict(error: NimProfileError, code: int, hint: str = "") -> dict[str, Any]:
    """An error as plain JSON values."""
    return failure(
        kind_of(error),
        str(error),
        code=code,
        source=getattr(error, "source", ""),
        place=getattr(error, "place", ""),
        line=getattr(error, "line", None),
        hint=hint,
    )


def failure(
    kind: str,
    message: str,
    *,
    code: int,
    source: str = "",
    place: str = "",
    line: int | None = None,
    hint: str = "",
) -> dict[str, Any]:
    """The object that stands for an ending without a result."""
    return {
        "schema_version": ERROR_VERSION,
        "error": {
            "kind": kind,
            "message": message,
            "source": source or None,
            "place": place or None,
            "line": line,
            "hint": hint or None,
            "exit_code": code,
        },
    }


def kind_of(error: NimProfileError) -> str:
    """The name of its class in small letters: `UnknownGpuError` is `unknown_gpu`."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() or "error"


def error_schema() -> Schema:
    """The JSON Schema of what a command prints with --json instead of a result."""
    return document(
        "Error",
        "What a command prints with --json instead of a result.",
        ERROR_VERSION,
        error=obj(
            "what is wrong",
            kind=text("the kind of the error; more may come"),
            message=text("the sentence that standard error has, too"),
            source=or_null(text("the file, or what stood for one; null where there is none")),
            place=or_null(text("the place in it, `profiles[3].tags.tp`; null where there is none")),
            line=or_null(whole("the line of that place, from 1; null where it is not known", 1)),
            hint=or_null(text("the command whose help bears on it; null where there is none")),
            exit_code=whole("the exit code"),
        ),
    )
