"""Standard output and standard error: what is written to which, and what a failed write means.

Whatever this program prints goes through `put`, `show` or `write_error`, which leave no control
character of a text that others wrote, and no secret. Three write by themselves, and as they do: the
log of `exec`, the line of progress of `verify`, and the last door, for where this module cannot be
imported. `tests/test_architecture.py` finds whatever else mentions a standard stream.
"""

from __future__ import annotations

import io
import os
import sys
from errno import EBADF

from nimprofile.base.errors import NimProfileError
from nimprofile.base.printable import message_line, printable_json, printable_lines
from nimprofile.base.secrets.output import concealed, has_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nimprofile.report.blocks import Block

_records = False
"""Whether every message is a record of JSON, as the log of `exec` can be."""


def begin(*, records: bool) -> None:
    """Begin a command line: with `records`, standard error has records of JSON and nothing else.

    Raises LostOutputError.
    """
    global _records, _json_is_out
    _records, _json_is_out = records, False
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name must not break an ASCII terminal
        _to_output(sys.stdout.reconfigure, errors="backslashreplace")


def put(text: str, end: str = "\n") -> None:
    """Write a document, which a program reads: it has what was decided, and no stars.

    Raises LostOutputError, and UsageError where it would have a secret of this process.
    """
    _refuse_secret(text)
    _to_output(print, printable_lines(text), end=end)


def put_message(text: str) -> None:
    """Write what people read to standard output, with stars for secrets. Raises LostOutputError."""
    _to_output(print, printable_lines(concealed(text)))


def _refuse_secret(document: str) -> None:
    if has_secret(document):
        from nimprofile.cli.parsing.parser import UsageError

        raise UsageError("the output would have a secret of this process: leave that out")


class LostOutputError(Exception):
    """Standard output cannot be written.

    Attributes:
        why: what the system says; "" where the reader went away, which is no failure.
    """

    def __init__(self, error: OSError):
        self.why = "" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
        super().__init__(self.why)


def _to_output(write: Callable[..., object], *words: object, **options: object) -> None:
    if sys.stdout is None:  # closed before this process began; `print` would say nothing of it
        raise LostOutputError(OSError(EBADF, os.strerror(EBADF)))
    try:
        write(*words, **options)
    except OSError as error:
        raise LostOutputError(error) from None


def flush_output() -> None:
    """Write what standard output still holds. Raises LostOutputError."""
    if sys.stdout is not None:
        _to_output(sys.stdout.flush)


def tell(lines: Iterable[str], *, indented: bool = False) -> None:
    """Write these lines to standard error, after what was printed before them.

    So a log of both streams reads in order. That standard error cannot be written changes neither
    the answer nor the exit code.

    Raises LostOutputError.
    """
    if sys.stderr is not None:
        flush_output()
    write_error(lines, indented=indented)


