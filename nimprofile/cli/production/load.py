"""Requests that `verify` sends and measures, and results of other programs that it reads."""

from __future__ import annotations

import os
from contextlib import contextmanager

from nimprofile.base.record import Record
from nimprofile.cli.console import watched
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.production.progress import progress
from nimprofile.verify.load.goals import Goals, judge_load
from nimprofile.verify.load.plan import LoadPlan
from nimprofile.verify.load.results.reader import read_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from nimprofile.cli.production.load_options import LoadArguments
    from nimprofile.verify.load.goals import JudgedLoad
    from nimprofile.verify.load.load_report import LoadReport
    from nimprofile.verify.load.run import Progress, Run

_ENDING = ("SIGINT", "SIGTERM")


class Loads(Record):
    """What was measured.

    Attributes:
        judged: each load, held against what was demanded.
        signal: the number of the signal that ended the last one; None without one.
    """

    judged: tuple[JudgedLoad, ...]
    signal: int | None


def check_load(arguments: LoadArguments, urls: Sequence[str]) -> None:
    """Refuse options that do not belong together; UsageError."""
    if arguments.smoke and not urls:
        raise UsageError("--smoke sends requests to a server: name its address with --url")
    if _goals(arguments) != Goals() and not (arguments.smoke or arguments.results):
        raise UsageError(
            "--max-ttft, --max-tpot and --min-throughput are demanded of a measurement: have one "
            "made with --smoke, or name the results of another program with --results"
        )


def _goals(arguments: LoadArguments) -> Goals:
    return Goals(arguments.max_ttft, arguments.max_tpot, arguments.min_throughput)


def measured(arguments: LoadArguments, urls: Sequence[str], key: str | None) -> Loads:
    """Read the results that are named, and send the requests that are asked for.

    Ctrl-C and SIGTERM end the requests, and what was measured by then is among the loads; a second
    one ends the program.

    Args:
        arguments: of the command.
        urls: of the servers.
        key: of the servers.

    Raises UsageError, ResultsError, WebError and RequestError.
    """
    check_load(arguments, urls)
    goals = _goals(arguments)
    reports: list[LoadReport] = []
    for path in arguments.results or ():
        reports += read_results(path)
    number = None
    for url in urls if arguments.smoke else ():
        report, number = _smoke(url, arguments, key)
        reports.append(report)
        if number is not None:
            break
    return Loads(tuple(judge_load(report, goals) for report in reports), number)


def _smoke(url: str, arguments: LoadArguments, key: str | None) -> tuple[LoadReport, int | None]:
    """Send requests to a server; what was measured, and the signal that ended it."""
    from nimprofile.base.web.addresses import address_of
    from nimprofile.base.web.client import Client
    from nimprofile.verify.load.run import Run
    from nimprofile.verify.load.watch import Watch, gpus_here, is_this_host

    plan = LoadPlan(
        arguments.requests,
        arguments.concurrency,
        arguments.seconds,
        model=arguments.served_model_name,
        prompt_tokens=arguments.prompt_tokens,
        max_tokens=arguments.max_tokens,
    )
    address = address_of(url, "--url")
    connections = plan.concurrency + 1
    with Client(address, environ=os.environ, key=key, connections=connections) as client:
        here = is_this_host(address.host)
        watch = Watch(client, read_gpus=gpus_here if here else None)
        salt = os.urandom(4).hex()
        run = Run(client, plan, salt=salt, watch=watch, on_progress=_told if watched() else None)
        with _stopped_by_signals(run) as taken:
            report = run.report()
        progress("")
    return report, taken[0] if taken else None


def _told(now: Progress) -> None:
    failed = f", {now.failed} failed" if now.failed else ""
    progress(f"{now.answered} of {now.of} requests answered{failed}, {now.seconds:.0f} s")


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end a run once it has begun; the next is as ever.

    What the caller ignores stays ignored.
    """
    import signal
    from threading import current_thread, main_thread

    taken: list[int] = []
    if current_thread() is not main_thread():  # only the main thread takes signals
        yield taken
        return
    before: dict[int, Any] = {}

    def stop(number: int, _: object) -> None:
        if run.began is not None and not taken:
            taken.append(number)
            run.stop()
            return
        signal.signal(number, before[number])
        os.kill(os.getpid(), number)

    for name in _ENDING:
        number = getattr(signal, name)
        handler = signal.getsignal(number)
        if handler not in {signal.SIG_IGN, None}:  # None was set by what is not Python
            before[number] = handler
            signal.signal(number, stop)
    try:
        yield taken
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
