"""Which profile and machine belong together, and which only just do not?

Drawing the two apart wastes nearly every example, so here a machine is made for its profile. How a
pair is made says nothing about how it is judged: nothing is taken from `nimprofile.selection.fit` but the
floors of the precisions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.base.units import EMULATED_NVFP4_FROM, MIB, ComputeCapability, stated_gb_to_bytes
from nimprofile.hardware.inventory import Gpu, Inventory, MigInstance
from nimprofile.manifest.dialects import Manifest
from nimprofile.manifest.profile import (
    Engine,
    Precision,
    Profile,
    Requires,
    Stated,
    profile_from_tags,
)
from nimprofile.manifest.profile_names import describe
from nimprofile.selection.reasons import (
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    DriverTooOld,
    EngineUnavailable,
    EngineVersionUnmet,
    GpuNotEmpty,
    LoraMismatch,
    MigAlone,
    MixedGpus,
    PrecisionUnknown,
    Reason,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongGpu,
)
from nimprofile.selection.request import Request
from nimprofile.selection.rules import RUNS_FROM
from nimprofile.testing.strategies.machines import (
    COMMON_PRODUCTS,
    CUDAS,
    DRIVERS,
    Board,
    board_of,
    boards,
    gate_mib,
    gpus_of,
    indices_of,
)
from nimprofile.testing.strategies.manifests import gpu_tags, profiles


class FittingPair(NamedTuple):
    """A profile, and a machine and wishes made so that it runs."""

    profile: Profile
    inventory: Inventory
    request: Request

    @property
    def manifest(self) -> Manifest:
        """A manifest with this profile alone."""
        return Manifest((self.profile,))


class NearMiss(NamedTuple):
    """A fitting pair with exactly one need broken, and the class of every reason that follows."""

    profile: Profile
    inventory: Inventory
    request: Request
    reason: type[Reason]

    @property
    def manifest(self) -> Manifest:
        """A manifest with this profile alone."""
        return Manifest((self.profile,))


class Situation(NamedTuple):
    """Everything a decision is made from; at least one profile was made to run."""

    manifest: Manifest
    inventory: Inventory
    request: Request


class _Draft:
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
        return Inventory(tuple(self.gpus), self.driver, self.cuda)


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
    return _fitting_pairs(tuple(products), strange, foreign)


@st.composite
def _fitting_pairs(
    draw: st.DrawFn, products: tuple[str, ...], strange: bool, foreign: bool
) -> FittingPair:
    draft = draw(_drafts(products, strange))
    if foreign and draw(st.booleans()):
        _add_foreign(draw, draft, products)
    return FittingPair(draft.profile, draft.inventory, _with_selector(draw, draft))


@st.composite
def _drafts(draw: st.DrawFn, products: tuple[str, ...], strange: bool) -> _Draft:
    board = draw(boards(products, strange=strange))
    tp = draw(st.sampled_from([1, 2, 4, 8, None]))
    pp = draw(st.sampled_from([1, None, 2]))
    needed = (tp or 1) * (pp or 1)
    draft = _Draft(board, needed + draw(st.sampled_from([0, 0, 1, 2])), needed)
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
        empty_gpu_gate=draw(st.booleans()),
    )
    _state_capability(draw, draft)
    _state_versions(draw, draft)
    _state_memory(draw, draft)
    _add_gpus(draw, draft)
    return draft


def _runnable(capability: ComputeCapability | None) -> list[Precision]:
    """Precisions whose floor a GPU reaches; of one whose capability nobody knows, all."""
    return [
        precision
        for precision in Precision
        if precision not in RUNS_FROM or capability is None or capability >= RUNS_FROM[precision]
    ]


def _state_capability(draw: st.DrawFn, draft: _Draft) -> None:
    if (capability := draft.board.capability) is None:
        return
    specifiers = [None, None, f">={capability}", f"=={capability}", ">=5.0"]
    draft.requires = draft.requires.replace(compute_capability=draw(st.sampled_from(specifiers)))
    if draw(st.sampled_from([False, False, True])):
        draft.tags["compute_capability"] = str(capability)


def _state_versions(draw: st.DrawFn, draft: _Draft) -> None:
    draft.driver = driver = draw(st.sampled_from([None, *DRIVERS]))
    draft.cuda = cuda = draw(st.sampled_from([None, *CUDAS]))
    draft.requires = draft.requires.replace(
        driver=draw(st.sampled_from([None, ">=450", f">={driver or 999}"])),
        cuda=draw(st.sampled_from([None, ">=11", f">={cuda or 99}"])),
    )


def _state_memory(draw: st.DrawFn, draft: _Draft) -> None:
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


def _add_gpus(draw: st.DrawFn, draft: _Draft) -> None:
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
            Gpu(index, board.name, None, board.device_id, known, free, capability, board.unified)
        )


def _add_foreign(draw: st.DrawFn, draft: _Draft, products: tuple[str, ...]) -> None:
    """GPUs of another product: they may be anything, the profile has enough without them."""
    other = draw(_other_boards(draft.board, products))
    first = max((gpu.index for gpu in draft.gpus), default=-1) + 1
    for at in range(draw(st.integers(1, 2))):
        draft.gpus.append(draw(gpus_of(other, first + at)))


@cache
def _other_boards(board: Board, products: tuple[str, ...]) -> st.SearchStrategy[Board]:
    known = [board_of(product) for product in (*products, *COMMON_PRODUCTS)]
    return st.sampled_from([other for other in known if other.key != board.key])


def _with_selector(draw: st.DrawFn, draft: _Draft) -> Request:
    """The draft's request, sometimes with a condition that its profile meets."""
    tags = [(tag, value.upper()) for tag, value in sorted(draft.tags.items())]
    chosen = draw(st.sampled_from([(), *((tag,) for tag in tags)]))
    return draft.request.replace(tags=(*draft.request.tags, *chosen))


