"""A command that fails: what it says on standard error and, where JSON is wanted, in JSON.

With `--json` standard output holds one JSON value whatever becomes of the command: its result, or
the object of `failure_to_dict`. Standard error has the same sentences either way.
"""

from __future__ import annotations

import re

from nimprofile.cli.console import print_json, tell
from nimprofile.cli.exit_codes import BAD_INPUT, NOT_AS_REQUIRED, NOTHING_RUNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from nimprofile.base.errors import NimProfileError

FAILURE_VERSION = "1.0"
"""Of the object that `failure_to_dict` makes."""


def wants_json(argv: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, even one that cannot be parsed."""
    words = list(argv[: argv.index("--")]) if "--" in argv else list(argv)
    named = "json" in words and words[words.index("json") - 1] == "--format"
    return named or "--json" in words or "--format=json" in words


def failure_to_dict(error: NimProfileError, code: int, hint: str = "") -> dict[str, Any]:
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


def failure_of_nothing(message: str, code: int) -> dict[str, Any]:
    """A decision that selects nothing, of a command that has nothing to print then."""
    kinds = {NOTHING_RUNS: "nothing_runs", NOT_AS_REQUIRED: "not_as_required", BAD_INPUT: "pin"}
    return failure(kinds[code], message, code=code)


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
        "schema_version": FAILURE_VERSION,
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


def report(error: NimProfileError, code: int, hint: str = "", *, json: bool) -> None:
    """Say what is wrong: a sentence, the command whose help bears on it, and JSON if wanted."""
    if json:
        print_json(failure_to_dict(error, code, hint))
    if not error.logged:
        tell([f"nimprofile: {error}", *([f"help: {hint}"] if hint else ())])
