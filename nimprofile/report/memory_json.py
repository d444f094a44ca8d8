"""A memory report as JSON values.

The keys are a promise: `docs/memory.md` lists them. Keys are added, and none is taken away.
"""

from __future__ import annotations

from nimprofile.report.memory_report import memory_warnings
from nimprofile.report.to_json import reason_to_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.engines.memory.budget import Budget
    from nimprofile.report.memory_report import MemoryReport

MEMORY_VERSION = "1.0"
"""Of the form of a memory report; `report/schemas/memory.py` describes it."""

_PARTS = ("weights", "kv_cache", "activation", "overhead")


def memory_to_dict(report: MemoryReport, model: str) -> dict[str, Any]:
    """The report as plain JSON values; `model` is what to call the model."""
    verdict, budget = report.verdict, report.budget
    serving = None if budget is None else budget.serving
    context = None if serving is None else serving.max_model_len
    stated = verdict.profile.memory
    need = verdict.need
    return {
        "schema_version": MEMORY_VERSION,
        "model": model,
        "profile": verdict.profile.name,
        "gpus": list(verdict.gpus),
        "engine": None if serving is None else str(serving.engine),
        "engine_version": None if serving is None else serving.engine_version,
        "precision": None if verdict.profile.precision is None else str(verdict.profile.precision),
        "tp": verdict.profile.tp,
        "pp": verdict.profile.pp,
        "serving": None if serving is None else serving.to_dict(),
        "per_gpu": _per_gpu(budget, None if stated is None else stated.full_bytes),
        "kv_cache_tokens": None
        if budget is None or context is None
        else budget.cache_tokens(context),
        "printed_kv_cache_tokens": None if budget is None else budget.printed_tokens,
        "kv_cache_bytes_per_request": None
        if budget is None or context is None
        else budget.request_bytes(context),
        "max_model_len": report.longest,
        "max_concurrency": None
        if budget is None or context is None or budget.pool is None
        else round(budget.concurrency(context), 4),
        "required_bytes": None
        if need is None
        else {
            "stated": None if stated is None else need.full_bytes,
            "estimated": need.full_bytes if stated is None else need.estimated_bytes,
            "source": need.source,
        },
        "fits": report.fits,
        "grade": verdict.grade,
        "reasons": [reason_to_dict(reason) for reason in report.reasons],
        "changes": [suggestion.to_dict() for suggestion in report.suggestions],
        "warnings": [*memory_warnings(report)],
        "notes": list(report.notes),
    }


def _per_gpu(budget: Budget | None, stated: int | None) -> dict[str, Any] | None:
    if budget is None:
        if stated is None:
            return None
        nothing = dict.fromkeys(f"{name}_bytes" for name in _PARTS)
        return {**nothing, "total_bytes": stated, "source": {**nothing, "total_bytes": "manifest"}}
    parts = {f"{name}_bytes": part for name, part in budget.parts.items()}
    exact = all(part.source == "exact" for part in parts.values())
    ranges = {name: [part.low, part.high] for name, part in parts.items() if part.low is not None}
    return {
        **{name: part.bytes for name, part in parts.items()},
        "total_bytes": sum(part.bytes for part in parts.values()),
        "limit_bytes": budget.limit,
        "gpu_bytes": budget.total,
        "stage": budget.stage,
        "source": {
            **{name: part.source for name, part in parts.items()},
            "total_bytes": "exact" if exact else "estimated",
        },
        "basis": {name: part.basis for name, part in parts.items()},
        "constants_from": budget.habits.source,
        "range": ranges,
    }
