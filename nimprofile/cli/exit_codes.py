"""The exit codes, which are a promise: `docs/cli.md` and the help list them."""

from __future__ import annotations

DONE = 0
NOTHING_RUNS = 1
USAGE = 2  # argparse's own
BAD_INPUT = 3
NO_GPU = 4
GPU_MISSING = 5
NOT_STARTED = 6
OUTPUT_FAILED = 74  # EX_IOERR of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
