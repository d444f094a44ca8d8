"""The spread of measured values: their mean and percentiles."""

from __future__ import annotations

from nimprofile.verify.load.load_report import Spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of these values; None of none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Spread(
        len(ordered),
        sum(ordered) / len(ordered),
        least=ordered[0],
        p50=percentile(ordered, 50),
        p90=percentile(ordered, 90),
        p95=percentile(ordered, 95),
        p99=percentile(ordered, 99),
        most=ordered[-1],
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value below which `percent` of these values are, which are in order.

    It lies on the line between the two nearest values, as `numpy.percentile` has it by default, and
    so `vllm bench serve` (vllm/benchmarks/serve.py, `np.percentile`).
    """
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    step = ordered[above] - ordered[below]
    return ordered[below] + step * (place - below)
