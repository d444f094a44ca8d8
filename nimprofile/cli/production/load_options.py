"""The options of `verify` for requests that are measured, and for results of other programs."""

from __future__ import annotations

import argparse

from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.cli import argument_types as read
from nimprofile.verify.load.plan import (
    MOST_CONCURRENCY,
    MOST_REQUESTS,
    MOST_SECONDS,
    MOST_TOKENS,
    LoadPlan,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import KW_ONLY

USUAL = LoadPlan()
"""What is sent where nothing else is asked for."""


class LoadArguments(Record):
    """Which requests are sent, which results are read, and what is demanded of both.

    Attributes:
        results: files of other programs.
        max_ttft, max_tpot: in milliseconds.
        min_throughput: output tokens per second.
    """

    _: KW_ONLY
    smoke: bool
    requests: int
    concurrency: int
    seconds: float
    prompt_tokens: int
    max_tokens: int
    served_model_name: str | None
    results: tuple[str, ...] | None
    max_ttft: float | None
    max_tpot: float | None
    min_throughput: float | None


def load_options(parser: argparse.ArgumentParser) -> None:
    """Add them; `LoadArguments` has their values."""
    add = parser.add_argument_group("load").add_argument
    add(
        "--smoke",
        action="store_true",
        help="send requests to each --url, and measure them (default: nothing is generated)",
    )
    add(
        "--requests",
        type=_up_to(MOST_REQUESTS, "requests"),
        default=USUAL.requests,
        metavar="N",
        help="how many in all, never more (default: %(default)s)",
    )
    add(
        "--concurrency",
        type=_up_to(MOST_CONCURRENCY, "requests at once"),
        default=USUAL.concurrency,
        metavar="N",
        help="how many at once, never more (default: %(default)s)",
    )
    add(
        "--seconds",
        type=_figure(MOST_SECONDS, "seconds"),
        default=USUAL.seconds,
        metavar="S",
        help="after which nothing is sent, and what is not answered is left "
        f"(default: {USUAL.seconds:g})",
    )
    add(
        "--prompt-tokens",
        type=_up_to(MOST_TOKENS, "tokens"),
        default=USUAL.prompt_tokens,
        metavar="TOKENS",
        help="about as many in each prompt (default: %(default)s)",
    )
    add(
        "--max-tokens",
        type=_up_to(MOST_TOKENS, "tokens"),
        default=USUAL.max_tokens,
        metavar="TOKENS",
        help="of each answer (default: %(default)s)",
    )
    add(
        "--served-model-name",
        metavar="NAME",
        help="the model that is asked (default: the first that the server lists)",
    )
    add(
        "--results",
        action="append",
        metavar="FILE",
        help="read what AIPerf, GenAI-Perf, GuideLLM, `vllm bench serve` or sglang.bench_serving "
        "measured; repeatable (default: none)",
    )
    add(
        "--max-ttft",
        type=_figure(1e9, "milliseconds"),
        metavar="MS",
        help="of 95 %% of the requests, the time to first token (default: any)",
    )
    add(
        "--max-tpot",
        type=_figure(1e9, "milliseconds"),
        metavar="MS",
        help="of 95 %% of the requests, the time per output token (default: any)",
    )
    add(
        "--min-throughput",
        type=_figure(1e9, "tokens per second"),
        metavar="TOKENS",
        help="output tokens per second of all requests together (default: any)",
    )


def _up_to(most: int, what: str) -> Callable[[str], int]:
    """The type of a whole number of these, up to so many."""

    def number(text: str) -> int:
        if what == "tokens":
            value = read.tokens(text)
        else:
            value = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
        if not 0 < value <= most:
            problem = f"{quoted(text)} is no number of {what} from 1 to {most:,}"
            raise argparse.ArgumentTypeError(problem)
        return value

    return number


def _figure(most: float, what: str) -> Callable[[str], float]:
    """The type of a number of these above 0, up to so many."""

    def figure(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= most:
            problem = f"{quoted(text)} is no number of {what} above 0 and up to {most:,.0f}"
            raise argparse.ArgumentTypeError(problem)
        return value

    return figure
