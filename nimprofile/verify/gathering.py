"""What was seen of a server, gathered as it comes: of its last start, each thing once."""

from __future__ import annotations

from nimprofile.verify.logs.last_start import settled
from nimprofile.verify.observation import Fact, Observation
from nimprofile.verify.precisions import meaning_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1000
"""Values of one fact that are kept of a source: no server has so many ranks that tell one."""


class Gathering:
    """Observations of several sources, in bounded memory.

    What a log told before another start of its server is dropped, and what is told again is kept
    once.

    Attributes:
        ended: the sources whose server said that it is ready, or why it does not start.
        left_out: how many observations were not kept because a source told too many of a fact.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[Fact, dict[object, Observation]]] = {}
        self.ended: set[str] = set()
        self.left_out = 0

    def add(self, observation: Observation) -> None:
        """Take one observation more."""
        source, fact = observation.source, observation.fact
        if fact is Fact.START:
            self._kept.pop(source, None)
            self.ended.discard(source)
            return
        if fact is Fact.FAILURE or (fact is Fact.READY and observation.value is True):
            self.ended.add(source)
        values = self._kept.setdefault(source, {}).setdefault(fact, {})
        key = type(observation.value), str(observation.value), observation.process
        if key not in values and len(values) >= MOST:
            self.left_out += 1
            return
        values[key] = values.pop(key, observation)  # the last place is of what was told last

    def forget(self, source: str) -> None:
        """Drop what a source told, as its log was begun anew."""
        self._kept.pop(source, None)
        self.ended.discard(source)

    def __iter__(self) -> Iterator[Observation]:
        """What counts of each source; and the precision of weights that are not quantised."""
        for facts in self._kept.values():
            yield from settled(each for values in facts.values() for each in values.values())
            yield from _precision_of_dtype(facts)


def _precision_of_dtype(facts: dict[Fact, dict[object, Observation]]) -> Iterator[Observation]:
    """Weights that an engine does not quantise are stored as its dtype says."""
    words = [str(each.value) for each in facts.get(Fact.QUANTIZATION, {}).values()]
    if not words or any(len(meaning_of(word) or ()) < 2 or _names_formats(word) for word in words):
        return
    for dtype in facts.get(Fact.DTYPE, {}).values():
        yield dtype.replace(fact=Fact.PRECISION)


def _names_formats(word: str) -> bool:
    """Whether a word names ways of quantising, and not the lack of one."""
    return meaning_of(word) != meaning_of("none")