# One break for each class of reason. Each takes a fitting draft and leaves one need unmet.


def _break_engine(draw: st.DrawFn, draft: _Draft) -> None:
    engine = draw(st.sampled_from(Engine))
    draft.tags["llm_engine"] = draw(st.sampled_from([str(engine), "llama.cpp"]))
    others = tuple(other for other in Engine if other is not engine)
    draft.request = draft.request.replace(engines=draw(st.sampled_from([others, ()])))


def _break_precision(draw: st.DrawFn, draft: _Draft) -> None:
    draft.tags["precision"] = draw(st.sampled_from(["fp6", "int3", "auto"]))


def _break_gpu(draw: st.DrawFn, draft: _Draft) -> None:
    other = draw(_other_boards(draft.board, COMMON_PRODUCTS))
    forms = gpu_tags(other).filter(bool)  # all but one of about ten
    if not draft.board.key:  # what nobody can name is in doubt, not wrong
        draft.gpus = [gpu.replace(name="NVIDIA Unheard-of") for gpu in draft.gpus]
    draft.tags = {tag: draft.tags[tag] for tag in draft.tags if tag not in _GPU_TAGS} | draw(forms)


_GPU_TAGS = frozenset({"gpu", "gpu_device", "key", "ampereplus"})


def _break_count(draw: st.DrawFn, draft: _Draft) -> None:
    del draft.gpus[draw(st.integers(0, draft.needed - 1)) :]


def _break_wholeness(draw: st.DrawFn, draft: _Draft) -> None:
    """Make every GPU a MIG instance, and the profile one that spans two or more."""
    if draft.needed == 1:
        draft.tags["tp"] = "2"
    elif "tp" not in draft.tags:
        draft.tags["tp"] = "1"
    while len(draft.gpus) < 2:
        last = draft.gpus[-1]
        draft.gpus.append(last.replace(index=last.index + 1))
    board = draft.gpus[-1].index + draw(st.integers(1, 3))
    draft.gpus = [gpu.replace(mig=MigInstance(board, at, 0)) for at, gpu in enumerate(draft.gpus)]


def _break_uniformity(draw: st.DrawFn, draft: _Draft) -> None:
    _add_foreign(draw, draft, COMMON_PRODUCTS)
    draft.request = draft.request.replace(uniform_gpus=True)


def _break_capability(draw: st.DrawFn, draft: _Draft) -> None:
    precision = draw(st.sampled_from(list(RUNS_FROM)))
    floor = RUNS_FROM[precision]
    if precision is Precision.NVFP4 and draw(st.booleans()):
        draft.request = draft.request.replace(allow_nvfp4_emulation=True)
        floor = EMULATED_NVFP4_FROM
    draft.tags["precision"] = str(precision)
    draft.tags.pop("compute_capability", None)
    draft.requires = draft.requires.replace(compute_capability=None)
    # The others of them may be exactly as new as they must be.
    draft.gpus = [gpu.replace(compute_capability=floor) for gpu in draft.gpus]
    major, minor = floor
    below = (major, minor - 1) if minor else (major - 1, 9)
    capability = ComputeCapability(draw(st.sampled_from([below, (5, 0)])))
    _break_gpus(draw, draft, lambda gpu: gpu.replace(compute_capability=capability))


