"""The known words that an unknown one may have been meant for, which a message offers."""

from __future__ import annotations

from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WORD = 100
"""A longer word, in characters, is like no other: two are compared in the time of their product."""

MAX_KNOWN = 1000
"""So many known words of a fitting length are compared."""


def nearest(word: str, known: Iterable[str], most: int = 1, *, least: float = 0.6) -> list[str]:
    """The known words that are most like a word, the best first.

    The time it takes is bounded, whatever the words and however many are known.

    Args:
        word: that is none of them.
        known: the words that it may be meant for, in the case that it is in.
        most: how many to name.
        least: how alike they are, from 0 to 1, as `difflib` measures it.
    """
    if not 0 < len(word) <= MAX_WORD:
        return []
    from difflib import get_close_matches

    # The ratio of two words is at most twice the shorter length, over the sum of both; a letter
    # more or less, for what floats cut off.
    low, high = len(word) * least / (2 - least) - 1, len(word) * (2 - least) / least + 1
    fitting = (other for other in known if low <= len(other) <= high)
    return get_close_matches(word, islice(fitting, MAX_KNOWN), most, least)
