"""The exit codes, which are a promise: `docs/cli.md` and the help list them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.selection.decision import Decision

DONE = 0
NOTHING_RUNS = 1
USAGE = 2  # argparse's own
BAD_INPUT = 3
NO_GPU = 4
NOT_AS_REQUIRED = 5
NOT_STARTED = 6
FAILED = 70  # EX_SOFTWARE of sysexits.h
OUTPUT_FAILED = 74  # EX_IOERR of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it, and `__main__` of every signal


def code_of_nothing(decision: Decision) -> int:
    """The code of a decision that selects nothing."""
    if decision.required_in_vain:
        return NOT_AS_REQUIRED
    return NOTHING_RUNS if decision.pinned is None else BAD_INPUT
