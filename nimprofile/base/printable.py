"""Texts that others wrote, made fit to be printed on a terminal."""

from __future__ import annotations


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with every character that is not printable written as its escape: `\x1b`.

    A name in a manifest can hold the sequences by which a terminal is steered, or turn the
    direction of what follows it; written as escapes they are seen, and do nothing.

    Args:
        text: any text.
        lines: leave the ends of lines as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or (lines and letter == "\n") else repr(letter)[1:-1]
        for letter in text
    )
