"""The lines of a start-up log that report a decision, in NIM's own form.

The lines are those of NIM LLM 1.x as public logs have them; `load_manifest` reads them back. Text
as `INFO 2024-09-27 12:59:39.857 file.py:231] …`, or JSON lines with the keys of the records of 1.x
and 2.x (docs.nvidia.com/nim/large-language-models, "logging-and-observability").
"""

from __future__ import annotations

import json
import logging
import sys

from nimprofile.base.environment import read_switch
from nimprofile.base.errors import RequestError
from nimprofile.base.printable import message_line, message_text, printable_json, shown
from nimprofile.selection.reasons import GpuNotEmpty, TooLittleFree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict

LEVELS = {
    "": logging.INFO,
    "DEFAULT": logging.INFO,
    "TRACE": logging.DEBUG,
    **{name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")},
}
"""Values of `NIM_LOG_LEVEL`, of 1.x and 2.x."""


def decision_lines(decision: Decision) -> Iterator[tuple[int, str]]:
    """The levels and messages of a decision, one message a line."""
    ranked, selected = decision.ranked, decision.selected
    yield logging.INFO, f"Detected {len(ranked)} compatible profile(s)."
    low = [verdict for verdict in decision.rejected if _waits_for_memory(verdict)]
    if low:
        why = "are currently not runnable due to low free GPU memory."
        yield logging.INFO, f"Detected additional {len(low)} compatible profile(s) that {why}"
    for verdict in ranked:
        yield logging.INFO, f"Valid profile: {_id_and_name(verdict)} on GPUs {list(verdict.gpus)}"
    yield logging.INFO, f"Policy {decision.policy.name}{decision.policy_origin}."
    for warning in decision.warnings:
        yield logging.WARNING, str(warning)
    for note in decision.request.notes:
        yield logging.WARNING, str(note)
    if selected is not None:
        yield logging.INFO, f"Selected profile: {_id_and_name(selected)}"
        for tag, value in sorted(selected.profile.tags.items()):
            yield logging.INFO, f"Profile metadata: {shown(tag)}: {shown(value)}"


def _id_and_name(verdict: Verdict) -> str:
    return f"{verdict.profile.id} ({verdict.profile.name})"


def _waits_for_memory(verdict: Verdict) -> bool:
    return all(isinstance(reason, TooLittleFree | GpuNotEmpty) for reason in verdict.reasons)


def logger_of(environ: Mapping[str, str]) -> logging.Logger:
    """A logger to standard error, as `NIM_LOG_LEVEL` and `NIM_JSONL_LOGGING` want it.

    Raises RequestError for a value that neither has.
    """
    text = environ.get("NIM_LOG_LEVEL", "").strip().upper()
    level = LEVELS.get("" if text == "NONE" else text)
    if level is None:
        known = ", ".join(name for name in LEVELS if name)
        raise RequestError(f"NIM_LOG_LEVEL={text} is not a level; known: {known}")
    logger = logging.Logger("nimprofile", level)  # noqa: LOG001 - apart from a program's own
    handler = _Handler(sys.stderr)
    handler.setFormatter(_JsonLines() if wants_json(environ) else _Lines(_TEXT, _TIME))
    logger.addHandler(handler)
    return logger


def wants_json(environ: Mapping[str, str]) -> bool:
    """Whether `NIM_JSONL_LOGGING` asks for a record of JSON on every line.

    Raises RequestError.
    """
    return read_switch(environ, "NIM_JSONL_LOGGING")


_TEXT = "%(levelname)s %(asctime)s.%(msecs)03d %(filename)s:%(lineno)d] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to a stream whose loss does not stop the server: a full disk, a reader that left."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the record; there is nowhere to report it."""


class _Lines(logging.Formatter):
    """A record a line: what a message quotes from elsewhere must not begin one of its own."""

    def format(self, record: logging.LogRecord) -> str:
        return message_line(super().format(record))


class _JsonLines(logging.Formatter):
    """JSON lines with the keys that NIM's records have."""

    def format(self, record: logging.LogRecord) -> str:
        text = json.dumps(
            {
                "level": record.levelname,
                "time": f"{self.formatTime(record, _TIME)}.{int(record.msecs):03d}",
                "file_name": record.filename,
                "file_path": record.pathname,
                "line_number": record.lineno,
                "message": message_text(record.getMessage()),
                "exc_info": "None",
                "stack_info": "None",
            }
        )
        return printable_json(text)


_LEVELS_OF_MESSAGES = {
    "warning: ": logging.WARNING,
    "note: ": logging.WARNING,
    "nimprofile: ": logging.CRITICAL,
}
"""How a message begins that a command writes to standard error, and its level in the log."""


def record_of(message: str) -> str:
    """A message of a command as one line of JSON, like those of the log."""
    beginning = next((each for each in _LEVELS_OF_MESSAGES if message.startswith(each)), "")
    level = _LEVELS_OF_MESSAGES.get(beginning, logging.INFO)
    words = message.removeprefix(beginning)
    record = logging.LogRecord("nimprofile", level, __file__, 0, words, None, None)
    return _JsonLines().format(record)
