"""A decision, a policy, a product and an engine as JSON values.

The keys are a promise: `docs/cli.md` lists them, and keys are added, and none is taken away.
"""

from __future__ import annotations

from nimprofile.base.expect import expect
from nimprofile.hardware.visible_devices import cuda_devices
from nimprofile.selection.decision import Decision
from nimprofile.selection.messages import choice_message, doubt_message, message
from nimprofile.selection.policies import ABOUT_AUTO, AUTO
from nimprofile.selection.rank import deciding
from nimprofile.selection.remedies import remedies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.base.enums import Engine
    from nimprofile.base.variables.notes import SetVariable
    from nimprofile.base.variables.table import Variable
    from nimprofile.hardware.catalog import Product
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.rank import Policy
    from nimprofile.selection.reasons import Reason
    from nimprofile.selection.verdict import Verdict

DECISION_VERSION = "1.0"
"""Of the form of a decision and of an explanation; `report/schemas/decision.py` describes it."""


def decision_to_dict(decision: Decision) -> dict[str, Any]:
    """A decision as plain JSON values."""
    expect("decision_to_dict: decision", decision, Decision, hint="select(…) makes one")
    pin, pinned = decision.request.pin, decision.pinned
    runner_up = decision.runner_up
    return {
        "schema_version": DECISION_VERSION,
        "selected": None
        if decision.selected is None
        else _selected(decision.selected, decision.inventory),
        "pinned": None
        if pin is None or pinned is None
        else {
            "value": pin.value,
            "source": pin.source,
            "id": pinned.profile.id,
            "honoured": decision.selected is not None,
            "reasons": [reason_to_dict(reason) for reason in pinned.reasons],
            "waived": [reason_to_dict(reason) for reason in pinned.waived],
        },
        "policy": decision.policy.name,
        "policy_origin": _origin(decision),
        "deciding": None
        if decision.deciding is None or runner_up is None
        else {
            "criterion": decision.deciding.name,
            "prefers": decision.deciding.prefers,
            "over": runner_up.profile.id,
            "better": decision.deciding.describe(decision.ranked[len(decision.passed_over)]),
            "worse": decision.deciding.describe(runner_up),
        },
        "ranked": [_ranked(verdict) for verdict in decision.ranked],
        "rejected": [verdict_to_dict(verdict) for verdict in decision.rejected],
        "if_answered": None if decision.if_answered is None else _ranked(decision.if_answered),
        "otherwise": None if decision.otherwise is None else _ranked(decision.otherwise),
        "passed_over": [passed.to_dict() for passed in decision.passed_over],
        "warnings": [str(warning) for warning in decision.warnings],
        "notes": [
            {"kind": note.kind, "variable": note.variable, "message": str(note)}
            for note in decision.request.notes
        ],
        "inventory": decision.inventory.to_dict(),
    }


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """One profile's verdict as plain JSON values."""
    return {
        "id": verdict.profile.id,
        "name": verdict.profile.name,
        "grade": verdict.grade,
        "reasons": [reason_to_dict(reason) for reason in verdict.reasons],
        "elsewhere": [reason_to_dict(reason) for reason in verdict.elsewhere],
        "remedies": list(remedies(verdict)),
    }


def reason_to_dict(reason: Reason) -> dict[str, Any]:
    """A reason as its kind, its numbers and its sentence."""
    return {"kind": reason.kind, **reason.to_dict(), "message": message(reason)}


def _origin(decision: Decision) -> dict[str, Any]:
    origin = decision.policy_origin
    message = f"policy {decision.policy.name}{origin}"
    return {"kind": origin.kind, "source": origin.source, "message": message}


AUTO_AS_JSON: dict[str, Any] = {
    "name": AUTO,
    "about": ABOUT_AUTO,
    **dict.fromkeys(("since", "until", "uniform_gpus", "empty_gpu_gate")),
    "criteria": [],
}
"""What stands for `auto` among the policies: it is one of the others."""


def policy_to_dict(policy: Policy) -> dict[str, Any]:
    """A policy and its chain as plain JSON values."""
    return {
        "name": policy.name,
        "about": policy.about,
        "since": _version(policy.since),
        "until": _version(policy.until),
        "uniform_gpus": policy.uniform_gpus,
        "empty_gpu_gate": policy.empty_gpu_gate,
        "criteria": [
            {"name": criterion.name, "prefers": criterion.prefers, "source": criterion.source}
            for criterion in policy.criteria
        ],
    }


