"""What a server is expected to be: demands on it, of a lock or of `--require`."""

from __future__ import annotations

from nimprofile.base.expect import expect
from nimprofile.base.record import Record
from nimprofile.lock.record import Lock
from nimprofile.manifest.profile_conditions import conditions_of, our_tag
from nimprofile.verify.observation import TAG_FACTS, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

THE_LOCK = "the lock"
REQUIRED = "--require"


class Demand(Record):
    """One thing that a server must be.

    Attributes:
        about: what it is about, in the words of `--require`: `tp`, `precision`, `kv_cache_tokens`.
        relation: `=`, `!=`, `>=`, `<=`, `>` or `<`.
        value: what it must be, in the unit of its fact.
        origin: who demands it: `the lock` or `--require`.
        fact: what tells it: `Fact.TAG` for a tag of profiles that only manifests have.
        optional: it is judged where a server tells it, and passed over where none does.
    """

    about: str
    relation: str
    value: str
    _: KW_ONLY
    origin: str
    fact: Fact
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.about}{self.relation}{self.value}"


class Prediction(Record):
    """A figure that a start is expected to show; bytes are those of one GPU.

    Attributes:
        fact: which figure.
        value: in the unit of the fact.
        source: where it comes from, in words.
    """

    fact: Fact
    value: int
    source: str


class Expectation(Record):
    """All that is expected of a server.

    Attributes:
        demands: what it must be.
        predictions: the figures that it should show.
        profile_id, profile_name: of the profile that was decided for; None with demands alone.
    """

    demands: tuple[Demand, ...]
    predictions: tuple[Prediction, ...] = ()
    _: KW_ONLY
    profile_id: str | None = None
    profile_name: str | None = None


FACTS = {"id": Fact.PROFILE_ID, "name": Fact.PROFILE_NAME, **TAG_FACTS}
"""Tags of conditions -> the fact that tells them, where that has another name."""

NOT_DEMANDED = frozenset({Fact.TAG, Fact.READY, Fact.FAILURE, Fact.FINDING, Fact.START})


def fact_of(tag: str) -> Fact:
    """What tells of a tag: a fact of its name, or `Fact.TAG` for what only manifests have."""
    if tag in FACTS:
        return FACTS[tag]
    return Fact(tag) if tag in {*Fact} - NOT_DEMANDED else Fact.TAG


def expectation_of_conditions(conditions: object) -> Expectation:
    """What conditions demand: `precision=fp8,tp>=4`, a mapping, or a list of texts and records.

    A condition is on a tag of profiles, or on any fact by its name: `kv_cache_tokens>=200000`.
    Raises RequestError.
    """
    expect("expectation_of_conditions: conditions", conditions, str, list, tuple, dict)
    return Expectation(
        tuple(
            Demand(
                our_tag(condition.tag),
                condition.relation,
                condition.value,
                origin=REQUIRED,
                fact=fact_of(condition.tag),
            )
            for condition in conditions_of(conditions, "conditions")
        )
    )


def expectation_of_lock(lock: Lock) -> Expectation:
    """What a lock demands of the server, and the figures that it predicts."""
    expect("expectation_of_lock: lock", lock, Lock, hint="load_lock(path) reads one")
    choice, expected = lock.choice, lock.expected
    figures = {} if expected is None else {fact: getattr(expected, fact) for fact in FIGURES}
    return Expectation(
        tuple(_locked(lock)),
        tuple(
            Prediction(fact, value, "" if expected is None else expected.source)
            for fact, value in figures.items()
            if value is not None
        ),
        profile_id=choice.id,
        profile_name=choice.name,
    )


FIGURES = (Fact.WEIGHTS_BYTES, Fact.KV_CACHE_BYTES, Fact.KV_CACHE_TOKENS)
"""What is predicted, under the same name in a lock."""


def _locked(lock: Lock) -> Iterator[Demand]:
    choice = lock.choice
    needed: dict[Fact, object] = {
        Fact.PROFILE_ID: choice.id,
        Fact.ENGINE: choice.engine,
        Fact.ENGINE_VERSION: choice.engine_version,
        Fact.PRECISION: choice.precision,
        Fact.TP: choice.tp,
        Fact.PP: choice.pp,
        Fact.MAX_MODEL_LEN: choice.max_model_len,
    }
    told_by_some: dict[Fact, object] = {
        Fact.OBJECTIVE: choice.objective,
        Fact.LORA: "true" if choice.lora else "false",
        Fact.KV_CACHE_DTYPE: choice.kv_cache_dtype,
        Fact.GPU_NAME: _product(lock),
    }
    for optional, facts in ((False, needed), (True, told_by_some)):
        for fact, value in facts.items():
            if value is not None:
                about = our_tag(_TAGS.get(fact, str(fact)))
                yield Demand(about, "=", str(value), origin=THE_LOCK, fact=fact, optional=optional)


_TAGS = {fact: tag for tag, fact in FACTS.items()}


def _product(lock: Lock) -> str | None:
    """The one product of the locked machine; None of a machine of several."""
    gpus = lock.machine.gpus
    return gpus[0].name if len(gpus) == 1 else None
