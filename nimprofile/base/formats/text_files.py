"""Text files of bounded size, read as UTF-8."""

from __future__ import annotations

import os
import sys

from nimprofile.base.errors import ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 64 << 20
"""Largest text that is read, in bytes. The largest manifests seen are under 10 MB."""


def read_stdin() -> str:
    """Read standard input as `read_text` reads a file."""
    if sys.stdin is None:
        raise ManifestError("standard input is closed", source="<stdin>")
    return decode(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")


def read_text(name: str, *, what: str, hint: Callable[[], str] | None = None) -> str:
    """Read a file of at most `MAX_BYTES` as UTF-8.

    Args:
        name: its path.
        what: what it is to hold, for the error: `manifest`, `inventory`, `model`.
        hint: text added to the error when there is no such file.

    Raises ManifestError.
    """
    if os.path.isdir(name):
        raise ManifestError(f"this is a directory; name the {what} file in it", source=name)
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        more = "" if hint is None else hint()
        raise ManifestError(f"no such file{more}", source=name) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ManifestError(f"cannot be read: {reason}", source=name) from None
    return decode(data, name)


def decode(data: bytes, source: str) -> str:
    """Decode the bytes of a text file. Raises ManifestError when they are no text."""
    if len(data) > MAX_BYTES:
        raise ManifestError(
            f"larger than {MAX_BYTES >> 20} MiB, which no manifest is", source=source
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"not a text file: byte {error.start} is not UTF-8", source=source, line=line
        ) from None
    if "\0" in text:
        raise ManifestError("not a text file: it holds a NUL byte", source=source)
    if not text.strip():
        raise ManifestError("the file is empty", source=source)
    return text


def is_json(text: str) -> bool:
    """Whether a text is JSON; a log may begin with a bracket too."""
    if text.lstrip()[:1] not in "{[":
        return False
    import json

    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
