"""`Goals`: what is demanded of a measurement, and whether it was met.

Of an impossible measurement nothing is proven and nothing contradicted: its figures tell nothing.
"""

from __future__ import annotations

from math import inf

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect
from nimprofile.base.printable import quoted, shown
from nimprofile.base.record import Record
from nimprofile.verify.judgement import Outcome
from nimprofile.verify.load.load_report import LoadReport
from nimprofile.verify.load.plausible import impossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.verify.load.load_report import Spread


class Goals(Record):
    """What is demanded. Of the two times, 95 % of the requests must not take longer.

    Attributes:
        max_ttft_ms: time to first token.
        max_tpot_ms: time per output token.
        min_tokens_per_second: output tokens of all requests together.
    """

    max_ttft_ms: float | None = None
    max_tpot_ms: float | None = None
    min_tokens_per_second: float | None = None

    def __post_init__(self) -> None:
        for name in self._fields:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not (isinstance(value, int | float) and 0 < value < inf):
                raise RequestError(f"{name} {quoted(value)} is no number above 0")


class GoalResult(Record):
    """One goal, and what was measured.

    Attributes:
        goal: what was demanded, `time to first token`.
        outcome: whether it was met.
        wanted: the bound, with its unit.
        measured: the figure that decides, with its unit; "" where none was measured.
        why: a sentence.
    """

    goal: str
    outcome: Outcome
    wanted: str
    _: KW_ONLY
    measured: str
    why: str


class JudgedLoad(Record):
    """A measurement, held against its goals.

    Attributes:
        report: what was measured.
        goals: what became of each, that every request is answered being the first.
        impossible: what of it cannot be, in sentences; empty of a sound one.
    """

    report: LoadReport
    goals: tuple[GoalResult, ...]
    impossible: tuple[str, ...]

    def holds(self, *, strict: bool = False) -> bool:
        """Whether nothing is contradicted; with `strict`, whether everything is proven."""
        outcomes = {result.outcome for result in self.goals}
        if Outcome.CONTRADICTED in outcomes:
            return False
        return not strict or (outcomes <= {Outcome.PROVEN} and not self.impossible)


def judge_load(report: LoadReport, goals: Goals) -> JudgedLoad:
    """Hold a measurement against its goals, and against what can be."""
    expect("judge_load: report", report, LoadReport, hint="read_results(path) reads some")
    expect("judge_load: goals", goals, Goals)
    cannot = impossible(report)
    results = tuple(_judged(report, goals))
    if cannot:
        results = tuple(
            result.replace(
                outcome=Outcome.NOT_OBSERVABLE, why=f"the measurement is impossible: {cannot[0]}"
            )
            for result in results
        )
    return JudgedLoad(report, (_answered(report), *results), cannot)


def _answered(report: LoadReport) -> GoalResult:
    """Whether every request was answered, but for those that the end of the run cut short."""
    goal, wanted = "requests are answered", "all"
    counted = f"{report.completed} of {report.completed + report.failed}"
    if report.failed:
        first = f", {shown(report.failures[0].what)} first of all" if report.failures else ""
        why = f"{report.failed} failed{first}"
        return GoalResult(goal, Outcome.CONTRADICTED, wanted, measured=counted, why=why)
    if not report.completed:
        why = "none was answered before the run ended"
        outcome = Outcome.CONTRADICTED if report.unfinished else Outcome.NOT_OBSERVABLE
        return GoalResult(goal, outcome, wanted, measured=counted, why=why)
    return GoalResult(goal, Outcome.PROVEN, wanted, measured=counted, why="none failed")


def _judged(report: LoadReport, goals: Goals) -> Iterator[GoalResult]:
    if goals.max_ttft_ms is not None:
        yield _of_time("time to first token", report.ttft_ms, goals.max_ttft_ms)
    if goals.max_tpot_ms is not None:
        yield _of_time("time per output token", report.tpot_ms, goals.max_tpot_ms)
    if goals.min_tokens_per_second is not None:
        yield _of_rate(report, goals.min_tokens_per_second)


_BELOW = ("p95", "p90", "p50", "least")
"""What is no higher than p95: where one of these is over the bound, so is p95."""
_ABOVE = ("p95", "p99", "most")
"""What is no lower than p95."""


def _of_time(goal: str, found: Spread | None, bound: float) -> GoalResult:
    wanted = f"p95 at most {bound:g} ms"
    if found is None:
        return _unknown(goal, wanted, f"no {goal} was measured")
    for name in _BELOW:
        value = getattr(found, name)
        if value is not None and value > bound:
            shown = f"{name} {value:.4g} ms"
            why = f"{shown} is over {bound:g} ms"
            return GoalResult(goal, Outcome.CONTRADICTED, wanted, measured=shown, why=why)
    for name in _ABOVE:
        value = getattr(found, name)
        if value is not None and value <= bound:
            shown = f"{name} {value:.4g} ms"
            why = f"{shown} is not over {bound:g} ms"
            return GoalResult(goal, Outcome.PROVEN, wanted, measured=shown, why=why)
    return _unknown(goal, wanted, "no percentile that is stated decides it")


def _of_rate(report: LoadReport, bound: float) -> GoalResult:
    goal, wanted = "output tokens per second", f"at least {bound:g}"
    rate = report.output_tokens_per_second
    if rate is None:
        return _unknown(goal, wanted, "no tokens per second were measured")
    if report.tokens_from == "chunks" and rate < bound:
        why = (
            f"{rate:.4g} parts of streams came per second, of which one may have several tokens: "
            "the server tells no number of tokens"
        )
        return GoalResult(goal, Outcome.NOT_OBSERVABLE, wanted, measured=f"{rate:.4g}", why=why)
    outcome = Outcome.PROVEN if rate >= bound else Outcome.CONTRADICTED
    why = f"{rate:.4g} is {'not ' if outcome is Outcome.PROVEN else ''}below {bound:g}"
    return GoalResult(goal, outcome, wanted, measured=f"{rate:.4g}", why=why)


def _unknown(goal: str, wanted: str, why: str) -> GoalResult:
    return GoalResult(goal, Outcome.NOT_OBSERVABLE, wanted, measured="", why=why)
