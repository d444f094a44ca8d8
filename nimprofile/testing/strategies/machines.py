"""Strategies for GPUs and machines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.base.gpu_ids import normalise_gpu_name
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.catalog import find_product
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION
from nimprofile.hardware.inventory import Connection, Gpu, Inventory, Link, MigInstance
from nimprofile.hardware.nvml.codes import (
    ECC_ERRORS,
    FATAL_RECOVERIES,
    LOST,
    ROW_FAILED,
    ROW_PENDING,
    VIRTUALIZATIONS,
    phrase,
)

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
        device_id=board.device_id,
        memory_total_mib=total,
        memory_free_mib=draw(_frees(total)),
        compute_capability=capability,
        unified_memory=board.unified,
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
    members = [draw(_in_any_state(gpu)) for gpu in members]
    driver, cuda = draw(versions())
    connections = tuple(draw(_connections(members)))
    return Inventory(tuple(members), driver, cuda, connections=connections)


_WELL: dict[str, object] = {}
_STATES: list[dict[str, object]] = [
    *[_WELL] * 9,
    {"unavailable": "GPU is lost"},
    {"health_issues": (ROW_PENDING,)},
    {"mig": MigInstance(1000, 7, 0)},
]


def _in_any_state(gpu: Gpu) -> st.SearchStrategy[Gpu]:
    """The GPU as it is, as a rule; or lost, ailing, or a MIG instance."""
    return st.sampled_from(_STATES).map(lambda state: gpu.replace(**state))


def _key(board: Board) -> str:
    return board.key


@st.composite
def indices_of(draw: st.DrawFn, count: int) -> list[int]:
    """Indices of so many GPUs: usually 0, 1, 2, …, sometimes with gaps."""
    start, step = draw(st.sampled_from([(0, 1), (0, 1), (0, 1), (1, 2), (5, 1)]))
    return [start + step * at for at in range(count)]


def nvml_inventories(
    *, max_gpus: int = 8, products: Sequence[str] = COMMON_PRODUCTS
) -> st.SearchStrategy[Inventory]:
    """A machine as NVML can tell of it, so that `FakeNvml` can be it and `discover` find it again.

    Boards are numbered from 0, some without figures that NVML need not know; some are lost, ailing,
    or split into MIG instances; connections are known, or not.

    Args:
        max_gpus: at most so many boards.
        products: what they may be, spelled as in `--gpus`; those without memory of their own are
            left out, since theirs is the host's.
    """
    own_memory = tuple(short for short in products if not board_of(short).unified)
    return _nvml_machines(max_gpus, boards(own_memory, strange=True))


@st.composite
def _nvml_machines(draw: st.DrawFn, max_gpus: int, kinds: st.SearchStrategy[Board]) -> Inventory:
    pool = draw(st.lists(kinds, min_size=1, max_size=2))
    members = [
        draw(_nvml_gpus(draw(st.sampled_from(pool)), index))
        for index in range(draw(st.integers(1, max_gpus)))
    ]
    for board in list(members):
        if board.mig_enabled:
            members += draw(_mig_instances(board, len(members)))
    connections = draw(_connections([gpu for gpu in members if gpu.mig is None]))
    driver, cuda = draw(versions())
    return Inventory(tuple(members), driver, cuda, connections=tuple(connections))


@st.composite
def _nvml_gpus(draw: st.DrawFn, board: Board, index: int) -> Gpu:
    if draw(st.integers(0, 9)) == 0:
        return Gpu(index, unavailable=draw(st.sampled_from([phrase(code) for code in LOST])))
    total = draw(st.sampled_from([board.memory_mib, 24576, None]))
    ill = draw(st.sampled_from([None] * 8 + [ROW_FAILED, *FATAL_RECOVERIES.values()]))
    issues = draw(st.sampled_from([(), (), (), (ROW_PENDING,), (f"3 {ECC_ERRORS}",)]))
    return Gpu(
        index,
        board.name,
        draw(st.sampled_from([None, f"GPU-{index:08x}"])),
        device_id=board.device_id,
        memory_total_mib=total,
        memory_free_mib=None if total is None else draw(st.integers(0, total)),
        compute_capability=board.capability,
        memory_reserved_mib=None if total is None else draw(st.sampled_from([None, 0, 480])),
        architecture=draw(st.sampled_from([None, "Hopper", "Ada"])),
        pci_bus_id=draw(st.sampled_from([None, f"00000000:{index:02X}:00.0"])),
        utilization_percent=draw(st.sampled_from([None, 0, 100])),
        virtualization=draw(st.sampled_from([None, *VIRTUALIZATIONS.values()])),
        mig_enabled=ill is None and draw(st.integers(0, 9)) == 0,
        health_issues=() if ill else issues,
        unavailable=ill,
    )


@st.composite
def _mig_instances(draw: st.DrawFn, board: Gpu, first: int) -> list[Gpu]:
    """MIG instances of a board, one at least: a board without any cannot be used."""
    total = board.memory_total_mib
    part = None if total is None else max(1, total // 8)
    return [
        board.replace(
            index=first + at,
            name=f"{board.name} MIG 1g" if board.name else "MIG 1g",
            uuid=f"MIG-{board.index:04x}{at:04x}",
            memory_total_mib=part,
            memory_free_mib=part,
            memory_reserved_mib=None if part is None else 0,
            utilization_percent=None,
            mig_enabled=False,
            mig=MigInstance(board.index, 7 + at, 0),
        )
        for at in range(draw(st.integers(1, 7)))
    ]


@st.composite
def _connections(draw: st.DrawFn, members: list[Gpu]) -> list[Connection]:
    lost = [phrase(code) for code in LOST]
    answering = sorted(gpu.index for gpu in members if gpu.unavailable not in lost)
    near = draw(st.sampled_from([None, *Link]))
    if near is None:
        return []
    return [
        Connection((one, other), draw(st.sampled_from([near, Link.SYS])))
        for at, one in enumerate(answering)
        for other in answering[at + 1 :]
    ]


def versions() -> st.SearchStrategy[tuple[str | None, str | None]]:
    """Driver and CUDA versions, each known or not."""
    return st.tuples(st.sampled_from([None, *DRIVERS]), st.sampled_from([None, *CUDAS]))
