"""Which machines are worth testing against?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.catalog import find_product
from nimprofile.inventory import Gpu, Inventory
from nimprofile.request import EMPTY_GPU_FRACTION
from nimprofile.values import ComputeCapability, normalise_gpu_name

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
"""Products to draw from unless told otherwise: few enough that a profile and a GPU often meet.

All capabilities with a floor of their own are there, names that begin like another's, and a board
without memory of its own.
"""

DRIVERS = ("550", "535.161.08", "550.54.15", "570.124.06")
CUDAS = ("12.2", "12.4", "12.8")


class Board(NamedTuple):
    """A product, in the catalogue or not; a figure that is None nobody knows."""

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


def gpus(
    *, index: int = 0, products: Sequence[str] = COMMON_PRODUCTS, strange: bool = True
) -> st.SearchStrategy[Gpu]:
    """One GPU, idle or busy, its figures read or not.

    Free memory is often all of it, exactly what counts as empty, or one MiB less.

    Args:
        index: its index.
        products: what it may be, spelled as in `--gpus`.
        strange: also boards that no catalogue knows, some without a name or an id.
    """
    return boards(tuple(products), strange=strange).flatmap(lambda board: gpus_of(board, index))


@st.composite
def gpus_of(draw: st.DrawFn, board: Board, index: int) -> Gpu:
    """A GPU of one board, with any memory reading."""
    total = draw(_totals(board))
    capability = draw(st.sampled_from([board.capability, None]))
    return Gpu(
        index,
        board.name,
        draw(st.sampled_from([None, f"GPU-{index:08x}"])),
        board.device_id,
        total,
        draw(_frees(total)),
        capability,
        board.unified,
    )


def _totals(board: Board) -> st.SearchStrategy[int | None]:
    if board.memory_mib is None:
        return st.sampled_from([None, 24576])
    real = board.memory_mib
    return st.sampled_from([real, real, real, real - 1, None])


def _frees(total: int | None) -> st.SearchStrategy[int | None]:
    if total is None:
        return st.none()
    gate = gate_mib(total)
    awkward = st.sampled_from([total, total, total, gate, max(0, gate - 1), total // 2, 0, None])
    return st.one_of(awkward, st.integers(0, total))


def inventories(
    *,
    min_gpus: int = 0,
    max_gpus: int = 8,
    max_groups: int = 3,
    products: Sequence[str] = COMMON_PRODUCTS,
    strange: bool = True,
) -> st.SearchStrategy[Inventory]:
    """A machine: up to `max_groups` products, indices with or without gaps, versions or none.

    Args:
        min_gpus: at least so many GPUs.
        max_gpus: at most so many.
        max_groups: GPUs of at most so many products.
        products: what they may be, spelled as in `--gpus`.
        strange: also boards that no catalogue knows.
    """
    kinds = st.lists(
        boards(tuple(products), strange=strange), min_size=1, max_size=max_groups, unique_by=_key
    )
    return _inventories(st.integers(min_gpus, max_gpus), kinds)


@st.composite
def _inventories(
    draw: st.DrawFn, counts: st.SearchStrategy[int], kinds: st.SearchStrategy[list[Board]]
) -> Inventory:
    pool = draw(kinds)
    indices = draw(indices_of(draw(counts)))
    members = [draw(gpus_of(draw(st.sampled_from(pool)), index)) for index in indices]
    return Inventory(tuple(members), *draw(versions()))


def _key(board: Board) -> str:
    return board.key


@st.composite
def indices_of(draw: st.DrawFn, count: int) -> list[int]:
    """Indices of so many GPUs: usually 0, 1, 2, …, sometimes with gaps."""
    start, step = draw(st.sampled_from([(0, 1), (0, 1), (0, 1), (1, 2), (5, 1)]))
    return [start + step * at for at in range(count)]


def versions() -> st.SearchStrategy[tuple[str | None, str | None]]:
    """Driver and CUDA versions, each known or not."""
    return st.tuples(st.sampled_from([None, *DRIVERS]), st.sampled_from([None, *CUDAS]))
