"""What is said on standard error, and to whom; and how is standard output written?"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.report.style import Style


def tell(lines: Iterable[str]) -> None:
    """Say these lines; where nobody can hear them, that changes neither answer nor exit code.

    What was printed before is written before, so that a log of both reads in order. With standard
    error closed, `print` would take standard output.
    """
    if sys.stderr is None:
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # a reader that went away, a full disk
        sys.stderr = None  # or Python's own last flush fails, and the exit code with it


def watched() -> bool:
    """Whether somebody at a terminal wants to know what takes so long."""
    return sys.stderr is not None and sys.stderr.isatty()


def style_of_stdout() -> Style:
    """Columns and colour as standard output and the environment want them."""
    from nimprofile.report.style import Style

    terminal = sys.stdout is not None and sys.stdout.isatty()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Style(columns=terminal, colour=terminal and not plain, width=_width())


def _width() -> int:
    try:
        return os.get_terminal_size().columns or 80
    except OSError:  # no terminal to ask
        return 80


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    import json

    print(json.dumps(value, indent=2))


def counted(number: int, what: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
