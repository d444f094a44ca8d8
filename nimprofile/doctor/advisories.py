"""The known issues of the selected profile here, or of the machine where nothing is selected."""

from __future__ import annotations

from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.problems import needs_a_profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.doctor.subject import Subject
    from nimprofile.selection.advisories.advisory import Advice

CHECK = "advisories"


def advisories(subject: Subject) -> Iterator[Finding]:
    """What release notes and issue threads tell of what would be started."""
    from nimprofile.selection.advisories.matching import Advisor, facts_of, of_machine

    decision, inventory = subject.decision, subject.inventory
    verdict = None if decision is None else decision.selected
    if subject.manifest is not None and decision is not None and verdict is not None:
        facts = facts_of(subject.manifest, decision.inventory, decision.request)
        advisor = Advisor(facts, decision.inventory.gpus)
        advice = advisor.on(verdict.profile, verdict.gpus)
        yield from _told(advice, f"no issue of {verdict.profile.title} is known on these GPUs")
    elif inventory is not None and (advice := of_machine(inventory)):
        yield from _told(advice, "")
    else:
        yield needs_a_profile(CHECK)


def _told(advice: Iterable[Advice], nothing: str) -> Iterator[Finding]:
    """A finding for each issue that applies, and one for all that may."""
    unsure: dict[str, list[str]] = {}
    sure = False
    for one in advice:
        known = one.advisory
        if one.unknown:
            unsure.setdefault(" and ".join(one.unknown), []).append(known.id)
            continue
        sure = True
        text = f"{known.effect}: {known.title} ({known.id}). {known.symptom}"
        yield Finding(CHECK, Status.WARNING, text, fix=known.remedy)
    for unknown, ids in unsure.items():
        is_or_are = "are" if " and " in unknown else "is"
        text = f"{unknown} {is_or_are} not known, so these issues may apply: {', '.join(ids)}"
        yield Finding(CHECK, Status.UNKNOWN, text, fix="nimprofile advisories prints each")
    if nothing and not (sure or unsure):
        yield Finding(CHECK, Status.OK, nothing)
