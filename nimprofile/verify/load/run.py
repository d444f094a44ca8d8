"""A run of requests against a server, within the bounds of its plan.

One request goes first and alone: it finds the interface and the options that the server takes, and
is among the figures only where nothing else is. Then as many threads as may be in flight each send
one request after the other. Nothing is sent twice: a request that fails is counted as that.
"""

from __future__ import annotations

import threading
import time

from nimprofile.base.record import Record
from nimprofile.base.web.client import Limits
from nimprofile.base.web.faults import WebError
from nimprofile.verify.load.completions import (
    FIRST_WAY,
    Answered,
    fault_of,
    first_model,
    next_way,
    prompt_of,
    read_answer,
    refused,
)
from nimprofile.verify.load.summary import summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import KW_ONLY

    from nimprofile.base.web.client import Client
    from nimprofile.verify.load.completions import Refusal
    from nimprofile.verify.load.load_report import LoadReport
    from nimprofile.verify.load.plan import LoadPlan
    from nimprofile.verify.load.watch import Watch

MOST_OF_ANSWER = 64 << 20
"""Bytes of one answer that are read."""

HOPELESS = 20
"""Requests that fail before any was answered; then the run ends."""

BEAT = 0.1
"""Seconds between two looks at how far a run is."""

FAREWELL = 1.0
"""Seconds in which what is left at the end of a run may still end by itself."""

MOST_OF_PROCESSOR = 0.8
"""From here on what is measured may be this program: Python runs one thread at a time."""

LEAST_SECONDS = 1.0
"""Of a run, for its use of the processor to mean anything."""


class Progress(Record):
    """How far a run is.

    Attributes:
        answered, failed: requests so far, without those that tried how the server is asked.
        of: how many are to be sent.
        seconds: since the first.
    """

    answered: int
    failed: int
    _: KW_ONLY
    of: int
    seconds: float


