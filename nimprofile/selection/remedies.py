"""The wording of what would have to change for a reason to go."""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.errors import UnknownGpuError
from nimprofile.base.printable import clipped
from nimprofile.base.units import MIB, format_enough, format_gpus, gpu_or_gpus
from nimprofile.base.versions import satisfies
from nimprofile.engines.compute_floors import AMPERE, EMULATED_NVFP4_FROM, RUNS_FROM
from nimprofile.engines.memory.suggestions import size_of_enough
from nimprofile.hardware.catalog import find_product, usable_mib
from nimprofile.manifest.profile_conditions import condition_text
from nimprofile.selection.messages import each_gpu_of, no_words_for
from nimprofile.selection.reasons import (
    WRONG_PRODUCT,
    AdvisedAgainst,
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
    NotDefault,
    NotDivisible,
    PrecisionUnknown,
    RequirementUnmet,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongCpu,
    WrongGpu,
    with_short_texts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.hardware.catalog import Product
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.reasons import Reason
    from nimprofile.selection.verdict import Verdict


def remedy(reason: Reason) -> str:
    """What would have to change."""
    reason = with_short_texts(reason)
    match reason:
        case EngineUnavailable(engine, _) if engine in tuple(Engine):
            return f"a container that has {engine} (see --engine)"
        case EngineUnavailable(engine, _):
            return f"correct the tag llm_engine={engine}"
        case PrecisionUnknown(precision):
            return f"correct the tag precision={precision}, or pin the profile with --allow-unsafe"
        case WrongGpu() | CapabilityTooLow() | CapabilityUnmet():
            return f"GPUs {_wanted(reason)}"
        case WrongCpu(need, _):
            return f"a machine of {need}, or a profile that is no compiled plan, such as ONNX"
        case TooFewGpus(need, have, product, missing=missing):
            more = f"{need - have} more {product}" if have else f"{need} {gpu_or_gpus(need)}"
            if len(missing) < need - have:
                return more
            return f"{format_gpus(missing)} to answer again, or {more}"
        case MigAlone(need, _):
            return f"{need} whole GPUs (MIG mode off), or a profile of tp 1 and pp 1"
        case MixedGpus(products):
            shown = ", ".join(products)
            return f"hide all but one product from the container ({shown}), or --no-uniform-gpus"
        case TooLittleMemory(need, have, _):
            return _more_memory(format_enough(need - have))
        case ContextTooLong(need, have, None):
            return (
                f"{format_enough(need - have)} more memory per GPU, or this profile, pinned, "
                "with a shorter context (--profile, --max-model-len)"
            )
        case ContextTooLong(need, have, max_model_len):
            return (
                f"a context of {max_model_len} tokens or less (--max-model-len {max_model_len}), "
                f"or {format_enough(need - have)} more memory per GPU"
            )
        case NotDivisible("layers", number, by):
            return f"a {by} of {number} at most"
        case NotDivisible(what, number, by):
            return f"another {by}: one that divides {number} {what}"
        case TooLittleFree(need, have, _, gpus=gpus):
            return f"free {format_enough(need - have)} on {each_gpu_of(gpus)}"
        case GpuNotEmpty(free, total, gate, gpus=gpus):
            missing_mib = -(-round(gate * total * 1000) // 1000) - free
            freed = f"free {format_enough(missing_mib * MIB)} on {each_gpu_of(gpus)}"
            return f"{freed}, or --no-empty-gpu-gate"
        case DriverTooOld(need, _):
            return f"a driver {need}"
        case CudaTooOld(need, _):
            return f"a driver that serves CUDA {need}"
        case EngineVersionUnmet(need, _):
            return f"{need} (see --engine-version)"
        case LoraMismatch(True):
            return "take the adapters away (NIM_PEFT_SOURCE, --lora)"
        case LoraMismatch(_):
            return "ask for adapters (--lora, NIM_PEFT_SOURCE)"
        case TagMismatch(_, wanted, by=by) if by:
            return f"take {by}={wanted} away"
        case NotDefault(tag, _, have):
            return f"ask for {tag}={have} (--tags, NIM_TAGS_SELECTOR)"
        case TagMismatch(tag, wanted, _):
            return f"take {tag}={wanted} out of the selector (--tags, NIM_TAGS_SELECTOR)"
        case AdvisedAgainst(advisory, _):
            return f"leave out --avoid-advised, and do as `nimprofile advisories {advisory}` says"
        case RequirementUnmet(tag, relation, wanted):
            asked = condition_text(tag, relation, wanted)
            return f"take {asked} out of what is required (--require)"
        case _:
            return no_words_for(reason)


def remedies(verdict: Verdict, reasons: tuple[Reason, ...] | None = None) -> tuple[str, ...]:
    """What would have to change for the reasons of a verdict, or these of them, to go.

    Each thing is said once. More GPUs of a product that can never run the profile are no help, and
    where there is no GPU nothing was judged: then it says how many of which product and capability,
    with how much memory unless the catalogue knows that the product has it.
    """
    reasons = verdict.reasons if reasons is None else reasons
    if any(isinstance(reason, MigAlone) for reason in reasons):  # more instances are no help
        reasons = tuple(reason for reason in reasons if not isinstance(reason, TooFewGpus))
    none = [reason for reason in reasons if isinstance(reason, TooFewGpus) and not reason.have]
    if not none and not any(isinstance(reason, WRONG_PRODUCT) for reason in reasons):
        return tuple(dict.fromkeys(_remedy_of(reason, verdict.need) for reason in reasons))
    gpus = _gpus_for(verdict, reasons)
    if none and len(none[0].missing) >= none[0].need:
        gpus = f"{format_gpus(none[0].missing)} to answer again, or {gpus}"
    others = [_remedy_of(reason, None) for reason in reasons if not isinstance(reason, _MOOT)]
    return tuple(dict.fromkeys((gpus, *others)))


def _remedy_of(reason: Reason, need: MemoryNeed | None) -> str:
    """What would have to change, of memory as much as a GPU of another size must have."""
    if need is None or not isinstance(reason, TooLittleMemory | ContextTooLong):
        return remedy(reason)
    full = max(size_of_enough(need), reason.need_bytes)
    if isinstance(reason, ContextTooLong):
        return remedy(reason.replace(need_bytes=full))
    least = max(size_of_enough(need, shortest=True), reason.need_bytes)
    more = format_enough(full - reason.have_bytes)
    fewer = format_enough(least - reason.have_bytes)
    return _more_memory(more, "" if more == fewer else f" ({fewer} with a short context)")


def _more_memory(size: str, less: str = "") -> str:
    other = "or another profile, of higher tp or lower precision"
    return f"{size} more memory per GPU{less}; {other}"


def _gpus_for(verdict: Verdict, reasons: tuple[Reason, ...]) -> str:
    """How many GPUs of which kind the profile takes."""
    profile = verdict.profile
    made_for = () if profile.any_ampere_or_newer else profile.made_for
    products = _known(made_for)
    wanted = [f"of product {' / '.join(map(clipped, made_for))}"] if made_for else []
    if profile.any_ampere_or_newer:
        wanted.append(f"of compute capability {AMPERE} or higher")
    wanted += [
        _wanted(with_short_texts(reason)) for reason in reasons if isinstance(reason, WRONG_PRODUCT)
    ]
    if not any(isinstance(reason, CapabilityTooLow) for reason in reasons):
        wanted += _floor(profile, products)
    wanted += [
        f"of compute capability {specifiers}"
        for specifiers in _conditions(profile)
        if not _satisfy(products, specifiers)
    ]
    needs = [r.need_bytes for r in reasons if isinstance(r, TooLittleMemory | ContextTooLong)]
    if verdict.need is not None:
        needs.append(size_of_enough(verdict.need))
    size = max(needs, default=0)
    if size and not (products and all((usable_mib(one) or 0) * MIB >= size for one in products)):
        wanted.append(f"with {format_enough(size)} of memory or more")
    number = f"{profile.gpus_needed} {gpu_or_gpus(profile.gpus_needed)}"
    counted = "a GPU" if profile.gpus_needed == 1 else number
    return f"{counted} {', '.join(dict.fromkeys(wanted))}" if wanted else number


def _known(names: tuple[str, ...]) -> list[Product]:
    """The products of these names and PCI ids; none where one of them is unknown."""
    try:
        return [find_product(part) for name in names for part in name.split(",")]
    except UnknownGpuError:
        return []


def _conditions(profile: Profile) -> list[str]:
    """The compute capabilities that a manifest asks for, as specifiers."""
    required, exact = profile.requires.compute_capability, profile.exact_capability
    return [
        *([] if required is None else [required]),
        *([] if exact is None else [f"=={exact}"]),
    ]


def _floor(profile: Profile, products: list[Product]) -> list[str]:
    """The lowest compute capability of a precision, where the products are not known to have it."""
    precision = profile.precision
    floor = None if precision is None else RUNS_FROM.get(precision)
    if floor is None or profile.requires.compute_capability is not None:
        return []
    return [] if _satisfy(products, f">={floor}") else [f"of compute capability {floor} or higher"]


def _satisfy(products: list[Product], specifiers: str) -> bool:
    """Whether the products are known, and all have such a compute capability."""
    known = [str(product.compute_capability) for product in products]
    return bool(known) and all(satisfies(capability, specifiers) for capability in known)


_MOOT = (
    *(WrongGpu, CapabilityTooLow, CapabilityUnmet, TooFewGpus, MigAlone),
    *(TooLittleMemory, ContextTooLong, TooLittleFree, GpuNotEmpty),
)
"""What is said of a GPU that is no help where another product is needed."""


def _wanted(reason: WrongGpu | CapabilityTooLow | CapabilityUnmet) -> str:
    """Which GPUs would do."""
    match reason:
        case WrongGpu(wanted, _, _):
            return f"of product {clipped(' / '.join(wanted))}"
        case CapabilityTooLow("nvfp4", need, have) if have >= EMULATED_NVFP4_FROM:
            return f"of compute capability {need} or higher (or --allow-nvfp4-emulation)"
        case CapabilityTooLow(_, need, _):
            return f"of compute capability {need} or higher"
        case _:
            return f"of compute capability {reason.need}"
