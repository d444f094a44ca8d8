"""The last door: what nothing else has caught is told in one line, with an exit code of its own.

It needs next to nothing of this package, which may be what failed: a module that is missing, or too
little memory to import one.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from nimprofile.cli.exit_codes import FAILED, INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TRACEBACK = "NIMPROFILE_TRACEBACK"
"""The variable that asks for the traceback."""

MOST_OF_WORDS = 300
"""Characters of the error's own words that are repeated."""


def tell_failure(error: BaseException, argv: Sequence[str]) -> int:
    """Tell an error that nothing has caught, and return the exit code that stands for it.

    Standard error gets one line, and before it the traceback where `TRACEBACK` is set. Standard
    output gets the JSON of an error where JSON is wanted and none is there yet.

    Args:
        error: what was raised.
        argv: the words of the command line.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    line = _line(error)
    lines = [f"nimprofile: {line}"]
    if os.environ.get(TRACEBACK):
        from traceback import format_exception

        lines = [*"".join(format_exception(error)).rstrip().split("\n"), *lines]
    try:
        from nimprofile.cli import console
        from nimprofile.cli.parsing.failures import wants_json
    except Exception:  # noqa: BLE001 - they are what failed, perhaps
        _tell_without_us(lines, _json(line) if "--json" in argv else "")
        return FAILED
    if wants_json(argv) and not console.json_is_out():
        with suppress(console.LostOutputError):
            console.put_message(_json(line))
            console.flush_output()
    console.write_error(lines)
    return FAILED


def _tell_without_us(lines: Iterable[str], output: str) -> None:
    """Write it with nothing of this package."""
    for stream, texts in ((sys.stdout, filter(None, [output])), (sys.stderr, lines)):
        if stream is not None:
            with suppress(OSError, ValueError):  # a full disk; a stream that is closed
                for text in texts:
                    plain = text.encode("ascii", "backslashreplace").decode()
                    print(plain, file=stream, flush=True)


def _line(error: BaseException) -> str:
    """What went wrong, of which program, and what to do about it."""
    from nimprofile import __version__
    from nimprofile.base.printable import shown

    version = ".".join(map(str, sys.version_info[:3]))
    program = f"nimprofile {__version__}, Python {version}, {sys.platform}"
    more = f"{TRACEBACK}=1 prints where it happened"
    if isinstance(error, MemoryError):
        enough = "a command needs 128 MiB of address space, and more for long files"
        return f"out of memory ({program}); {enough}; {more}"
    try:
        words = _concealed(str(error))
    except Exception:  # noqa: BLE001 - it is told anyway
        words = ""
    what = ": ".join(filter(None, (type(error).__name__, shown(words, MOST_OF_WORDS))))
    report = "please report this line and the command as an issue of nimprofile"
    return f"an error that nothing foresaw, {what} ({program}); {report}; {more}"


def _concealed(text: str) -> str:
    """A text without the secrets of this process; nothing of it where that cannot be told."""
    try:
        from nimprofile.base.secrets.output import concealed

        return concealed(text)
    except Exception:  # noqa: BLE001 - it is what failed, perhaps
        return ""


def _json(line: str) -> str:
    """As `report.schemas.errors.failure` has it."""
    from json import dumps

    nothing = dict.fromkeys(("source", "place", "line", "hint"))
    error = {"kind": "internal", "message": line, **nothing, "exit_code": FAILED}
    return dumps({"schema_version": "1.0", "error": error}, indent=2)
