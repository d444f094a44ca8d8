"""Patterns of product names, as the tag `product_name_regex` has them, searched within bounds.

A manifest is not trusted, and a pattern of twenty characters can keep a search busy for years or
fill the memory. So only plain constructs are searched, with few repetitions, and the search is
given up after a time. Decision 10 has the reasons and the figures.
"""

from __future__ import annotations

from functools import cache, lru_cache
from time import thread_time

SECONDS = 0.05
"""For one pattern and name; what NVIDIA publishes takes less than a thousandth of it."""

SECONDS_OF_A_MACHINE = 0.5
"""For all patterns and names of one machine, of the processor's time as the former."""

MAX_LENGTH = 200
MAX_REPETITIONS = 1000
"""The most that the counts in braces may amount to, multiplied."""

_PLAIN = (
    r"\\."
    r"|\((?![?*])|\(\?(?:[:=!>]|<[=!]|P<\w+>|P=\w+\)|[aims]+[:)])"
    r"|\{(?P<least>[0-9]{1,4})(?:,(?P<most>[0-9]{0,4}))?\}"
    r"|[^\\({]"
)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern


@cache
def _plain() -> Pattern[str]:
    """A construct that is searched; compiled when a manifest has a pattern."""
    import re

    return re.compile(_PLAIN)


class NamePatterns:
    """The patterns and names of one machine: each pair is searched once, all in a bounded time."""

    __slots__ = ("_answers", "_left")

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], bool | str] = {}
        self._left = SECONDS_OF_A_MACHINE

    def find(self, pattern: str, name: str) -> bool | str:
        """Whether the pattern is found in the name's label; a text says why that is not known."""
        pair = (pattern, label_of(name))
        if pair not in self._answers:
            import regex  # noqa: F401 - importing it takes longer than many searches

            start = thread_time()
            self._answers[pair] = _search(*pair, min(SECONDS, self._left))
            spent = thread_time() - start
            self._left -= spent if spent > SECONDS / 10 else 0  # many quick ones stay linear
        return self._answers[pair]


def begins_as(expression: str, text: str) -> bool | None:
    """Whether a text begins as an expression says; None when that takes too long."""
    import regex

    try:
        return regex.match(expression, text, timeout=SECONDS) is not None
    except (TimeoutError, MemoryError):
        return None


def label_of(name: str) -> str:
    """The name as Kubernetes' label `nvidia.com/gpu.product` has it: dashes for spaces.

    The patterns are written for it: NVIDIA's operator searches the label (k8s-nim-operator,
    `internal/nimparser`), which k8s-device-plugin makes of NVML's name (`internal/lm/resource.go`).
    """
    return name.replace(" ", "-")


@lru_cache(maxsize=1024)
def problem_of(pattern: str, longest: int = MAX_LENGTH) -> str:
    """Why a pattern is not searched; "" when it is."""
    if len(pattern) > longest:
        return f"it is longer than {longest} characters"
    at, repetitions, plain = 0, 1, _plain()
    while at < len(pattern):
        if (match := plain.match(pattern, at)) is None:
            return f"{pattern[at : at + 8]!r} is more than a plain pattern has"
        if match["least"]:
            repetitions *= max(1, int(match["most"] or match["least"]))
        at = match.end()
    if repetitions > MAX_REPETITIONS:
        return f"its counts in braces amount to more than {MAX_REPETITIONS} repetitions"
    return _syntax_error(pattern)


def _syntax_error(pattern: str) -> str:
    import regex

    try:
        regex.compile(pattern)
    except regex.error as error:
        return f"it is no regular expression: {str(error).partition(' at position ')[0]}"
    except (ArithmeticError, LookupError, ValueError, TypeError, RecursionError, MemoryError):
        return "it is no regular expression"
    return ""


def _search(pattern: str, label: str, seconds: float) -> bool | str:
    if seconds <= 0:
        return f"the patterns before it took more than {SECONDS_OF_A_MACHINE:g} s"
    if problem := problem_of(pattern):
        return problem
    import regex

    try:
        return regex.search(pattern, label, timeout=seconds) is not None
    except TimeoutError:
        return f"it takes more than {SECONDS:g} s"
    except MemoryError:
        return "it takes too much memory"
