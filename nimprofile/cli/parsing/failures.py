"""A command that fails: what it says on standard error and, where JSON is wanted, in JSON.

With `--json` standard output holds one JSON value whatever becomes of the command: its result, or
the object of `error_to_dict`. Standard error has the same sentences either way.
"""

from __future__ import annotations

from nimprofile.cli.console import print_json, tell
from nimprofile.cli.exit_codes import BAD_INPUT, NOT_AS_REQUIRED, NOTHING_RUNS
from nimprofile.report.schemas.errors import error_to_dict, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from nimprofile.base.errors import NimProfileError


def wants_json(argv: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, even one that cannot be parsed."""
    words = list(argv[: argv.index("--")]) if "--" in argv else list(argv)
    named = "json" in words and words[words.index("json") - 1] == "--format"
    return named or "--json" in words or "--format=json" in words


def failure_of_nothing(message: str, code: int) -> dict[str, Any]:
    """A decision that selects nothing, of a command that has nothing to print then."""
    kinds = {NOTHING_RUNS: "nothing_runs", NOT_AS_REQUIRED: "not_as_required", BAD_INPUT: "pin"}
    return failure(kinds[code], message, code=code)


def report(error: NimProfileError, code: int, hint: str = "", *, json: bool) -> None:
    """Say what is wrong: a sentence, the command whose help bears on it, and JSON if wanted."""
    if json:
        print_json(error_to_dict(error, code, hint), message=True)
    tell([f"nimprofile: {error}", *([f"help: {hint}"] if hint else ())], indented=True)
