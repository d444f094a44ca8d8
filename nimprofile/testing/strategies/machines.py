"""Strategies for GPUs and machines."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.identity import implied_cpu
from nimprofile.hardware.inventory import Connection, Gpu, Inventory, Link, MigInstance
from nimprofile.hardware.nvml.codes import FATAL_RECOVERIES, LOST, VIRTUALIZATIONS
from nimprofile.testing.strategies.boards import (
    COMMON_PRODUCTS,
    CUDAS,
    DRIVERS,
    Board,
    board_of,
    boards,
    gate_mib,
)

_CPUS = st.sampled_from([None, "x86_64", "aarch64"])


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
        min_gpus: the fewest GPUs.
        max_gpus: the most GPUs.
        max_groups: the most products.
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
    cpu = draw(_CPUS)
    return Inventory(tuple(members), driver, cuda, connections=connections, cpu_architecture=cpu)


_WELL: dict[str, object] = {}
_STATES: list[dict[str, object]] = [
    *[_WELL] * 9,
    {"unavailable": Condition(Kind.LOST, code=15)},
    {"health_issues": (Condition(Kind.ROW_PENDING),)},
    {"mig": MigInstance(1000, 7, 0)},
]


def _in_any_state(gpu: Gpu) -> st.SearchStrategy[Gpu]:
    """The GPU as it is, as a rule; or lost, ailing, or a MIG instance."""
    return st.sampled_from(_STATES).map(lambda state: gpu.replace(**state))


def _key(board: Board) -> str:
    return board.key


@st.composite
def indices_of(draw: st.DrawFn, count: int) -> list[int]:
    """The indices of GPUs: usually 0, 1, 2, …, sometimes with gaps."""
    start, step = draw(st.sampled_from([(0, 1), (0, 1), (0, 1), (1, 2), (5, 1)]))
    return [start + step * at for at in range(count)]


def nvml_inventories(
    *, max_gpus: int = 8, products: Sequence[str] = COMMON_PRODUCTS
) -> st.SearchStrategy[Inventory]:
    """A machine as NVML can tell of it, so that `FakeNvml` can be it and `discover` find it again.

    Boards are numbered from 0, some without figures that NVML need not know; some are lost, ailing,
    or split into MIG instances; connections are known, or not.

    Args:
        max_gpus: the most boards.
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
    cpu, links = implied_cpu(members), tuple(connections)
    return Inventory(tuple(members), driver, cuda, connections=links, cpu_architecture=cpu)


_LOST = [Condition(Kind.LOST, code=code) for code in sorted(LOST)]
_ILL = [
    Condition(Kind.ROW_FAILED),
    *(Condition(Kind.RECOVERY, action=action) for action in FATAL_RECOVERIES),
]
_ISSUES = [Condition(Kind.ROW_PENDING), Condition(Kind.ECC_ERRORS, count=3)]


@st.composite
def _nvml_gpus(draw: st.DrawFn, board: Board, index: int) -> Gpu:
    if draw(st.integers(0, 9)) == 0:
        return Gpu(index, unavailable=draw(st.sampled_from(_LOST)))
    total = draw(st.sampled_from([board.memory_mib, 24576, None]))
    ill = draw(st.sampled_from([None] * 8 + _ILL))
    issues = draw(st.sampled_from([(), (), (), *((issue,) for issue in _ISSUES)]))
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
    answering = sorted(gpu.index for gpu in members if gpu.unavailable not in _LOST)
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
