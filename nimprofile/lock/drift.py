"""`drift`: whether what would be started today is what a lock has, and what has moved since."""

from __future__ import annotations

from nimprofile.authoring.diff import Edit, what_became
from nimprofile.base.expect import expect
from nimprofile.base.printable import shown
from nimprofile.base.record import Record
from nimprofile.launch.setup import Setup
from nimprofile.lock.digests import weights_digests
from nimprofile.lock.edits import (
    LABELS,
    STARTED,
    choice_edits,
    edit,
    edits,
    expected_edits,
    made_of_edits,
    mapped,
)
from nimprofile.lock.making import (
    DEFAULTS,
    expected_of,
    locked_choice,
    made_of,
    own_version,
    started,
    wishes_of,
)
from nimprofile.lock.record import Lock, LockedChoice
from nimprofile.manifest.manifest import Manifest
from nimprofile.selection.decision import Decision
from nimprofile.selection.gates.outcomes import gate_of
from nimprofile.selection.messages import message
from nimprofile.selection.rank import deciding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.selection.verdict import Verdict


class Drift(Record):
    """What a lock has beside what would be started today.

    Attributes:
        locked: what the lock has.
        today: what would be started; None where nothing would.
        choice: what of it is started otherwise; empty where the same is started.
        at: the first gate or criterion that moved, or `manifest`, `pin`, `start`; "" where the same
            profile is started.
        why: what has become of the profile that the lock has, in words; "" where it is started.
        causes: what else is otherwise than it was: of the manifest, the image, the weights, the
            machine, the wishes and the policy.
    """

    locked: LockedChoice
    today: LockedChoice | None
    choice: tuple[Edit, ...]
    _: KW_ONLY
    at: str = ""
    why: str = ""
    causes: tuple[Edit, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether something else would be started."""
        return bool(self.choice)

    @property
    def unchanged(self) -> bool:
        """Whether nothing at all is otherwise."""
        return not self.choice and not self.causes


def drift(lock: Lock, decision: Decision, manifest: Manifest, setup: Setup = DEFAULTS) -> Drift:
    """Compare a lock with what would be started today.

    Args:
        lock: what was decided.
        decision: what `select` or `launchable` says today.
        manifest: of which it says so.
        setup: what the operator wants of the server today.

    Raises LockError: the manifest cannot be read any more.
    """
    expect("drift: lock", lock, Lock, hint="load_lock(path) reads one")
    expect("drift: decision", decision, Decision, hint="select(…) makes one")
    expect("drift: manifest", manifest, Manifest, hint="load_manifest(path) reads one")
    expect("drift: setup", setup, Setup, hint='Setup(server="vllm", …) makes one')
    locked, today = lock.choice, None
    wishes = wishes_of(decision.request)
    verdict = started(decision, manifest, setup)
    if verdict is not None:
        today = locked_choice(verdict, decision, manifest, setup=setup)
    asked = lock.wishes.get("max_model_len") != wishes.get("max_model_len")
    moved = _moved(locked, today, asked=asked)
    at, why = "", ""
    if today is None or today.id != locked.id:
        at, why = _what_became(locked, decision, manifest)
    choice = choice_edits(locked, today) if moved else ()
    causes = [*_causes(lock, decision, manifest, setup=setup, verdict=verdict)]
    if today is not None:  # what differs and is no drift, because one side does not know it
        causes += edits(locked, today, ("engine_version", "max_model_len"))
    return Drift(
        locked,
        today,
        choice,
        at=at or next((LABELS.get(name, name) for name in moved), ""),
        why=why,
        causes=tuple(cause for cause in causes if cause not in choice),
    )


def gone(lock: Lock, why: str) -> Drift:
    """The drift of a lock whose pin names no profile of the manifest any more."""
    return Drift(lock.choice, None, choice_edits(lock.choice, None), at="manifest", why=why)


def _moved(locked: LockedChoice, today: LockedChoice | None, *, asked: bool) -> list[str]:
    """What of a choice is otherwise; `asked`: another context was asked for."""
    if today is None or today.id != locked.id:
        return ["profile"]
    found = []
    for name in STARTED:
        old, new = getattr(locked, name), getattr(today, name)
        known = None not in (old, new) or (name == "max_model_len" and asked)
        if old != new and known:
            found.append(name)
    return found


def _what_became(locked: LockedChoice, decision: Decision, manifest: Manifest) -> tuple[str, str]:
    """Where the profile that a lock has was lost, and why, in words."""
    profile = next((each for each in manifest.profiles if each.id == locked.id), None)
    if profile is None:
        named = [each for each in manifest.profiles if each.name == locked.name]
        other = f"; the profile of its name has the id {shown(named[0].id)}" if named else ""
        return "manifest", f"is gone{other}"
    pinned, pin = decision.pinned, decision.request.pin
    if pinned is not None and pin is not None:
        reasons = "; ".join(message(reason) for reason in pinned.reasons)
        if pinned.profile.id == locked.id:
            return gate_of(pinned.reasons[0].kind), f"no longer runs: {reasons}"
        refused = f", which does not run: {reasons}" if reasons else ""
        return "pin", f"is not what {pin.source} pins: {pinned.profile.title}{refused}"
    for passed in decision.passed_over:
        if passed.id == locked.id:
            return "start", f"cannot be started: {passed.problem}"
    why = what_became(profile, decision)
    verdict = decision.verdict(profile)
    if not verdict.fits:
        return gate_of(verdict.reasons[0].kind), why
    if decision.selected is None:
        return "start", "runs, and cannot be started from what is here"
    return deciding(decision.selected, verdict, decision.policy).name, why


def _causes(
    lock: Lock,
    decision: Decision,
    manifest: Manifest,
    *,
    setup: Setup,
    verdict: Verdict | None,
) -> Iterator[Edit]:
    """What a decision was made of that is otherwise than a lock has it."""
    weights = lock.weights
    if verdict is not None:
        weights = tuple(weights_digests(verdict.profile, manifest, setup))
    uuids = any(product.uuids for product in lock.machine.gpus)
    today = lock.replace(weights=weights, **made_of(decision, manifest, setup, uuids=uuids))
    yield from made_of_edits(lock, today)
    if verdict is not None and verdict.profile.id == lock.choice.id:
        yield from mapped("tags.", lock.choice.tags, verdict.profile.tags)
        yield from expected_edits(lock.expected, expected_of(verdict))
    yield from edit("nimprofile", lock.written_by, own_version())
