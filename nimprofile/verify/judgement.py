"""`verification_of`: what a server was seen to be, held against what was expected of it."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.expect import expect
from nimprofile.base.names.nearest import nearest
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.verify.comparison import Compared, Match, bears_on, compared, number_of, text_of
from nimprofile.verify.expectation import NOT_DEMANDED, Demand, Expectation
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from dataclasses import KW_ONLY

    from nimprofile.verify.expectation import Prediction
    from nimprofile.verify.observation import Observation


class Outcome(StrEnum):
    """What is known of a demand."""

    PROVEN = "proven"
    CONTRADICTED = "contradicted"
    NOT_OBSERVABLE = "not observable"


class Judgement(Record):
    """What is known of one demand.

    Attributes:
        demand: what was demanded.
        outcome: whether it is so.
        evidence: what told it: where it is contradicted, what contradicts it.
        note: what is not certain about it; "" where nothing is.
        indirect: it follows from what was seen, and was not told itself.
    """

    demand: Demand
    outcome: Outcome
    evidence: tuple[Observation, ...] = ()
    _: KW_ONLY
    note: str = ""
    indirect: bool = False


class Figure(Record):
    """A prediction beside what was measured.

    Attributes:
        fact: which figure.
        predicted, measured: in the unit of the fact; `measured` is None where nothing told it.
        source: where the prediction comes from, in words.
        evidence: what told the measured one.
    """

    fact: Fact
    predicted: int
    measured: int | None
    _: KW_ONLY
    source: str
    evidence: tuple[Observation, ...] = ()

    @property
    def error(self) -> float | None:
        """By which part of the measured figure the prediction is off: 0.1 is 10 % too much."""
        if not self.measured:
            return None
        return self.predicted / self.measured - 1


class Verification(Record):
    """What runs, held against what was expected.

    Attributes:
        judgements: of each demand, in their order.
        figures: the predictions beside what was measured.
        seen: every observation, in the order in which they came.
        findings: what makes the server slower or smaller than it could be.
        notes: what the operator should know, in sentences.
    """

    judgements: tuple[Judgement, ...]
    figures: tuple[Figure, ...]
    seen: tuple[Observation, ...]
    _: KW_ONLY
    findings: tuple[Observation, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, outcome: Outcome) -> tuple[Judgement, ...]:
        """The judgements with this outcome."""
        return tuple(each for each in self.judgements if each.outcome is outcome)

    def holds(self, *, strict: bool = False) -> bool:
        """Whether nothing is contradicted; with `strict`, whether everything is proven."""
        bad = {Outcome.CONTRADICTED, *([Outcome.NOT_OBSERVABLE] if strict else [])}
        return bad.isdisjoint(each.outcome for each in self.judgements)


def verification_of(
    expectation: Expectation,
    observations: Iterable[Observation],
    implied: Iterable[Observation] = (),
) -> Verification:
    """Hold what was seen of a server against what was expected of it.

    Args:
        expectation: the demands and the predictions.
        observations: what the server's logs and interfaces told.
        implied: what follows from those, such as the tags of the profile that it says it runs. It
            counts where the server itself says nothing that can be judged.

    Without observations nothing is proven and nothing is contradicted. The order of the
    observations changes no outcome.
    """
    expect(
        "verification_of: expectation",
        expectation,
        Expectation,
        hint="expectation_of_lock(lock) makes one",
    )
    seen, following = tuple(observations), tuple(implied)
    judgements = [
        judged
        for demand in (*expectation.demands, *_starting(seen))
        if (judged := _judged(demand, seen, following)) is not None
    ]
    return Verification(
        tuple(judgements),
        tuple(_figure(prediction, seen) for prediction in expectation.predictions),
        seen,
        findings=tuple(each for each in seen if each.fact is Fact.FINDING),
    )


def _starting(seen: Sequence[Observation]) -> Iterator[Demand]:
    """That the server came up, where something was told of it."""
    if any(each.fact in {Fact.READY, Fact.FAILURE} for each in seen):
        yield Demand("ready", "=", "true", origin="every server", fact=Fact.READY)


def _judged(
    demand: Demand, seen: Sequence[Observation], following: Sequence[Observation]
) -> Judgement | None:
    told = [(each, _held(demand, each)) for each in seen if _concerns(each, demand)]
    judged = _of(demand, told)
    if judged.outcome is Outcome.NOT_OBSERVABLE:
        more = [(each, compared(demand, each)) for each in following if bears_on(each, demand)]
        follows = _of(demand, more)
        if follows.outcome is not Outcome.NOT_OBSERVABLE:
            return follows.replace(indirect=True)
    if demand.optional and judged.outcome is Outcome.NOT_OBSERVABLE:
        return None
    return judged


def _concerns(observation: Observation, demand: Demand) -> bool:
    failed = demand.fact is Fact.READY and observation.fact is Fact.FAILURE
    return failed or bears_on(observation, demand)


def _held(demand: Demand, observation: Observation) -> Compared:
    if observation.fact is Fact.FAILURE:
        return Compared(Match.UNMET)
    return compared(demand, observation)


SEVERAL = frozenset({Fact.GPU_NAME, Fact.MODEL, Fact.KERNEL})
"""Facts of which a server can tell several that all hold: a machine of several products."""


def _of(demand: Demand, told: Sequence[tuple[Observation, Compared]]) -> Judgement:
    """What these observations say of a demand together."""
    by_match = {
        match: tuple(each for each, answer in told if answer.match is match) for match in Match
    }
    met, unmet = by_match[Match.MET], by_match[Match.UNMET]
    if met and demand.fact in SEVERAL and demand.relation == "=":
        unmet = ()
    if unmet:
        note = ""
        if met:
            note = f"sources contradict each other: {_told(unmet)}, and {_told(met)}"
        return Judgement(demand, Outcome.CONTRADICTED, unmet, note=note)
    if met:
        return Judgement(demand, Outcome.PROVEN, met)
    reasons = sorted({answer.why for _, answer in told if answer.why})
    if not reasons and demand.fact is Fact.TAG:
        reasons = [f"no server tells {quoted(demand.about)}: {_telling(demand.about)}"]
    return Judgement(
        demand, Outcome.NOT_OBSERVABLE, by_match[Match.UNCLEAR], note="; ".join(reasons)
    )


def _telling(tag: str) -> str:
    """What to do for a tag that only a manifest has, or that is a fact misspelt."""
    near = nearest(tag, (str(fact) for fact in Fact if fact not in NOT_DEMANDED), least=0.75)
    return (f"did you mean {near[0]}? " if near else "") + "name the manifest with --manifest"


def _told(observations: Sequence[Observation]) -> str:
    first = observations[0]
    return f"{first.source}, {first.place} has {quoted(text_of(first.value))}"


_LEAST = frozenset({Fact.KV_CACHE_TOKENS, Fact.KV_CACHE_BYTES})
"""Figures of which the smallest counts, where several ranks tell their own."""


def measured_of(fact: Fact, seen: Sequence[Observation]) -> tuple[float, Observation] | None:
    """A measured figure, and what told it: of the fullest GPU, where several ranks told theirs."""
    told = [
        (number, each)
        for each in seen
        if each.fact is fact and (number := number_of(each.value)) is not None
    ]
    pick = min if fact in _LEAST else max
    return pick(told, key=lambda one: one[0], default=None)


def _figure(prediction: Prediction, seen: Sequence[Observation]) -> Figure:
    """A prediction beside what was measured."""
    found = measured_of(prediction.fact, seen)
    return Figure(
        prediction.fact,
        prediction.value,
        None if found is None else int(found[0]),
        source=prediction.source,
        evidence=() if found is None else found[1:],
    )
