"""The GPUs that NVML lists, by what a variable such as `CUDA_VISIBLE_DEVICES` calls them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from nimprofile.hardware.inventory import MigInstance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nimprofile.hardware.inventory import Gpu

INDEX = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")
"""A board by its index, or with a colon the MIG instance of that number on it."""
_UUID = re.compile(r"GPU-[0-9a-f]", re.IGNORECASE)
_LEGACY = re.compile(r"MIG-(GPU-[0-9a-f-]+)/([0-9]{1,9})/([0-9]{1,9})", re.IGNORECASE)
_LAST_SIGN = chr(0x10FFFF)


class ListedGpus:
    """The GPUs that NVML lists, found by what a variable calls them without a search.

    `nameless` are boards that do not answer, not even with their UUID: an unknown UUID may be
    theirs. `instances` has the MIG instances of each board.
    """

    def __init__(self, gpus: Sequence[Gpu]):
        self.gpus = gpus
        self.boards = [gpu for gpu in gpus if gpu.mig is None]
        self.nameless = [gpu for gpu in self.boards if gpu.unavailable and gpu.uuid is None]
        self.instances: dict[int, list[Gpu]] = {}
        for gpu in gpus:
            if gpu.mig is not None:
                self.instances.setdefault(gpu.mig.board, []).append(gpu)
        self._by_index = {gpu.index: gpu for gpu in self.boards}
        self._by_uuid = sorted(
            ((gpu.uuid.lower(), gpu) for gpu in gpus if gpu.uuid), key=lambda pair: pair[0]
        )
        self._uuids = [uuid for uuid, _ in self._by_uuid]

    def beginning(self, token: str) -> list[Gpu]:
        """The GPUs whose UUID begins so, in letters of either case."""
        folded = token.lower()
        first = bisect_left(self._uuids, folded)
        last = bisect_right(self._uuids, f"{folded}{_LAST_SIGN}", first)
        return [gpu for _, gpu in self._by_uuid[first:last]]

    def of_uuid(self, token: str) -> Gpu | None:
        """The GPU of that UUID or the only one that begins so; of a board's instance by its ids."""
        if legacy := _LEGACY.fullmatch(token):
            board = self.of_uuid(legacy[1])
            place = board and MigInstance(board.index, int(legacy[2]), int(legacy[3]))
            instances = self.instances.get(board.index, ()) if board else ()
            return next((gpu for gpu in instances if gpu.mig == place), None)
        matches = self.beginning(token) if is_uuid(token) else []
        return matches[0] if len(matches) == 1 else None

    def of_index(self, token: str) -> Gpu | None:
        """The board of that index, or the MIG instance of that number on the board."""
        if (index := INDEX.fullmatch(token)) is None:
            return None
        board = self._by_index.get(int(index[1]))
        if index[2] is None or board is None:
            return board
        instances, at = self.instances.get(board.index, ()), int(index[2])
        return instances[at] if at < len(instances) else None

    def is_unknown_uuid(self, token: str) -> bool:
        """Whether it is a UUID that is the beginning of no known one."""
        return _UUID.match(token) is not None and not self.beginning(token)

    def several_begin_so(self, token: str) -> str:
        """How many UUIDs begin so, of a board's instance the boards'; "" where one or none does."""
        legacy = _LEGACY.fullmatch(token)
        uuid = legacy[1] if legacy else token
        count = len(self.beginning(uuid)) if is_uuid(uuid) else 0
        return f"is the beginning of {count} UUIDs" if count > 1 else ""


def is_uuid(token: str) -> bool:
    """Whether it is a UUID or the beginning of one, as far as its form goes."""
    return len(token) > 4 and token.lower().startswith(("gpu-", "mig-"))
