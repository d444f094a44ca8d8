"""The judgement of one profile on one machine: whether it runs, on which GPUs, and if not, why.

Rules look at one GPU at a time; counting comes after. So one more GPU never makes a profile unfit,
and a mixed machine is simply several groups of identical GPUs.
"""

from __future__ import annotations

from nimprofile.base.memo import memoised
from nimprofile.base.record import Record
from nimprofile.engines.compute_floors import is_emulated
from nimprofile.engines.memory.need import Needs
from nimprofile.hardware.gpu_groups import lowest_capability
from nimprofile.manifest.profile_conditions import unmet
from nimprofile.selection.placement import Fitness, choose
from nimprofile.selection.reasons import (
    INCOMPATIBLE,
    AdvisedAgainst,
    ContextTooLong,
    Doubt,
    MigAlone,
    MixedGpus,
    RequirementUnmet,
    TooFewGpus,
)
from nimprofile.selection.rules import (
    FREE_RULES,
    GPU_RULES,
    MACHINE_RULES,
    WISH_RULES,
    in_half,
    not_divisible,
)
from nimprofile.selection.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Precision
    from nimprofile.base.units import ComputeCapability
    from nimprofile.engines.memory.need import MemoryNeed
    from nimprofile.hardware.gpu_groups import GpuGroup, GpuKind, Machine
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.placement import Choice
    from nimprofile.selection.reasons import Finding, Reason
    from nimprofile.selection.request import Request
    from nimprofile.selection.rules import GpuRule

    _Usable = tuple[Fitness, GpuKind]


class _Trial(Record):
    """How a profile fares on one group of GPUs.

    Attributes:
        worst: its fitness on the worst GPU it would take; BLOCKED when there are not enough.
        findings: reasons and doubts about the GPUs it would take, or all when there are not enough.
        need, gpus, choice, emulated, in_half, capability, elsewhere: as in `Verdict`.
    """

    worst: Fitness
    findings: tuple[Finding, ...]
    need: MemoryNeed | None
    _: KW_ONLY
    gpus: tuple[int, ...] = ()
    choice: Choice | None = None
    emulated: bool = False
    in_half: bool = False
    capability: ComputeCapability | None = None
    elsewhere: tuple[Reason, ...] = ()


