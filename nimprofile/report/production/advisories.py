"""The known issues of profiles: the list, one of them, those of a profile, and as JSON values."""

from __future__ import annotations

from nimprofile.report.blocks import Column, Span, Table, fields, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.report.blocks import Block
    from nimprofile.selection.advisories.advisory import Advice, Advisory
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict

ADVISORIES_VERSION = "1.0"
"""Of the form of the list; `report/schemas/advisories.py` describes it."""


def advisories_to_dict(advisories: Iterable[Advisory]) -> dict[str, Any]:
    """Known issues as plain JSON values."""
    known = [advisory_to_dict(advisory) for advisory in advisories]
    return {"schema_version": ADVISORIES_VERSION, "advisories": known}


def advisory_to_dict(advisory: Advisory) -> dict[str, Any]:
    """A known issue as plain JSON values."""
    values = advisory.to_dict()
    return {key: list(one) if isinstance(one, tuple) else one for key, one in values.items()}


def advisories_blocks(advisories: Iterable[Advisory]) -> list[Block]:
    """Known issues as a table: id, what it does, what has it, what is wrong."""
    columns = (
        *(Column("advisory"), Column("effect"), Column("of", wraps=True)),
        *(Column("issue", wraps=True), Column("date", narrow=1)),
    )
    rows = [(one.id, str(one.effect), _concerned(one), one.title, one.date) for one in advisories]
    return [Table(columns, rows)]


def advisory_blocks(advisory: Advisory) -> list[Block]:
    """One known issue, with all that is known of it."""
    rows: list[tuple[str, str | Span]] = [
        ("advisory", Span(advisory.id, "strong")),
        ("date", advisory.date),
        ("effect", str(advisory.effect)),
        ("issue", advisory.title),
        ("of", _concerned(advisory)),
        ("symptom", advisory.symptom),
        ("to do", advisory.remedy),
        *(("source", source) for source in advisory.sources),
    ]
    return [fields(rows)]


def _concerned(advisory: Advisory) -> str:
    """What has the issue, as far as it is of some and not of all."""
    capability, nim, driver = advisory.compute_capability, advisory.nim, advisory.driver
    parts = (
        " or ".join(advisory.models),
        f"NIM {nim}" if nim else "",
        " or ".join(advisory.engines),
        " or ".join(advisory.profiles),
        " or ".join(advisory.gpus),
        f"compute capability {capability}" if capability else "",
        f"driver {driver}" if driver else "",
    )
    return "; ".join(filter(None, parts))


def possible(decision: Decision, verdict: Verdict, manifest: Manifest | None) -> tuple[Advice, ...]:
    """The known issues that a profile may have; nothing is known without the manifest."""
    if manifest is None or not verdict.gpus:
        return ()
    from nimprofile.selection.advisories.matching import Advisor, facts_of

    inventory = decision.inventory
    advisor = Advisor(facts_of(manifest, inventory, decision.request), inventory.gpus)
    return tuple(one for one in advisor.on(verdict.profile, verdict.gpus) if one.unknown)


def issue_blocks(
    decision: Decision, verdict: Verdict, manifest: Manifest | None
) -> Iterator[Block]:
    """The known issues of one profile on its GPUs, then those that it may have."""
    for known in verdict.advisories:
        yield line(f"! known issue, {known.effect}: {known.title} (advisory {known.id})", indent=2)
        yield line(known.symptom, indent=4)
        yield line(f"to do: {known.remedy}", indent=4)
        yield from (line(source, indent=4) for source in known.sources)
    unsure: dict[str, list[str]] = {}
    for one in possible(decision, verdict, manifest):
        unsure.setdefault(" and ".join(one.unknown), []).append(one.advisory.id)
    for unknown, ids in unsure.items():
        is_or_are = "are" if " and " in unknown else "is"
        text = f"? {unknown} {is_or_are} unknown: {', '.join(ids)} may apply (advisories)"
        yield line(text, indent=2)
