"""`drift`: whether what would be started today is what a lock has, and what has moved since."""

from __future__ import annotations

from nimprofile.authoring.diff import Edit, what_became
from nimprofile.base.expect import expect
from nimprofile.base.printable import shown
from nimprofile.base.record import Record
from nimprofile.launch.setup import Setup
from nimprofile.lock.digests import weights_digests
from nimprofile.lock.making import (
    DEFAULTS,
    expected_of,
    locked_choice,
    locked_machine,
    locked_manifest,
    origin_text,
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
    from collections.abc import Iterable, Iterator, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.lock.record import (
        Expected,
        LockedMachine,
        LockedManifest,
        LockedProduct,
        LockedWeights,
    )
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
        causes += _edits(locked, today, ("engine_version", "max_model_len"))
    return Drift(
        locked,
        today,
        choice,
        at=at or next(iter(moved), ""),
        why=why,
        causes=tuple(edit for edit in causes if edit not in choice),
    )


def gone(lock: Lock, why: str) -> Drift:
    """The drift of a lock whose pin names no profile of the manifest any more."""
    edits = choice_edits(lock.choice, None)
    return Drift(lock.choice, None, edits, at="manifest", why=why)


_STARTED = (
    *("server", "engine", "engine_version", "precision", "tp", "pp", "gpus", "lora"),
    *("max_model_len", "kv_cache_dtype"),
)
"""What is started, beside the profile; what either side does not know is not compared."""


def _moved(locked: LockedChoice, today: LockedChoice | None, *, asked: bool) -> list[str]:
    """What of a choice is otherwise; `asked`: another context was asked for."""
    if today is None or today.id != locked.id:
        return ["profile"]
    found = []
    for name in _STARTED:
        old, new = getattr(locked, name), getattr(today, name)
        known = None not in (old, new) or (name == "max_model_len" and asked)
        if old != new and known:
            found.append(name)
    return found


def choice_edits(locked: LockedChoice, today: LockedChoice | None) -> tuple[Edit, ...]:
    """What of two choices is not the same; all of it may be gone."""
    if today is None:
        return (Edit("profile", _profile(locked), None),)
    edits = []
    if locked.id != today.id:
        edits.append(Edit("profile", _profile(locked), _profile(today)))
    edits += _edits(locked, today, _STARTED)
    return tuple(edits)


def _profile(choice: LockedChoice) -> str:
    return f"{shown(choice.name)} ({shown(choice.id)[:12]})"


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
    yield from manifest_edits(lock.manifest, locked_manifest(manifest))
    if verdict is not None and verdict.profile.id == lock.choice.id:
        yield from _mapped("tags.", lock.choice.tags, verdict.profile.tags)
    image, _, digest = (setup.image or "").partition("@")
    yield from _edit("image", lock.image, image or None)
    yield from _edit("image digest", lock.image_digest, digest or None)
    if verdict is not None:
        weights = tuple(weights_digests(verdict.profile, manifest, setup))
        yield from weights_edits(lock.weights, weights)
    uuids = any(product.uuids for product in lock.machine.gpus)
    yield from machine_edits(lock.machine, locked_machine(decision.inventory, uuids=uuids))
    if verdict is not None and verdict.profile.id == lock.choice.id:
        yield from expected_edits(lock.expected, expected_of(verdict))
    yield from _mapped("", lock.wishes, wishes_of(decision.request))
    yield from _edit("policy", lock.policy, decision.policy.name)
    yield from _edit("policy origin", lock.policy_origin, origin_text(decision.policy_origin))
    yield from _edit("nimprofile", lock.written_by, own_version())


def manifest_edits(old: LockedManifest, new: LockedManifest) -> Iterator[Edit]:
    """How two manifests differ; of one text it does not matter where it lies."""
    if old.sha256 == new.sha256:
        return
    yield from _edit("manifest", old.source, new.source)
    yield from _edit("manifest digest", old.sha256, new.sha256)
    yield from _edits(old, new, ("model", "release", "profiles"))


def weights_edits(old: Iterable[LockedWeights], new: Iterable[LockedWeights]) -> Iterator[Edit]:
    """How the weights differ; of those of one digest it does not matter where they lie."""
    before, after = [*old], [*new]
    if [weights.replace(path="") for weights in before] == [
        weights.replace(path="") for weights in after
    ]:
        return
    yield from _edit("weights", _listed(before, "path"), _listed(after, "path"))
    for what in ("config_sha256", "index_sha256"):
        yield from _edit(f"weights {what}", _listed(before, what), _listed(after, what))


def _listed(weights: Iterable[LockedWeights], what: str) -> str | None:
    return ", ".join(str(getattr(each, what) or "none") for each in weights) or None


def machine_edits(old: LockedMachine, new: LockedMachine) -> Iterator[Edit]:
    """How two machines differ."""
    yield from _edits(old, new, ("driver", "cuda", "cpu_architecture"))
    yield from _edit("GPUs", _counted(old.gpus), _counted(new.gpus))
    yield from _edits(old, new, ("unavailable",))
    memory = [[(gpu.name, gpu.memory_mib) for gpu in machine.gpus] for machine in (old, new)]
    if _counted(old.gpus) == _counted(new.gpus) and memory[0] != memory[1]:
        yield from _edit("GPU memory", *(_memory(machine.gpus) for machine in (old, new)))
    yield from _edit("GPU UUIDs", *(_uuids(machine.gpus) for machine in (old, new)))


def _counted(gpus: Iterable[LockedProduct]) -> str:
    return " + ".join(f"{gpu.count} × {shown(gpu.name)}" for gpu in gpus) or "none"


def _memory(gpus: Iterable[LockedProduct]) -> str:
    return " + ".join(f"{gpu.memory_mib or '?'} MiB" for gpu in gpus)


def _uuids(gpus: Iterable[LockedProduct]) -> str | None:
    return ", ".join(uuid for gpu in gpus for uuid in gpu.uuids) or None


def expected_edits(old: Expected | None, new: Expected | None) -> Iterator[Edit]:
    """How what is expected of a start differs."""
    for name in ("weights_bytes", "kv_cache_bytes", "kv_cache_tokens", "memory_bytes"):
        values = (None if side is None else getattr(side, name) for side in (old, new))
        yield from _edit(f"expected {name}", *values)


def _edits(old: Record, new: Record, names: Iterable[str]) -> Iterator[Edit]:
    for name in names:
        yield from _edit(_LABELS.get(name, name), getattr(old, name), getattr(new, name))


_LABELS = {
    "engine_version": "engine version",
    "max_model_len": "context",
    "kv_cache_dtype": "KV cache",
    "cuda": "CUDA",
    "cpu_architecture": "CPU architecture",
    "profiles": "profiles of the manifest",
    "unavailable": "unavailable GPUs",
    "release": "manifest release",
    "model": "manifest model",
}


def _mapped(before: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Edit]:
    for key in sorted(old.keys() | new.keys()):
        yield from _edit(f"{before}{key}", old.get(key), new.get(key))


def _edit(what: str, old: object, new: object) -> Iterator[Edit]:
    if old != new:
        yield Edit(what, _text(old), _text(new))


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)
