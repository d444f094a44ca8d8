"""What the memory of a server bears out: its precision and its parallel sizes.

A server that does not say how its weights are stored still says how much they take, and how many
tokens its KV cache holds. Where that is what one profile of the manifest would show on this
machine, and what the others would show is far from it, it is known which kind of profile runs.

The figures are compared with the budget by its known error (`docs/memory.md`): of the recorded runs
whose record says all that takes memory, 93 % of the weights are within 3 %, and 91 % of the KV
tokens within 10 %; one of them is as far off as what counts as excluded here, for another process
held memory of its GPUs. So this counts only where the server does not tell it itself.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.units import format_gib
from nimprofile.manifest.profile_conditions import Condition, unmet
from nimprofile.verify.comparison import cache_bytes, number_of
from nimprofile.verify.judgement import Judgement, Outcome, measured_of
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from dataclasses import KW_ONLY

    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict
    from nimprofile.verify.expectation import Demand
    from nimprofile.verify.judgement import Verification
    from nimprofile.verify.observation import Observation, Value

NEAR = {Fact.WEIGHTS_BYTES: 0.03, Fact.KV_CACHE_TOKENS: 0.10}
"""Figure -> by which part of what is measured a prediction of the profile may be off."""

FAR = {Fact.WEIGHTS_BYTES: 0.15, Fact.KV_CACHE_TOKENS: 0.30}
"""Figure -> from which part on it is not that of the profile."""

BORNE_OUT = frozenset(
    {
        "llm_engine",
        "engine",
        "precision",
        "tp",
        "pp",
        "feat_lora",
        "lora",
        "objective",
        "id",
        "name",
    }
)
"""What profiles of one manifest can differ in, by the names that demands have for it."""


class Neighbour(Record):
    """A profile of the manifest, and what a server of it would show on the machine.

    Attributes:
        profile: the profile.
        runs: whether it could run there at all, memory aside.
        figures: what it would show; empty where nothing is known of its memory.
        started_with: what its tokens depend on: the share of the memory of that start, and as
            `Fact.KV_CACHE_DTYPE` the bytes of one number of its KV cache.
    """

    profile: Profile
    runs: bool
    figures: Mapping[Fact, int]
    _: KW_ONLY
    started_with: Mapping[Fact, float] = {}


def neighbours_of(decision: Decision) -> tuple[Neighbour, ...]:
    """Every profile that was judged, with what a server of it would show."""
    return tuple(
        Neighbour(
            verdict.profile,
            verdict.grade != "incompatible",
            dict(_figures(verdict)),
            started_with=dict(_started_with(verdict)),
        )
        for verdict in (*decision.ranked, *decision.rejected)
    )


def _figures(verdict: Verdict) -> Iterator[tuple[Fact, int]]:
    budget = None if verdict.need is None else verdict.need.budget
    if budget is None or not budget.total:
        return
    yield Fact.WEIGHTS_BYTES, budget.weights.bytes
    tokens = budget.printed_tokens
    if tokens is not None:
        yield Fact.KV_CACHE_TOKENS, tokens


def _started_with(verdict: Verdict) -> Iterator[tuple[Fact, float]]:
    budget = None if verdict.need is None else verdict.need.budget
    if budget is not None:
        if budget.serving.memory_fraction is not None:
            yield Fact.MEMORY_FRACTION, budget.serving.memory_fraction
        from nimprofile.engines.memory.estimate import kv_value_bytes

        own = budget.habits.own_kv_format
        yield Fact.KV_CACHE_DTYPE, kv_value_bytes(budget.shape, budget.serving, own=own)


ALIKE = 0.03
"""Shares of the memory that differ by no more count as one: 0.90 and 0.92 are the defaults of
releases of one engine, and the tokens differ by less than what counts as near."""


def _started_alike(neighbour: Neighbour, seen: Sequence[Observation]) -> Neighbour:
    """A profile without the KV tokens that it would show, where the server is started otherwise."""
    for fact, assumed in neighbour.started_with.items():
        for each in seen:
            if each.fact is fact and _is_other(fact, each.value, assumed):
                left = {
                    fact: figure for fact, figure in neighbour.figures.items() if fact in _FIXED
                }
                return neighbour.replace(figures=left)
    return neighbour


_FIXED = frozenset({Fact.WEIGHTS_BYTES})


def _is_other(fact: Fact, told: Value, assumed: float) -> bool:
    """Whether a server says that it is started with something else than a budget has."""
    have = number_of(told) if fact is Fact.MEMORY_FRACTION else cache_bytes(told)
    return have is not None and abs(have - assumed) > ALIKE


def borne_out(verification: Verification, neighbours: Sequence[Neighbour]) -> Verification:
    """The same verification, with what memory bears out among the profiles of a manifest.

    A demand is borne out where a profile that meets it would show what was measured, and every
    profile that does not is excluded: by its figures, by what is proven of the server, or because
    it does not run on the machine. The note names what was excluded, and by which figures.
    """
    measured = dict(_measured(verification))
    neighbours = [_started_alike(each, verification.seen) for each in neighbours]
    judgements = list(verification.judgements)
    # Whether it is the profile that was decided for follows from all the rest.
    for last in (False, True):
        for at, judgement in enumerate(judgements):
            demand = judgement.demand
            if (demand.about in {"id", "name"}) is not last or not _open(judgement):
                continue
            found = _excluding(demand, judgements, neighbours, measured)
            if found is not None:
                judgements[at] = found
    notes = (*verification.notes, *_of_another(verification, neighbours, measured))
    return verification.replace(judgements=tuple(judgements), notes=notes)


def _open(judgement: Judgement) -> bool:
    return judgement.outcome is Outcome.NOT_OBSERVABLE and judgement.demand.about in BORNE_OUT


def _measured(verification: Verification) -> Iterator[tuple[Fact, Observation]]:
    """What was measured, and is more than nothing."""
    for fact in NEAR:
        found = measured_of(fact, verification.seen)
        if found is not None and found[0]:
            yield fact, found[1]


def _excluding(
    demand: Demand,
    judgements: Sequence[Judgement],
    neighbours: Sequence[Neighbour],
    measured: Mapping[Fact, Observation],
) -> Judgement | None:
    """That a demand is met, because no profile that does not meet it can be what runs."""
    proven = [
        each
        for each in judgements
        if each.outcome is Outcome.PROVEN and each.demand.about in BORNE_OUT
    ]
    left = [
        each
        for each in neighbours
        if each.runs and all(_meets(each, judged.demand) for judged in proven)
    ]
    meeting = [each for each in left if _meets(each, demand)]
    others = [each for each in left if not _meets(each, demand)]
    near = [each for each in meeting if _is_near(each, measured)]
    if not meeting or not all(_is_far(each, measured) for each in others):
        return None
    if demand.about not in {"id", "name"} and not (near and others):
        return None
    if others and not near:
        return None
    by_proof = tuple(evidence for judged in proven for evidence in judged.evidence[:1])
    if not others and (len(meeting) != 1 or not by_proof):
        return None
    evidence = tuple(measured.values()) if others else by_proof
    note = _by_figures(near[0], others, measured) if others else _by_facts(proven)
    return Judgement(demand, Outcome.PROVEN, evidence, note=note, indirect=True)


def _meets(neighbour: Neighbour, demand: Demand) -> bool:
    profile = neighbour.profile
    condition = Condition(demand.about, demand.relation, demand.value)
    return not [*unmet((condition,), profile, profile.gpus_needed)]


def _is_near(neighbour: Neighbour, measured: Mapping[Fact, Observation]) -> bool:
    """Whether everything that was measured is what a profile would show."""
    errors = dict(_errors(neighbour, measured))
    return bool(errors) and all(abs(error) <= NEAR[fact] for fact, error in errors.items())


def _is_far(neighbour: Neighbour, measured: Mapping[Fact, Observation]) -> bool:
    """Whether something that was measured is not what a profile would show."""
    errors = dict(_errors(neighbour, measured))
    return any(abs(error) > FAR[fact] for fact, error in errors.items())


def _errors(
    neighbour: Neighbour, measured: Mapping[Fact, Observation]
) -> Iterator[tuple[Fact, float]]:
    for fact, told in measured.items():
        number = number_of(told.value)
        if fact in neighbour.figures and number:
            yield fact, neighbour.figures[fact] / number - 1


MOST_NAMED = 4
"""So many profiles are named in a note, each by its own figures."""


def _by_figures(
    near: Neighbour, others: Sequence[Neighbour], measured: Mapping[Fact, Observation]
) -> str:
    """What was measured, what it is near to, and what it is far from."""
    errors = dict(_errors(near, measured))
    told = " and ".join(
        f"{_figure(fact, measured[fact].value)} ({errors[fact]:+.1%} by the budget)"
        for fact in errors
    )
    # Profiles that differ in nothing that memory tells are named once.
    unlike = {tuple(sorted(each.figures.items())): each for each in reversed(others)}
    named = [*reversed(unlike.values())]
    excluded = ", ".join(
        f"{each.profile.title} ({_shown(each, measured)})" for each in named[:MOST_NAMED]
    )
    more = len(others) - len(named[:MOST_NAMED])
    rest = f", and {more} more" if more else ""
    return f"{told} is that of {near.profile.title}; this excludes {excluded}{rest}"


def _shown(neighbour: Neighbour, measured: Mapping[Fact, Observation]) -> str:
    return ", ".join(
        _figure(fact, neighbour.figures[fact]) for fact in measured if fact in neighbour.figures
    )


def _figure(fact: Fact, value: object) -> str:
    number = int(float(str(value)))
    if fact is Fact.WEIGHTS_BYTES:
        return f"{format_gib(number)} of weights"
    return f"{number:,} KV tokens"


def _by_facts(proven: Iterable[Judgement]) -> str:
    facts = ", ".join(str(judged.demand) for judged in proven)
    return f"it is the only profile of the manifest that runs here with {facts}"


def _of_another(
    verification: Verification,
    neighbours: Sequence[Neighbour],
    measured: Mapping[Fact, Observation],
) -> Iterator[str]:
    """That what was measured is what another profile would show, and not the one decided for."""
    wanted = next(
        (judged.demand.value for judged in verification.judgements if judged.demand.about == "id"),
        None,
    )
    ours = next((each for each in neighbours if each.profile.id == wanted), None)
    if ours is None or not _is_far(ours, measured):
        return
    near = [each for each in neighbours if each.runs and _is_near(each, measured)]
    if near:
        told = " and ".join(_figure(fact, each.value) for fact, each in measured.items())
        names = ", ".join(dict.fromkeys(each.profile.title for each in near[:MOST_NAMED]))
        yield (
            f"{told} is not what {ours.profile.title} would show "
            f"({_shown(ours, measured)}) but what {names} would"
        )
