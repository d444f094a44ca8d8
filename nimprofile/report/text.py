"""A decision in words: the choice, and why nothing runs.

Nothing is decided here: every sentence is made from the decision's own figures.
"""

from __future__ import annotations

from nimprofile.base.printable import shown
from nimprofile.base.units import format_gib, format_gpus, format_indices
from nimprofile.hardware.describe import describe_machine
from nimprofile.hardware.visible_devices import cuda_devices
from nimprofile.manifest.profile_conditions import our_tag
from nimprofile.report.blocks import Line, Span, fields, line, plain_text
from nimprofile.selection.messages import choice_message, message
from nimprofile.selection.placement import By
from nimprofile.selection.ranking.generation import ASKED
from nimprofile.selection.reasons import NOT_WANTED, TagMismatch
from nimprofile.selection.rules import sizes_asked
from nimprofile.selection.verdict import as_wished, shortcoming
from nimprofile.selection.warnings import NEVER_MET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeGuard

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.report.blocks import Block, Meaning
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.placement import Choice
    from nimprofile.selection.reasons import Effect, Reason
    from nimprofile.selection.verdict import Verdict

GRADE_MEANINGS: dict[str, Meaning] = {
    "runnable": "good",
    "not wanted": "plain",
    "low memory": "doubtful",
    "incompatible": "bad",
}
"""The groups of a list in their order: the grades, and what would run but is not wanted."""

SHORT_ID = 12
"""Characters of an id that a terminal shows; `--profile` takes them."""

NO_PROFILE = "No profile found for the detected hardware"
"""What the message begins with when nothing runs; scripts look for it."""

NOT_IN_MANIFEST = "No profile found for what is asked"
"""What the message begins with when no profile could be as it is asked for on any hardware."""

NOT_AS_REQUIRED = "Nothing that runs here is as required"
"""What the message begins with when something runs, but nothing that meets `--require`."""


NOTHING_STARTS = "No profile can be started from what is here"
"""What the message begins with when profiles run, and none can be started."""


def select_blocks(decision: Decision) -> list[Block]:
    """The choice, its GPUs, the deciding criterion and the override, if any."""
    chosen = decision.selected
    assert chosen is not None, "there is something to show"
    rows: list[tuple[str, str | Span]] = [
        ("profile", Span(chosen.profile.name, "strong")),
        ("id", Span(chosen.profile.id, shortened=SHORT_ID)),
        ("gpus", _gpus(chosen, decision.inventory)),
        ("cuda", _cuda(chosen, decision.inventory)),
        ("because", _because(decision)),
        ("policy", policy_text(decision)),
    ]
    if chosen.need is not None:
        rows.insert(
            3, ("memory", f"{format_gib(chosen.need.full_bytes)} per GPU, {chosen.need.source}")
        )
    if (context := context_that_fits(decision, chosen)) is not None:
        rows.insert(4, ("context", context))
    return [fields(rows)]


def context_that_fits(decision: Decision, verdict: Verdict) -> str | None:
    """The context that was left to what fits, and of what it is a part."""
    need, serving = verdict.need, decision.request.serving
    if not serving.fit_context or need is None or need.budget is None or not need.max_model_len:
        return None
    most = serving.max_model_len or need.budget.shape.max_position_embeddings
    if most == need.max_model_len:
        return f"{most:,} tokens, all of it"
    of = "" if most is None else f" of {most:,}"
    return f"{need.max_model_len:,} tokens{of}, the longest that fits"


def _gpus(verdict: Verdict, inventory: Inventory) -> str:
    names = {gpu.label: None for gpu in inventory.gpus if gpu.index in verdict.gpus}
    text = f"{format_indices(verdict.gpus)} ({len(verdict.gpus)} × {', '.join(names)})"
    choice = verdict.choice
    if not is_informative(choice) or (choice.by is By.INDEX and choice.link is None):
        return text
    return f"{text}: {choice_message(choice)}"


def is_informative(choice: Choice | None) -> TypeGuard[Choice]:
    """Whether there is more to say than the indices: other GPUs would do, or a link is known."""
    return choice is not None and (choice.by is not By.ALL or choice.link is not None)


def _cuda(verdict: Verdict, inventory: Inventory) -> str:
    devices = cuda_devices(inventory, verdict.gpus)
    if devices is None:
        return "a MIG instance whose UUID is unknown cannot be named to CUDA"
    return " ".join(f"{name}={value}" for name, value in devices.environ.items())


