"""The warnings of a decision: one frozen class for each kind, with its figures.

`kind` is its name for programs; `str(warning)` is its sentence, as it is printed and as JSON has
it. It is a table, as long as there are kinds.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.versions import satisfies
from nimprofile.engines.serving import DEFAULTS
from nimprofile.engines.spec import spec_of
from nimprofile.hardware.describe import causes_of, unavailable_message
from nimprofile.hardware.gpu_groups import revived
from nimprofile.manifest.never_met import TagsContradict, TagUnknown, TagValueUnknown
from nimprofile.selection.messages import (
    ailing_message,
    disagreement_message,
    doubt_message,
    emulation_message,
    half_message,
    missing_message,
    newer_message,
    starved_message,
    unknown_message,
    waiver_message,
)
from nimprofile.selection.reasons import LOW_MEMORY, Doubt, Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from nimprofile.base.enums import Engine
    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.request import Request
    from nimprofile.selection.verdict import Verdict


class Overridden(Record):
    """A reason holds against the selected profile, and a switch or the pin sets it aside."""

    reason: Reason
    by_pin: bool

    kind = "overridden"

    def __str__(self) -> str:
        return waiver_message(self.reason, by_pin=self.by_pin)


class NotChecked(Record):
    """A figure is unknown, so a rule passed the selected profile unjudged."""

    doubt: Doubt

    kind = "not_checked"

    def __str__(self) -> str:
        return doubt_message(self.doubt)


class Emulated(Record):
    """The chosen GPUs are not known to compute in the precision of the selected profile."""

    precision: str

    kind = "emulated"

    def __str__(self) -> str:
        return emulation_message(self.precision)


class ServedInHalf(Record):
    """The chosen GPUs have no BF16, and the engine serves the selected profile in FP16."""

    kind = "served_in_half"

    def __str__(self) -> str:
        return half_message()


class NoRoomForCache(Record):
    """The weights leave no room for the KV cache."""

    budget: Budget

    kind = "no_room_for_cache"

    def __str__(self) -> str:
        return starved_message(self.budget)


class ContextNotKnown(Record):
    """The context was left to what fits, and without the model's shape nobody knows what does.

    `max_model_len` is what the engine is told instead; None is the model's own.
    """

    max_model_len: int | None

    kind = "context_not_known"

    def __str__(self) -> str:
        told = f"{self.max_model_len:,} tokens" if self.max_model_len else "the model's own"
        return f"which context fits is not known without the model's shape: {told} is asked for"


class EstimateIsMore(Record):
    """By the model's shape the profile needs more than its manifest states."""

    need: MemoryNeed

    kind = "estimate_is_more"

    def __str__(self) -> str:
        return disagreement_message(self.need)


class GpuAiling(Record):
    """A GPU that the selected profile takes reports trouble."""

    gpu: int
    issue: str

    kind = "gpu_ailing"

    def __str__(self) -> str:
        return ailing_message(self.gpu, self.issue)


class SelectedIfAnswered(Record):
    """Another profile, or more GPUs, would be selected if these GPUs answered.

    Attributes:
        profile: the name of the profile that would be.
        gpus: those it would take that cannot be used.
        taken_for: what each GPU of the machine is taken to be, by index.
    """

    profile: str
    gpus: tuple[Gpu, ...]
    taken_for: Mapping[int, Gpu]

    kind = "selected_if_answered"

    def __str__(self) -> str:
        return missing_message(self.profile, self.gpus, self.taken_for)


class GpusUnavailable(Record):
    """GPUs that cannot be used, and why."""

    gpus: tuple[int, ...]
    cause: str

    kind = "gpus_unavailable"

    def __str__(self) -> str:
        return unavailable_message(self.gpus, self.cause)


class NewerNim(Record):
    """The NIM at hand is newer than any whose choice is known; a policy stands in for its own.

    Attributes:
        source: what tells its version.
        policy: the name of the policy.
    """

    source: str
    policy: str

    kind = "newer_nim"

    def __str__(self) -> str:
        return newer_message(self.source, self.policy)


class NewerEngine(Record):
    """The engine's version is newer than any whose facts are known.

    Attributes:
        engine: the engine.
        version: its version.
        newest: the newest release that is known.
    """

    engine: Engine
    version: str
    newest: str

    kind = "newer_engine"

    def __str__(self) -> str:
        return (
            f"{self.engine} {self.version} is newer than any that is known: it is judged as "
            f"{self.newest} would be"
        )


class ProductUnknown(Record):
    """Missing GPUs of unknown product or memory: what they would change cannot be said."""

    gpus: tuple[int, ...]

    kind = "product_unknown"

    def __str__(self) -> str:
        return unknown_message(self.gpus)


class PrecisionUnavailable(Record):
    """No profile of the preferred precision runs, so another is selected.

    Attributes:
        wanted, chosen: the precisions.
        required: the conditions that a profile had to meet too.
    """

    wanted: str
    chosen: str
    required: tuple[str, ...] = ()

    kind = "precision_unavailable"

    def __str__(self) -> str:
        as_required = f" and meets {', '.join(self.required)}" if self.required else ""
        return (
            f"no profile in {self.wanted} runs here{as_required}, so one in {self.chosen} is "
            "selected"
        )


class ContextBeyondModel(Record):
    """A longer context is asked for than the model has, and engines refuse it.

    Attributes:
        asked, longest: the context that is asked for, and the model's own, in tokens.
    """

    asked: int
    longest: int

    kind = "context_beyond_model"

    def __str__(self) -> str:
        return (
            f"the model's longest context is {self.longest:,} tokens, and engines refuse "
            f"{self.asked:,}"
        )


