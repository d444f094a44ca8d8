"""Figures of a results file: numbers that are checked, in the units that the file states."""

from __future__ import annotations

import math

from nimprofile.base.errors import ResultsError
from nimprofile.base.printable import quoted, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 1e15
"""No figure of a measurement is larger."""

_MILLISECONDS = {
    "ms": 1.0,
    "s": 1e3,
    "sec": 1e3,
    "seconds": 1e3,
    "us": 1e-3,
    "µs": 1e-3,
    "ns": 1e-6,
}
"""Units of time, and how many milliseconds each is."""

RATES = {
    "requests": frozenset({"requests/sec", "requests/s", "req/s", "requests/second"}),
    "tokens": frozenset({"tokens/sec", "tokens/s", "tok/s", "tokens/second"}),
}
"""Units of the two rates. AIPerf and GenAI-Perf write the first of each (aiperf,
docs/reference/json-export-schema.md; perf_analyzer, genai_perf/metrics/llm_metrics.py)."""


class Figures:
    """The figures of one object of a results file.

    Args:
        values: the object.
        source: the file.
        place: of the object in it, `benchmarks[0].metrics`.
        line: of the object in it, for a file that has one object to a line.
    """

    def __init__(self, values: Any, source: str, place: str = "", line: int | None = None):
        self.values = values if isinstance(values, dict) else {}
        self.source, self.place, self.line = source, place, line

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def below(self, name: str) -> Figures:
        """The object under a name; one without anything where there is none."""
        return Figures(self.values.get(name), self.source, self._place(name), self.line)

    def number(self, name: str) -> float | None:
        """A number from 0 on; None where there is none, or NaN, which stands for no figure.

        Raises ResultsError for what is no such number.
        """
        value = self.values.get(name)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(name, f"{quoted(value)} is no number")
        if not 0 <= value <= MOST:
            raise self.error(name, f"{quoted(value)} is no figure of a measurement")
        return float(value)

    def scaled(self, name: str, scale: float) -> float | None:
        """Such a number times `scale`, the milliseconds of its unit."""
        value = self.number(name)
        return None if value is None else value * scale

    def whole(self, name: str) -> int | None:
        """A number of requests or tokens."""
        value = self.number(name)
        if value is None:
            return None
        if value != int(value):
            raise self.error(name, f"{quoted(value)} is no whole number")
        return int(value)

    def text(self, name: str) -> str | None:
        """A text; None where there is none."""
        value = self.values.get(name)
        return shown(value) if isinstance(value, str) and value else None

    def milliseconds_to(self, name: str) -> float:
        """The milliseconds of the unit that is named; ResultsError for one that is none."""
        unit = self.values.get(name)
        if not isinstance(unit, str) or unit.lower() not in _MILLISECONDS:
            raise self.error(name, f"{quoted(unit)} is no unit of time that is known")
        return _MILLISECONDS[unit.lower()]

    def require_unit(self, name: str, kind: str) -> None:
        """Refuse another unit than those of this kind of rate; ResultsError."""
        unit = self.values.get(name)
        if not isinstance(unit, str) or unit.lower() not in RATES[kind]:
            raise self.error(name, f"{quoted(unit)} is no unit of {kind} per second that is known")

    def error(self, name: str, problem: str) -> ResultsError:
        """The error of a figure."""
        return ResultsError(problem, source=self.source, place=self._place(name), line=self.line)

    def _place(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name
