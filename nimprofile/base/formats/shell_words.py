r"""Words for a command line that bash, dash, zsh and fish read alike, each as itself.

Single quotes keep everything in these shells but the quote, and in fish a backslash before a quote
or a backslash; so these two stand between the quoted parts, each behind a backslash, as all of them
read it. `=` at the beginning of a word, which zsh reads as the path of a program, is quoted too.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[\w@+,./:-]+|[\w@+,./-]+=[\w@+,./:-]*", re.ASCII)
_PARTS = re.compile(r"[\\']|[^\\']+")


def shell_word(text: str) -> str:
    """One word of a command line; without quotes where it needs none."""
    if _PLAIN.fullmatch(text) is not None:
        return text
    parts = [f"\\{part}" if part in "\\'" else f"'{part}'" for part in _PARTS.findall(text)]
    return "".join(parts) or "''"


def shell_line(words: list[str] | tuple[str, ...]) -> str:
    """A command and its arguments as one line."""
    return " ".join(map(shell_word, words))


def shell_variable(name: str, value: str) -> str:
    """The line that sets a variable for the programs that follow."""
    return f"export {name}={shell_word(value)}"
