"""Texts that others wrote, made fit to be printed: no control characters, and not too long.

A name in a manifest can hold the sequences by which a terminal is steered, turn the direction of
what follows it, or begin a line that looks like one of ours; written as escapes they are seen, and
do nothing. `nimprofile.cli.console`, the log of `exec` and the writers of JSON and YAML write every
text in one of the forms here.
"""

from __future__ import annotations

from nimprofile.base.secrets.output import concealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST = 200
"""Characters of a value that a message repeats."""

MOST_OF_MESSAGE = 4000
"""Characters of a line of a message, whatever it lists."""


def printable(text: str, *, indented: bool = False) -> str:
    r"""The text with every character that is not printable written as its escape: `\x1b`.

    Args:
        text: any text.
        indented: leave the end of a line as it is where an indented line follows.
    """
    if text.isprintable():
        return text
    if indented:
        return "\n  ".join(map(printable, text.split("\n  ")))
    return _with_escapes(text, lambda letter: repr(letter)[1:-1])


def printable_lines(text: str) -> str:
    """The text with the ends of its lines and its tabs as they are, and other escapes as above."""
    if _plain(text):
        return text
    return _with_escapes(text, lambda letter: repr(letter)[1:-1], keep="\n\t")


def printable_json(text: str) -> str:
    r"""The text of a JSON document, every character that is not printable as `\u202e`.

    It is the same document: JSON has such characters only within its strings, and the ends of lines
    only outside of them.
    """
    return text if _plain(text) else _with_escapes(text, _in_json, keep="\n")


def printable_yaml(text: str) -> str:
    r"""The text of a YAML document, every character that is not printable as `\u202e`.

    It is the same document where each text that has such characters stands in double quotes.
    """
    return text if _plain(text) else _with_escapes(text, _in_yaml, keep="\n")


def clipped(text: str, most: int = MOST) -> str:
    """A text without its middle where it has more than `most` characters.

    Both ends stay: the last part of a path says as much as the first.
    """
    if len(text) <= most:
        return text
    text = concealed(text)  # of a secret that is cut, the part that is left would not be told
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end]}…{text[-end:]}"


def shown(value: object, most: int = MOST) -> str:
    """A value of somebody else's for a message: printable, and clipped where it is long."""
    return _short_escapes(printable(clipped(str(value), most)), most)


def sentence(text: str) -> str:
    """A sentence of somebody else's for a message, which may be twice as long as a value."""
    return shown(text, 2 * MOST)


def quoted(value: object, most: int = MOST) -> str:
    """A value for a message as Python writes it, clipped where it is long."""
    if isinstance(value, str):
        return _short_escapes(repr(clipped(str(value), most)), most)
    return _short_escapes(printable(clipped(repr(value), most)), most)


def _short_escapes(text: str, most: int) -> str:
    """The text clipped again: an escape is longer than the character it stands for."""
    return clipped(text, 2 * most)


def message_line(text: str, *, indented: bool = False) -> str:
    """A message as it is printed: without secrets, short and printable.

    Args:
        text: the message.
        indented: leave the end of a line as it is where an indented line follows.
    """
    return printable(message_text(text), indented=indented)


def message_text(text: str) -> str:
    """A message without secrets, and without the middle of its long words and lines.

    A message clips the values that it repeats (`shown`, `quoted`); where one does not, its words
    are clipped here at twice their length.
    """
    text = concealed(text)
    if len(text) <= MOST:
        return text
    lines = (
        " ".join(clipped(word, 2 * MOST) for word in line.split(" ")) for line in text.split("\n")
    )
    return "\n".join(clipped(line, MOST_OF_MESSAGE) for line in lines)


def a_dozen(messages: Iterable[object], command: str) -> Iterator[str]:
    """A dozen messages of each kind, and how many more there are.

    Args:
        messages: records, whose class is the kind, or texts.
        command: of this program, which prints all of them.
    """
    counts: dict[type, int] = {}
    for message in messages:
        counts[type(message)] = counts.get(type(message), 0) + 1
        if counts[type(message)] <= DOZEN:
            yield str(message)
    if more := sum(max(0, count - DOZEN) for count in counts.values()):
        yield f"and {more} more; `nimprofile {command}` prints all"


DOZEN = 12


def _plain(text: str) -> bool:
    return text.replace("\n", "").isprintable()


def _with_escapes(text: str, escape: Callable[[str], str], keep: str = "") -> str:
    return "".join(
        letter if letter.isprintable() or letter in keep else escape(letter) for letter in text
    )


def _in_json(letter: str) -> str:
    code = ord(letter)
    if code < 1 << 16:
        return f"\\u{code:04x}"
    code -= 1 << 16
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _in_yaml(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
