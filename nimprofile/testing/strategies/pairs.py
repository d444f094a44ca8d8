"""Strategies for a profile and a machine that belong together.

Drawn apart, a profile and a machine nearly never fit, so a machine is made for its profile. The
making is independent of the judging: `nimprofile.selection.fit` is not used, and of its figures
only the floors of the precisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import MIB, ComputeCapability, stated_gb_to_bytes
from nimprofile.engines.compute_floors import RUNS_FROM
from nimprofile.hardware.inventory import Gpu, Inventory
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile import Profile, Requires, Stated
from nimprofile.manifest.profile_conditions import Condition
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection.request import Request
from nimprofile.testing.strategies.boards import (
    COMMON_PRODUCTS,
    CUDAS,
    DRIVERS,
    Board,
    board_of,
    boards,
    gate_mib,
)
from nimprofile.testing.strategies.machines import gpus_of, indices_of
from nimprofile.testing.strategies.manifests import gpu_tags


class FittingPair(NamedTuple):
    """A profile, and a machine and wishes made so that it runs."""

    profile: Profile
    inventory: Inventory
    request: Request

    @property
    def manifest(self) -> Manifest:
        """A manifest with this profile alone."""
        return Manifest((self.profile,))


class Draft:
    """A pair in the making: a profile that fits, and what of it may still change."""

    def __init__(self, board: Board, count: int, needed: int):
        self.board, self.count, self.needed = board, count, needed
        self.tags: dict[str, str] = {}
        self.requires = Requires()
        self.memory: Stated | None = None
        self.need_mib = 0  # of each GPU, in whole MiB; 0 is none stated
        self.gpus: list[Gpu] = []
        self.driver: str | None = None
        self.cuda: str | None = None
        self.cpu: str | None = None
        self.request = Request()

    @property
    def profile(self) -> Profile:
        """The profile as it stands."""
        return profile_from_tags(
            "made",
            self.tags,
            name=describe(self.tags) or "made",
            requires=self.requires,
            memory=self.memory,
        )

    @property
    def inventory(self) -> Inventory:
        """The machine as it stands."""
        gpus = tuple(self.gpus)
        return Inventory(gpus, self.driver, self.cuda, cpu_architecture=self.cpu)


def fitting_pairs(
    *, products: Sequence[str] = COMMON_PRODUCTS, strange: bool = True, foreign: bool = True
) -> st.SearchStrategy[FittingPair]:
    """A profile, and a machine made to run it: `select` chooses it, and there is no other.

    Memory is often exactly what is needed, the GPUs just as many, versions and capabilities the
    lowest that will do, and figures that no rule can miss are sometimes unknown.

    Args:
        products: what the machine may be made of, spelled as in `--gpus`.
        strange: also boards that no catalogue knows.
        foreign: put GPUs of another product beside those it runs on, at times.
    """
    return draw_fitting_pairs(tuple(products), strange, foreign)


@st.composite
def draw_fitting_pairs(
    draw: st.DrawFn, products: tuple[str, ...], strange: bool, foreign: bool
) -> FittingPair:
    """`fitting_pairs` with every argument given."""
    draft = draw(drafts(products, strange))
    if foreign and draw(st.booleans()):
        add_foreign(draw, draft, products)
    return FittingPair(draft.profile, draft.inventory, with_selector(draw, draft))


@st.composite
def drafts(draw: st.DrawFn, products: tuple[str, ...], strange: bool) -> Draft:
    """A profile that fits, whose needs can still be broken."""
    board = draw(boards(products, strange=strange))
    tp = draw(st.sampled_from([1, 2, 4, 8, None]))
    pp = draw(st.sampled_from([1, None, 2]))
    needed = (tp or 1) * (pp or 1)
    draft = Draft(board, needed + draw(st.sampled_from([0, 0, 1, 2])), needed)
    engine = draw(st.sampled_from([*Engine, None]))
    precision = draw(st.sampled_from([None, *_runnable(board.capability)]))
    lora = draw(st.sampled_from([None, "false", "true"]))
    sizes = {"llm_engine": engine, "precision": precision, "tp": tp, "pp": pp, "feat_lora": lora}
    draft.tags = {tag: str(value) for tag, value in sizes.items() if value is not None}
    draft.tags |= draw(gpu_tags(board))
    draft.tags |= draw(st.sampled_from([{}, {"profile": "latency"}, {"profile": "throughput"}]))
    draft.tags |= draw(st.sampled_from([{}, {"trtllm_buildable": "true"}, {"vendor_note": "x"}]))
    draft.request = Request(
        lora=lora == "true",
        engines=draw(st.sampled_from([None] if engine is None else [None, (engine,)])),
        relax_memory=draw(st.booleans()),
        empty_gpu_gate=draw(st.sampled_from([None, False, True])),
    )
    _state_capability(draw, draft)
    _state_versions(draw, draft)
    _state_memory(draw, draft)
    _add_gpus(draw, draft)
    return draft


def _runnable(capability: ComputeCapability | None) -> list[Precision]:
    """Precisions whose floor a GPU reaches; all of them when its capability is not known."""
    return [
        precision
        for precision in Precision
        if precision not in RUNS_FROM or capability is None or capability >= RUNS_FROM[precision]
    ]


def _state_capability(draw: st.DrawFn, draft: Draft) -> None:
    if (capability := draft.board.capability) is None:
        return
    specifiers = [None, None, f">={capability}", f"=={capability}", ">=5.0"]
    draft.requires = draft.requires.replace(compute_capability=draw(st.sampled_from(specifiers)))
    if draw(st.sampled_from([False, False, True])):
        draft.tags["compute_capability"] = str(capability)


def _state_versions(draw: st.DrawFn, draft: Draft) -> None:
    draft.driver = driver = draw(st.sampled_from([None, *DRIVERS]))
    draft.cuda = cuda = draw(st.sampled_from([None, *CUDAS]))
    draft.requires = draft.requires.replace(
        driver=draw(st.sampled_from([None, ">=450", f">={driver or 999}"])),
        cuda=draw(st.sampled_from([None, ">=11", f">={cuda or 99}"])),
    )


def _state_memory(draw: st.DrawFn, draft: Draft) -> None:
    """State what each GPU needs, at most what the board has: exactly that, or less."""
    board = draft.board.memory_mib
    if board is None:
        return
    form = draw(st.sampled_from(["unstated", "requires", "tag", "listing"]))
    needs = st.one_of(
        st.sampled_from([board, board - 1, gate_mib(board), gate_mib(board) - 1, 1]),
        st.integers(1, board),
    )
    match form:
        case "requires":
            draft.need_mib = draw(needs)
            draft.requires = draft.requires.replace(memory_gib_per_gpu=draft.need_mib / 1024)
        case "tag":
            fitting = [gb for gb in range(1, 300) if stated_gb_to_bytes(gb) <= board * MIB]
            stated = draw(st.sampled_from([fitting[0], fitting[-1], fitting[len(fitting) // 2]]))
            draft.tags["min_vram_per_device_gb"] = f"{stated}.0"
            draft.need_mib = -(-stated_gb_to_bytes(stated) // MIB)
        case "listing":
            draft.need_mib = draw(needs)
            least = draw(st.integers(1, draft.need_mib))
            draft.memory = Stated(draft.need_mib * MIB, least * MIB, "the listing's [requires …]")


def _add_gpus(draw: st.DrawFn, draft: Draft) -> None:
    board = draft.board
    total = board.memory_mib
    enough = total if total is None else max(draft.need_mib, gate_mib(total))
    readings = [(total, total), (total, enough), (total, None), (None, None)]
    # Of a catalogued board, the catalogue knows the capability.
    capabilities = [board.capability, None]
    choices = st.sampled_from(list(product(readings, capabilities)))
    for index in draw(indices_of(draft.count)):
        (known, free), capability = draw(choices)
        draft.gpus.append(
            Gpu(
                index,
                board.name,
                None,
                device_id=board.device_id,
                memory_total_mib=known,
                memory_free_mib=free,
                compute_capability=capability,
                unified_memory=board.unified,
            )
        )


def add_foreign(draw: st.DrawFn, draft: Draft, products: tuple[str, ...]) -> None:
    """GPUs of another product: they may be anything, the profile has enough without them."""
    other = draw(other_boards(draft.board, products))
    first = max((gpu.index for gpu in draft.gpus), default=-1) + 1
    for at in range(draw(st.integers(1, 2))):
        draft.gpus.append(draw(gpus_of(other, first + at)))


@cache
def other_boards(board: Board, products: tuple[str, ...]) -> st.SearchStrategy[Board]:
    """Boards of another product than this."""
    known = [board_of(product) for product in (*products, *COMMON_PRODUCTS)]
    return st.sampled_from([other for other in known if other.key != board.key])


def require_another(draw: st.DrawFn, draft: Draft) -> None:
    """Require what the profile is not."""
    unmet = [Condition(tag, "!=", draft.tags[tag]) for tag in ("tp", "pp") if tag in draft.tags]
    chosen = draw(st.sampled_from([Condition("absent", "=", "x"), *unmet]))
    draft.request = draft.request.replace(require=(chosen,))


def with_selector(draw: st.DrawFn, draft: Draft) -> Request:
    """The draft's request, sometimes with a condition that its profile meets."""
    tags = [(tag, value.upper()) for tag, value in sorted(draft.tags.items())]
    chosen = draw(st.sampled_from([(), *((tag,) for tag in tags)]))
    return draft.request.replace(tags=(*draft.request.tags, *chosen))