def explanation_to_dict(
    decision: Decision, verdict: Verdict, manifest: Manifest | None = None
) -> dict[str, Any]:
    """The explanation of one profile as plain JSON values.

    Without the manifest that was decided on, nothing is said of issues that may apply.
    """
    from nimprofile.report.production.advisories import advisory_to_dict, possible

    ranked = [candidate.profile.id for candidate in decision.ranked]
    place = ranked.index(verdict.profile.id) + 1 if verdict.profile.id in ranked else None
    beaten = None
    if place is not None and place > 1:
        criterion = deciding(decision.ranked[0], verdict, decision.policy)
        beaten = {"by": ranked[0], "criterion": criterion.name, "prefers": criterion.prefers}
    return {
        "schema_version": DECISION_VERSION,
        **verdict_to_dict(verdict),
        "tags": dict(verdict.profile.tags),
        "computed_id": None if verdict.profile.tags_from_name else verdict.profile.computed_id,
        "gpus": list(verdict.gpus),
        "waived": [reason_to_dict(reason) for reason in verdict.waived],
        "doubts": [doubt_message(doubt) for doubt in verdict.doubts],
        "advisories": [advisory_to_dict(known) for known in verdict.advisories],
        "possible_advisories": [
            {"id": one.advisory.id, "unknown": list(one.unknown)}
            for one in possible(decision, verdict, manifest)
        ],
        "memory": _memory(verdict),
        "choice": _choice(verdict),
        "candidate": place,
        "beaten": beaten,
    }


def product_to_dict(product: Product) -> dict[str, Any]:
    """A product of the catalogue as plain JSON values."""
    return {
        "short": product.short,
        "name": product.name,
        "device_ids": list(product.device_ids),
        "memory_total_mib": product.memory_mib,
        "compute_capability": str(product.compute_capability),
        "unified_memory": product.unified_memory,
        "architecture": product.architecture,
        "sources": list(product.sources),
    }


def variable_to_dict(
    variable: SetVariable, row: Variable | None, *, is_set: bool
) -> dict[str, Any]:
    """One of NIM's variables as plain JSON values, never its own; `row` is that of the table."""
    return {
        "name": variable.name,
        "set": is_set,
        "use": str(variable.use),
        "how": variable.how,
        "meaning": None if row is None else row.meaning,
        "generations": None if row is None else row.generations,
        "source": None if row is None else row.source,
    }


def engine_to_dict(engine: Engine) -> dict[str, Any]:
    """What an engine serves as plain JSON values."""
    from nimprofile.engines.spec import spec_of

    spec = spec_of(engine)
    ways = (way.to_dict() for way in spec.formats)
    return {
        "engine": str(engine),
        "newest": spec.newest,
        "checkpoints": [{k: v for k, v in way.items() if k != "engine"} for way in ways],
        "models": {kind: row.to_dict() for kind, row in sorted(spec.models.items())},
    }


def _version(release: tuple[int, ...] | None) -> str | None:
    return None if release is None else ".".join(map(str, release))


def _selected(verdict: Verdict, inventory: Inventory) -> dict[str, Any]:
    from nimprofile.report.production.advisories import advisory_to_dict

    profile, cuda = verdict.profile, cuda_devices(inventory, verdict.gpus)
    return {
        "id": profile.id,
        "name": profile.name,
        "tags": dict(profile.tags),
        "gpus": list(verdict.gpus),
        "grade": verdict.grade,
        "memory": _memory(verdict),
        "choice": _choice(verdict),
        "advisories": [advisory_to_dict(known) for known in verdict.advisories],
        "cuda_visible_devices": None if cuda is None else cuda.devices,
        "cuda_device_order": None if cuda is None else cuda.order,
    }


def _choice(verdict: Verdict) -> dict[str, Any] | None:
    if verdict.choice is None:
        return None
    by = str(verdict.choice.by)
    return {"by": by, **verdict.choice.to_dict(), "message": choice_message(verdict.choice)}


def _memory(verdict: Verdict) -> dict[str, Any] | None:
    need = verdict.need
    if need is None:
        return None
    return {
        "full_bytes": need.full_bytes,
        "least_bytes": need.least_bytes,
        "source": need.source,
        "estimated_bytes": need.full_bytes
        if need.budget is not None and need.estimated_bytes is None
        else need.estimated_bytes,
        "max_model_len": need.max_model_len,
    }


def _ranked(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.profile.id,
        "name": verdict.profile.name,
        "grade": verdict.grade,
        "gpus": list(verdict.gpus),
    }
