"""The lines of a server's log, without what was put around them: who wrote them, when, in colours.

A line reaches a file in many dresses: containers put times before it or make JSON of it, servers
put a level, a time, a process and a file before it, progress bars stand before it on the same line.
`log_lines` takes all of that off, so that a pattern looks only at how a message begins, and what a
request says in the middle of a line is never taken for a message of the server.

Any log is read in bounded memory: a line is cut after `MOST_OF_LINE` characters.
"""

from __future__ import annotations

import re

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from dataclasses import KW_ONLY

MOST_OF_LINE = 1 << 16
"""Characters of a line that are read. The longest line that matters, the arguments of a server,
has less than a tenth of them."""

MAX_SHELLS = 3
"""JSON within JSON within JSON: a container's record of a shipper's record of a server's record."""

# ESC [ … m and its like, ESC ] … BEL; below, the two forms in which pasted logs show the former.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|\x1b."
)
_COLOURS = re.compile(r"\^\[\[[0-9;]{0,16}m|(?<![\w'\"])\[(?:0|[0-9]{1,2}(?:;[0-9]{1,3}){0,4})m")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)"
_FILE = r"[^\s\[\]:]{1,200}:[0-9]{1,6}"
_BEFORE = re.compile(
    r"[\s>]{1,16}|# (?=(?:INFO|WARNING|ERROR) )"  # a quoted log
    r"|(?P<service>[\w.-]{1,100})\s{0,40}\| (?=[^\s|])"  # docker compose: `vllm-1  | `
    r"|\[pod/(?P<pod>[^\]\s]{1,300})\] "  # kubectl logs --prefix
    rf"|{_TIME}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})\s+(?:std(?:out|err) [FP] )?"  # containers
    r"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} \S{1,100} [\w./-]{1,100}(?:\[[0-9]{1,8}\])?: "  # journal
    # A progress bar that a message follows on its line; what is quoted before it is a request.
    r"|[^|\n'\"]{0,120}?[0-9]{1,3}%\|[^|]{0,400}\|[^\[\]|]{0,60}\[[^\]]{0,100}\]"
)
_PROCESS = re.compile(
    r"\((?P<name>[A-Za-z][\w.-]{0,60}(?: [\w.-]{1,30}){0,3})(?: pid=(?P<pid>[0-9]{1,8}))"
    r"(?:, ip=[^)\s]{1,100})?\) ?"
)
_HEADER = re.compile(
    # vLLM `INFO 04-22 00:46:45 [v1/core/kv_cache_utils.py:1319] `, NIM `INFO 2024-09-27
    # 12:59:39.857 ngc_profile.py:231] `, of some NIMs without the bracket.
    rf"{_LEVEL} (?:[0-9]{{4}}-)?[0-9]{{2}}-[0-9]{{2}} [0-9:]{{8}}(?:[.,][0-9]{{1,6}})? "
    rf"(?:\[?{_FILE}\]? ?)?"
    # TensorRT-LLM `[02/14/2025-09:38:53] [TRT-LLM] [RANK 0] [I] `, `[TensorRT-LLM][INFO] `
    r"|(?:\[[0-9]{2}/[0-9]{2}/[0-9]{4}-[0-9:]{8}\] )?(?P<trt>\[TRT-LLM[^\]]{0,40}\]) "
    r"(?P<rank>\[RANK [0-9]{1,5}\] ?)?(?:\[[A-Z]\] ?)?"
    r"|(?P<trt_2>\[TensorRT-LLM\])(?:\[[A-Z]{1,10}\])? ?"
    # SGLang `[2025-07-08 06:56:33 DP0 TP1] `, in some files with level and file behind it.
    rf"|\[(?:{_TIME})(?P<ranks>(?: [A-Z]{{2,4}}[0-9]{{1,4}}){{0,6}})\] "
    rf"(?:{_LEVEL} {_FILE}: )?"
    # Triton `I0614 12:00:00.123456 1 server.cc:674] `
    r"|[IWEF][0-9]{4} [0-9:]{8}\.[0-9]{1,6} [0-9]{1,8} [^\s\]]{1,100}:[0-9]{1,6}\] "
    # uvicorn `INFO:     `, and logging's default `INFO:vllm.engine:`
    rf"|{_LEVEL}:(?:\s{{1,10}}|[\w.]{{1,100}}:)"
    # logging `2025-12-20 04:21:17,836 - INFO - flashinfer.jit: `
    rf"|{_TIME} - (?:[\w.]{{1,100}} - )?{_LEVEL} - (?:[a-z_]{{1,40}}\.[\w.]{{1,60}}: )?"
)


