"""Standard output and standard error: what is written to which, and what a failed write means."""

from __future__ import annotations

import os
import sys

from nimprofile.base.errors import NimProfileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.report.style import Style


def tell(lines: Iterable[str]) -> None:
    """Write these lines to standard error, after what was printed before them.

    So a log of both streams reads in order. That standard error cannot be written changes neither
    the answer nor the exit code.

    Raises OSError when standard output cannot be written.
    """
    if sys.stdout is not None and sys.stderr is not None:
        sys.stdout.flush()
    write_error(lines)


def write_error(lines: Iterable[str]) -> None:
    """Write these lines to standard error, if it can be written, and nothing to standard output."""
    if sys.stderr is None:  # closed; `print` would take standard output instead
        return
    try:
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # a reader that went away, a full disk
        sys.stderr = None  # or Python's own last flush fails, and the exit code with it


def drop_output() -> None:
    """Let what standard output still holds go nowhere, after a write to it has failed.

    Otherwise Python's own last flush fails again, and changes the exit code.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or no file at all
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


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


def style_of_stdout() -> Style:
    """Columns and colour as standard output and the environment want them."""
    from nimprofile.report.style import Style

    terminal = sys.stdout is not None and sys.stdout.isatty()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Style(columns=terminal, colour=terminal and not plain, width=_width())


def _width() -> int:
    try:
        return os.get_terminal_size().columns or 80
    except OSError:  # no terminal to ask
        return 80


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    import json

    print(json.dumps(value, indent=2))


def counted(number: int, what: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class OutputError(NimProfileError):
    """A file cannot be written."""


class OverwriteError(NimProfileError):
    """A file that is there already would be overwritten."""


def write_text(text: str, path: str | None, *, force: bool = False) -> None:
    """Write a document to a file, or to standard output for None and `-`; in UTF-8 either way.

    Args:
        text: the document.
        path: of the file. A device or a pipe is written to; a file that is there only with `force`.
        force: overwrite what is there.

    Raises:
        OverwriteError: there is such a file already.
        OutputError: the file cannot be written.
    """
    if path is None or path == "-":
        import io

        if isinstance(sys.stdout, io.TextIOWrapper):  # whose own encoding is the terminal's
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
        else:
            print(text, end="")
        return
    try:
        with open(path, "w" if force or _is_device(path) else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        problem = f"{path}: is there already; name a new file, or overwrite it with --force"
        raise OverwriteError(problem) from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {path}: {error.strerror}") from None


def _is_device(path: str) -> bool:
    """Whether a path is there and is no regular file, as /dev/stdout and a named pipe are."""
    return os.path.exists(path) and not os.path.isfile(path)
