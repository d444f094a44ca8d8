"""`lock_of`: a decision put on record, with everything that it was made of."""

from __future__ import annotations

import os
from contextlib import suppress

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError, LockError
from nimprofile.base.expect import expect
from nimprofile.launch.planning import as_installed
from nimprofile.launch.setup import Setup
from nimprofile.lock.digests import manifest_digest, weights_digests
from nimprofile.lock.record import (
    Expected,
    Lock,
    LockedChoice,
    LockedCriterion,
    LockedGate,
    LockedMachine,
    LockedManifest,
    LockedProduct,
)
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.reader import bundled_manifests
from nimprofile.selection.decision import Decision
from nimprofile.selection.gates.outcomes import FREE_MEMORY, YES, gate_outcomes
from nimprofile.selection.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.selection.ranking.generation import PolicyOrigin
    from nimprofile.selection.verdict import Verdict

DEFAULTS = Setup()
NO_REQUEST = Request()


def lock_of(
    decision: Decision,
    manifest: Manifest,
    setup: Setup = DEFAULTS,
    *,
    words: tuple[str, ...] = (),
    uuids: bool = False,
) -> Lock:
    """A decision on record.

    Args:
        decision: what `select` or `launchable` said.
        manifest: of which it was said. The file that it was read from is read again for its digest.
        setup: what the operator wants of the server.
        words: of the command line that led to it, which `check` and `exec` read again.
        uuids: record those of the GPUs too.

    Raises LockError: nothing is selected, or a file cannot be read any more.
    """
    expect("lock_of: decision", decision, Decision, hint="select(…) makes one")
    expect("lock_of: manifest", manifest, Manifest, hint="load_manifest(path) reads one")
    expect("lock_of: setup", setup, Setup, hint='Setup(server="vllm", …) makes one')
    verdict = started(decision, manifest, setup)
    if verdict is None:
        raise LockError("no profile was selected, so there is nothing to lock")
    return Lock(
        choice=locked_choice(verdict, decision, manifest, setup=setup),
        words=words,
        written_by=own_version(),
        weights=tuple(weights_digests(verdict.profile, manifest, setup)),
        expected=expected_of(verdict),
        **made_of(decision, manifest, setup, uuids=uuids),
    )


def made_of(decision: Decision, manifest: Manifest, setup: Setup, *, uuids: bool) -> dict[str, Any]:
    """What a decision was made of, but for the weights: values by the fields of `Lock`."""
    image, _, digest = (setup.image or "").partition("@")
    return {
        "manifest": locked_manifest(manifest),
        "machine": locked_machine(decision.inventory, uuids=uuids),
        "wishes": wishes_of(decision.request),
        "policy": decision.policy.name,
        "policy_origin": origin_text(decision.policy_origin),
        "image": image or None,
        "image_digest": digest or None,
    }


def own_version() -> str:
    """The version of nimprofile."""
    from nimprofile import __version__

    return __version__


def started(decision: Decision, manifest: Manifest, setup: Setup) -> Verdict | None:
    """The verdict on what is selected, with the version of its engine that is installed."""
    verdict = decision.selected
    if verdict is None:
        return None
    version = None
    engine = verdict.profile.engine
    if decision.request.serving.engine_version is None and engine is not None:
        version = _installed(verdict, setup)
    with suppress(LaunchError):  # it does not run with that, which `launchable` says
        return as_installed(verdict, version, engine, decision=decision, of=manifest)
    return verdict


def _installed(verdict: Verdict, setup: Setup) -> str | None:
    engine = verdict.profile.engine
    in_container = setup.server is Server.NIM
    return None if in_container or engine is None else dict(setup.installed).get(engine)


def locked_manifest(manifest: Manifest) -> LockedManifest:
    """What is recorded of a manifest. Raises LockError."""
    name = os.path.basename(manifest.source).removesuffix(".yaml")
    return LockedManifest(
        name if bundled_manifests().get(name) == manifest.source else manifest.source,
        manifest_digest(manifest),
        model=manifest.model,
        release=manifest.engine_version if manifest.nim is None else manifest.nim.source,
        profiles=len(manifest.profiles),
    )


