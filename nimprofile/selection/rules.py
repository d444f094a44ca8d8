"""The rules that a profile must pass, each a short function.

A rule returns a reason with its figures, a doubt when a figure it needs is unknown, or nothing. The
literal tuples say which rules there are, in the order of the report. It is a table, as long as
there are rules.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import MIB
from nimprofile.base.versions import satisfies, split_requirement
from nimprofile.engines.compute_floors import AMPERE, EMULATED_NVFP4_FROM, RUNS_FROM, half_from
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION
from nimprofile.manifest.profile_conditions import tag_of
from nimprofile.selection.reasons import (
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    Doubt,
    DriverTooOld,
    EngineUnavailable,
    EngineVersionUnmet,
    GpuNotEmpty,
    LoraMismatch,
    MigAlone,
    NotDivisible,
    PrecisionUnknown,
    TagMismatch,
    TooLittleFree,
    TooLittleMemory,
    WrongGpu,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from nimprofile.base.units import ComputeCapability
    from nimprofile.engines.memory.need import MemoryNeed, Needs
    from nimprofile.hardware.gpu_groups import GpuKind, Machine
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.reasons import Finding
    from nimprofile.selection.request import Request

    ProfileRule: TypeAlias = Callable[[Profile, Machine, Request], tuple[Finding, ...]]
    GpuRule: TypeAlias = Callable[[Profile, GpuKind, Request, MemoryNeed | None], Finding | None]


def in_half(profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None) -> bool:
    """Whether the engine serves this BF16 profile in FP16, for the GPU has no BF16."""
    if profile.precision is not Precision.BF16 or (kind.capability or AMPERE) >= AMPERE:
        return False
    return (kind.capability or AMPERE) >= _half_floor(profile, request, need)


def _half_floor(profile: Profile, request: Request, need: MemoryNeed | None) -> ComputeCapability:
    """From where on a BF16 profile runs, if need be in FP16."""
    model_type = "" if need is None or need.budget is None else need.budget.shape.architecture
    return half_from(profile, request.serving.engine_version, model_type) or AMPERE


# Rules about the profile and the machine as a whole.


def not_divisible(profile: Profile, needs: Needs) -> list[NotDivisible]:
    """Why the engine cannot divide the model as the profile says."""
    return [
        NotDivisible(misfit.what, misfit.number, misfit.by, divisor=misfit.divisor)
        for misfit in needs.misfits(profile)
    ]


def engine_available(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """The container must have the profile's engine (NIM 2.x: one engine an image)."""
    engine = profile.engine or profile.unknown_engine
    if engine is None or (request.engines is None and profile.engine is not None):
        return ()
    available = tuple(Engine) if request.engines is None else request.engines
    if profile.engine in available:
        return ()
    return (EngineUnavailable(str(engine), available),)


