"""Server-sent events: what a streamed completion comes in.

The form is that of the HTML standard, "Server-sent events"
(html.spec.whatwg.org/multipage/server-sent-events.html): lines that end in CR, LF or both, fields
`data` and `event`, comments that begin with a colon, an empty line at the end of each event.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.web.faults import Fault, WebError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_EVENT = 1 << 20
"""Bytes of one event, the line that is not yet at its end among them."""


class Event(Record):
    """One event.

    Attributes:
        data: its lines of data, joined by LF.
        at: when its last bytes came, in seconds of the clock of what was read.
        name: its kind; "" without one.
    """

    data: str
    at: float
    name: str = ""


def events(pieces: Iterable[tuple[float, bytes]]) -> Iterator[Event]:
    """The events of a stream, each as soon as its last line is there.

    An event that is not ended when the stream is, is dropped, as the standard says.

    Args:
        pieces: what came, and when.

    Raises WebError (`Fault.CONTENT`) for bytes that are no UTF-8, (`Fault.TOO_LARGE`) for an event
    of more than `LONGEST_EVENT` bytes.
    """
    data: list[str] = []
    name, size = "", 0
    for at, line in _lines(pieces):
        if not line:
            if data:
                yield Event("\n".join(data), at, name)
            data, name, size = [], "", 0
            continue
        size += len(line) + 1
        if size > LONGEST_EVENT:
            raise _too_large()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value


def _lines(pieces: Iterable[tuple[float, bytes]]) -> Iterator[tuple[float, str]]:
    """Whole lines, and when the last byte of each came."""
    kept: list[bytes] = []  # of a line that has no end yet
    size, after_cr, first = 0, False, True
    for at, piece in pieces:
        for part in piece.splitlines(keepends=True):
            if after_cr and part == b"\n":  # the second half of CR LF
                after_cr = False
                continue
            after_cr = part.endswith(b"\r")
            kept.append(part)
            size += len(part)
            if size > LONGEST_EVENT:
                raise _too_large()
            if part.endswith((b"\r", b"\n")):
                line = b"".join(kept).rstrip(b"\r\n")
                if first:
                    line, first = line.removeprefix(b"\xef\xbb\xbf"), False
                yield at, _text(line)
                kept, size = [], 0


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise WebError(Fault.CONTENT, "the stream of events is not UTF-8") from None


def _too_large() -> WebError:
    return WebError(Fault.TOO_LARGE, f"an event of more than {LONGEST_EVENT >> 20} MiB")
