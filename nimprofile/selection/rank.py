"""Ranking: criteria, the policies that chain them, and the criterion that decides between two.

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

    from nimprofile.selection.verdict import Verdict

    Key: TypeAlias = int | str | tuple["Key", ...]


class OneOf(Record):
    """A preference may put one of these values first: `precision=fp8`.

    Attributes:
        values: in lower case, as they are written; perhaps an enumeration that still grows.
        of: the value of a verdict.
    """

    values: Iterable[str]
    of: Callable[[Verdict], object]


class Count(Record):
    """A preference may ask for few, many or a number: `tp=low`, `tp=high`, `tp=2`.

    Attributes:
        of: the count of a verdict; None, which is unknown, counts as one.
    """

    of: Callable[[Verdict], int | None]


class Criterion(Record):
    """One link of a chain. Functions of a module keep a decision fit for `pickle`; lambdas do not.

    Attributes:
        name: what the explanation and `--prefer` call it.
        key: lower sorts first.
        prefers: in words, what it puts first.
        source: who says so.
        describe: what a verdict has to show at it, in a word or two: `fp8`, `tp 4`, `generic`.
        accepts: the values that `--prefer` takes for it; None when it takes none.
    """

    name: str
    key: Callable[[Verdict], Key]
    prefers: str
    _: KW_ONLY
    source: str
    describe: Callable[[Verdict], str]
    accepts: OneOf | Count | None = None


class Policy(Record):
    """A named chain of criteria.

    Attributes:
        name: `nim`, `nim-1.3`, …
        criteria: most significant first; always ends with `TAIL`.
        about: one sentence.
        since: the first version of NIM LLM that chose so, as (major, minor); None when it is that
            of no generation, which `auto` does not take by itself.
        until: the first version that is not known to choose so; None when every later one does.
        uniform_gpus: this generation rejects everything when GPUs of several products are visible.
        nim_memory: NIM 2.x's arithmetic, not the engine's budget, estimates memory, and a figure
            of memory in a tag or a printout is that of the full context, so that less of it is
            low memory.
        empty_gpu_gate: a GPU must be nearly empty, however little a profile needs of it.
        gate_source: who says so, or who shows that it is not so.
    """

    name: str
    criteria: tuple[Criterion, ...]
    about: str
    _: KW_ONLY
    since: tuple[int, ...] | None = None
    until: tuple[int, ...] | None = None
    uniform_gpus: bool = False
    nim_memory: bool = False
    empty_gpu_gate: bool = True
    gate_source: str = "no GPU in use was seen under it; most generations have the gate"


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
