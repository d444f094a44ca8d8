"""The line on a terminal that says how far a command is, written over again and again."""

from __future__ import annotations

import shutil
import sys

from nimprofile.base.printable import message_line
from nimprofile.cli.console import watched

_drawn = 0
"""Characters of the line that stands on the terminal."""


def progress(text: str) -> None:
    """Write over the last such line on standard error, where that is a terminal; "" clears it."""
    global _drawn  # noqa: PLW0603 - there is one terminal
    if not watched():
        return
    line = message_line(text)[: max(1, shutil.get_terminal_size().columns - 1)]
    try:
        sys.stderr.write(f"\r{line.ljust(_drawn)}" + ("" if line else "\r"))
        sys.stderr.flush()
    except OSError:  # the terminal is gone
        sys.stderr = None  # as in `nimprofile.cli.console.write_error`
    _drawn = len(line)
