"""`LoadPlan`: how much a run asks of a server, and no more."""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import require_whole
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

MOST_REQUESTS, MOST_CONCURRENCY, MOST_SECONDS = 100_000, 256, 3600.0
MOST_TOKENS = 1_000_000


class LoadPlan(Record):
    """How much is asked. It is a bound: a run sends less where its time is up before.

    Attributes:
        requests: how many are sent in all. The first tries how the server is asked.
        concurrency: how many are in flight at once, at most.
        seconds: after which nothing is sent, and what is in flight is left.
        model: the name of the model; None takes the first that the server lists.
        prompt_tokens: about as many tokens each prompt has.
        max_tokens: of each answer.
    """

    requests: int = 32
    concurrency: int = 4
    seconds: float = 60.0
    _: KW_ONLY
    model: str | None = None
    prompt_tokens: int = 256
    max_tokens: int = 128

    def __post_init__(self) -> None:
        for name, most in (
            ("requests", MOST_REQUESTS),
            ("concurrency", MOST_CONCURRENCY),
            ("prompt_tokens", MOST_TOKENS),
            ("max_tokens", MOST_TOKENS),
        ):
            value = getattr(self, name)
            require_whole(name, value)
            if value > most:
                raise RequestError(f"{name} {value} is more than {most}")
        if not (isinstance(self.seconds, int | float) and 0 < self.seconds <= MOST_SECONDS):
            raise RequestError(
                f"seconds {quoted(self.seconds)} is no number of seconds up to {MOST_SECONDS:g}"
            )
