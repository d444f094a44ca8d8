"""Measurements that cannot be: what contradicts Little's law, or itself.

Little's law (J. D. C. Little, "A proof for the queuing formula: L = λW", Operations Research 9,
1961): the mean of requests in flight is the rate at which they complete times their mean latency.
A run that never has more than C in flight has completed requests whose latencies add up to C times
its seconds at most, whatever the server does. Figures above that are of a clock that is wrong, of
seconds that are not those of the requests, or of a report that was put together from several runs.
"""

from __future__ import annotations

from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.verify.load.load_report import LoadReport, Spread

SLACK = 0.05
"""By how much figures may miss each other: reports round them, and count the first and last moments
of a run differently."""


def impossible(report: LoadReport) -> tuple[str, ...]:
    """What cannot be of a measurement, a sentence each; nothing of a sound one."""
    found = (*_of_spreads(report), *_of_flight(report), *_of_rates(report))
    return (*found, *_of_streams(report))


def mean_in_flight(report: LoadReport) -> float | None:
    """Requests in flight on average by Little's law; None where a figure for it is missing."""
    latency, rate = report.latency_ms, _requests_per_second(report)
    if latency is None or latency.mean is None or rate is None:
        return None
    return rate * latency.mean / 1000


def _requests_per_second(report: LoadReport) -> float | None:
    if report.seconds:
        return report.completed / report.seconds
    return report.requests_per_second


def _of_flight(report: LoadReport) -> Iterator[str]:
    found = mean_in_flight(report)
    if found is None:
        return
    law = (
        f"{_requests_per_second(report):.4g} requests per second of "
        f"{_mean(report.latency_ms):.4g} ms are {found:.4g} in flight on average"
    )
    if report.concurrency is not None and found > report.concurrency * (1 + SLACK):
        yield f"Little's law: {law}, and {report.concurrency} at most were to be"
    stated = report.mean_concurrency
    if stated is not None and abs(found - stated) > SLACK * max(found, stated):
        yield f"Little's law: {law}, and {stated:.4g} is stated"


def _of_rates(report: LoadReport) -> Iterator[str]:
    seconds = report.seconds
    if not seconds:
        return
    for rate, number, what in (
        (report.requests_per_second, report.completed, "requests"),
        (report.output_tokens_per_second, report.output_tokens, "output tokens"),
    ):
        if rate is None or number is None or report.tool.startswith("guidellm"):
            continue  # whose rates are means over the moments of a run
        actual = number / seconds
        # Reports print two decimals, which are a lot of a small rate.
        if abs(rate - actual) > max(SLACK * max(rate, actual), 0.01):
            yield (
                f"{number} {what} in {seconds:.4g} s are {actual:.4g} per second, "
                f"and {rate:.4g} is stated"
            )


def _of_streams(report: LoadReport) -> Iterator[str]:
    """Tokens that come faster than all streams together can have them.

    Of one request no more tokens come in a second than 1 / its time per token, where its first took
    no less than the others.
    """
    first, each = report.ttft_ms, report.tpot_ms
    rate, streams = report.output_tokens_per_second, report.concurrency
    if first is None or each is None or rate is None or streams is None:
        return
    if first.least is None or not each.least or first.least < each.least:
        return
    most = streams * 1000 / each.least
    if rate > most * (1 + SLACK) and not report.tool.startswith("guidellm"):
        yield (
            f"{streams} streams with a token each {each.least:.4g} ms at best are {most:.4g} "
            f"tokens per second at most, and {rate:.4g} is stated"
        )


def _of_spreads(report: LoadReport) -> Iterator[str]:
    for found, what in (
        (report.ttft_ms, "time to first token"),
        (report.tpot_ms, "time per output token"),
        (report.latency_ms, "latency"),
    ):
        if found is not None:
            yield from _of_order(found, what)
    first, whole = report.ttft_ms, report.latency_ms
    for name in ("mean", "least", "most"):
        early, late = getattr(first, name, None), getattr(whole, name, None)
        if early is not None and late is not None and early > late * (1 + SLACK):
            yield (
                f"the {_WORDS[name]} time to first token, {early:.4g} ms, is longer than the "
                f"{_WORDS[name]} latency, {late:.4g} ms"
            )


_WORDS = {"mean": "mean", "least": "shortest", "most": "longest"}
_ORDER = ("least", "p50", "p90", "p95", "p99", "most")


def _of_order(found: Spread, what: str) -> Iterator[str]:
    stated = [(name, value) for name in _ORDER if (value := getattr(found, name)) is not None]
    for (lower, low), (upper, high) in pairwise(stated):
        if low > high * (1 + 1e-9):
            yield f"{what}: {lower} is {low:.4g} ms, and {upper} is {high:.4g} ms"
    if found.mean is not None and stated:
        least = found.least if found.least is not None else 0
        most = found.most
        if most is not None and not least * (1 - SLACK) <= found.mean <= most * (1 + SLACK):
            yield f"{what}: the mean, {found.mean:.4g} ms, is not between its least and most"


def _mean(found: Spread | None) -> float:
    mean = None if found is None else found.mean
    return 0.0 if mean is None else mean