def _because(decision: Decision) -> str:
    pin, runner_up = decision.request.pin, decision.runner_up
    if pin is not None:
        return f"pinned by {pin.source}={pin.value}"
    if decision.deciding is None or runner_up is None or decision.selected is None:
        can = "can be started" if decision.passed_over else "runs"
        return f"the only profile that {can} here{as_wished(decision.rejected)}"
    criterion = decision.deciding
    better, worse = criterion.describe(decision.selected), criterion.describe(runner_up)
    return f"{criterion.name}: {better} before {worse}; the next is {runner_up.profile.name}"


def policy_text(decision: Decision) -> str:
    """The policy of a decision, and why it is this one."""
    return f"{decision.policy.name}{decision.policy_origin}"


def policy_note(decision: Decision) -> tuple[str, ...]:
    """The same, for a pipe that gets a list alone; () where somebody named the policy."""
    named = decision.policy_origin.kind == ASKED
    return () if named else (f"note: policy {policy_text(decision)}",)


def nothing_runs(decision: Decision) -> str:
    """Why there is no choice, as plain text."""
    return plain_text(nothing_blocks(decision))


def nothing_blocks(decision: Decision) -> list[Block]:
    """Why there is no choice: a histogram of reasons, or why the pin is refused."""
    if decision.passed_over and decision.otherwise is None:
        return [*_none_can_be_started(decision)]
    if decision.otherwise is not None:
        return [*_required_in_vain(decision, decision.otherwise)]
    pin, pinned = decision.request.pin, decision.pinned
    if pin is not None and pinned is not None:
        name = pinned.profile.title
        blocks = [line(f"{pin.source}={shown(pin.value)} is refused: {name} does not run here.")]
        blocks += [line(message(reason), indent=2) for reason in pinned.reasons]
        blocks += [line(f"to change: {change}", indent=2) for change in remedies_of(pinned)]
        if all(reason.waived_by for reason in pinned.reasons):
            switches = sorted({f"{reason.waived_by}=1" for reason in pinned.reasons})
            blocks.append(line(f"or start it all the same: {', '.join(switches)}", indent=2))
        return [*blocks]
    if any(isinstance(warning, NEVER_MET) for warning in decision.warnings):
        return [line(f"{NOT_IN_MANIFEST}: no profile of this manifest has {_asked(decision)}.")]
    wanted = [verdict for verdict in decision.rejected if _is_wanted(verdict)]
    unwanted = [verdict for verdict in decision.rejected if not _is_wanted(verdict)]
    blocks = [_none_runs(decision, len(wanted), len(unwanted))]
    if wanted:
        blocks.append(line("How many profiles each reason is held against (one can have several):"))
        blocks += _counts(wanted)
    if unwanted:
        blocks.append(
            line(f"Why {len(unwanted)} {'are' if len(unwanted) > 1 else 'is'} not wanted:")
        )
        blocks += _counts(unwanted, NOT_WANTED)
    if decision.rejected:
        nearest = decision.nearest
        blocks.append(line(f"Nearest: {nearest.profile.title}, which would take:"))
        blocks += [line(change, indent=2) for change in remedies_of(nearest)]
    return [*blocks]


def _asked(decision: Decision) -> str:
    """What is asked of the profiles' tags: the conditions, and the sizes with their variables."""
    request = decision.request
    asked = [f"{our_tag(tag)}={shown(value)}" for tag, value in request.tags]
    asked += [f"{tag}={size} ({variable})" for tag, size, variable in sizes_asked(request)]
    return ", ".join(asked or map(str, request.require))


def _is_wanted(verdict: Verdict) -> bool:
    """Whether nothing but the machine speaks against a rejected profile."""
    return all(reason.effect is not NOT_WANTED for reason in verdict.reasons)


def _none_runs(decision: Decision, wanted: int, unwanted: int) -> Line:
    if unwanted and not wanted:
        return line(f"{NOT_IN_MANIFEST}: none of {unwanted} profiles is as it is wanted.")
    machine = describe_machine(decision.inventory)
    more = f"; {_are(unwanted, 'more ')} not wanted" if unwanted else ""
    return line(f"{NO_PROFILE}: 0 of {wanted} profiles run on {machine}{more}.")


