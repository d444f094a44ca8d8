"""The report of a run of ours, of its requests one by one."""

from __future__ import annotations

from nimprofile.verify.load.load_report import Failures, LoadReport
from nimprofile.verify.load.spreads import spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nimprofile.verify.load.completions import Answered, Way
    from nimprofile.verify.load.plan import LoadPlan

TOOL = "nimprofile"


def summary(
    answers: Sequence[Answered],
    *,
    source: str,
    model: str,
    way: Way,
    plan: LoadPlan,
    unfinished: int,
    ended: str,
    notes: tuple[str, ...],
) -> LoadReport:
    """What the requests of a run measured.

    Args:
        answers: the requests that were answered, or failed by themselves.
        source: the address.
        model: that was asked.
        way: in which it was asked.
        plan: the bounds.
        unfinished: requests that were in flight when the run ended.
        ended: why the run ended.
        notes: in sentences.
    """
    done = [answered for answered in answers if answered.refusal is None]
    seconds = _seconds(answers)
    tokens, told_by = _tokens(done)
    prompts = [answered.prompt_tokens for answered in done]
    firsts = [answered for answered in done if answered.first is not None]
    return LoadReport(
        TOOL,
        source,
        model,
        interface=way.interface,
        concurrency=plan.concurrency,
        requests=plan.requests,
        completed=len(done),
        failed=len(answers) - len(done),
        unfinished=unfinished,
        seconds=seconds,
        ttft_ms=spread(1000 * ((answered.first or 0) - answered.began) for answered in firsts),
        tpot_ms=spread(_per_token(firsts, told_by)),
        latency_ms=spread(1000 * (answered.ended - answered.began) for answered in done),
        prompt_tokens=_sum(prompts),
        output_tokens=tokens,
        tokens_from=told_by,
        requests_per_second=len(done) / seconds if done and seconds else None,
        output_tokens_per_second=tokens / seconds if tokens and seconds else None,
        failures=_failures(answers),
        ended=ended,
        notes=notes,
    )


def _seconds(answers: Iterable[Answered]) -> float | None:
    """From the first request to the end of the last; None without any."""
    times = [(answered.began, answered.ended) for answered in answers]
    if not times:
        return None
    return max(ended for _, ended in times) - min(began for began, _ in times)


def _tokens(done: Sequence[Answered]) -> tuple[int | None, str | None]:
    """Output tokens, and what counted them: the server where it did so for every request."""
    if not done:
        return None, None
    counted = _sum(answered.tokens for answered in done)
    if counted is not None:
        return counted, "usage"
    return sum(answered.parts for answered in done), "chunks"


def _sum(numbers: Iterable[int | None]) -> int | None:
    """The sum; None of nothing, and where one is not known."""
    total, some = 0, False
    for number in numbers:
        if number is None:
            return None
        total, some = total + number, True
    return total if some else None


def _per_token(done: Iterable[Answered], told_by: str | None) -> Iterable[float]:
    """Milliseconds per token after the first, of each request that has several."""
    for answered in done:
        tokens = answered.tokens if told_by == "usage" else answered.parts
        if answered.first is not None and tokens is not None and tokens > 1:
            yield 1000 * (answered.ended - answered.first) / (tokens - 1)


def _failures(answers: Iterable[Answered]) -> tuple[Failures, ...]:
    """What failed, by kind, the most frequent first; of each what was said the first time."""
    counts: dict[str, int] = {}
    said: dict[str, str] = {}
    for answered in answers:
        if answered.refusal is not None:
            what = answered.refusal.what
            counts[what] = counts.get(what, 0) + 1
            said.setdefault(what, answered.refusal.text)
    ordered = sorted(counts, key=lambda what: (-counts[what], what))
    return tuple(Failures(what, counts[what], said[what]) for what in ordered)
