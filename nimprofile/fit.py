"""Can this profile run on this machine, and if not, why?

Rules look at one GPU at a time; counting comes after. So one more GPU never makes a profile unfit,
and a mixed machine is simply several groups of identical GPUs.
"""

from __future__ import annotations

from enum import IntEnum

from nimprofile.catalog import product_of
from nimprofile.memory import MemoryNeed, memory_need
from nimprofile.profile import Engine, Precision
from nimprofile.reasons import (
    ALLOW_UNSAFE,
    INCOMPATIBLE,
    LOW_MEMORY,
    NOT_WANTED,
    PIN,
    RELAX_MEMORY,
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    Doubt,
    DriverTooOld,
    EngineUnavailable,
    GpuNotEmpty,
    LoraMismatch,
    MixedGpus,
    PrecisionUnknown,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongGpu,
)
from nimprofile.record import Record
from nimprofile.request import EMPTY_GPU_FRACTION
from nimprofile.values import MIB, ComputeCapability, normalise_gpu_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nimprofile.inventory import Gpu, Inventory
    from nimprofile.model import ModelShape
    from nimprofile.profile import Profile
    from nimprofile.reasons import Effect, Reason, Waiver
    from nimprofile.request import Request

    _Waivers = frozenset[tuple[Waiver | None, Effect]]
    _Judged = tuple["_Standing", "_Kind", list[Reason | Doubt]]


def _at_least(text: str) -> ComputeCapability:
    return ComputeCapability.parse(text)


RUNS_FROM = {
    # BF16 8.0, FP8 8.9, NVFP4 10.0: Cosmos NIM 4.0.0, "prerequisites", compute-capability floors.
    Precision.BF16: _at_least("8.0"),
    Precision.FP8: _at_least("8.9"),
    Precision.NVFP4: _at_least("10.0"),
    # gpt-oss MXFP4 profiles are verified from A10G and A100 on: NIM LLM 2.0.1 support matrix.
    Precision.MXFP4: _at_least("8.0"),
    # Below 7.0 there is no FP16 tensor core and vLLM does not start: vLLM, GPU installation page.
    Precision.FP16: _at_least("7.0"),
    # INT8 and 4-bit weight-only kernels: vLLM, "supported hardware for quantization kernels".
    Precision.INT8: _at_least("7.5"),
    Precision.INT8WO: _at_least("7.5"),
    Precision.INT4: _at_least("7.5"),
    Precision.INT4_AWQ: _at_least("7.5"),
    Precision.W4A16: _at_least("7.5"),
}
"""The lowest compute capability on which a precision runs; absent: any."""

NATIVE_FROM = {
    Precision.NVFP4: _at_least("10.0"),
    Precision.MXFP4: _at_least("10.0"),
}
"""From where on the hardware computes in the format; below, kernels unpack it as they go."""

EMULATED_NVFP4_FROM = _at_least("8.0")
"""Below 10.0 NVFP4 weights go through weight-only kernels written for Ampere and newer."""

AMPERE = _at_least("8.0")


