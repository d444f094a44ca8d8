"""The wording of reasons, doubts, waivers, warnings and of the choice of GPUs.

Sentences are made from a record's own figures and from nothing else; `remedies` words what would
have to change.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.printable import sentence
from nimprofile.base.units import (
    format_gib,
    format_gpus,
    format_shortfall,
    gpu_or_gpus,
    is_or_are,
)
from nimprofile.hardware.describe import causes_of, describe_machine, machine_messages
from nimprofile.manifest.profile_conditions import condition_text, our_tag
from nimprofile.selection.placement import By
from nimprofile.selection.reasons import (
    AdvisedAgainst,
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
    MixedGpus,
    NotDefault,
    NotDivisible,
    PrecisionUnknown,
    RequirementUnmet,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    Waiver,
    WrongCpu,
    WrongGpu,
    with_short_texts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.selection.placement import Choice
    from nimprofile.selection.reasons import Reason


def message(reason: Reason) -> str:
    """What is wrong, with the numbers."""
    reason = with_short_texts(reason)
    match reason:
        case EngineUnavailable(engine, available) if engine in tuple(Engine):
            return f"engine {engine} is not here; here: {', '.join(available) or 'none'}"
        case EngineUnavailable(engine, _):
            return f"engine {engine} is not known; known: {', '.join(Engine)}"
        case PrecisionUnknown(precision):
            return f"precision {precision} is not known; known: {', '.join(Precision)}"
        case WrongGpu(wanted, have, gpus, device_id=device, unread=unread):
            why = f"; its product_name_regex was not searched: {unread}" if unread else ""
            made_for = " / ".join(wanted)
            read = f"{have} / {device}" if device else have
            return f"made for {made_for}; {format_gpus(gpus)} {is_or_are(gpus)} {read}{why}"
        case WrongCpu(need, have):
            return f"a compiled plan for machines of {need}, which does not load on {have}"
        case TooFewGpus(need, 0, _, missing=missing):
            return f"needs {need} {gpu_or_gpus(need)}; there is none{_beside(missing)}"
        case TooFewGpus(need, have, product, missing=missing):
            return (
                f"needs {need} {gpu_or_gpus(need)} of one product; "
                f"there {'is' if have == 1 else 'are'} {have} × {product}{_beside(missing)}"
            )
        case MigAlone(need, gpus):
            return (
                f"needs {need} {gpu_or_gpus(need)} together; {format_gpus(gpus)} {is_or_are(gpus)} "
                f"{'a MIG instance' if len(gpus) == 1 else 'MIG instances'}, which work alone"
            )
        case MixedGpus(products):
            return f"GPUs of {len(products)} products are visible: {', '.join(products)}"
        case CapabilityTooLow(precision, need, have, gpus=gpus):
            return f"{precision} needs compute capability {need}; {_have(gpus)} {have}"
        case CapabilityUnmet(need, have, gpus):
            return f"requires compute capability {need}; {_have(gpus)} {have}"
        case TooLittleMemory(need, have, source, gpus=gpus):
            return (
                f"needs at least {format_gib(need)} per GPU ({source}); "
                f"{_have(gpus)} {format_gib(have)}{_apiece(gpus)} in total, "
                f"{format_shortfall(need, have)} too little"
            )
        case ContextTooLong(need, have, max_model_len, source=source, gpus=gpus, asked=tokens):
            hint = f"; {max_model_len} tokens fit" if max_model_len else ""
            context = "the full context" if tokens is None else f"a context of {tokens} tokens"
            return (
                f"{context} needs {format_gib(need)} per GPU ({source}); "
                f"{_have(gpus)} {format_gib(have)}{_apiece(gpus)} in total, "
                f"{format_shortfall(need, have)} too little{hint}"
            )
        case NotDivisible("layers", number, _, divisor=divisor):
            return f"{number} layers cannot make {divisor} pipeline stages"
        case NotDivisible(what, number, by, divisor=divisor):
            return f"{number} {what} cannot be divided by {by} {divisor}"
        case TooLittleFree(need, have, source, gpus=gpus):
            return (
                f"needs {format_gib(need)} free per GPU ({source}); "
                f"{_have(gpus)} {format_gib(have)}{_apiece(gpus)} free, "
                f"{format_shortfall(need, have)} too little"
            )
        case GpuNotEmpty(free, total, gate, gpus=gpus):
            return (
                f"{format_gpus(gpus)} {is_or_are(gpus)} not empty: "
                f"{free} of {total} MiB{_apiece(gpus)} free, {_percent(free, total)}; "
                f"{100 * gate:.0f} % must be"
            )
        case DriverTooOld(need, have):
            return f"requires driver {need}; this one is {have}"
        case CudaTooOld(need, have):
            return f"requires CUDA {need}; this driver serves {have}"
        case EngineVersionUnmet(need, have):
            return f"requires {need}; this one is {have}"
        case LoraMismatch(True):
            return "is not known to serve LoRA adapters, and adapters are wanted"
        case LoraMismatch(_):
            return "serves LoRA adapters, and none are wanted"
        case TagMismatch(tag, wanted, have, by=by):
            has = f"no tag {tag}" if have is None else f"{tag}={have}"
            return f"{by or 'the selector'} wants {tag}={wanted}; the profile has {has}"
        case NotDefault(tag, default, have):
            return f"unasked this NIM takes {tag}={default}; the profile has {tag}={have}"
        case AdvisedAgainst(advisory, title):
            return f"known issue: {title} (advisory {advisory}); such profiles are to be avoided"
        case RequirementUnmet(tag, relation, wanted, have=None):
            asked = condition_text(tag, relation, wanted)
            return f"{asked} is required; the profile has no {our_tag(tag)}"
        case RequirementUnmet(tag, relation, wanted, have=have):
            asked = condition_text(tag, relation, wanted)
            return f"{asked} is required; the profile has {our_tag(tag)}={have}"
        case _:
            return no_words_for(reason)


def waiver_message(reason: Reason, *, by_pin: bool) -> str:
    """A reason that holds and was set aside, and by what."""
    if by_pin or reason.waived_by is Waiver.PIN:
        return f"the pin overrides: {message(reason)}"
    flag = "--relax-memory" if reason.waived_by is Waiver.RELAX_MEMORY else "--allow-unsafe"
    return f"{flag} ({reason.waived_by}) overrides: {message(reason)}"


def doubt_message(doubt: Doubt) -> str:
    """What could not be judged, and which rule went without."""
    of_gpus = doubt.gpus and "profile" not in doubt.unknown
    where = f" of {format_gpus(doubt.gpus)}" if of_gpus else ""
    return f"{doubt.unknown}{where} is unknown: not checked ({doubt.rule})"


_BEFORE = {
    By.FITNESS: "it runs better there than on {}",
    By.HEALTH: "healthy ones before {}",
    By.FREE: "empty ones before {}",
    By.LINKS: "none are better connected; {} would do too",
    By.INDEX: "the lowest index; {} would do too",
}


def choice_message(choice: Choice) -> str:
    """Why these GPUs were taken and not others, and how they are connected."""
    parts = [_BEFORE[passed.by].format(format_gpus(passed.gpus)) for passed in choice.passed_over]
    if choice.link is not None:
        parts.append(f"joined by {choice.link}")
    return ", ".join(parts) or "all that would do"


def missing_message(name: str, gpus: tuple[Gpu, ...], taken_for: Mapping[int, Gpu]) -> str:
    """What would be selected if these GPUs answered, and why they do not.

    `taken_for` has the GPU that each index is taken for; the message names its product where the
    GPU itself does not report one.
    """
    causes = causes_of(gpus)
    text = f"{name} would be selected if {format_gpus(tuple(gpu.index for gpu in gpus))} answered: "
    if len(causes) == 1:
        text += sentence(next(iter(causes)))
    else:
        text += "; ".join(
            f"{format_gpus(indices)}: {sentence(cause)}" for cause, indices in causes.items()
        )
    nameless = [gpu.index for gpu in gpus if gpu.name is None and gpu.device_id is None]
    if nameless:
        products = ", ".join(dict.fromkeys(taken_for[index].label for index in nameless))
        text += f" ({format_gpus(tuple(nameless))} taken for {products} like the others)"
    return text


def unknown_message(gpus: tuple[int, ...]) -> str:
    """Of which missing GPUs the product, the memory or the compute capability is not known."""
    return (
        f"whether {format_gpus(gpus)} would change the choice is not known: the product or the "
        "memory is unknown"
    )


def ailing_message(gpu: int, issue: str) -> str:
    """What trouble a GPU reports."""
    return f"GPU {gpu}: {sentence(issue)}"


def emulation_message(precision: str) -> str:
    """That the GPUs are not known to compute in a precision."""
    return f"these GPUs are not known to compute in {precision}: it is emulated"


def half_message() -> str:
    """That a BF16 profile is served in FP16."""
    return (
        "these GPUs have no BF16 (compute capability below 8.0): the engine serves this profile in "
        "FP16, whose numbers end at 65504"
    )


def newer_message(source: str, policy: str) -> str:
    """That a NIM is newer than any whose choice is known."""
    return (
        f"{source} is newer than any NIM whose choice is known here: it is taken to choose as "
        f"{policy} does"
    )


def starved_message(budget: Budget) -> str:
    """That the weights leave no room for the KV cache."""
    return (
        f"{format_gib(budget.weights.bytes)} of weights leave "
        f"{format_gib(max(0, budget.spare))} for "
        f"the KV cache: {format_gib(budget.held)} are gone before it, of the "
        f"{format_gib(min(budget.limit, budget.total))} that {budget.serving.engine} takes of a GPU"
    )


def disagreement_message(need: MemoryNeed) -> str:
    """That the manifest and the estimate disagree."""
    estimated = format_gib(need.estimated_bytes or 0)
    return (
        f"{need.source} says {format_gib(need.full_bytes)} per GPU, and counts; by the model's "
        f"shape it is {estimated}"
    )


def unexpected_message(expected: int, inventory: Inventory) -> tuple[str, ...]:
    """That more or fewer GPUs can be used than were expected, and what is wrong with the others."""
    usable = len(inventory.offered)
    return (
        f"--expect-gpus {expected}: {usable} can be used: {describe_machine(inventory)}",
        *machine_messages(inventory),
    )


def no_words_for(reason: Never) -> Never:
    """The end of a match on every kind of reason: the type checker finds the kind left out."""
    raise TypeError(f"no words for {reason!r}: it is no reason such as `Verdict.reasons` holds")


def _beside(missing: tuple[int, ...]) -> str:
    if not missing:
        return ""
    return f", and {format_gpus(missing)} {'does' if len(missing) == 1 else 'do'} not answer"


def each_gpu_of(gpus: tuple[int, ...]) -> str:
    """GPUs of which each is meant: `GPU 3`, `each of GPUs 0-3`."""
    return format_gpus(gpus) if len(gpus) == 1 else f"each of {format_gpus(gpus)}"


def _apiece(gpus: tuple[int, ...]) -> str:
    return "" if len(gpus) == 1 else " each"


def _have(gpus: tuple[int, ...]) -> str:
    return f"{format_gpus(gpus)} {'has' if len(gpus) == 1 else 'have'}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
