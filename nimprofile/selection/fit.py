"""Can this profile run on this machine, and if not, why?

Rules look at one GPU at a time; counting comes after. So one more GPU never makes a profile unfit,
and a mixed machine is simply several groups of identical GPUs.
"""

from __future__ import annotations

from enum import IntEnum

from nimprofile.base.record import Record
from nimprofile.engines.memory.need import MemoryNeed, Needs
from nimprofile.selection.placement import Choice, choose
from nimprofile.selection.reasons import (
    ALLOW_UNSAFE,
    INCOMPATIBLE,
    LOW_MEMORY,
    NOT_WANTED,
    PIN,
    RELAX_MEMORY,
    Doubt,
    MigAlone,
    MixedGpus,
    NotDivisible,
    TooFewGpus,
)
from nimprofile.selection.rules import FREE_RULES, GPU_RULES, MACHINE_RULES, WISH_RULES, is_emulated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.hardware.gpu_groups import GpuGroup, GpuKind, Machine
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.reasons import Effect, Reason, Waiver
    from nimprofile.selection.request import Request

    _Waivers = frozenset[tuple[Waiver | None, Effect]]
    _Judged = tuple["_Standing", GpuKind, list[Reason | Doubt]]


GRADES = ("runnable", "low memory", "incompatible")
"""What the machine says of a profile, best first."""


class Verdict(Record):
    """The judgement of one profile on one machine.

    Attributes:
        profile: the profile judged.
        reasons: why it is not a candidate; empty means it is.
        gpus: indices of the GPUs it runs on, or would if memory were freed.
        waived: reasons that hold but that the operator's switches set aside.
        doubts: what could not be judged because a figure is unknown.
        need: memory of each GPU, when anything is known of it.
        emulated: the chosen GPUs are not known to compute in its precision.
        choice: why it takes these GPUs of their product; None when it takes none.
        elsewhere: on a mixed machine, `reasons` are those of the product that comes nearest; these
            are the reasons against the other products.
    """

    profile: Profile
    reasons: tuple[Reason, ...]
    gpus: tuple[int, ...]
    _: KW_ONLY
    waived: tuple[Reason, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    need: MemoryNeed | None = None
    emulated: bool = False
    elsewhere: tuple[Reason, ...] = ()
    choice: Choice | None = None

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


def check(
    profile: Profile,
    machine: Machine,
    request: Request,
    *,
    needs: Needs | None = None,
    uniform_gpus: bool = False,
    pinned: bool = False,
) -> Verdict:
    """Judge one profile, collecting every reason against it.

    Args:
        profile: the candidate.
        machine: where it would run.
        request: the operator's wishes.
        needs: what the model's profiles need; without, only what each states.
        uniform_gpus: reject everything on a machine of several products.
        pinned: the operator asked for this very profile, so the switches waive more.
    """
    needs = needs or Needs(lambda _: None, request.serving)
    found = [finding for rule in MACHINE_RULES for finding in rule(profile, machine, request)]
    found += not_divisible(profile, needs)
    if uniform_gpus and len(machine.groups) > 1:
        found.append(MixedGpus(tuple(group.label for group in machine.groups)))
    waivers = _waivers(request, pinned)
    # Profiles that ask the same of the GPUs fare the same: real manifests have many such.
    asks = (
        *(profile.made_for, profile.gpu_names, profile.gpus_needed, profile.tp is None),
        *(profile.engine is None, profile.precision, profile.exact_capability),
        *(profile.any_ampere_or_newer, "product_name_regex" in profile.tags, waivers),
        *(needs, *needs.asked_of(profile)),
        *(profile.requires.compute_capability, request.empty_gpu_gate),
        request.allow_nvfp4_emulation,
    )
    trial = machine.trials.get(asks)
    if trial is None:
        trial = _best_trial(profile, machine, request, needs, waivers)
        machine.trials[asks] = trial
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
        waived=tuple(waived),
        doubts=tuple(doubts),
        need=trial.need,
        emulated=trial.emulated,
        elsewhere=trial.elsewhere,
        choice=trial.choice,
    )