class Verdict(Record):
    """The judgement of one profile on one machine.

    Attributes:
        profile: the profile judged.
        reasons: why it is not a candidate; empty means it is.
        gpus: indices of the GPUs it runs on, or would if memory were freed.
        waived: reasons that hold but that the operator's switches set aside.
        doubts: what could not be judged because a figure is unknown.
        need: memory of each GPU, when anything is known of it.
        emulated: the chosen GPUs do not compute in its precision natively.
        elsewhere: on a mixed machine, `reasons` are those of the product that comes nearest; these
            are the reasons against the other products.
    """

    profile: Profile
    reasons: tuple[Reason, ...]
    gpus: tuple[int, ...]
    waived: tuple[Reason, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    need: MemoryNeed | None = None
    emulated: bool = False
    elsewhere: tuple[Reason, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is a candidate."""
        return not self.reasons

    @property
    def grade(self) -> str:
        """`runnable`, `low memory` or `incompatible`: what the machine, not the operator, says.

        A profile that is merely not wanted (LoRA, a tag selector) keeps the machine's grade.
        """
        effects = {reason.effect for reason in (*self.reasons, *self.waived)}
        if INCOMPATIBLE in effects:
            return "incompatible"
        return "low memory" if LOW_MEMORY in effects else "runnable"


class _Kind:
    """GPUs that no rule can tell apart, but for their free memory.

    `gpu` is the one with the least of it. `levels` are the same GPUs sorted by it, each figure a
    kind of its own; empty when there is only one figure.
    """

    __slots__ = ("capability", "gpu", "indices", "label", "levels", "spellings")

    def __init__(self, gpus: list[Gpu]):
        by_free: dict[int, list[Gpu]] = {}
        for gpu in gpus:
            by_free.setdefault(gpu.memory_free_mib or 0, []).append(gpu)
        levels = [by_free[free] for free in sorted(by_free)]
        self.gpu = gpu = levels[0][0]
        self.levels = [_Kind(level) for level in levels] if len(levels) > 1 else []
        self.indices = tuple(gpu.index for gpu in gpus)
        product = product_of(gpu)
        self.label = gpu.name or (product.name if product else gpu.label)
        self.spellings = frozenset({normalise_gpu_name(gpu.name)} if gpu.name else ())
        self.capability = gpu.compute_capability
        if product is not None:
            self.spellings |= product.spellings
            self.capability = self.capability or product.compute_capability


class _Group:
    """GPUs of one product: those that tensor parallelism may span."""

    __slots__ = ("kinds", "label", "size")

    def __init__(self, kinds: dict[tuple[object, ...], list[Gpu]]):
        self.kinds = [_Kind(gpus) for gpus in kinds.values()]
        self.label = self.kinds[0].label
        self.size = sum(len(kind.indices) for kind in self.kinds)


class Machine:
    """An inventory sorted into groups of one product, ready to be judged against.

    The catalogue supplies names and missing compute capabilities.
    """

    __slots__ = ("groups", "inventory")

    def __init__(self, inventory: Inventory):
        groups: dict[str, dict[tuple[object, ...], list[Gpu]]] = {}
        for gpu in inventory.gpus:
            product = product_of(gpu)
            key = product.short if product else gpu.device_id or normalise_gpu_name(gpu.name or "")
            facts = (
                gpu.name,
                gpu.device_id,
                gpu.memory_total_mib,
                gpu.memory_free_mib is None,
                gpu.compute_capability,
                gpu.unified_memory,
            )
            groups.setdefault(key, {}).setdefault(facts, []).append(gpu)
        self.inventory = inventory
        self.groups = [_Group(kinds) for kinds in groups.values()]


def check(
    profile: Profile,
    machine: Machine,
    request: Request,
    *,
    shape: ModelShape | None = None,
    uniform_gpus: bool = False,
    pinned: bool = False,
) -> Verdict:
    """Judge one profile, collecting every reason against it.

    Args:
        profile: the candidate.
        machine: where it would run.
        request: the operator's wishes.
        shape: the model's, from which memory is estimated when the manifest states none.
        uniform_gpus: reject everything on a machine of several products.
        pinned: the operator asked for this very profile, so the switches waive more.
    """
    need = memory_need(profile, shape)
    found = [finding for rule in MACHINE_RULES for finding in rule(profile, machine, request)]
    if uniform_gpus and len(machine.groups) > 1:
        found.append(MixedGpus(tuple(group.label for group in machine.groups)))
    waivers = _waivers(request, pinned)
    trial = _best_trial(profile, machine, request, need, waivers)
    found += trial.findings
    found += [finding for rule in WISH_RULES for finding in rule(profile, machine, request)]
    reasons, waived, doubts = [], [], []
    for finding in found:
        if isinstance(finding, Doubt):
            doubts.append(finding)
        elif (finding.waived_by, finding.effect) in waivers:
            waived.append(finding)
        else:
            reasons.append(finding)
    return Verdict(
        profile,
        tuple(reasons),
        trial.gpus,
        tuple(waived),
        tuple(doubts),
        need,
        trial.emulated,
        trial.elsewhere,
    )


_NO_WAIVERS: _Waivers = frozenset()


def _waivers(request: Request, pinned: bool) -> _Waivers:
    """Which reasons are set aside: pairs of a switch and the effect it takes away."""
    if not (pinned or request.relax_memory):
        return _NO_WAIVERS
    waivers: set[tuple[Waiver | None, Effect]] = set()
    if request.relax_memory:
        waivers.add((RELAX_MEMORY, LOW_MEMORY))
    if pinned:
        # NIM 2.0.12 starts a pinned profile that it lists as low memory (corpus, 015).
        waivers |= {(RELAX_MEMORY, LOW_MEMORY), (PIN, NOT_WANTED)}
        if request.relax_memory:
            waivers.add((RELAX_MEMORY, INCOMPATIBLE))
        if request.allow_unsafe:
            waivers.add((ALLOW_UNSAFE, INCOMPATIBLE))
    return frozenset(waivers)


class _Standing(IntEnum):
    """How a GPU stands to a profile, best first."""

    CLEAR = 0
    DOUBTED = 1
    WAIVED = 2
    SHORT = 3
    BLOCKED = 4


class _Trial:
    """How a profile fares on one group, and on which of its GPUs.

    `worst` is the standing of the worst GPU it would take, BLOCKED when there are not enough.
    """

    __slots__ = ("elsewhere", "emulated", "findings", "gpus", "worst")

    def __init__(
        self,
        worst: _Standing,
        findings: list[Reason | Doubt],
        gpus: tuple[int, ...] = (),
        emulated: bool = False,
    ):
        self.worst, self.findings, self.gpus, self.emulated = worst, findings, gpus, emulated
        self.elsewhere: tuple[Reason, ...] = ()


def _best_trial(
    profile: Profile,
    machine: Machine,
    request: Request,
    need: MemoryNeed | None,
    waivers: _Waivers,
) -> _Trial:
    trials = [_try_group(profile, group, request, need, waivers) for group in machine.groups]
    if len(trials) == 1:
        return trials[0]
    if not trials:
        return _Trial(_Standing.BLOCKED, [TooFewGpus(profile.gpus_needed, 0, "GPU")])
    nearest = min(trials, key=lambda trial: (trial.worst, trial.emulated, len(trial.findings)))
    if nearest.worst is _Standing.BLOCKED:
        nearest.elsewhere = tuple(
            finding
            for trial in trials
            if trial is not nearest
            for finding in trial.findings
            if not isinstance(finding, Doubt)
        )
    return nearest


def _try_group(
    profile: Profile, group: _Group, request: Request, need: MemoryNeed | None, waivers: _Waivers
) -> _Trial:
    judged = list(_findings(profile, group.kinds, request, need, waivers))
    # The best GPUs first: one in doubt, or that must be freed, only when there is no other.
    usable = sorted(
        (standing, index, kind)
        for standing, kind, _ in judged
        if standing is not _Standing.BLOCKED
        for index in kind.indices
    )
    wanted = profile.gpus_needed
    if profile.tp is None and profile.engine is not None:
        # A model-free profile spreads over what it is given: "(vllm) on GPUs [0, 1]" (corpus, 057).
        wanted = max(wanted, sum(standing is not _Standing.SHORT for standing, _, _ in usable))
    if len(usable) < wanted:
        worst_first = sorted(judged, key=lambda one: -one[0])
        findings = _each_once([found for _, _, found in worst_first])
        if group.size < wanted:
            findings.append(TooFewGpus(wanted, group.size, group.label))
        return _Trial(_Standing.BLOCKED, findings)
    chosen = usable[:wanted]
    used = {id(kind) for _, _, kind in chosen}
    return _Trial(
        chosen[-1][0],
        _each_once([found for _, kind, found in judged if id(kind) in used]),
        tuple(sorted(index for _, index, _ in chosen)),
        any(_is_emulated(profile, kind) for _, _, kind in chosen),
    )


def _findings(
    profile: Profile,
    kinds: list[_Kind],
    request: Request,
    need: MemoryNeed | None,
    waivers: _Waivers,
) -> Iterator[_Judged]:
    for kind in kinds:
        fixed = [found for rule in GPU_RULES if (found := rule(profile, kind, request, need))]
        # What holds for the GPU with the least free memory holds for the others of its kind.
        free = [found for rule in FREE_RULES if (found := rule(profile, kind, request, need))]
        if not free or not kind.levels:
            findings = fixed + free
            yield _standing(findings, waivers), kind, findings
            continue
        for level in kind.levels:
            free = [found for rule in FREE_RULES if (found := rule(profile, level, request, need))]
            findings = fixed + free
            yield _standing(findings, waivers), level, findings


def _standing(findings: list[Reason | Doubt], waivers: _Waivers) -> _Standing:
    worst = _Standing.CLEAR
    for finding in findings:
        if isinstance(finding, Doubt):
            standing = _Standing.DOUBTED
        elif (finding.waived_by, finding.effect) in waivers:
            standing = _Standing.WAIVED
        else:
            blocks = finding.effect is INCOMPATIBLE
            standing = _Standing.BLOCKED if blocks else _Standing.SHORT
        worst = max(worst, standing)
    return worst


def _each_once(findings: list[list[Reason | Doubt]]) -> list[Reason | Doubt]:
    if len(findings) == 1:
        return findings[0]
    return list(dict.fromkeys(finding for some in findings for finding in some))


def _is_emulated(profile: Profile, kind: _Kind) -> bool:
    native = None if profile.precision is None else NATIVE_FROM.get(profile.precision)
    return native is not None and kind.capability is not None and kind.capability < native


# Rules about the profile and the machine as a whole.


def engine_available(
    profile: Profile, machine: Machine, request: Request
) -> tuple[Reason | Doubt, ...]:
    """The container must have the profile's engine (NIM 2.x: one engine an image)."""
    engine = profile.engine or profile.unknown_engine
    available = ALL_ENGINES if request.engines is None else request.engines
    if engine is None or profile.engine in available:
        return ()
    return (EngineUnavailable(str(engine), available),)


def precision_known(
    profile: Profile, machine: Machine, request: Request
) -> tuple[Reason | Doubt, ...]:
    """A format nobody knows the needs of is not run unasked."""
    unknown = profile.unknown_precision
    return () if unknown is None else (PrecisionUnknown(unknown),)


def driver_new_enough(
    profile: Profile, machine: Machine, request: Request
) -> tuple[Reason | Doubt, ...]:
    """`requires.driver` and `requires.cuda` hold, as `packaging` reads version specifiers."""
    findings: list[Reason | Doubt] = []
    requires, inventory = profile.requires, machine.inventory
    if requires.driver is not None:
        if inventory.driver_version is None:
            findings.append(Doubt("the driver version", f"driver {requires.driver}"))
        elif not _holds(requires.driver, inventory.driver_version):
            findings.append(DriverTooOld(requires.driver, inventory.driver_version))
    if requires.cuda is not None:
        if inventory.cuda_version is None:
            findings.append(Doubt("the CUDA version", f"cuda {requires.cuda}"))
        elif not _holds(requires.cuda, inventory.cuda_version):
            findings.append(CudaTooOld(requires.cuda, inventory.cuda_version))
    return tuple(findings)


def _holds(specifiers: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifiers).contains(version, prereleases=True)


def lora_as_wanted(
    profile: Profile, machine: Machine, request: Request
) -> tuple[Reason | Doubt, ...]:
    """LoRA profiles and the others are never candidates together (NIM 1.0 to 2.0 logs)."""
    return () if bool(profile.lora) is request.lora else (LoraMismatch(request.lora),)


def tags_as_selected(
    profile: Profile, machine: Machine, request: Request
) -> tuple[Reason | Doubt, ...]:
    """Every condition of the tag selector holds; a tag that is not there does not match."""
    return tuple(
        TagMismatch(tag, wanted, profile.tags.get(tag))
        for tag, wanted in request.tags
        if profile.tags.get(tag, "").casefold() != wanted.casefold()
    )


ALL_ENGINES = tuple(Engine)

MACHINE_RULES: tuple[Callable[[Profile, Machine, Request], tuple[Reason | Doubt, ...]], ...] = (
    engine_available,
    precision_known,
    driver_new_enough,
)

WISH_RULES = (lora_as_wanted, tags_as_selected)


# Rules about one GPU.


def gpu_matches(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """A profile made for certain GPUs runs on those: by PCI id, else by the whole name."""
    if not (profile.gpu_names or profile.gpu_devices):
        return None
    if kind.gpu.device_id in profile.gpu_devices:
        return None
    if not kind.spellings.isdisjoint(profile.gpu_names):
        # By name in spite of the id: NIM up to 1.2 tags L40S profiles with the L40's id, 26b5,
        # and they run on an L40S, 26b9 (corpus, 001).
        return None
    if profile.any_ampere_or_newer and kind.capability is not None and kind.capability >= AMPERE:
        return None  # speech NIMs: an A100 profile tagged so is compatible with an H100 (051)
    return WrongGpu(profile.made_for, kind.label, kind.indices)


def capability_for_precision(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """The GPU is new enough for the precision."""
    precision = profile.precision
    if precision is None or (floor := RUNS_FROM.get(precision)) is None:
        return None
    if precision is Precision.NVFP4 and request.allow_nvfp4_emulation:
        floor = EMULATED_NVFP4_FROM
    if kind.capability is None:
        return Doubt("the compute capability", f"{precision} needs {floor}", kind.indices)
    if kind.capability < floor:
        return CapabilityTooLow(precision, floor, kind.capability, kind.indices)
    return None


def capability_as_tagged(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """A compiled engine runs on its one capability: 12.1 does not take 12.0 (corpus, 034)."""
    exact = profile.exact_capability
    if exact is None:
        return None
    if kind.capability is None:
        return Doubt("the compute capability", f"compute_capability =={exact}", kind.indices)
    if kind.capability != exact:
        return CapabilityUnmet(f"=={exact}", kind.capability, kind.indices)
    return None


def capability_as_required(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """`requires.compute_capability` holds."""
    specifiers = profile.requires.compute_capability
    if specifiers is None:
        return None
    if kind.capability is None:
        return Doubt("the compute capability", f"compute_capability {specifiers}", kind.indices)
    if not _holds(specifiers, str(kind.capability)):
        return CapabilityUnmet(specifiers, kind.capability, kind.indices)
    return None


def total_memory_holds(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """The weights fit in the GPU, and then the full context does."""
    if need is None:
        if profile.engine is None:
            return None
        return Doubt("what memory this profile needs", "total and free memory", kind.indices)
    if kind.gpu.memory_total_mib is None:
        return Doubt("the total memory", f"{need.source}", kind.indices)
    have = kind.gpu.memory_total_mib * MIB
    if have < need.least_bytes:
        return TooLittleMemory(need.least_bytes, have, need.source, kind.indices)
    if have < need.full_bytes:
        longest = need.longest_context(have)
        return ContextTooLong(need.full_bytes, have, longest, need.source, kind.indices)
    return None


def free_memory_holds(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """What fits the whole GPU also fits what is free of it now."""
    if need is None or kind.gpu.memory_total_mib is None:
        return None  # the rule on total memory has said so
    if kind.gpu.memory_free_mib is None:
        return Doubt("the free memory", f"{need.source}", kind.indices)
    total, free = kind.gpu.memory_total_mib * MIB, kind.gpu.memory_free_mib * MIB
    wanted = need.full_bytes if need.full_bytes <= total else need.least_bytes
    if wanted <= total and free < wanted:
        return TooLittleFree(wanted, free, need.source, kind.indices)
    return None


def gpu_empty_enough(
    profile: Profile, kind: _Kind, request: Request, need: MemoryNeed | None
) -> Reason | Doubt | None:
    """NIM's gate: a GPU must be nearly empty, however little the profile needs.

    Only LLM NIMs have been seen to apply it (a speech NIM lists profiles as compatible at 95 %
    used: corpus, 009), and never on unified memory (corpus, 031).
    """
    gpu = kind.gpu
    if not request.empty_gpu_gate or profile.engine is None or gpu.unified_memory:
        return None
    total, free = gpu.memory_total_mib, gpu.memory_free_mib
    if total is None or free is None or free >= EMPTY_GPU_FRACTION * total:
        return None
    return GpuNotEmpty(free, total, EMPTY_GPU_FRACTION, kind.indices)


GPU_RULES: tuple[
    Callable[[Profile, _Kind, Request, MemoryNeed | None], Reason | Doubt | None], ...
] = (
    gpu_matches,
    capability_for_precision,
    capability_as_tagged,
    capability_as_required,
    total_memory_holds,
)

FREE_RULES = (free_memory_holds, gpu_empty_enough)
"""Rules in which more free memory never hurts; the others do not look at it."""
