"""The files below a directory, as many as can be looked at in a short time."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ENTRIES = 20_000
"""A cache of a hundred models has some thousand."""

MOST_DEPTH = 8
"""`ngc/hub/models--…/snapshots/REVISION/…` are six."""


def entries_below(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is below a directory, without following links; a folder that cannot be listed is passed.

    Nearer ones come first; at most `MOST_ENTRIES`, at most `MOST_DEPTH` deep.
    """
    left = MOST_ENTRIES
    folders = [folder]
    for _ in range(MOST_DEPTH):
        deeper = []
        for each in folders:
            for entry in _listed(each):
                if not left:
                    return
                left -= 1
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.path)
                yield entry
        folders = deeper


def _listed(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # another user's, or gone meanwhile
        return
