"""Strategies for fitting pairs with exactly one need broken, and the reason that must follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.engines.compute_floors import EMULATED_NVFP4_FROM, RUNS_FROM
from nimprofile.hardware.inventory import Gpu, Inventory, MigInstance
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile import Profile, Stated
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
    RequirementUnmet,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongCpu,
    WrongGpu,
)
from nimprofile.selection.request import Request
from nimprofile.testing.strategies.boards import COMMON_PRODUCTS, gate_mib
from nimprofile.testing.strategies.manifests import gpu_tags
from nimprofile.testing.strategies.pairs import (
    Draft,
    add_foreign,
    drafts,
    other_boards,
    require_another,
    with_selector,
)


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


def _break_engine(draw: st.DrawFn, draft: Draft) -> None:
    engine = draw(st.sampled_from(tuple(Engine)))
    draft.tags["llm_engine"] = draw(st.sampled_from([str(engine), "llama.cpp"]))
    others = tuple(other for other in Engine if other is not engine)
    draft.request = draft.request.replace(engines=draw(st.sampled_from([others, ()])))


def _break_precision(draw: st.DrawFn, draft: Draft) -> None:
    draft.tags["precision"] = draw(st.sampled_from(["fp6", "int3", "auto"]))


def _break_gpu(draw: st.DrawFn, draft: Draft) -> None:
    other = draw(other_boards(draft.board, COMMON_PRODUCTS))
    forms = gpu_tags(other).filter(bool)  # all but one of about ten
    if not draft.board.key:  # a GPU without a name is in doubt, not wrong
        draft.gpus = [gpu.replace(name="NVIDIA Unheard-of") for gpu in draft.gpus]
    draft.tags = {tag: draft.tags[tag] for tag in draft.tags if tag not in _GPU_TAGS} | draw(forms)


_GPU_TAGS = frozenset({"gpu", "gpu_device", "key", "ampereplus"})


def _break_count(draw: st.DrawFn, draft: Draft) -> None:
    del draft.gpus[draw(st.integers(0, draft.needed - 1)) :]


def _break_wholeness(draw: st.DrawFn, draft: Draft) -> None:
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


def _break_uniformity(draw: st.DrawFn, draft: Draft) -> None:
    add_foreign(draw, draft, COMMON_PRODUCTS)
    draft.request = draft.request.replace(uniform_gpus=True)


def _break_capability(draw: st.DrawFn, draft: Draft) -> None:
    precision = draw(st.sampled_from(list(RUNS_FROM)))
    floor = RUNS_FROM[precision]
    if precision is Precision.NVFP4 and draw(st.booleans()):
        draft.request = draft.request.replace(allow_nvfp4_emulation=True)
        floor = EMULATED_NVFP4_FROM
    draft.tags["precision"] = str(precision)
    draft.tags.pop("compute_capability", None)
    draft.requires = draft.requires.replace(compute_capability=None)
    # GPUs that are not broken may have exactly the capability that is needed.
    draft.gpus = [gpu.replace(compute_capability=floor) for gpu in draft.gpus]
    major, minor = floor
    below = (major, minor - 1) if minor else (major - 1, 9)
    if precision is Precision.BF16:
        below = (6, 9)  # from 7.0 on some engines serve it in FP16
    capability = ComputeCapability(draw(st.sampled_from([below, (5, 0)])))
    _break_gpus(draw, draft, lambda gpu: gpu.replace(compute_capability=capability))


def _break_required_capability(draw: st.DrawFn, draft: Draft) -> None:
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


def _break_total_memory(draw: st.DrawFn, draft: Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    short = draw(st.sampled_from([need - 1, need - 1, need // 2]))
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_total_mib=short, memory_free_mib=short))


def _break_context(draw: st.DrawFn, draft: Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    least = draw(st.integers(1, need - 1))
    draft.memory = Stated(need * MIB, least * MIB, "the listing's [requires …]")
    draft.requires = draft.requires.replace(memory_gib_per_gpu=None)  # it would win
    total = draw(st.sampled_from([need - 1, least]))
    draft.request = draft.request.replace(relax_memory=False)
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_total_mib=total, memory_free_mib=total))


def _break_free_memory(draw: st.DrawFn, draft: Draft) -> None:
    need = _need(draw, draft, draw(st.sampled_from([2, 1024, 24576, 81559])))
    if draw(st.booleans()):
        # A shorter context may fit what is free; the total holds the full one, so that is judged.
        draft.requires = draft.requires.replace(memory_gib_per_gpu=None)
        draft.memory = Stated(need * MIB, MIB, "the listing's [requires …]")
    free = draw(st.sampled_from([need - 1, need - 1, 0]))
    draft.request = draft.request.replace(relax_memory=False, empty_gpu_gate=False)
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_free_mib=free))


def _break_emptiness(draw: st.DrawFn, draft: Draft) -> None:
    total = draw(st.sampled_from([1000, 24576, 81559]))
    free = draw(st.sampled_from([gate_mib(total) - 1, gate_mib(total) - 1, 10]))
    _need(draw, draft, draw(st.sampled_from([free, 1])), total)
    draft.request = draft.request.replace(relax_memory=False, empty_gpu_gate=True)
    draft.tags.setdefault("llm_engine", "vllm")
    draft.gpus = [gpu.replace(unified_memory=False) for gpu in draft.gpus]
    _break_gpus(draw, draft, lambda gpu: gpu.replace(memory_free_mib=free))


def _need(draw: st.DrawFn, draft: Draft, need: int, total: int | None = None) -> int:
    """Make every GPU need a number of MiB and have as many or more, all of them free."""
    draft.memory = None
    draft.tags.pop("min_vram_per_device_gb", None)
    draft.requires = draft.requires.replace(memory_gib_per_gpu=None)
    if draw(st.booleans()):
        draft.requires = draft.requires.replace(memory_gib_per_gpu=need / 1024)
    draft.memory = Stated(need * MIB, need * MIB, "stated")
    total = total or need + draw(st.sampled_from([0, 1, need]))
    draft.gpus = [gpu.replace(memory_total_mib=total, memory_free_mib=total) for gpu in draft.gpus]
    return need


def _break_driver(draw: st.DrawFn, draft: Draft) -> None:
    draft.driver, need = draw(
        st.sampled_from([("549.99.99", ">=550"), ("550.54.14", ">=550.54.15"), ("535", ">=535.1")])
    )
    draft.requires = draft.requires.replace(driver=need)


def _break_cuda(draw: st.DrawFn, draft: Draft) -> None:
    draft.cuda, need = draw(
        st.sampled_from([("12.3", ">=12.4"), ("11.8", ">=12"), ("12.9", ">=12.10")])
    )
    draft.requires = draft.requires.replace(cuda=need)


def _break_engine_version(draw: st.DrawFn, draft: Draft) -> None:
    have, need = draw(
        st.sampled_from([("0.9.2", ">=0.10"), ("0.19.0", "<0.19"), ("0.10.0", ">=0.10.1")])
    )
    draft.requires = draft.requires.replace(engine=f"vllm{need}")
    serving = draft.request.serving.replace(engine_version=have)
    draft.request = draft.request.replace(serving=serving)


def _break_cpu(draw: st.DrawFn, draft: Draft) -> None:
    kept = {tag: value for tag, value in draft.tags.items() if tag in ("tp", "pp")}
    draft.tags = {**kept, "model_type": "tensorrt", "compute_capability": "9.0"}
    draft.request = Request()
    draft.requires = draft.requires.replace(compute_capability=None, engine=None)
    hopper = ComputeCapability.parse("9.0")
    draft.gpus = [gpu.replace(compute_capability=hopper) for gpu in draft.gpus]
    draft.cpu = draw(st.sampled_from(["aarch64", "ppc64le"]))


def _break_lora(draw: st.DrawFn, draft: Draft) -> None:
    del draw
    draft.request = draft.request.replace(lora=not draft.request.lora)


def _break_selector(draw: st.DrawFn, draft: Draft) -> None:
    wrong = [(tag, f"not {value}") for tag, value in sorted(draft.tags.items())]
    chosen = draw(st.sampled_from([("absent", "x"), *wrong]))
    draft.request = draft.request.replace(tags=(chosen,))


def _break_gpus(draw: st.DrawFn, draft: Draft, broken: Callable[[Gpu], Gpu]) -> None:
    """Break GPUs until too few are left; a single one where all are needed."""
    count = len(draft.gpus)
    spreads = "tp" not in draft.tags  # then it runs on what is left
    enough = count if spreads else count - draft.needed + 1
    hit = draw(st.sets(st.sampled_from(range(count)), min_size=enough))
    draft.gpus = [broken(gpu) if at in hit else gpu for at, gpu in enumerate(draft.gpus)]


_BREAKS: dict[type[Reason], Callable[[st.DrawFn, Draft], None]] = {
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
    WrongCpu: _break_cpu,
    LoraMismatch: _break_lora,
    TagMismatch: _break_selector,
    RequirementUnmet: require_another,
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
    draft = draw(drafts(products, strange))
    _BREAKS[reason](draw, draft)
    request = draft.request if reason is TagMismatch else with_selector(draw, draft)
    return NearMiss(draft.profile, draft.inventory, request, reason)
