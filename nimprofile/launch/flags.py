"""What becomes of our arguments beside those the operator adds, and which of theirs change what?"""

from __future__ import annotations

import re

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from dataclasses import KW_ONLY


class Spelling(Record):
    """The flags of one engine, as far as a plan writes them or must understand them.

    Attributes:
        aliases: other spellings -> ours.
        decisive: our spelling -> what of the selection it decides, in a word.
        dashed: the engine reads `--max_model_len` as `--max-model-len`.
        prefixes: it takes the beginning of a flag for the flag, as argparse does on its own.
    """

    aliases: Mapping[str, str]
    decisive: Mapping[str, str]
    dashed: bool = False
    _: KW_ONLY
    prefixes: bool = False

    def plain(self, flag: str) -> str:
        """Our spelling of a flag."""
        if self.dashed and flag.startswith("--"):
            flag = flag.replace("_", "-")
        flag = self.aliases.get(flag, flag)
        if self.prefixes and flag not in self.decisive and flag.startswith("--"):
            meant = [name for name in self.decisive if name.startswith(flag)]
            return meant[0] if len(meant) == 1 else flag
        return flag


def flags(told: Mapping[str, object]) -> list[tuple[str, ...]]:
    """What an engine is told, as flags: True is the flag alone, and None or False is none."""
    return [
        (flag,) if value is True else (flag, str(value))
        for flag, value in told.items()
        if value is not None and value is not False
    ]


def merged(
    own: Sequence[tuple[str, ...]], extra: Sequence[str], spelling: Spelling
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Our flags but for those that are given again, then the operator's arguments as they are.

    Args:
        own: each flag and its values.
        extra: what the operator adds.
        spelling: the engine's.

    Returns:
        The arguments, and a note for each of theirs that changes what was selected.
    """
    given = dict(read_flags(extra, spelling))
    argv = [word for words in own if words[0] not in given for word in _joined(words)]
    said = {flag: values for flag, *values in own}
    notes = []
    for flag, value in given.items():
        what, ours = spelling.decisive.get(flag), said.get(flag)
        if what is None or ours == ([] if value is None else [value]):
            continue
        told = flag if value is None else f"{flag} {value}"
        instead = f" instead of {' '.join(ours)}" if ours else ""
        notes.append(f"your {told}{instead} changes what was selected: {what}")
    return (*argv, *extra), tuple(notes)


def _joined(words: tuple[str, ...]) -> tuple[str, ...]:
    """A flag and its values; a value that looks like a flag is joined to its own."""
    if len(words) == 2 and words[1][:1] == "-":
        return (f"{words[0]}={words[1]}",)
    return words


def read_flags(words: Sequence[str], spelling: Spelling) -> Iterator[tuple[str, str | None]]:
    """The flags in a command line, in our spelling, with their first value."""
    for at, word in enumerate(words):
        if word == "--":
            return
        if not is_flag(word):
            continue
        flag, equals, value = word.partition("=")
        after = words[at + 1] if at + 1 < len(words) else "-"
        found = value if equals else None if is_flag(after) else after
        yield spelling.plain(flag), found


def taken(
    words: Sequence[str], flag: str, spelling: Spelling
) -> tuple[str | None, tuple[str, ...]]:
    """The last value of a flag that takes one, and the words without it."""
    found, rest, skip = None, [], False
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if skip:
            skip = False
        elif is_flag(word) and spelling.plain(name) == flag:
            skip = not equals and at + 1 < len(words)
            found = value if equals else words[at + 1] if skip else found
        else:
            rest.append(word)
    return found, tuple(rest)


def last_of(words: Sequence[str], flag: str, spelling: Spelling, default: int) -> int:
    """The last number that a flag is given; the default when it is given none."""
    given = [value for name, value in read_flags(words, spelling) if name == flag]
    last = given[-1] if given else None
    return int(last) if last and last.isascii() and last.isdigit() else default


def is_flag(word: str) -> bool:
    """Whether a word is a flag, and no value such as -1 or a lone dash."""
    return _FLAG.match(word) is not None


_FLAG = re.compile(r"--?[A-Za-z]")
