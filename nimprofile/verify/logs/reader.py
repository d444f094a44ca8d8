"""What the log of a server tells: an `Observation` for each fact, while the log is read.

`observations` takes lines as they come, in bounded memory, and may be fed from a log that still
grows. A log may hold several starts of a server; each but the first begins with `Fact.START`, and
`last_start` keeps what the last one told.
"""

from __future__ import annotations

import re

from nimprofile.base.printable import clipped
from nimprofile.base.secrets.names import is_secret_name
from nimprofile.base.secrets.output import concealed
from nimprofile.verify.logs import common, nim, sglang, tensorrt_llm, triton, vllm
from nimprofile.verify.logs.last_start import SEVERAL
from nimprofile.verify.logs.lines import log_lines
from nimprofile.verify.logs.patterns import facts_in, setting_facts
from nimprofile.verify.logs.settings import settings_in
from nimprofile.verify.observation import Fact, Observation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    from nimprofile.verify.logs.lines import LogLine
    from nimprofile.verify.logs.patterns import Line, Table, Told
    from nimprofile.verify.observation import Value

    _Told: TypeAlias = tuple[Fact, Value, str]

TABLES: tuple[Table, ...] = (
    nim.TABLE,
    vllm.TABLE,
    sglang.TABLE,
    tensorrt_llm.TABLE,
    triton.TABLE,
    common.TABLE,
)
MOST_TOLD = 4096
"""Different facts of one start that are told; a server has a few for each of its processes."""

MOST_SERVICES = 16
"""Services in one log that are told apart; those of the others are taken for one."""

MOST_TEXT = 300
"""Characters of a line that an observation repeats."""

_BLOCK_SIZES = (1, 8, 16, 32, 64, 128, 256)
"""Those that vLLM takes (`--block-size`, vllm/engine/arg_utils.py, 0.2 to 0.10)."""

_ROWS = tuple((line, table.engine) for table in TABLES for line in table.lines)
_NAMED = tuple(dict.fromkeys(line.begins for line, _ in _ROWS if line.begins))
_UNNAMED = tuple(row for row in _ROWS if not row[0].begins)
_UNNAMED_WORDS = "has no vLLM implementation"


def observations(lines: Iterable[str], source: str) -> Iterator[Observation]:
    """What a log tells, in its order; the same fact of the same process once a start.

    Of the servers of several services or pods in one log, each has a source of its own.

    Args:
        lines: of the log, with or without their ends. `lines_of` makes them of bytes.
        source: the name of the log, for `Observation.source`.
    """
    readings: dict[str, _Reading] = {}
    for line in log_lines(lines):
        service = line.service if line.service in readings or len(readings) < MOST_SERVICES else ""
        if service not in readings:
            readings[service] = _Reading(source_of(source, service))
        yield from readings[service].told(line)


def source_of(log: str, service: str) -> str:
    """What the observations of a service's server call the log; that of the log without one."""
    return f"{log} ({concealed(clipped(service))})" if service else log


