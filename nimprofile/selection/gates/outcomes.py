"""The gates that a profile has to pass, and how one passed or failed each of them.

A gate is a group of kinds of reasons, under the name by which reports call it.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.units import MIB, format_gib
from nimprofile.selection.messages import message, waiver_message
from nimprofile.selection.reasons import Effect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict

NO, NOT_WANTED, WAIVED, DOUBTED, YES = "no", "not wanted", "waived", "?", "yes"
"""How a profile stands at a gate."""

FREE_MEMORY = "free memory"

GATES: tuple[tuple[str, frozenset[str]], ...] = (
    ("engine", frozenset({"engine", "engine_version", "cpu_architecture"})),
    ("GPU", frozenset({"gpu", "mixed_gpus"})),
    ("GPU count", frozenset({"gpu_count", "mig", "divisibility"})),
    ("capability", frozenset({"precision", "compute_capability", "requires_compute_capability"})),
    ("total memory", frozenset({"memory_total", "memory_context"})),
    (FREE_MEMORY, frozenset({"memory_free", "gpu_not_empty"})),
    ("driver", frozenset({"driver", "cuda"})),
    ("LoRA", frozenset({"lora"})),
    ("tags", frozenset({"tags", "default_selector", "advised", "requirement"})),
)


class GateOutcome(Record):
    """How a profile stands at one gate.

    Attributes:
        gate: the name of the gate.
        outcome: `no`, `not wanted`, `waived`, `?` or `yes`.
        text: the reason against it, or the figures by which it passed.
    """

    gate: str
    outcome: str
    text: str


def gate_outcomes(verdict: Verdict, decision: Decision) -> Iterator[GateOutcome]:
    """How a profile stands at every gate: one outcome for each, or one for each reason there."""
    for title, kinds in GATES:
        yield from _outcomes(title, kinds, verdict, decision)


def gate_of(kind: str) -> str:
    """The gate at which a reason of this kind stands; KeyError for none."""
    for title, kinds in GATES:
        if kind in kinds:
            return title
    raise KeyError(kind)


def _outcomes(
    title: str, kinds: frozenset[str], verdict: Verdict, decision: Decision
) -> Iterator[GateOutcome]:
    failed = [reason for reason in verdict.reasons if reason.kind in kinds]
    waived = [reason for reason in verdict.waived if reason.kind in kinds]
    for reason in failed:
        unwanted = reason.effect is Effect.NOT_WANTED
        yield GateOutcome(title, NOT_WANTED if unwanted else NO, message(reason))
    for reason in waived:
        relaxed = decision.request.relax_memory
        by_pin = verdict is decision.pinned and reason.effect is Effect.LOW_MEMORY and not relaxed
        yield GateOutcome(title, WAIVED, waiver_message(reason, by_pin=by_pin))
    if not failed and not waived:
        doubted = any(doubt.kind in kinds for doubt in verdict.doubts)
        yield GateOutcome(title, DOUBTED if doubted else YES, _passed(title, verdict, decision))


def _passed(title: str, verdict: Verdict, decision: Decision) -> str:
    """What the profile asks at a gate that held nothing against it."""
    profile, need = verdict.profile, verdict.need
    match title:
        case "engine":
            return str(profile.engine or "no engine named")
        case "GPU":
            wanted = " / ".join(profile.made_for)
            return f"made for {wanted}" if wanted else "made for any GPU"
        case "GPU count":
            sizes = f"tp {profile.tp or '?'} × pp {profile.pp or '?'}"
            return f"{sizes}: {profile.gpus_needed} of one product"
        case "capability":
            return str(profile.precision or "no precision named") + (
                ", emulated" if verdict.emulated else ", served in fp16" if verdict.in_half else ""
            )
        case "total memory":
            return (
                "no need known"
                if need is None
                else f"{format_gib(need.full_bytes)} per GPU, {need.source}{_beside(need)}"
            )
        case "free memory":
            gpus = [gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus]
            known = [gpu.memory_free_mib for gpu in gpus if gpu.memory_free_mib is not None]
            return f"{format_gib(min(known) * MIB)} free on each" if known else "nothing against it"
        case "driver":
            wants = [
                f"{name} {condition}"
                for name, condition in (
                    ("driver", profile.requires.driver),
                    ("CUDA", profile.requires.cuda),
                )
                if condition
            ]
            return f"{', '.join(wants)}" if wants else "nothing required"
        case "LoRA":
            return "serves adapters" if profile.lora else "none wanted, none served"
        case _:
            request = decision.request
            asked = [f"{tag}={value}" for tag, value in request.tags]
            asked += [f"{condition} (required)" for condition in request.require]
            return ", ".join(asked) or "no selector"


def _beside(need: MemoryNeed) -> str:
    """The estimate beside what the manifest states, when they disagree; else what it is made of."""
    if need.estimated_bytes is not None:
        estimate = f" (by the model's shape {format_gib(need.estimated_bytes)})"
        return estimate if need.disagrees else ""
    budget = need.budget
    if budget is None:
        return ""
    cache = budget.wanted_cache
    return (
        f": weights {format_gib(budget.weights.bytes)}, KV cache {format_gib(cache)} for "
        f"{budget.serving.max_model_len} tokens, "
        f"{format_gib(budget.activation.bytes + budget.overhead.bytes)} besides"
        f"{_memory_share(budget)}"
    )


def _memory_share(budget: Budget) -> str:
    """Why the sum is less than the need: the engine takes a part of the GPU."""
    fraction = budget.serving.memory_fraction
    if fraction is None or fraction >= 1:
        return ""
    of = "what is free for the KV cache" if budget.habits.of_free else "the GPU"
    return f"; {budget.serving.engine} takes {fraction:g} of {of}"
