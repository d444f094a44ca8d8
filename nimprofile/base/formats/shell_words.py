r"""Words for a command line that bash, dash, zsh and fish read alike, each as itself.

Single quotes keep everything in these shells but the quote, and in fish a backslash before a quote
or a backslash; so these two stand between the quoted parts, each behind a backslash, as all of them
read it. `=` at the beginning of a word, which zsh reads as the path of a program, is quoted too.
What a terminal would obey is written as octal numbers that `printf` prints, since dash and fish do
not know `$'…'`.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[\w@+,./:-]+|[\w@+,./-]+=[\w@+,./:-]*", re.ASCII)
_IN_OCTAL = re.compile("^-|[^A-Za-z0-9 @+=:,./-]")
_PARTS = re.compile(r"[\\']|[^\\']+")


def shell_word(text: str) -> str:
    """One word of a command line, printable; without quotes where it needs none."""
    if _PLAIN.fullmatch(text) is not None:
        return text
    if not text.replace("\n", "").isprintable():
        # A shell takes the ends of lines off the end of what a program prints.
        printed = text.rstrip("\n")
        ends = text[len(printed) :]
        return f"\"$(printf '{_IN_OCTAL.sub(_octal, printed)}')\"" + (ends and f"'{ends}'")
    parts = [f"\\{part}" if part in "\\'" else f"'{part}'" for part in _PARTS.findall(text)]
    return "".join(parts) or "''"


def _octal(letter: re.Match[str]) -> str:
    try:
        written = letter[0].encode(errors="surrogateescape")  # a byte that is no text
    except UnicodeEncodeError:
        written = letter[0].encode(errors="surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in written)


def shell_line(words: list[str] | tuple[str, ...]) -> str:
    """A command and its arguments as one line."""
    return " ".join(map(shell_word, words))


def shell_variable(name: str, value: str) -> str:
    """The line that sets a variable for the programs that follow."""
    return f"export {name}={shell_word(value)}"


_PIECE = re.compile(
    r"""(?P<space>[ \t\r\n]++)|'(?P<single>[^']*+)'|"(?P<double>(?:[^"\\]|\\.)*+)\""""
    r"""|\\(?P<escaped>.)|(?P<bare>[^ \t\r\n'"\\]++)""",
    re.DOTALL,
)
_ESCAPED_IN_QUOTES = re.compile(r'\\(["\\])')


def split_words(text: str, *, lenient: bool = False) -> list[str]:
    """The words of a line, as `shlex.split` has them, in time in proportion to its length.

    Args:
        text: the line.
        lenient: leave out a quotation mark that is not closed, or a backslash at the end.

    Raises:
        ValueError: for either, unless `lenient`.
    """
    words: list[str] = []
    pieces: list[str] | None = None
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None and lenient:
            at += 1
            continue
        if found is None:
            quotation = text[at] != "\\"
            raise ValueError("no closing quotation" if quotation else "no escaped character")
        at = found.end()
        if found.lastgroup == "space":
            words += [] if pieces is None else ["".join(pieces)]
            pieces = None
            continue
        piece = found[found.lastgroup or 0]
        if found.lastgroup == "double":
            piece = _ESCAPED_IN_QUOTES.sub(r"\1", piece)
        pieces = [] if pieces is None else pieces
        pieces.append(piece)
    return words if pieces is None else [*words, "".join(pieces)]