class NotCounted(Record):
    """What was asked of the engine's start does not count in the memory that was judged.

    Attributes:
        settings: what was asked for, in words.
        source: what the memory was judged by.
    """

    settings: tuple[str, ...]
    source: str

    kind = "not_counted"

    def __str__(self) -> str:
        return (
            f"memory is judged by {self.source}, which does not count {' and '.join(self.settings)}"
        )


class PassedOver(Record):
    """A candidate that ranks before the selected one and cannot be started from what is here.

    Attributes:
        id, profile: the candidate's id and name.
        problem: what keeps it from being started, and what would do.
    """

    id: str
    profile: str
    problem: str

    kind = "passed_over"

    def __str__(self) -> str:
        return f"{self.profile} ranks before it and is passed over: {self.problem}"


class Advised(Record):
    """An issue of the selected profile on the chosen GPUs is known."""

    advisory: Advisory

    kind = "advised"

    def __str__(self) -> str:
        known = self.advisory
        return f"known issue, {known.effect}: {known.title}; {known.remedy} (advisory {known.id})"


DecisionWarning: TypeAlias = (
    Overridden
    | NotChecked
    | Emulated
    | ServedInHalf
    | NoRoomForCache
    | EstimateIsMore
    | ContextNotKnown
    | GpuAiling
    | SelectedIfAnswered
    | GpusUnavailable
    | NewerNim
    | NewerEngine
    | ProductUnknown
    | TagUnknown
    | TagValueUnknown
    | TagsContradict
    | PrecisionUnavailable
    | ContextBeyondModel
    | NotCounted
    | PassedOver
    | Advised
)

NEVER_MET = (TagUnknown, TagValueUnknown, TagsContradict)
"""Warnings that say why no profile of the manifest can be as it is asked for."""


def selection_warnings(
    selected: Verdict, inventory: Inventory, request: Request
) -> Iterator[DecisionWarning]:
    """What the operator should know about the selected profile and its GPUs."""
    for reason in selected.waived:
        # A pin starts in spite of low memory, with no switch set.
        yield Overridden(reason, reason.effect is LOW_MEMORY and not request.relax_memory)
    # The same doubt on several kinds of GPU is one thing to know.
    merged: dict[tuple[str, str, str], list[int]] = {}
    for doubt in selected.doubts:
        merged.setdefault((doubt.kind, doubt.unknown, doubt.rule), []).extend(doubt.gpus)
    for key, gpus in merged.items():
        yield NotChecked(Doubt(*key, gpus=tuple(gpus)))
    if selected.emulated:
        yield Emulated(str(selected.profile.precision))
    if selected.in_half:
        yield ServedInHalf()
    yield from map(Advised, selected.advisories)
    yield from _newer_engine(selected.profile.engine, request.serving.engine_version)
    yield from _memory_warnings(selected.need, request)
    for gpu in inventory.gpus:
        if gpu.index in selected.gpus:
            yield from (GpuAiling(gpu.index, issue) for issue in gpu.health_issues)


def _newer_engine(engine: Engine | None, version: str | None) -> Iterator[DecisionWarning]:
    if engine is not None and version is not None:
        newest = spec_of(engine).newest
        if satisfies(version, f">{newest}"):
            yield NewerEngine(engine, version, newest)


def _memory_warnings(need: MemoryNeed | None, request: Request) -> Iterator[DecisionWarning]:
    if need is not None and need.budget is not None and need.budget.starved:
        yield NoRoomForCache(need.budget)
    if need is not None and need.disagrees and (need.estimated_bytes or 0) > need.full_bytes:
        yield EstimateIsMore(need)
    yield from _not_counted(need, request)
    if request.serving.fit_context and (need is None or need.max_model_len is None):
        yield ContextNotKnown(request.serving.max_model_len)


def _not_counted(need: MemoryNeed | None, request: Request) -> Iterator[NotCounted]:
    """What engines heed, and neither a manifest's figure nor NIM 2.x's own arithmetic does."""
    if need is None:
        return
    stated = need.budget is None or need.estimated_bytes is not None
    counted = None if stated or need.budget is None else need.budget.serving
    asked = {name: getattr(request.serving, name) for name in _SETTINGS}
    settings = tuple(
        _SETTINGS[name]
        for name, value in asked.items()
        if value != getattr(DEFAULTS, name) and value != getattr(counted, name, None)
    )
    if settings:
        yield NotCounted(settings, need.source if stated else "NIM 2.x's own arithmetic")


_SETTINGS = {
    "memory_fraction": "the memory fraction",
    "kv_cache_dtype": "the KV cache's format",
    "max_num_batched_tokens": "the tokens of a step",
    "concurrency": "requests at once",
}


def missing_warnings(decision: Decision) -> Iterator[DecisionWarning]:
    """What is wrong with GPUs that cannot be used, loudest where they would have been."""
    missed, inventory = decision.if_answered, decision.inventory
    taken_for = {gpu.index: gpu for gpu in revived(inventory).gpus}
    absent = tuple(gpu for gpu in inventory.unavailable if missed and gpu.index in missed.gpus)
    if missed is not None:
        yield SelectedIfAnswered(missed.profile.name, absent, taken_for)
    others = tuple(gpu for gpu in inventory.unavailable if gpu not in absent)
    for cause, indices in causes_of(others).items():
        yield GpusUnavailable(indices, cause)
    whole = tuple(gpu.index for gpu in others if gpu.mig is None and not gpu.mig_enabled)
    if unknown := tuple(index for index in whole if taken_for[index].unavailable is not None):
        yield ProductUnknown(unknown)