def locked_machine(inventory: Inventory, *, uuids: bool = False) -> LockedMachine:
    """What is recorded of a machine."""
    kinds: dict[tuple[str, int, str], list[str]] = {}
    for gpu in inventory.offered:
        kind = (gpu.label, gpu.memory_total_mib or 0, gpu.device_id or "")
        kinds.setdefault(kind, []).append(gpu.uuid or "")
    return LockedMachine(
        tuple(
            LockedProduct(
                name,
                len(theirs),
                memory or None,
                pci_device=device or None,
                uuids=tuple(sorted(filter(None, theirs))) if uuids else (),
            )
            for (name, memory, device), theirs in sorted(kinds.items())
        ),
        len(inventory.unavailable),
        driver=inventory.driver_version,
        cuda=inventory.cuda_version,
        cpu_architecture=inventory.cpu_architecture,
    )


def locked_choice(
    verdict: Verdict, decision: Decision, manifest: Manifest, *, setup: Setup
) -> LockedChoice:
    """What is recorded of the profile that is started."""
    profile, request = verdict.profile, decision.request
    serving, gpus = request.serving, len(verdict.gpus)
    engine = profile.engine
    server = setup.server or (Server.NIM if engine is None else Server(engine))
    version = serving.engine_version or _installed(verdict, setup) or manifest.engine_version
    judged = None if verdict.need is None else verdict.need.max_model_len
    tp, pp = profile.tp, profile.pp
    if engine is not None:
        pp = pp or 1
        tp = tp or max(1, gpus // pp)
    return LockedChoice(
        profile.id,
        profile.name,
        profile.tags,
        engine=_text(engine),
        engine_version=version,
        precision=_text(profile.precision),
        objective=_text(profile.objective),
        tp=tp,
        pp=pp,
        lora=bool(profile.lora),
        gpus=gpus,
        max_model_len=judged or serving.max_model_len,
        kv_cache_dtype=serving.kv_cache_dtype,
        pinned_by=None if request.pin is None else request.pin.source,
        deciding=_deciding(decision),
        gates=tuple(
            LockedGate(
                gate.gate, gate.text if gate.outcome == YES else f"{gate.outcome}: {gate.text}"
            )
            for gate in gate_outcomes(verdict, decision)
            if gate.gate != FREE_MEMORY  # which is of the moment
        ),
        server=str(server),
    )


def _deciding(decision: Decision) -> LockedCriterion | None:
    criterion, selected, second = decision.deciding, decision.selected, decision.runner_up
    if criterion is None or selected is None or second is None:
        return None
    return LockedCriterion(
        criterion.name,
        criterion.prefers,
        second.profile.name,
        better=criterion.describe(selected),
        worse=criterion.describe(second),
    )


def expected_of(verdict: Verdict) -> Expected | None:
    """What a start is expected to show, by the budget of the profile; None without any need."""
    need = verdict.need
    if need is None:
        return None
    budget = need.budget
    return Expected(
        weights_bytes=None if budget is None else budget.weights.bytes,
        kv_cache_bytes=None if budget is None else budget.kv_cache.bytes,
        kv_cache_tokens=None if budget is None else budget.printed_tokens,
        memory_bytes=need.full_bytes,
        source=need.source,
    )


def wishes_of(request: Request) -> dict[str, str]:
    """What was asked of a selection, as texts by the names of `Request` and `Serving`.

    Where the manifest lies and which NIM it is of are no wishes.
    """
    wishes: dict[str, str] = {}
    for record, default in ((request, NO_REQUEST), (request.serving, NO_REQUEST.serving)):
        for field in record._fields:
            value = getattr(record, field)
            if field not in _NO_WISHES and value != getattr(default, field):
                wishes[field] = _wish(value)
    if request.pin is not None:
        wishes["pin"] = request.pin.value
    return dict(sorted(wishes.items()))


_NO_WISHES = frozenset({"manifest_path", "notes", "nim", "serving", "pin", "engine_version"})
"""Of what a request has; the version of the engine is recorded with the choice."""


def _wish(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, tuple):
        return str(value)
    return ",".join("=".join(each) if isinstance(each, tuple) else str(each) for each in value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def origin_text(origin: PolicyOrigin) -> str:
    """Why it is this policy, in words."""
    return str(origin).strip(" ,()") or "asked for"