def precision_known(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """A format whose needs are not known is not run unasked."""
    unknown = profile.unknown_precision
    return () if unknown is None else (PrecisionUnknown(unknown),)


def driver_new_enough(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """`requires.driver` and `requires.cuda` hold, as `packaging` reads version specifiers."""
    findings: list[Finding] = []
    requires, inventory = profile.requires, machine.inventory
    if requires.driver is not None:
        if inventory.driver_version is None:
            findings.append(Doubt("driver", "the driver version", f"driver {requires.driver}"))
        elif not satisfies(inventory.driver_version, requires.driver):
            findings.append(DriverTooOld(requires.driver, inventory.driver_version))
    if requires.cuda is not None:
        if inventory.cuda_version is None:
            findings.append(Doubt("cuda", "the CUDA version", f"cuda {requires.cuda}"))
        elif not satisfies(inventory.cuda_version, requires.cuda):
            findings.append(CudaTooOld(requires.cuda, inventory.cuda_version))
    return tuple(findings)


def engine_new_enough(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """`requires.engine` holds; an engine of no stated version is taken to be the newest."""
    needed, version = profile.requires.engine, request.serving.engine_version
    if needed is None or version is None:
        return ()
    holds = satisfies(version, split_requirement(needed)[1])
    return () if holds else (EngineVersionUnmet(needed, version),)


def plan_loads(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """A compiled plan is for the CPU of this machine (corpus, 109)."""
    if profile.engine is not None or not (
        "model_type" in profile.tags or "backend" in profile.tags
    ):
        return ()
    from nimprofile.selection.non_llm.compiled_plans import against_plan

    return against_plan(profile, machine)


def lora_as_wanted(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """LoRA profiles and the others are never candidates together (NIM 1.0 to 2.0 logs)."""
    return () if bool(profile.lora) is request.lora else (LoraMismatch(request.lora),)


def tags_as_selected(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """Every condition of the tag selector holds; a tag that is not there does not match."""
    return tuple(
        TagMismatch(tag, wanted, have)
        for tag, wanted in request.tags
        if (have := tag_of(profile, tag)) is None or have.casefold() != wanted.casefold()
    )


def variables_as_set(profile: Profile, machine: Machine, request: Request) -> tuple[Finding, ...]:
    """The sizes and the precision of NIM's variables hold; a profile may leave its sizes open."""
    wishes = {"tp": request.tp, "pp": request.pp, "precision": request.preferred_precision}
    return tuple(
        TagMismatch(tag, str(wanted), profile.tags.get(tag), by=VARIABLES[tag])
        for tag, wanted in wishes.items()
        if wanted not in {None, have := getattr(profile, tag)} and (have or tag == "precision")
    )


VARIABLES = {
    "tp": "NIM_TENSOR_PARALLEL_SIZE",
    "pp": "NIM_PIPELINE_PARALLEL_SIZE",
    "precision": "NIM_ENGINE_PRECISION",
}
"""Attribute of a profile -> the variable that says what it must be."""


def sizes_asked(request: Request) -> tuple[tuple[str, int, str], ...]:
    """The parallel sizes that profiles must have or leave open, each with its variable."""
    sizes = (("tp", request.tp), ("pp", request.pp))
    return tuple((tag, size, VARIABLES[tag]) for tag, size in sizes if size is not None)


MACHINE_RULES: tuple[ProfileRule, ...] = (
    engine_available,
    precision_known,
    driver_new_enough,
    engine_new_enough,
    plan_loads,
)

WISH_RULES: tuple[ProfileRule, ...] = (lora_as_wanted, tags_as_selected, variables_as_set)


# Rules about one GPU. They may read any attribute of a profile; `fit` shares a result among
# profiles that agree in all those read.


def gpu_matches(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """A profile made for certain GPUs runs on those: by PCI id, else by the whole name.

    A name decides only where one side has no PCI id (corpus: 003, 008, 040). An engine made for
    one GPU is not tried on another, so a GPU without a known name is a wrong one. So is one of
    which a pattern, that of a manifest nobody vouches for, cannot be searched in bounds.
    """
    names, devices, pattern = profile.gpu_names, profile.gpu_devices, profile.gpu_pattern
    if not (names or devices or pattern):
        return None
    if profile.any_ampere_or_newer and kind.capability is not None and kind.capability >= AMPERE:
        return None  # speech NIMs: an A100 profile tagged so is compatible with an H100 (051)
    found = kind.is_one_of(names, devices, pattern)
    if found is True:
        return None
    device = kind.gpu.device_id if devices and kind.name else None  # else the label is the id
    return WrongGpu(
        profile.made_for, kind.label, kind.indices, device_id=device, unread=found or ""
    )


def capability_for_precision(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """The GPU is new enough for the precision; what a manifest requires instead is enough."""
    precision = profile.precision
    if precision is None or profile.requires.compute_capability is not None:
        return None
    if (floor := RUNS_FROM.get(precision)) is None:
        return None
    if precision is Precision.NVFP4 and request.allow_nvfp4_emulation:
        floor = EMULATED_NVFP4_FROM
    if kind.capability is None:
        return _unknown_capability("compute_capability", f"{precision} needs {floor}", kind)
    if kind.capability < floor and precision is Precision.BF16:
        floor = _half_floor(profile, request, need)
    if kind.capability < floor:
        return CapabilityTooLow(precision, floor, kind.capability, gpus=kind.indices)
    return None


def _unknown_capability(kind_of_reason: str, rule: str, kind: GpuKind) -> Doubt:
    return Doubt(kind_of_reason, "the compute capability", rule, gpus=kind.indices)


def capability_as_tagged(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """A compiled engine runs on its one capability: 12.1 does not take 12.0 (corpus, 034)."""
    exact = profile.exact_capability
    if exact is None:
        return None
    if kind.capability is None:
        rule = f"compute_capability =={exact}"
        return _unknown_capability("requires_compute_capability", rule, kind)
    if kind.capability != exact:
        return CapabilityUnmet(f"=={exact}", kind.capability, kind.indices)
    return None


def capability_as_required(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """`requires.compute_capability` holds."""
    specifiers = profile.requires.compute_capability
    if specifiers is None:
        return None
    if kind.capability is None:
        rule = f"compute_capability {specifiers}"
        return _unknown_capability("requires_compute_capability", rule, kind)
    if not satisfies(str(kind.capability), specifiers):
        return CapabilityUnmet(specifiers, kind.capability, kind.indices)
    return None


def total_memory_holds(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """The shortest context fits in the GPU, and then the one that is asked for does."""
    if need is None:
        if not profile.is_llm:
            return None
        return Doubt(
            "memory_total",
            "what memory the profile needs",
            "total and free memory",
            gpus=kind.indices,
        )
    if kind.gpu.memory_total_mib is None:
        return Doubt("memory_total", "the total memory", f"{need.source}", gpus=kind.indices)
    have = kind.gpu.memory_total_mib * MIB
    if have < need.least_bytes:
        shortest = "" if need.budget is None else "with the shortest context, "
        source = f"{shortest}{need.source}"
        return TooLittleMemory(need.least_bytes, have, source, gpus=kind.indices)
    if have < need.full_bytes:
        longest = need.shorter_context(have)
        judged = need.budget is not None and need.estimated_bytes is None  # not a stated figure
        return ContextTooLong(
            need.full_bytes,
            have,
            longest,
            source=need.source,
            gpus=kind.indices,
            asked=request.serving.max_model_len if judged else None,
        )
    return None


def free_memory_holds(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """What fits the whole GPU also fits what is free of it now."""
    if need is None or kind.gpu.memory_total_mib is None:
        return None  # the rule on total memory says so
    if kind.gpu.memory_free_mib is None:
        return Doubt("memory_free", "the free memory", f"{need.source}", gpus=kind.indices)
    total, free = kind.gpu.memory_total_mib * MIB, kind.gpu.memory_free_mib * MIB
    wanted = need.full_bytes if need.full_bytes <= total else need.least_bytes
    if wanted <= total and free < wanted:
        return TooLittleFree(wanted, free, need.source, gpus=kind.indices)
    budget = need.budget
    if budget is not None and need.estimated_bytes is None:
        asked = budget.of_size(total).asked_at_start
        if asked is not None and free < asked <= total:
            serving = budget.serving
            source = f"{serving.engine} asks for {serving.memory_fraction:g} of a GPU at start"
            return TooLittleFree(asked, free, source, gpus=kind.indices)
    return None


def gpu_empty_enough(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """NIM's gate: a GPU must be nearly empty, however little the profile needs.

    Only LLM NIMs have been seen to apply it (a speech NIM lists profiles as compatible at 95 %
    used: corpus, 009), and never on unified memory (corpus, 031). A request that leaves it to the
    policy has the policy's answer by now.
    """
    gpu = kind.gpu
    if request.empty_gpu_gate is False or not profile.is_llm or gpu.unified_memory:
        return None
    total, free = gpu.memory_total_mib, gpu.memory_free_mib
    if total is None or free is None or free >= EMPTY_GPU_FRACTION * total:
        return None
    return GpuNotEmpty(free, total, EMPTY_GPU_FRACTION, gpus=kind.indices)


def mig_serves_one(
    profile: Profile, kind: GpuKind, request: Request, need: MemoryNeed | None
) -> Finding | None:
    """One CUDA program sees one MIG instance, so tp and pp are 1.

    Source: CUDA programming guide, "CUDA environment variables", on CUDA_VISIBLE_DEVICES.
    """
    if kind.gpu.mig is None or profile.gpus_needed == 1:
        return None
    return MigAlone(profile.gpus_needed, kind.indices)


GPU_RULES: tuple[GpuRule, ...] = (
    gpu_matches,
    mig_serves_one,
    capability_for_precision,
    capability_as_tagged,
    capability_as_required,
    total_memory_holds,
)

FREE_RULES: tuple[GpuRule, ...] = (free_memory_holds, gpu_empty_enough)
"""Rules in which more free memory never hurts; the others do not look at it."""
