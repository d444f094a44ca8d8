"""What is said on standard error, and to whom?"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def tell(lines: Iterable[str]) -> None:
    """Talk; with standard error closed there is nobody to talk to (and `print` takes stdout)."""
    if sys.stderr is not None:
        for line in lines:
            print(line, file=sys.stderr)


def watched() -> bool:
    """Whether somebody at a terminal wants to know what takes so long."""
    return sys.stderr is not None and sys.stderr.isatty()
