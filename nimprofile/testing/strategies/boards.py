"""The GPU products that machines are drawn from, in the catalogue or not."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.base.gpu_ids import normalise_gpu_name
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.catalog import find_product
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION

COMMON_PRODUCTS = (
    "h100",
    "h100_nvl",
    "h200",
    "a100",
    "a100_sxm4_40gb",
    "l40s",
    "l4",
    "a10g",
    "b200",
    "dgx_spark",
    "t4",
)
"""Products to draw from by default: few enough that a profile and a GPU often meet.

All capabilities with a floor of their own are there, names that begin like another's, and a board
without memory of its own.
"""

DRIVERS = ("550", "535.161.08", "550.54.15", "570.124.06")
CUDAS = ("12.2", "12.4", "12.8")


class Board(NamedTuple):
    """A product, in the catalogue or not; a figure that is None is not known."""

    name: str | None
    device_id: str | None
    memory_mib: int | None
    capability: ComputeCapability | None
    unified: bool
    catalogued: bool
    spellings: frozenset[str]

    @property
    def key(self) -> str:
        """What tells it from other boards."""
        return self.device_id or normalise_gpu_name(self.name or "")


@cache
def board_of(short: str) -> Board:
    """A board of the catalogue, by any spelling."""
    product = find_product(short)
    return Board(
        product.name,
        product.device_ids[0] if product.device_ids else None,
        product.memory_mib,
        product.compute_capability,
        product.unified_memory,
        catalogued=True,
        spellings=product.spellings,
    )


def _strange(
    name: str | None, device_id: str | None, memory_mib: int | None, capability: str | None
) -> Board:
    return Board(
        name,
        device_id,
        memory_mib,
        None if capability is None else ComputeCapability.parse(capability),
        unified=False,
        catalogued=False,
        spellings=frozenset({normalise_gpu_name(name)} if name else ()),
    )


STRANGE_BOARDS = (
    _strange("NVIDIA H1000 Prototype", "fff0:10de", 81559, "9.0"),
    _strange("NVIDIA A1", None, 16384, "8.6"),
    _strange(None, "fff1:10de", 24576, "12.10"),
    _strange("NVIDIA L400", "fff2:10de", None, None),
    _strange(None, None, None, None),
)
"""What no catalogue knows, with names that begin like a known one's, or with no name at all."""


@cache
def boards(products: tuple[str, ...], *, strange: bool) -> st.SearchStrategy[Board]:
    """One of these products, or of those no catalogue knows."""
    known = [board_of(product) for product in products]
    return st.sampled_from([*known, *STRANGE_BOARDS] if strange else known)


def gate_mib(total_mib: int) -> int:
    """The least free memory, in MiB, at which a GPU counts as empty."""
    floor = int(EMPTY_GPU_FRACTION * total_mib)
    return floor if floor >= EMPTY_GPU_FRACTION * total_mib else floor + 1
