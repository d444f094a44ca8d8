"""`select` and its Decision: the selected profile, with the verdicts and the ranking behind it."""

from __future__ import annotations

from functools import partial

from nimprofile.base.expect import expect
from nimprofile.base.memo import memoised
from nimprofile.base.record import Record
from nimprofile.engines.memory.need import Needs
from nimprofile.hardware.gpu_groups import Machine, revived
from nimprofile.hardware.inventory import AN_INVENTORY, Inventory
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.never_met import never_met
from nimprofile.selection.fit import Judge
from nimprofile.selection.policies import AUTO
from nimprofile.selection.rank import Criterion, Policy, deciding, rank
from nimprofile.selection.ranking.generation import WAS_ASKED, resolve
from nimprofile.selection.request import Request, find_pin, sized
from nimprofile.selection.rules import sizes_asked
from nimprofile.selection.verdict import Verdict, shortcoming
from nimprofile.selection.warnings import (
    ContextBeyondModel,
    NewerNim,
    PrecisionUnavailable,
    missing_warnings,
    selection_warnings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from dataclasses import KW_ONLY

    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.ranking.generation import PolicyOrigin
    from nimprofile.selection.reasons import Reason
    from nimprofile.selection.warnings import DecisionWarning, PassedOver

NO_REQUEST = Request()


class Decision(Record):
    """The answer, with everything that led to it.

    Attributes:
        selected: the profile that runs, judged; None when none does, or `passed_over` is all.
        ranked: every candidate, best first. A pin does not change it.
        rejected: every other profile, each with its reasons, in the order of the policy.
        policy: the order that ranked them.
        policy_origin: why it is this policy: it was asked for, or something told which NIM it is.
        deciding: the criterion that put the best candidate before the next; None with one
            candidate or a pin.
        request: what was asked.
        inventory: what it was judged on.
        warnings: what the operator should know about the selected profile and the machine; each
            has a `kind` and figures, and `str(warning)` is a sentence.
        pinned: the verdict on the profile that was asked for.
        if_answered: what would be selected if every GPU of the machine answered; None when that
            would change nothing.
        otherwise: what would be selected without `request.require`; None when that would change
            nothing. Of `launchable`, when all is passed over: what could be started without it.
        passed_over: the first of `ranked`, when they cannot be started from what is here, each with
            the reason (`launchable`); `select` passes none over.
    """

    selected: Verdict | None
    ranked: tuple[Verdict, ...]
    rejected: tuple[Verdict, ...]
    _: KW_ONLY
    policy: Policy
    deciding: Criterion | None
    request: Request
    inventory: Inventory
    warnings: tuple[DecisionWarning, ...] = ()
    pinned: Verdict | None = None
    if_answered: Verdict | None = None
    otherwise: Verdict | None = None
    passed_over: tuple[PassedOver, ...] = ()
    policy_origin: PolicyOrigin = WAS_ASKED

    def __post_init__(self) -> None:
        ids = [verdict.profile.id for verdict in (*self.ranked, *self.rejected)]
        assert len(set(ids)) == len(ids), "a profile is ranked or rejected once"
        assert all(verdict.fits for verdict in self.ranked), "what is ranked fits"
        assert not any(verdict.fits for verdict in self.rejected), "what is rejected has reasons"
        if self.pinned is None:
            left = self.ranked[len(self.passed_over) :]
            assert self.selected is (left[0] if left else None), "the best is selected"
        else:
            assert self.selected in (None, self.pinned), "a pin is honoured or refused"

    @property
    def runner_up(self) -> Verdict | None:
        """The candidate that came second; None when a pin or the lack of candidates decided."""
        return None if self.deciding is None else self.ranked[len(self.passed_over) + 1]

    @property
    def required_in_vain(self) -> bool:
        """Whether something would run, but nothing of it meets what `request.require` asks."""
        return self.selected is None and self.otherwise is not None

    def passing_over(self, passed: tuple[PassedOver, ...]) -> Decision:
        """The same decision when its first candidates cannot be started: the next is selected."""
        left = self.ranked[len(passed) :]
        selected, inventory, request = self.selected, self.inventory, self.request
        of_first = [] if selected is None else [*selection_warnings(selected, inventory, request)]
        warnings = [warning for warning in self.warnings if warning not in of_first]
        if left:
            warnings += (*passed, *selection_warnings(left[0], inventory, request))
        return self.replace(
            selected=left[0] if left else None,
            deciding=deciding(left[0], left[1], self.policy) if len(left) > 1 else None,
            warnings=tuple(warnings),
            passed_over=passed,
        )

    @property
    def nearest(self) -> Verdict:
        """The rejected profile that is nearest to running; ValueError when none is rejected."""
        return min(self.rejected, key=shortcoming)

    def verdict(self, profile: Profile) -> Verdict:
        """The verdict on one profile; KeyError when it was not judged."""
        for verdict in (*self.ranked, *self.rejected):
            if verdict.profile.id == profile.id:
                return verdict
        raise KeyError(profile.id)


def select(
    manifest: Manifest,
    inventory: Inventory,
    request: Request = NO_REQUEST,
    policy: Policy | str = AUTO,
    *,
    preferring: str | None = None,
) -> Decision:
    """Choose the profile of a manifest that runs on a machine.

    Args:
        manifest: what could run.
        inventory: what the machine has.
        request: the operator's wishes; `Request.from_env(os.environ)` reads NIM's variables.
        policy: the order among candidates: a name from `POLICIES`, a `Policy`, or `auto`, which is
            that of the NIM at hand where something tells its version, and otherwise `nim`.
        preferring: a chain such as `objective=throughput,tp`, which goes before that order.

    Returns:
        A Decision. When nothing runs, or a pin is refused, its `selected` is None and
        `rejected` has the reasons: that is an answer, not an exception.

    Raises:
        PinError: the pin names no profile of the manifest, or several.
        RequestError: there is no policy of that name, or the chain cannot be read.
        TypeError: an argument is of another type.
    """
    expect("select: manifest", manifest, Manifest, hint="load_manifest(path) reads one")
    expect("select: inventory", inventory, Inventory, hint=AN_INVENTORY)
    expect("select: request", request, Request, hint="Request(pin=…, tags=…) makes one")
    expect("select: policy", policy, str, Policy)
    origin = WAS_ASKED
    if isinstance(policy, str):
        policy, origin = resolve(policy, manifest, request)
    newest = policy.name
    if preferring is not None:
        from nimprofile.selection.ranking.preference import prefer

        policy = prefer(preferring, policy)
    decision = _decide_preferring(manifest, inventory, request, policy).replace(
        policy_origin=origin
    )
    if origin.newer:
        newer = NewerNim(origin.source, newest)
        decision = decision.replace(warnings=(newer, *decision.warnings))
    if request.require:
        free = request.replace(require=())
        other = _decide_preferring(manifest, inventory, free, policy).selected
        if other is not None and _name(other) != _name(decision.selected):
            decision = decision.replace(otherwise=other)
    if not inventory.unavailable:
        return decision
    missed = _decide_preferring(manifest, revived(inventory), request, policy).selected
    selected = decision.selected
    if missed is not None and selected is not None:
        same = selected.profile.id == missed.profile.id
        if same and len(selected.gpus) == len(missed.gpus):
            missed = None
    decision = decision.replace(if_answered=missed)
    return decision.replace(warnings=(*missing_warnings(decision), *decision.warnings))


def _name(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.profile.id


def _decide_preferring(
    manifest: Manifest, inventory: Inventory, request: Request, policy: Policy
) -> Decision:
    """Decide among the profiles of the preferred precision, or among all when none of them runs."""
    decision = _decide(manifest, inventory, request, policy)
    wanted = request.preferred_precision
    if wanted is None or request.pin is not None or decision.selected is not None:
        return decision
    other = _decide(manifest, inventory, request.replace(preferred_precision=None), policy)
    if other.selected is None:
        return decision
    chosen = other.selected.profile.precision or "a precision that no tag names"
    required = tuple(map(str, request.require))
    warning = PrecisionUnavailable(str(wanted), str(chosen), required)
    return other.replace(request=request, warnings=(warning, *other.warnings))


def _unselected(
    manifest: Manifest, machine: Machine, request: Request
) -> Callable[[Profile], Iterable[Reason]]:
    """Why a profile of a speech NIM is not selected unasked; nothing in other manifests."""
    if all("model_type" not in profile.tags for profile in manifest.profiles):
        return lambda _: ()
    from nimprofile.selection.non_llm.default_selector import DefaultSelector

    return DefaultSelector(manifest.profiles, machine, request).against


def _advised(
    manifest: Manifest, inventory: Inventory, request: Request
) -> Callable[[Profile, tuple[int, ...]], tuple[Advisory, ...]]:
    """The known issues of a profile on GPUs; none where no version is known, as each is of some."""
    version = request.serving.engine_version or manifest.engine_version
    if not (request.nim or manifest.nim or version or inventory.driver_version):
        return lambda *_: ()
    from nimprofile.selection.advisories.lookup import advised

    return advised(manifest, inventory, request)


def _beyond_model(
    manifest: Manifest, selected: Verdict | None, request: Request
) -> Iterator[ContextBeyondModel]:
    """A warning of a longer context than that of the selected model, or of any of the manifest."""
    asked = request.serving.max_model_len
    if asked is None or request.serving.fit_context:
        return
    profiles = manifest.profiles if selected is None else (selected.profile,)
    shapes = [shape for profile in profiles if (shape := manifest.shape_of(profile)) is not None]
    longest = [shape.most_context for shape in shapes if shape.most_context is not None]
    if longest and asked > max(longest):
        yield ContextBeyondModel(asked, max(longest))


def _decide(manifest: Manifest, inventory: Inventory, request: Request, policy: Policy) -> Decision:
    pin = None if request.pin is None else sized(find_pin(request.pin, manifest), request)
    machine = Machine(inventory)
    asked = request
    if manifest.engine_version is not None and request.serving.engine_version is None:
        serving = request.serving.replace(engine_version=manifest.engine_version)
        request = request.replace(serving=serving)
    uniform = policy.uniform_gpus if request.uniform_gpus is None else request.uniform_gpus
    if request.empty_gpu_gate is None:
        request = request.replace(empty_gpu_gate=policy.empty_gpu_gate)
    needs = Needs(manifest.shape_of, request.serving, nim=policy.nim_memory)
    judge = partial(
        Judge,
        machine,
        request,
        needs=needs,
        uniform_gpus=uniform,
        stored_as=memoised(manifest.stored_as),
        unselected=_unselected(manifest, machine, request),
        advised=_advised(manifest, inventory, request),
    )
    judged = judge()
    verdicts = [judged.verdict(sized(profile, request)) for profile in manifest.profiles]
    ranked = rank((verdict for verdict in verdicts if verdict.fits), policy)
    rejected = rank((verdict for verdict in verdicts if not verdict.fits), policy)
    decided = deciding(ranked[0], ranked[1], policy) if len(ranked) > 1 and pin is None else None
    selected = ranked[0] if ranked else None
    pinned = None
    if pin is not None:
        pinned = judge(pinned=True).verdict(pin)
        selected = pinned if pinned.fits else None
    return Decision(
        selected,
        ranked,
        rejected,
        policy=policy,
        deciding=decided,
        request=asked,
        inventory=inventory,
        warnings=(
            *never_met(manifest, request.tags, request.require, sizes_asked(request)),
            *_beyond_model(manifest, selected, request),
            *(() if selected is None else selection_warnings(selected, inventory, request)),
        ),
        pinned=pinned,
    )