class _Reading:
    """The reading of one log: what was told of the start at hand."""

    def __init__(self, source: str):
        self._source = source
        self._told: dict[tuple[Fact, str], Value] = {}
        self._count = 0
        self._begun: set[tuple[str, str]] = set()
        self._block = nim.Block()
        self._arguments = tensorrt_llm.ArgumentsBelow()
        self._blocks = 0

    def told(self, line: LogLine) -> Iterator[Observation]:
        message = line.message
        below: list[_Told] = [(fact, value, message) for fact, value in self._block.facts(message)]
        yield from self._seen(line, [*below, *self._arguments.facts(message)])
        if line.engine:
            yield from self._seen(line, [(Fact.ENGINE, line.engine, message)])
        for row, engine in _rows_of(message):
            if (found := facts_in(row, message)) is None:
                continue
            match, plain = found
            if row.starts:
                yield from self._start(line, row)
            more = nim.more_facts(match) if row in nim.LINES else self._tokens(plain)
            told: list[_Told] = [(fact, value, message) for fact, value in (*plain, *more)]
            if row.settings is not None:
                told += self._settings(message, match.end(), row)
            if engine and not row.shared:
                told.append((Fact.ENGINE, engine, message))
            if row.finding:
                told.append((Fact.FINDING, row.finding, message))
            if row.fails:
                told.append((Fact.FAILURE, clipped(concealed(message)), message))
            yield from self._seen(line, told)
            return

    def _settings(self, message: str, at: int, row: Line) -> Iterator[_Told]:
        pairs = settings_in(message[at:])
        head = message[:at].rstrip(" :=")
        for fact, value, text in setting_facts(pairs, row.settings or {}, settled=row.settled):
            yield fact, value, f"{head}: {text}"

    def _tokens(self, plain: Iterable[Told]) -> Iterator[Told]:
        """The tokens of blocks, where the size of a block follows from what is told."""
        told = dict(plain)
        self._blocks = int(told.get(Fact.KV_CACHE_BLOCKS, self._blocks))
        if Fact.MAX_CONCURRENCY not in told or Fact.KV_CACHE_TOKENS in told or not self._blocks:
            return
        # vLLM before V1 divides the tokens of all blocks by the longest context
        # (vllm/executor/executor_base.py), and rounds to two places.
        length, times = int(told[Fact.MAX_MODEL_LEN]), float(told[Fact.MAX_CONCURRENCY])
        sizes = [
            size for size in _BLOCK_SIZES if f"{self._blocks * size / length:.2f}" == f"{times:.2f}"
        ]
        if len(sizes) == 1:
            yield Fact.BLOCK_SIZE, sizes[0]
            yield Fact.KV_CACHE_TOKENS, self._blocks * sizes[0]

    def _start(self, line: LogLine, row: Line) -> Iterator[Observation]:
        # A container that is restarted goes on with the same log; the processes of one start have
        # names of their own, the number of the process apart.
        mark = (row.begins, line.process.rpartition(" ")[0])
        if mark in self._begun:
            self._told.clear()
            self._count = 0
            self._begun.clear()
            self._blocks = 0
            yield self._observed(line, Fact.START, value=True, text=line.message)
        if len(self._begun) < MOST_TOLD:
            self._begun.add(mark)

    def _seen(self, line: LogLine, told: Iterable[_Told]) -> Iterator[Observation]:
        for fact, value, text in told:
            # A value is told again where another came between: the last one counts.
            process = "" if fact in _OF_THE_SERVER else line.process
            key = (fact, str(value) if fact in SEVERAL else process)
            if self._told.get(key) == value or self._count >= MOST_TOLD:
                continue
            self._told[key] = value
            self._count += 1
            yield self._observed(line, fact, value=value, text=text)

    def _observed(self, line: LogLine, fact: Fact, *, value: Value, text: str) -> Observation:
        value = _without_secrets(concealed(value)) if isinstance(value, str) else value
        return Observation(
            fact,
            value,
            self._source,
            place=f"line {line.number}",
            text=_without_secrets(clipped(concealed(text), MOST_TEXT)),
            process=line.process,
        )


_ASSIGNED = re.compile(
    r"--(?P<flag>[A-Za-z][\w.-]{0,80})[\s=]|(?P<name>[A-Za-z][\w.-]{0,80})['\"]?\s{0,2}[:=]"
)


def _without_secrets(text: str) -> str:
    """A line up to what is named like a key or a password: servers print all of their arguments."""
    for named in _ASSIGNED.finditer(text):
        if is_secret_name(named["flag"] or named["name"]):
            return f"{text[: named.end()]}***"
    return text


def _rows_of(message: str) -> Iterator[tuple[Line, str]]:
    if message.startswith(_NAMED):
        for row in _ROWS:
            if row[0].begins and message.startswith(row[0].begins):
                yield row
    elif _UNNAMED_WORDS in message:
        yield from _UNNAMED


_OF_THE_SERVER = frozenset(Fact) - {
    Fact.WEIGHTS_BYTES,
    Fact.KV_CACHE_BYTES,
    Fact.KV_CACHE_TOKENS,
    Fact.KV_CACHE_BLOCKS,
    Fact.CUDA_GRAPHS_BYTES,
    Fact.GPU_MEMORY_BYTES,
}
"""Facts that are the same whichever process tells them."""
