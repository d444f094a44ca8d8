"""What was seen of a server, gathered as it comes: of the last start, what counts of it."""

from __future__ import annotations

from nimprofile.base.expect import expect_each
from nimprofile.verify.logs.findings import findings
from nimprofile.verify.logs.last_start import last_start
from nimprofile.verify.logs.reader import observations
from nimprofile.verify.observation import Fact, Observation
from nimprofile.verify.precisions import meaning_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST = 10_000
"""Observations of one source that are kept; a start has a few for each process of its server."""


class Gathering:
    """Observations of several logs, in bounded memory.

    What a log told before another start of its server is dropped.

    Attributes:
        ended: the sources whose server said that it is ready, or why it does not start.
        left_out: how many observations were not kept because a source told too many.
    """

    def __init__(self) -> None:
        self._kept: dict[str, list[Observation]] = {}
        self.ended: set[str] = set()
        self.left_out = 0

    def add(self, observation: Observation) -> None:
        """Take one observation more."""
        source, fact = observation.source, observation.fact
        kept = self._kept.setdefault(source, [])
        if fact is Fact.START:
            kept.clear()
            self.ended.discard(source)
        elif len(kept) < MOST:
            kept.append(observation)
        else:
            self.left_out += 1
        if fact is Fact.FAILURE or (fact is Fact.READY and observation.value is True):
            self.ended.add(source)

    def over(self, log: str) -> bool:
        """Whether every server that a log tells of is ready, or says why it does not start."""
        told = self._sources(log)
        return bool(told) and self.ended.issuperset(told)

    def has(self, log: str) -> bool:
        """Whether a log told anything."""
        return bool(self._sources(log))

    def _sources(self, log: str) -> list[str]:
        """A log, or the servers that it tells of."""
        return [source for source in self._kept if source == log or source.startswith(f"{log} (")]

    def settled(self, gpus: Sequence[str] = ()) -> Iterator[Observation]:
        """What counts of every source, and what follows from it.

        Args:
            gpus: the names of the GPUs, where they are known otherwise.
        """
        for kept in self._kept.values():
            start = last_start(kept)
            for fact, told in start.items():
                if fact is not Fact.FINDING:
                    yield from told
            yield from precision_of_dtype(start)
            yield from findings(start, gpus)


def observations_in(lines: Iterable[str], source: str = "log") -> tuple[Observation, ...]:
    """What the last start in a log told: of each fact what counts, and what makes it slower.

    Args:
        lines: of the log.
        source: what the observations call it.
    """
    several = expect_each("observations_in: lines", lines, str, "text.splitlines() makes them")
    gathering = Gathering()
    for observation in observations(several, source):
        gathering.add(observation)
    return tuple(gathering.settled())


def precision_of_dtype(start: Mapping[Fact, Sequence[Observation]]) -> Iterator[Observation]:
    """Weights that an engine does not quantise are stored as its dtype says."""
    words = [str(each.value) for each in start.get(Fact.QUANTIZATION, ())]
    if words and all(meaning_of(word) == meaning_of("none") for word in words):
        for dtype in start.get(Fact.DTYPE, ()):
            yield dtype.replace(fact=Fact.PRECISION)
