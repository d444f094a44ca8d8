"""What is said on standard error, and to whom?"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def tell(lines: Iterable[str]) -> None:
    """Say these lines; where nobody can hear them, that changes neither answer nor exit code.

    With standard error closed, `print` would take standard output.
    """
    if sys.stderr is None:
        return
    try:
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # a reader that went away, a full disk
        sys.stderr = None  # or Python's own last flush fails, and the exit code with it


def watched() -> bool:
    """Whether somebody at a terminal wants to know what takes so long."""
    return sys.stderr is not None and sys.stderr.isatty()