def write_error(lines: Iterable[str], *, indented: bool = False) -> None:
    """Write these lines to standard error, if it can be written, and nothing to standard output.

    Control characters are written as escapes, and what is very long has lost its middle.

    Args:
        lines: the messages.
        indented: they are those of errors, which may have indented lines below the first.
    """
    if sys.stderr is None:  # closed; `print` would take standard output instead
        return
    try:
        for line in lines:
            text = _as_record(line) if _records else _as_text(line, indented=indented)
            print(text, file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # a reader that went away, a full disk
        sys.stderr = None  # or Python's own last flush fails, and the exit code with it


def _as_text(message: str, *, indented: bool) -> str:
    text = message_line(message, indented=indented)
    return _wrapped(text) if watched() else text


def _as_record(message: str) -> str:
    from nimprofile.report.startup_log import record_of

    return record_of(message)


def _wrapped(text: str) -> str:
    """Lines as wide as the terminal; a longer word, as an id or a path, is left whole."""
    width = _width()
    if all(len(line) <= width for line in text.split("\n")):
        return text
    from textwrap import wrap

    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip(" "))]
        lines += wrap(
            line,
            width,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [line]
    return "\n".join(lines)


def drop_output() -> None:
    """Let what standard output still holds go nowhere, after a write to it has failed.

    Otherwise Python's own last flush fails again, and changes the exit code.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or no file at all
        return
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
    except OSError:  # nothing is left to do
        return


def flush_what_can_be() -> None:
    """Flush both streams, whatever becomes of it: what follows is worth more than a lost line."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # a full disk; a stream that is closed
            pass


def watched() -> bool:
    """Whether standard error is a terminal, where a long wait is explained."""
    return sys.stderr is not None and sys.stderr.isatty()


def show(blocks: Iterable[Block], color: str) -> bool:
    """Print a report, drawn as for a terminal or plain; whether it was drawn.

    It is drawn where standard output is a terminal, or `--color always` or FORCE_COLOR ask for it;
    only then `rich` is imported.

    Args:
        blocks: what is printed.
        color: `always`, `never`, or `auto`, which leaves it to the environment.
    """
    drawn, colour = _looks(color)
    if not drawn:
        from nimprofile.report.blocks import plain_text

        put_message(plain_text(blocks))
        return False
    from nimprofile.report.terminal import terminal_text

    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    bars = encoding.lower().startswith("utf")
    # Its escapes are those of the colours; each part of it was made fit to be printed before.
    text = terminal_text(blocks, width=_width(), colour=colour, bars=bars)
    _to_output(print, text)
    return True


def _looks(color: str) -> tuple[bool, bool]:
    """Whether to draw, and whether in colour.

    NO_COLOR beats FORCE_COLOR, and that TERM, as in Python's own messages (no-color.org,
    force-color.org; "Controlling color" in the documentation of Python).
    """
    terminal = sys.stdout is not None and sys.stdout.isatty()
    if color == "never" or (color == "auto" and os.environ.get("NO_COLOR")):
        return terminal, False
    if color == "always" or os.environ.get("FORCE_COLOR"):
        return True, True
    return terminal, terminal and os.environ.get("TERM") != "dumb"


def _width() -> int:
    """Characters in a line: as COLUMNS says, or the first of our streams that is a terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:9]) > 0:
        return int(columns[:9])
    for descriptor in (1, 2, 0):
        try:
            return os.get_terminal_size(descriptor).columns or 80
        except OSError:  # not a terminal
            continue
    return 80


def print_json(value: object, *, message: bool = False) -> None:
    """Print a value as indented JSON; a `message`, such as an error, has stars for secrets."""
    import json

    text = json.dumps(value, indent=2)
    if "\x7f" in text:  # the one control character that JSON in ASCII has as it is
        text = printable_json(text)
    (put_message if message else put)(text)
    global _json_is_out  # noqa: PLW0603 - there is one standard output
    _json_is_out = True


_json_is_out = False


def json_is_out() -> bool:
    """Whether standard output has a JSON value of this command line, and takes no second one."""
    return _json_is_out


def counted(number: int, what: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class OutputError(NimProfileError):
    """A file cannot be written."""


class OverwriteError(NimProfileError):
    """A file that is there already would be overwritten."""


def write_text(text: str, path: str | None, *, force: bool = False) -> None:
    """Write a document as `put` to a file, or to standard output for None and `-`; in UTF-8.

    Args:
        text: the document.
        path: of the file. Of what is no regular file, only a descriptor of this process
            (`/dev/stdout`) and the null device are written to.
        force: overwrite what is there.

    Raises:
        OverwriteError: there is such a file already.
        OutputError: the file cannot be written.
    """
    _refuse_secret(text)
    if path is None or path == "-":
        if isinstance(sys.stdout, io.TextIOWrapper):  # whose own encoding is the terminal's
            flush_output()
            _to_output(sys.stdout.buffer.write, printable_lines(text).encode())
        else:
            put(text, end="")
        return
    from nimprofile.base.formats.written_files import write_file

    try:
        write_file(path, text, overwrite=force, named=True)
    except FileExistsError:
        problem = f"{path}: is there already; name a new file, or overwrite it with --force"
        raise OverwriteError(problem) from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {path}: {error.strerror}") from None