def _break_required_capability(draw: st.DrawFn, draft: _Draft) -> None:
    capability = draft.board.capability or ComputeCapability((9, 0))
    draft.gpus = [gpu.replace(compute_capability=capability) for gpu in draft.gpus]
    other = ComputeCapability((capability[0], capability[1] + 1))
    draft.tags.pop("compute_capability", None)
    if draw(st.booleans()):
        draft.tags["compute_capability"] = str(other)
        draft.requires = draft.requires.replace(compute_capability=None)
    else:
        specifiers = draw(st.sampled_from([f">={other}", f"=={other}", f"!={capability}"]))
        draft.requires = draft.requires.replace(compute_capability=specifiers)
    if draft.board.capability is None:
        draft.tags.pop("precision", None)  # 9.0 is below the floor of some


def _break_total_memory(draw: st.DrawFn, draft: _Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    short = draw(st.sampled_from([need - 1, need - 1, need // 2]))
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_total_mib=short, memory_free_mib=short))


def _break_context(draw: st.DrawFn, draft: _Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    least = draw(st.integers(1, need - 1))
    draft.memory = Stated(need * MIB, least * MIB, "the listing's [requires …]")
    draft.requires = draft.requires.replace(memory_gib_per_gpu=None)  # it would win
    total = draw(st.sampled_from([need - 1, least]))
    draft.request = draft.request.replace(relax_memory=False)
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_total_mib=total, memory_free_mib=total))


def _break_free_memory(draw: st.DrawFn, draft: _Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    if draw(st.booleans()):
        # With a context cut short it might do; but the whole GPU would hold the full one.
        draft.requires = draft.requires.replace(memory_gib_per_gpu=None)
        draft.memory = Stated(need * MIB, MIB, "the listing's [requires …]")
    free = draw(st.sampled_from([need - 1, need - 1, 0]))
    draft.request = draft.request.replace(relax_memory=False, empty_gpu_gate=False)
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_free_mib=free))


def _break_emptiness(draw: st.DrawFn, draft: _Draft) -> None:
    total = draw(st.sampled_from([1000, 24576, 81559]))
    free = draw(st.sampled_from([gate_mib(total) - 1, gate_mib(total) - 1, 10]))
    _need(draw, draft, draw(st.sampled_from([free, 1])), total)
    draft.request = draft.request.replace(relax_memory=False, empty_gpu_gate=True)
    draft.tags.setdefault("llm_engine", "vllm")
    draft.gpus = [gpu.replace(unified_memory=False) for gpu in draft.gpus]
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_free_mib=free))


def _need(draw: st.DrawFn, draft: _Draft, need: int, total: int | None = None) -> int:
    """Make every GPU need so many MiB and have them, all free, and just so many or more."""
    draft.memory = None
    draft.tags.pop("min_vram_per_device_gb", None)
    draft.requires = draft.requires.replace(memory_gib_per_gpu=None)
    if draw(st.booleans()):
        draft.requires = draft.requires.replace(memory_gib_per_gpu=need / 1024)
    draft.memory = Stated(need * MIB, need * MIB, "stated")
    total = total or need + draw(st.sampled_from([0, 1, need]))
    draft.gpus = [gpu.replace(memory_total_mib=total, memory_free_mib=total) for gpu in draft.gpus]
    return need


def _break_driver(draw: st.DrawFn, draft: _Draft) -> None:
    draft.driver, need = draw(
        st.sampled_from([("549.99.99", ">=550"), ("550.54.14", ">=550.54.15"), ("535", ">=535.1")])
    )
    draft.requires = draft.requires.replace(driver=need)


def _break_cuda(draw: st.DrawFn, draft: _Draft) -> None:
    draft.cuda, need = draw(
        st.sampled_from([("12.3", ">=12.4"), ("11.8", ">=12"), ("12.9", ">=12.10")])
    )
    draft.requires = draft.requires.replace(cuda=need)


def _break_engine_version(draw: st.DrawFn, draft: _Draft) -> None:
    have, need = draw(
        st.sampled_from([("0.9.2", ">=0.10"), ("0.19.0", "<0.19"), ("0.10.0", ">=0.10.1")])
    )
    draft.requires = draft.requires.replace(engine=f"vllm{need}")
    serving = draft.request.serving.replace(engine_version=have)
    draft.request = draft.request.replace(serving=serving)


def _break_lora(draw: st.DrawFn, draft: _Draft) -> None:
    del draw
    draft.request = draft.request.replace(lora=not draft.request.lora)


def _break_selector(draw: st.DrawFn, draft: _Draft) -> None:
    wrong = [(tag, f"not {value}") for tag, value in sorted(draft.tags.items())]
    chosen = draw(st.sampled_from([("absent", "x"), *wrong]))
    draft.request = draft.request.replace(tags=(chosen,))


