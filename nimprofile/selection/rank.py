"""Which of the profiles that fit is best, and which criterion said so?

An order is one visible tuple of named criteria, compared in turn. It ends in the id, so the answer
never depends on the order of a manifest or of the GPUs.
"""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    from nimprofile.selection.fit import Verdict

    Key: TypeAlias = int | str | tuple[int, ...]


class Criterion(Record):
    """One link of a chain.

    Attributes:
        name: what the explanation calls it.
        key: lower sorts first.
        prefers: in words, what it puts first.
        source: who says so.
    """

    name: str
    key: Callable[[Verdict], Key]
    prefers: str
    _: KW_ONLY
    source: str


class Policy(Record):
    """A named chain of criteria.

    Attributes:
        name: `nim`, `nim-1.3`, …
        criteria: most significant first; always ends with `TAIL`.
        about: one sentence.
        uniform_gpus: this generation rejects everything when GPUs of several products are visible.
        nim_memory: memory is estimated by NIM 2.x's arithmetic, not by the engine's budget.
    """

    name: str
    criteria: tuple[Criterion, ...]
    about: str
    _: KW_ONLY
    uniform_gpus: bool = False
    nim_memory: bool = False


def standing(criterion: str, verdict: Verdict) -> str:
    """What a verdict has to show at a criterion, in a word or two: `fp8`, `tp 4`, `generic`."""
    profile = verdict.profile
    match criterion:
        case "precision":
            return (
                f"{profile.precision or 'no precision'}{', emulated' if verdict.emulated else ''}"
            )
        case "engine" | "objective":
            return str(getattr(profile, criterion) or f"no {criterion}")
        case "tp" | "pp":
            return f"{criterion} {getattr(profile, criterion) or '?'}"
        case "gpu_specific":
            return "made for this GPU" if profile.gpu_specific else "generic"
        case "prebuilt":
            return "built at the first start" if profile.buildable else "prebuilt"
        case "id":
            return profile.id
        case _:
            return profile.name


def rank(verdicts: Iterable[Verdict], policy: Policy) -> tuple[Verdict, ...]:
    """The verdicts, best first."""
    keys = [criterion.key for criterion in policy.criteria]
    return tuple(sorted(verdicts, key=lambda verdict: [key(verdict) for key in keys]))


def deciding(first: Verdict, second: Verdict, policy: Policy) -> Criterion:
    """The first criterion that tells two verdicts apart.

    Raises ValueError when none does, which takes two profiles of one id.
    """
    for criterion in policy.criteria:
        if criterion.key(first) != criterion.key(second):
            return criterion
    raise ValueError(f"{first.profile.id} and {second.profile.id} are the same profile")
