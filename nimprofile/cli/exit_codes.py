"""The exit codes, which are a promise: `docs/cli.md` lists them."""

from __future__ import annotations

SELECTED, NOTHING_RUNS, USAGE, BAD_INPUT, NO_GPU, GPU_MISSING = 0, 1, 2, 3, 4, 5


NOT_STARTED, OUTPUT_FAILED, INTERRUPTED = 6, 74, 130