def _are(count: int, more: str = "") -> str:
    return f"{count} {more}{'is' if count == 1 else 'are'}"


def _counts(verdicts: Iterable[Verdict], effect: Effect | None = None) -> list[Line]:
    counts = histogram(verdicts, effect)
    return [line(f"{count:4} × {text}", indent=2) for text, count in counts]


def _none_can_be_started(decision: Decision) -> Iterator[Block]:
    """What keeps each candidate from being started."""
    count, machine = len(decision.passed_over), describe_machine(decision.inventory)
    yield line(f"{NOTHING_STARTS}: {count} would run on {machine}, and for each:")
    problems = dict.fromkeys(passed.problem for passed in decision.passed_over)
    yield from (line(problem, indent=2) for problem in problems)


def _required_in_vain(decision: Decision, otherwise: Verdict) -> Iterator[Block]:
    """What would be selected without the requirements, and what comes nearest to meeting them."""
    required, pin = ", ".join(map(str, decision.request.require)), decision.request.pin
    yield line(f"{NOT_AS_REQUIRED}: {required}")
    gpus = f"on {format_gpus(otherwise.gpus)}" if otherwise.gpus else "here"
    pinned = "" if pin is None else f", pinned by {pin.source}"
    yield line(f"Without that, {otherwise.profile.title} would run {gpus}{pinned}:")
    judged = decision.pinned or decision.verdict(otherwise.profile)
    unmet = [reason for reason in judged.reasons if reason.kind == "requirement"]
    yield from (line(message(reason), indent=2) for reason in unmet)
    for passed in decision.passed_over:
        yield line(f"{shown(passed.profile)} meets it and cannot be started: {passed.problem}")
    if decision.passed_over:
        return
    if decision.ranked:
        met = decision.ranked[0]
        yield line(f"{met.profile.title} meets it and runs here: take the pin away")
        return
    meeting = [
        verdict
        for verdict in decision.rejected
        if all(reason.kind != "requirement" for reason in verdict.reasons)
    ]
    if not meeting:
        yield line("No profile of this manifest meets it.")
        return
    nearest = min(meeting, key=shortcoming)
    name = nearest.profile.title
    yield line(f"Nearest of the profiles that meet it: {name}, which would take:")
    yield from (line(change, indent=2) for change in remedies_of(nearest))


def remedies_of(verdict: Verdict) -> tuple[str, ...]:
    """What would make a rejected profile run, in sentences."""
    from nimprofile.selection.remedies import remedies

    return remedies(verdict)


_TITLES = {
    "engine": "engine not available here",
    "precision": "unknown precision",
    "gpu": "made for another GPU",
    "cpu_architecture": "a plan for another CPU",
    "gpu_count": "too few GPUs",
    "mig": "spans MIG instances",
    "mixed_gpus": "GPUs of several products",
    "compute_capability": "compute capability too low for the precision",
    "requires_compute_capability": "compute capability not as required",
    "divisibility": "the model does not divide so",
    "memory_total": "too little memory in total",
    "memory_context": "the context does not fit",
    "memory_free": "too little memory free now",
    "gpu_not_empty": "GPU not empty",
    "driver": "driver too old",
    "cuda": "CUDA too old",
    "engine_version": "engine's version not as required",
    "lora": "LoRA not as wanted",
    "default_selector": "not what this NIM takes unasked",
    "tags": "tag selector does not match",
    "advised": "an issue of it is known",
    "requirement": "not as required",
}


def histogram(verdicts: Iterable[Verdict], effect: Effect | None = None) -> list[tuple[str, int]]:
    """How many profiles each kind of reason rejects, most frequent first.

    Args:
        verdicts: on the profiles.
        effect: only reasons of this effect; None is all.
    """
    counts: dict[tuple[str, str], int] = {}
    for verdict in verdicts:
        reasons = [reason for reason in verdict.reasons if effect in {None, reason.effect}]
        for kind in {(reason.kind, _title(reason)) for reason in reasons}:
            counts[kind] = counts.get(kind, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(title, count) for (_, title), count in ordered]


def _title(reason: Reason) -> str:
    """What a kind of reason is called; a wish that a variable tells has the variable's name."""
    if isinstance(reason, TagMismatch) and reason.by:
        return f"{reason.tag} is not as {reason.by} says"
    return _TITLES[reason.kind]