class Judge:
    """Judges profiles on one machine for one request, collecting every reason against each.

    Many profiles of a manifest agree in all that the rules read; those are tried on the GPUs once.

    Attributes:
        machine: where the profiles would run.
        request: the operator's wishes.
        needs: what the model's profiles need; by default only what each states.
        uniform_gpus: reject everything on a machine of several products.
        waivers: what is set aside; more when the operator asked for the very profile (`pinned`).
        stored_as: in which precision the model of a profile was published.
        unselected: why a profile is not among those that its NIM takes unasked.
        advised: the known issues of a profile on the GPUs of these indices.
    """

    def __init__(
        self,
        machine: Machine,
        request: Request,
        *,
        needs: Needs | None = None,
        uniform_gpus: bool = False,
        pinned: bool = False,
        stored_as: Callable[[Profile], Precision | None] = lambda _: None,
        unselected: Callable[[Profile], Iterable[Reason]] = lambda _: (),
        advised: Callable[[Profile, tuple[int, ...]], tuple[Advisory, ...]] = lambda *_: (),
    ):
        self.machine, self.request, self.stored_as = machine, request, stored_as
        self.needs = needs or Needs(lambda _: None, request.serving)
        self.uniform_gpus = uniform_gpus
        self.unselected, self.advised = unselected, advised
        self.waivers = request.waivers(pinned=pinned)
        self._trial = memoised(self._best_trial)

    def verdict(self, profile: Profile) -> Verdict:
        """The judgement of one profile."""
        trial = self._trial(profile)
        reasons, waived, doubts = [], [], []
        for finding in self._findings(profile, trial):
            if isinstance(finding, Doubt):
                doubts.append(finding)
            elif self._is_waived(finding):
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
            in_half=trial.in_half,
            capability=trial.capability,
            stored_as=self.stored_as(profile),
            elsewhere=trial.elsewhere,
            choice=trial.choice,
            advisories=self.advised(profile, trial.gpus),
        )

    def _findings(self, profile: Profile, trial: _Trial) -> Iterator[Finding]:
        """What all rules have against a profile, in the order of the report."""
        machine, request = self.machine, self.request
        for machine_rule in MACHINE_RULES:
            yield from machine_rule(profile, machine, request)
        yield from not_divisible(profile, self.needs)
        if self.uniform_gpus and len(machine.groups) > 1:
            yield MixedGpus(tuple(group.label for group in machine.groups))
        yield from trial.findings
        for wish_rule in WISH_RULES:
            yield from wish_rule(profile, machine, request)
        yield from self.unselected(profile)
        served = {"max_model_len": self._context(trial)} if request.require else {}
        for asked, have in unmet(request.require, profile, len(trial.gpus), served):
            yield RequirementUnmet(asked.tag, asked.relation, asked.value, have=have)

    def _context(self, trial: _Trial) -> str | None:
        """The longest context that would be served, in tokens, as far as it is known."""
        cut = [f.max_model_len for f in trial.findings if isinstance(f, ContextTooLong)]
        asked = self.request.serving.max_model_len
        tokens = cut[0] if cut else (trial.need and trial.need.max_model_len) or asked
        return None if tokens is None else str(tokens)

    def _is_waived(self, reason: Reason) -> bool:
        return (reason.waived_by, reason.effect) in self.waivers

    def _best_trial(self, profile: Profile) -> _Trial:
        """How a profile fares on the group of GPUs that comes nearest to running it."""
        trials = [self._try_group(profile, group) for group in self.machine.groups]
        if len(trials) == 1:
            return trials[0]
        if not trials:
            missing = tuple(gpu.index for gpu in self.machine.inventory.unavailable)
            no_gpu = TooFewGpus(profile.gpus_needed, 0, "GPU", missing=missing)
            return _Trial(Fitness.BLOCKED, (no_gpu,), self.needs.of(profile, None))
        nearest = min(trials, key=_distance)
        if nearest.worst < Fitness.SHORT:
            return nearest
        others = (trial.findings for trial in trials if trial is not nearest)
        reasons = (found for group in others for found in group if not isinstance(found, Doubt))
        return nearest.replace(elsewhere=tuple(reasons))

    def _try_group(self, profile: Profile, group: GpuGroup) -> _Trial:
        judged = [
            (self._fitness(findings), kind, findings)
            for whole_kind in group.kinds
            for kind, findings in self._against(profile, whole_kind)
        ]
        usable: dict[int, _Usable] = {
            index: (fitness, kind)
            for fitness, kind, _ in judged
            if fitness is not Fitness.BLOCKED
            for index in kind.indices
        }
        wanted = profile.gpus_needed
        if profile.tp is None and profile.is_llm and not group.mig:
            # A model-free profile spreads over them all: "(vllm) on GPUs [0, 1]" (corpus, 057).
            ready = sum(fitness <= Fitness.DOUBTED for fitness, _ in usable.values())
            wanted = max(wanted, ready - ready % wanted)  # as many for each pipeline stage
        if len(usable) < wanted:
            worst_first = sorted(judged, key=lambda judgement: -judgement[0])
            findings = _without_repeats(findings for _, _, findings in worst_first)
            if group.size < wanted:
                too_few = TooFewGpus(wanted, group.size, group.label, missing=group.missing)
                findings = (*findings, too_few)
            return _Trial(Fitness.BLOCKED, findings, self.needs.of(profile, group.kinds[0].gpu))
        if self.request.serving.fit_context:
            usable = self._of_longest_context(profile, usable, wanted)
        gpus, choice = choose(
            {index: fitness for index, (fitness, _) in usable.items()}, wanted, self.machine
        )
        taken = {id(kind): kind for kind in (usable[index][1] for index in gpus)}
        need, lead = self._need_of(profile, taken.values()), next(iter(taken.values()))
        findings = _without_repeats(findings for _, kind, findings in judged if id(kind) in taken)
        if wanted > 1 and not (group.kinds[0].devices or group.kinds[0].spellings):
            alike = f"{wanted} GPUs alike"
            findings = (*findings, Doubt("gpu_count", "the product", alike, gpus=gpus))
        avoided = self._avoided(profile, gpus)
        return _Trial(
            max(self._fitness(avoided), *(usable[index][0] for index in gpus)),
            (*findings, *avoided),
            need,
            gpus=gpus,
            choice=choice,
            emulated=any(is_emulated(profile, kind.capability) for kind in taken.values()),
            in_half=in_half(profile, lead, self.request, need),
            capability=lowest_capability(taken.values()),
        )

    def _avoided(self, profile: Profile, gpus: tuple[int, ...]) -> tuple[AdvisedAgainst, ...]:
        """The known issues of a profile on these GPUs, where such profiles are to be avoided."""
        if not self.request.avoid_advised:
            return ()
        known = self.advised(profile, gpus)
        return tuple(AdvisedAgainst(one.id, one.title) for one in known if one.avoidable)

    def _of_longest_context(
        self, profile: Profile, usable: Mapping[int, _Usable], wanted: int
    ) -> dict[int, _Usable]:
        """The GPUs of the best fitness, and of those that let the longest context fit on all."""

        def order(index: int) -> tuple[Fitness, int]:
            fitness, kind = usable[index]
            need = self.needs.of(profile, kind.gpu)
            return fitness, -((need and need.max_model_len) or 0)

        last = sorted(map(order, usable))[wanted - 1]
        return {index: usable[index] for index in usable if order(index) <= last}

    def _need_of(self, profile: Profile, kinds: Collection[GpuKind]) -> MemoryNeed | None:
        """The need of GPUs that serve together; of contexts that fit, the shortest does on all."""
        needs = [self.needs.of(profile, kind.gpu) for kind in kinds]
        if not self.request.serving.fit_context:
            return needs[0]
        return min(needs, key=lambda need: (need and need.max_model_len) or 0)

    def _against(
        self, profile: Profile, kind: GpuKind
    ) -> Iterator[tuple[GpuKind, tuple[Finding, ...]]]:
        """What a kind of GPU, or each level of its free memory, has against a profile."""
        if self.request.serving.fit_context and kind.levels:
            for level in kind.levels:  # a context of its own fits each
                yield from self._against(profile, level)
            return
        need = self.needs.of(profile, kind.gpu)

        def broken(rules: Iterable[GpuRule], kind: GpuKind) -> tuple[Finding, ...]:
            findings = (rule(profile, kind, self.request, need) for rule in rules)
            return tuple(finding for finding in findings if finding is not None)

        fixed = broken(GPU_RULES, kind)
        # What holds for the GPU with the least free memory holds for the others of its kind.
        free = broken(FREE_RULES, kind)
        for level in (free and kind.levels) or (kind,):
            yield level, fixed + (free if level is kind else broken(FREE_RULES, level))

    def _fitness(self, findings: tuple[Finding, ...]) -> Fitness:
        worst = Fitness.CLEAR
        for finding in findings:
            if isinstance(finding, Doubt):
                fitness = Fitness.DOUBTED
            elif self._is_waived(finding):
                fitness = Fitness.WAIVED
            else:
                fitness = Fitness.BLOCKED if finding.effect is INCOMPATIBLE else Fitness.SHORT
            worst = max(worst, fitness)
        return worst


def _distance(trial: _Trial) -> tuple[int, bool, bool, int, int]:
    """How far a group is from running the profile; GPUs that are missing count last."""
    findings = trial.findings
    missing = sum(reason.need - reason.have for reason in findings if type(reason) is TooFewGpus)
    split = any(type(reason) is MigAlone for reason in findings)
    return (trial.worst, split, trial.emulated, len(findings), missing)


def _without_repeats(groups: Iterable[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(finding for group in groups for finding in group))