class Run:
    """One run.

    Attributes:
        began: when the first request was sent, in seconds of `time.monotonic`; None before.
    """

    def __init__(
        self,
        client: Client,
        plan: LoadPlan,
        *,
        salt: str,
        watch: Watch | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ):
        """Make a run; nothing is sent yet.

        Args:
            client: of the server.
            plan: the bounds.
            salt: a word that no other run has, for prompts that no cache knows.
            watch: what is seen meanwhile; None sees nothing.
            on_progress: called now and then, from the thread that runs it.
        """
        self._client, self._plan, self._salt = client, plan, salt
        self._watch, self._on_progress = watch, on_progress
        self._lock, self._all_over = threading.Lock(), threading.Event()
        self._stopped = False
        self._sent = self._before = self._busy = 0
        self._trial: Answered | None = None
        self._answers: list[Answered] = []
        self._failed = 0
        self._passed: list[Refusal] = []
        self._bug: BaseException | None = None
        self._deadline = 0.0
        self._way, self._model = FIRST_WAY, ""
        self.began: float | None = None

    def stop(self) -> None:
        """End the run early; for a handler of a signal, and so without a lock."""
        self._stopped = True

    def report(self) -> LoadReport:
        """Run, and report what was measured, also where it was stopped or its time was up.

        Raises:
            WebError: the server cannot be asked for its models.
            RequestError: it lists no model, and none is named.
        """
        plan = self._plan
        self._model = plan.model or first_model(self._client)
        if self._watch is not None:
            self._watch.look_idle()
        processor, began = time.process_time(), time.monotonic()
        self.began, self._deadline = began, began + plan.seconds
        if self._watch is not None:
            self._watch.begin()
        self._in_threads(1, self._find_way)
        self._before = self._sent
        if self._trial is not None and self._trial.refusal is None:
            self._in_threads(min(plan.concurrency, plan.requests - self._sent), self._send_others)
        if self._watch is not None:
            self._watch.end()
        if self._bug is not None:
            raise self._bug
        took = time.monotonic() - began
        used = (time.process_time() - processor) / took if took > LEAST_SECONDS else 0.0
        return self._summed(used)

    def _in_threads(self, count: int, work: Callable[[], None]) -> None:
        """Do it in so many threads, until all have ended, the time is up, or it is to stop."""
        self._busy = count
        self._all_over.clear()
        for _ in range(count):
            threading.Thread(
                target=self._guarded, args=(work,), name="nimprofile-load", daemon=True
            ).start()
        while self._busy and not self._is_over():
            left = self._deadline - time.monotonic()
            self._all_over.wait(max(0.0, min(BEAT, left)))
            self._tell_progress()
        if self._busy:
            self._client.abandon()
            until = time.monotonic() + FAREWELL
            while self._busy and time.monotonic() < until:
                time.sleep(0.005)
            self._tell_progress()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again where the run was asked for
            self._bug = error
        finally:
            with self._lock:
                self._busy -= 1
            if not self._busy:
                self._all_over.set()

    def _find_way(self) -> None:
        """Send the first request, in other ways where the server refuses it."""
        while (number := self._take()) is not None:
            answered = self._ask(number)
            other = None if answered.refusal is None else next_way(self._way, answered.refusal)
            if other is None or answered.refusal is None or self._sent >= self._plan.requests:
                if not self._cut_short(answered):
                    self._trial = answered
                return
            self._passed.append(answered.refusal)
            self._way = other

    def _send_others(self) -> None:
        """Send requests until there are no more to send."""
        while not self._hopeless() and (number := self._take()) is not None:
            answered = self._ask(number)
            if not self._cut_short(answered):
                with self._lock:
                    self._answers.append(answered)
                    self._failed += answered.refusal is not None

    def _take(self) -> int | None:
        """The number of the next request; None where there is none to send."""
        with self._lock:
            if self._is_over() or self._sent >= self._plan.requests:
                return None
            self._sent += 1
            return self._sent

    def _is_over(self) -> bool:
        return self._stopped or time.monotonic() >= self._deadline

    def _hopeless(self) -> bool:
        return len(self._answers) == self._failed >= HOPELESS

    def _cut_short(self, answered: Answered) -> bool:
        """Whether a request failed because the run was over, and not by itself."""
        return answered.refusal is not None and answered.refusal.status is None and self._is_over()

    def _ask(self, number: int) -> Answered:
        """Send one request, and read its answer."""
        way, plan = self._way, self._plan
        prompt = prompt_of(number, plan.prompt_tokens, self._salt)
        body = way.body(self._model, prompt, plan.max_tokens)
        began = time.monotonic()
        left = max(0.01, self._deadline - began)
        limits = Limits(reach=min(10.0, left), pause=left, total=left, most=MOST_OF_ANSWER)
        try:
            with self._client.open("POST", way.path, body=body, limits=limits) as stream:
                if stream.status != 200:
                    return _failed(began, refused(stream))
                return read_answer(stream.began, stream)
        except WebError as error:
            return _failed(began, fault_of(error))

    def _tell_progress(self) -> None:
        if self._on_progress is None or self.began is None:
            return
        with self._lock:
            told = Progress(
                len(self._answers) - self._failed,
                self._failed,
                of=self._plan.requests - self._before,
                seconds=time.monotonic() - self.began,
            )
        self._on_progress(told)

    def _summed(self, used: float) -> LoadReport:
        with self._lock:  # a thread that is left behind may still have something to add
            answers, unfinished = [*self._answers], self._sent - self._before - len(self._answers)
        alone = self._sent == self._before
        if alone:
            answers = [] if self._trial is None else [self._trial]
            unfinished = int(self._trial is None)
        report = summary(
            answers,
            source=str(self._client.address),
            model=self._model,
            way=self._way,
            plan=self._plan,
            unfinished=unfinished,
            ended=self._ending(answers),
            notes=tuple(self._notes(used, alone=alone)),
        )
        if self._watch is None:
            return report
        return report.replace(
            gpus=self._watch.gpus(),
            kv_cache_idle=self._watch.kv_idle,
            kv_cache_peak=self._watch.kv_peak,
        )

    def _ending(self, answers: list[Answered]) -> str:
        if self._stopped:
            return "interrupted"
        if self._sent < self._plan.requests and not self._is_over():
            return "error"
        whole = self._sent == self._plan.requests and len(answers) >= self._sent - self._before
        return "all requests" if whole else "time"

    def _notes(self, used: float, *, alone: bool) -> Iterable[str]:
        if not alone:
            yield "the first request tried how the server is asked, and is not among the figures"
        for refusal in self._passed:
            yield f"the server refused another way to ask, {refusal.what}: {refusal.text}"
        if used > MOST_OF_PROCESSOR:
            yield (
                f"this program used {used:.0%} of a processor: the times may be its own, and not "
                "those of the server"
            )
        yield from () if self._watch is None else self._watch.notes


def _failed(began: float, refusal: Refusal) -> Answered:
    return Answered(began, time.monotonic(), refusal=refusal)