class LogLine(Record):
    """One line of a log.

    Attributes:
        number: counted from 1; of a line that was cut in several, of its first part.
        message: what the server said, without all that stands before it.
        process: which of its processes said it, `EngineCore_DP0`, `DP0 TP1`; "" where none is told.
        engine: the engine that its header names, "" without one.
        service: the service or the pod that compose or kubectl puts before it, "" without one.
    """

    number: int
    message: str
    process: str
    _: KW_ONLY
    engine: str = ""
    service: str = ""


def lines_of(parts: Iterable[bytes]) -> Iterator[str]:
    """The lines of bytes that come in parts of any size, each as soon as it is whole.

    What is no UTF-8 becomes U+FFFD, and of a line only the first `MOST_OF_LINE` bytes are kept.
    """
    left, cut = bytearray(), False
    for part in parts:
        at = 0
        while (end := part.find(b"\n", at)) >= 0:
            if not cut:
                left += part[at:end][: MOST_OF_LINE - len(left)]
            yield left.decode("utf-8", "replace")
            left.clear()
            at, cut = end + 1, False
        if not cut:
            left += part[at:][: MOST_OF_LINE - len(left)]
            cut = len(left) >= MOST_OF_LINE
    if left:
        yield left.decode("utf-8", "replace")


def log_lines(lines: Iterable[str]) -> Iterator[LogLine]:
    """The messages of a log, in order, without empty ones."""
    begun, begun_at = "", 0
    for number, line in enumerate(lines, 1):
        text, whole = _unwrapped(line[:MOST_OF_LINE].rstrip("\r\n"))
        if not whole:  # containers write a long line in several records
            begun, begun_at = (begun + text)[:MOST_OF_LINE], begun_at or number
            continue
        if begun:
            number_told, text = begun_at, (begun + text)[:MOST_OF_LINE]
            begun, begun_at = "", 0
        else:
            number_told = number
        for piece in text.split("\r") if "\r" in text else (text,):
            told = _bare(piece, number_told)
            if told.message:
                yield told
    if begun:
        yield _bare(begun, begun_at)


_CRI = re.compile(rf"{_TIME}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}}) std(?:out|err) (?P<tag>[FP])(?: |$)")
_SPLIT = 16 << 10
"""Docker's json-file driver ends a record after so many bytes of a line without an end."""


def _unwrapped(line: str) -> tuple[str, bool]:
    """What a record of JSON or of a container's runtime says, and whether its line ends there."""
    whole = True
    for _ in range(MAX_SHELLS):
        if match := _CRI.match(line):
            return line[match.end() :], whole and match["tag"] == "F"
        if line[:1] != "{" or line.rstrip()[-1:] != "}":
            break
        told = _message_of(line)
        if told is None:
            break
        if '"log"' in line and not told.endswith("\n") and len(told) >= _SPLIT:
            whole = False
        line = told.rstrip("\n")
    return line, whole


_KEYS = ("log", "message", "MESSAGE", "msg")


def _message_of(line: str) -> str | None:
    """The message in a record of JSON; None of any other text, or a record without one."""
    from nimprofile.base.formats.json_reader import JsonError, read_json

    try:
        record = read_json(line)
    except JsonError:
        return None
    if not isinstance(record, dict):
        return None
    for key in _KEYS:
        if isinstance(told := record.get(key), str):
            return told
    return None


def _bare(line: str, number: int) -> LogLine:
    if not line.isprintable():
        line = _CONTROLS.sub("", _ESCAPES.sub("", line).expandtabs(1))
    if "[" in line:
        line = _COLOURS.sub("", line)
    process, engine, service, at = "", "", "", 0
    for _ in range(8):
        if match := _PROCESS.match(line, at):
            process = f"{match['name']} {match['pid']}"
        elif match := _HEADER.match(line, at):
            if match["trt"] or match["trt_2"]:
                engine = "tensorrt_llm"
            process = (match["rank"] or match["ranks"] or "").strip("[] ") or process
        elif match := _BEFORE.match(line, at):
            service = service or match["service"] or match["pod"] or ""
        else:
            break
        if match.end() == at:
            break
        at = match.end()
    return LogLine(number, line[at:].strip(), process, engine=engine, service=service)
