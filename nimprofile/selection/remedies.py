"""The wording of what would have to change for a reason to go."""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.units import MIB, format_gib, format_gpus, format_shortfall, gpu_or_gpus
from nimprofile.engines.compute_floors import EMULATED_NVFP4_FROM
from nimprofile.manifest.profile_conditions import Condition
from nimprofile.selection.messages import each_gpu_of, no_words_for
from nimprofile.selection.reasons import (
    WRONG_PRODUCT,
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
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.selection.reasons import Reason


def remedy(reason: Reason) -> str:
    """What would have to change."""
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
            short = format_shortfall(need, have)
            return (
                f"{short} more memory per GPU at least; or another profile, of higher tp or lower "
                "precision"
            )
        case ContextTooLong(need, have, None):
            return (
                f"{format_shortfall(need, have)} more memory per GPU, or this profile, pinned, "
                "with a shorter context (--profile, --max-model-len)"
            )
        case ContextTooLong(need, have, max_model_len):
            return (
                f"a context of {max_model_len} tokens or less (--max-model-len {max_model_len}), "
                f"or {format_shortfall(need, have)} more memory per GPU"
            )
        case NotDivisible("layers", number, by):
            return f"a {by} of {number} at most"
        case NotDivisible(what, number, by):
            return f"another {by}: one that divides {number} {what}"
        case TooLittleFree(need, have, _, gpus=gpus):
            return f"free {format_shortfall(need, have)} on {each_gpu_of(gpus)}"
        case GpuNotEmpty(free, total, gate, gpus=gpus):
            missing_mib = -(-round(gate * total * 1000) // 1000) - free
            freed = f"free {format_shortfall(missing_mib * MIB, 0)} on {each_gpu_of(gpus)}"
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
        case RequirementUnmet(tag, relation, wanted):
            return f"take {Condition(tag, relation, wanted)} out of what is required (--require)"
        case _:
            return no_words_for(reason)


def remedies(reasons: tuple[Reason, ...], gpus_needed: int) -> tuple[str, ...]:
    """What would have to change for all of these reasons to go, each thing once.

    More GPUs of a product that can never run the profile are no help: then it says how many of
    which product, and nothing of the memory that those here lack; what they lack in total, a GPU
    that is only known to be newer must have.
    """
    unfit = [reason for reason in reasons if isinstance(reason, WRONG_PRODUCT)]
    if any(isinstance(reason, MigAlone) for reason in reasons):  # more instances are no help
        reasons = tuple(reason for reason in reasons if not isinstance(reason, TooFewGpus))
    if not unfit:
        return tuple(dict.fromkeys(remedy(reason) for reason in reasons))
    others = (remedy(reason) for reason in reasons if not isinstance(reason, _MOOT))
    number = "a GPU" if gpus_needed == 1 else f"{gpus_needed} GPUs"
    wanted = ", ".join(dict.fromkeys(_wanted(reason) for reason in unfit))
    needs = [r.need_bytes for r in reasons if isinstance(r, TooLittleMemory | ContextTooLong)]
    if needs and not any(isinstance(reason, WrongGpu) for reason in unfit):
        wanted += f", with {format_gib(max(needs))} of memory or more"
    return tuple(dict.fromkeys((f"{number} {wanted}", *others)))


_MOOT = (
    *(WrongGpu, CapabilityTooLow, CapabilityUnmet, TooFewGpus, MigAlone),
    *(TooLittleMemory, ContextTooLong, TooLittleFree, GpuNotEmpty),
)
"""What is said of a GPU that is no help where another product is needed."""


def _wanted(reason: WrongGpu | CapabilityTooLow | CapabilityUnmet) -> str:
    """Which GPUs would do."""
    match reason:
        case WrongGpu(wanted, _, _):
            return f"of product {' / '.join(wanted)}"
        case CapabilityTooLow("nvfp4", need, have) if have >= EMULATED_NVFP4_FROM:
            return f"of compute capability {need} or higher (or --allow-nvfp4-emulation)"
        case CapabilityTooLow(_, need, _):
            return f"of compute capability {need} or higher"
        case _:
            return f"of compute capability {reason.need}"