def _break_gpus(draw: st.DrawFn, draft: _Draft, broken: Callable[[Gpu], Gpu]) -> None:
    """Break so many GPUs that too few are left: one suffices where all are needed."""
    count = len(draft.gpus)
    spreads = "tp" not in draft.tags  # then it runs on what is left
    enough = count if spreads else count - draft.needed + 1
    hit = draw(st.sets(st.sampled_from(range(count)), min_size=enough))
    draft.gpus = [broken(gpu) if at in hit else gpu for at, gpu in enumerate(draft.gpus)]


_BREAKS: dict[type[Reason], Callable[[st.DrawFn, _Draft], None]] = {
    EngineUnavailable: _break_engine,
    PrecisionUnknown: _break_precision,
    WrongGpu: _break_gpu,
    TooFewGpus: _break_count,
    MigAlone: _break_wholeness,
    MixedGpus: _break_uniformity,
    CapabilityTooLow: _break_capability,
    CapabilityUnmet: _break_required_capability,
    TooLittleMemory: _break_total_memory,
    ContextTooLong: _break_context,
    TooLittleFree: _break_free_memory,
    GpuNotEmpty: _break_emptiness,
    DriverTooOld: _break_driver,
    CudaTooOld: _break_cuda,
    EngineVersionUnmet: _break_engine_version,
    LoraMismatch: _break_lora,
    TagMismatch: _break_selector,
}


def near_misses(
    *,
    reasons: Sequence[type[Reason]] = tuple(_BREAKS),
    products: Sequence[str] = COMMON_PRODUCTS,
    strange: bool = True,
) -> st.SearchStrategy[NearMiss]:
    """A fitting pair with exactly one need broken, by as little as can be or by much.

    The verdict's reasons are all of the class that comes with it, and there is at least one.

    Args:
        reasons: classes to choose from; by default every one there is.
        products: what the machine may be made of, spelled as in `--gpus`.
        strange: also boards that no catalogue knows.
    """
    return _near_misses(tuple(reasons), tuple(products), strange)


@st.composite
def _near_misses(
    draw: st.DrawFn,
    reasons: tuple[type[Reason], ...],
    products: tuple[str, ...],
    strange: bool,
) -> NearMiss:
    reason = draw(st.sampled_from(reasons))
    draft = draw(_drafts(products, strange))
    _BREAKS[reason](draw, draft)
    request = draft.request if reason is TagMismatch else _with_selector(draw, draft)
    return NearMiss(draft.profile, draft.inventory, request, reason)


def situations(
    *, max_profiles: int = 6, products: Sequence[str] = COMMON_PRODUCTS
) -> st.SearchStrategy[Situation]:
    """A manifest, a machine and wishes; one profile at least was made to run there.

    The others are its relatives, which differ from it in a tag, and strangers.

    Args:
        max_profiles: at most so many profiles, 1 or more.
        products: what the machine may be made of, spelled as in `--gpus`.
    """
    return _situations(max_profiles, tuple(products))


_CHANGES: tuple[tuple[str, str | None], ...] = (
    ("llm_engine", "vllm"),
    ("llm_engine", "sglang"),
    ("llm_engine", "tensorrt_llm"),
    ("precision", "bf16"),
    ("precision", "fp8"),
    ("precision", "nvfp4"),
    ("tp", "1"),
    ("tp", "2"),
    ("tp", None),
    ("pp", "2"),
    ("profile", "throughput"),
    ("profile", "latency"),
    ("feat_lora", "true"),
    ("gpu", None),
    ("gpu_device", None),
    ("trtllm_buildable", "true"),
    ("min_vram_per_device_gb", "1000.0"),
    ("vendor_note", "y"),
)


@st.composite
def _situations(draw: st.DrawFn, max_profiles: int, products: tuple[str, ...]) -> Situation:
    pair = draw(_fitting_pairs(products, strange=True, foreign=True))
    made = pair.profile
    entries = [made]
    for number in range(draw(st.integers(0, max_profiles - 1))):
        id = f"{number:02}-other"
        if draw(st.sampled_from([True, True, False])):
            tag, value = draw(st.sampled_from(_CHANGES))
            tags = {key: old for key, old in made.tags.items() if key != tag}
            tags |= {} if value is None else {tag: value}
            entries.append(
                profile_from_tags(
                    id,
                    tags,
                    name=describe(tags) or id,
                    requires=made.requires,
                    memory=made.memory,
                )
            )
        else:
            entries.append(draw(profiles(ids=st.just(id))))
    order = draw(st.permutations(entries))
    return Situation(Manifest(tuple(order)), pair.inventory, pair.request)