def not_divisible(profile: Profile, needs: Needs) -> list[NotDivisible]:
    """Why the engine cannot divide the model as the profile says."""
    return [
        NotDivisible(misfit.what, misfit.number, misfit.by, divisor=misfit.divisor)
        for misfit in needs.misfits(profile)
    ]


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

    __slots__ = ("choice", "elsewhere", "emulated", "findings", "gpus", "need", "worst")

    def __init__(
        self,
        worst: _Standing,
        findings: list[Reason | Doubt],
        gpus: tuple[int, ...] = (),
        emulated: bool = False,
        *,
        choice: Choice | None = None,
        need: MemoryNeed | None = None,
    ):
        self.worst, self.findings, self.gpus, self.emulated = worst, findings, gpus, emulated
        self.choice, self.need = choice, need
        self.elsewhere: tuple[Reason, ...] = ()


def _best_trial(
    profile: Profile,
    machine: Machine,
    request: Request,
    needs: Needs,
    waivers: _Waivers,
) -> _Trial:
    trials = [
        _try_group(profile, group, machine, request=request, needs=needs, waivers=waivers)
        for group in machine.groups
    ]
    if len(trials) == 1:
        return trials[0]
    if not trials:
        missing = tuple(gpu.index for gpu in machine.inventory.unavailable)
        nobody = TooFewGpus(profile.gpus_needed, 0, "GPU", missing=missing)
        return _Trial(_Standing.BLOCKED, [nobody], need=needs.of(profile, None))
    nearest = min(trials, key=_distance)
    if nearest.worst >= _Standing.SHORT:
        nearest.elsewhere = tuple(
            finding
            for trial in trials
            if trial is not nearest
            for finding in trial.findings
            if not isinstance(finding, Doubt)
        )
    return nearest


def _distance(trial: _Trial) -> tuple[int, bool, bool, int, int]:
    """How far a group is from running the profile; GPUs that are missing count last."""
    missing = sum(found.need - found.have for found in trial.findings if type(found) is TooFewGpus)
    split = any(type(found) is MigAlone for found in trial.findings)
    return (trial.worst, split, trial.emulated, len(trial.findings), missing)


def _try_group(
    profile: Profile,
    group: GpuGroup,
    machine: Machine,
    *,
    request: Request,
    needs: Needs,
    waivers: _Waivers,
) -> _Trial:
    judged = [one for kind in group.kinds for one in _judge(profile, kind, request, needs, waivers)]
    usable = {
        index: (standing, kind)
        for standing, kind, _ in judged
        if standing is not _Standing.BLOCKED
        for index in kind.indices
    }
    wanted = profile.gpus_needed
    if profile.tp is None and profile.engine is not None and not group.mig:
        # A model-free profile spreads over what it is given: "(vllm) on GPUs [0, 1]" (corpus, 057).
        ready = sum(standing <= _Standing.DOUBTED for standing, _ in usable.values())
        wanted = max(wanted, ready)
    if len(usable) < wanted:
        worst_first = sorted(judged, key=lambda one: -one[0])
        findings = _each_once([found for _, _, found in worst_first])
        if group.size < wanted:
            findings.append(TooFewGpus(wanted, group.size, group.label, missing=group.missing))
        return _Trial(_Standing.BLOCKED, findings, need=needs.of(profile, group.kinds[0].gpu))
    standings = {index: standing for index, (standing, _) in usable.items()}
    indices, choice = choose(standings, wanted, machine)
    alike = group.kinds[0].devices or group.kinds[0].spellings
    chosen = {id(kind): kind for kind in (usable[index][1] for index in indices)}
    findings = _each_once([found for _, kind, found in judged if id(kind) in chosen])
    if wanted > 1 and not alike:
        findings = [
            *findings,
            Doubt("gpu_count", "the product", f"{wanted} GPUs alike", gpus=indices),
        ]
    return _Trial(
        max(standings[index] for index in indices),
        findings,
        indices,
        any(is_emulated(profile, kind) for kind in chosen.values()),
        choice=choice,
        need=needs.of(profile, next(iter(chosen.values())).gpu),
    )


def _judge(
    profile: Profile,
    kind: GpuKind,
    request: Request,
    needs: Needs,
    waivers: _Waivers,
) -> Iterator[_Judged]:
    """What a kind of GPU, or each level of its free memory, has against a profile."""
    need = needs.of(profile, kind.gpu)
    fixed = [found for rule in GPU_RULES if (found := rule(profile, kind, request, need))]
    # What holds for the GPU with the least free memory holds for the others of its kind.
    free = [found for rule in FREE_RULES if (found := rule(profile, kind, request, need))]
    if not free or not kind.levels:
        findings = fixed + free
        yield _standing(findings, waivers), kind, findings
        return
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
    if len(findings) == 1 and len(findings[0]) < 2:
        return findings[0]
    return list(dict.fromkeys(finding for some in findings for finding in some))
