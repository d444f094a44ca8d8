"""Texts that others wrote, made fit to be printed on a terminal."""

from __future__ import annotations


def printable(text: str, *, indented: bool = False) -> str:
    r"""The text with every character that is not printable written as its escape: `\x1b`.

    A name in a manifest can hold the sequences by which a terminal is steered, turn the direction
    of what follows it, or begin a line that looks like one of ours; written as escapes they are
    seen, and do nothing.

    Args:
        text: any text.
        indented: leave the end of a line as it is where an indented line follows.
    """
    if text.isprintable():
        return text
    if indented:
        return "\n  ".join(map(printable, text.split("\n  ")))
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
