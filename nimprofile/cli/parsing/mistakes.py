"""What is wrong with the words of a command line, in one sentence that names what was meant."""

from __future__ import annotations

import re

from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from nimprofile.cli.parsing.parser import Parser

ELSEWHERE = {
    "--gpu": ("--gpus",),
    "--device": ("--gpus",),
    "--devices": ("--gpus",),
    "--num-gpus": ("--expect-gpus", "--gpus"),
    "--model-path": ("--model",),
    "--tp": ("--max-tp",),
    "--tp-size": ("--tp", "--max-tp"),
    "--pp-size": ("--pp",),
    "--tensor-parallel-size": ("--tp", "--max-tp"),
    "--pipeline-parallel-size": ("--pp",),
    "--quantization": ("--precision",),
    "--dtype": ("--precision",),
    "--context": ("--max-model-len",),
    "--context-length": ("--max-model-len",),
    "--max-seq-len": ("--max-model-len",),
    "--max-batch-size": ("--max-num-seqs", "--concurrency"),
    "--max-running-requests": ("--max-num-seqs", "--concurrency"),
    "--backend": ("--engine",),
    "--selector": ("--tags",),
    "--force": ("--allow-unsafe",),
    "--file": ("--manifest", "--output"),
}
"""What other programs call an option -> what may be meant by it here, the likeliest first."""


MANY = 8
"""From so many commands on that have an option, not all are named."""


def unknown_flag(name: str, parser: Parser) -> str:
    """What to say of an option that this command has not."""
    place, commands = _place(parser), _flags_of_commands()
    if parser.commands:
        below = place and f"{place} "
        if any(name in flags for at, flags in commands.items() if at.startswith(below)):
            what = "ACTION" if place else "COMMAND"
            words = " ".join(filter(None, ("nimprofile", place, what, name)))
            return f"{name} comes after the {what.lower()}: {words}"
    told = nameable(name, {*parser.flags, *(flag for own in commands.values() for flag in own)})
    problem = f"{place} has no option {told}" if place else f"there is no option {told}"
    others = [command for command, flags in commands.items() if name in flags]
    known_elsewhere = bool(others) and name not in ELSEWHERE  # so it is spelt as it is meant
    if not known_elsewhere and (meant := _meant(name, parser.flags)):
        return f"{problem}; did you mean {meant}?"
    if others:
        named = ", ".join(others if len(others) < MANY else [*others[:3], "…"])
        return f"{problem}; {named} {'has' if len(others) == 1 else 'have'} it"
    return f"{problem}; {_AFTER_DASHES}" if place in _TO_A_SERVER else problem


def nameable(name: str, known: Iterable[str]) -> str:
    """An option as far as it can be told: a value that is glued to it may be a secret.

    Args:
        name: an option that there is not, `-kSECRET` or `--api-keySECRET` perhaps.
        known: the options that there are; one of them with a dash too few is told wholly.
    """
    if name[:2] != "--":
        return name if len(name) <= LONGEST_SHORT or f"-{name}" in known else f"{name[:2]}…"
    found = _SECRET.match(name)
    if found is None or re.fullmatch(r"[a-z]{0,5}(-[a-z-]+)?", name[found.end() :]):
        return name
    return f"{found[0]}…"


LONGEST_SHORT = 4
"""Characters of an option of one dash that are told, as of `-dcp`; what is longer has a value."""

_SECRET = re.compile(
    r"--[a-z-]*?(api-?key|access-?key|secret-?key|token|secret|password|passwd|passphrase"
    r"|credentials?|auth|bearer|private-?key)",
    re.IGNORECASE,
)
"""What an option begins with that has a secret; `--tokenizer` goes on as a word."""


def _meant(name: str, own: Iterable[str]) -> str | None:
    """What is meant by an option of another program, or by one that is misspelt."""
    flags = [flag for flag in own if flag[:2] == "--"]
    elsewhere = {key: next((f for f in ELSEWHERE[key] if f in flags), None) for key in ELSEWHERE}
    known = {key: flag for key, flag in elsewhere.items() if flag} | {flag: flag for flag in flags}
    near = name if name in known else nearest(name, flags) or nearest(name, known)
    return None if near is None else known[near]


def _place(parser: Parser) -> str:
    """The command that a parser is of, `manifest build`; "" for the program itself."""
    return parser.prog.removeprefix("nimprofile").strip()


_AFTER_DASHES = "what is meant for the server comes after --"
_TO_A_SERVER = {"launch", "exec", "render", "lock", "check", "doctor"}


def _flags_of_commands() -> dict[str, frozenset[str]]:
    """The options of every command, by its name."""
    from nimprofile.cli.main import build_parser
    from nimprofile.cli.parsing.parser import Parser

    found: dict[str, frozenset[str]] = {}

    def visit(parser: argparse.ArgumentParser) -> None:
        for name, inner in _inner(parser).items():
            path = f"{parser.prog} {name}".removeprefix("nimprofile ")
            if isinstance(inner, Parser) and not inner.commands:
                found[path] = frozenset(inner.flags)
            visit(inner)

    visit(build_parser())
    return found


def _inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands of a parser."""
    groups = parser._subparsers._group_actions if parser._subparsers else ()  # noqa: SLF001
    return {name: inner for group in groups for name, inner in dict(group.choices or {}).items()}


def unknown_choice(action: argparse.Action, value: object) -> str:
    """What to say of a command or of a value that is none of the choices."""
    known = [str(choice) for choice in action.choices or ()]
    near = nearest(str(value), known)
    meant = f"did you mean {near}? " if near else ""
    if action.dest in {"command", "action"}:
        what = "command" if action.dest == "command" else "action"
        meant = "did you mean --help? " if value == "help" else meant
        return f"there is no {what} {quoted(value)}; {meant}{what}s: {', '.join(known)}"
    name = "/".join(action.option_strings) or action.metavar or action.dest
    return f"{name}: {quoted(value)} is not known; {meant}known: {', '.join(known)}"


def too_many(words: Sequence[str], parser: Parser) -> str:
    """What to say of words that no argument takes."""
    place = _place(parser)
    if place in _TO_A_SERVER:  # the word may be a secret
        return f"{place} has a word too many; {_AFTER_DASHES}"
    return f"{place} has a word too many: {quoted(words[0])}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is meant: the only one that begins so, or the most alike."""
    from nimprofile.base.names.nearest import nearest as most_alike

    folded = {name.lower().lstrip("-"): name for name in known}
    asked = word.lower().lstrip("-")
    begun = [name for name in folded if name.startswith(asked)]
    if len(begun) == 1 and len(asked) > 1:
        return folded[begun[0]]
    close = most_alike(asked, folded, least=0.66)
    return folded[close[0]] if close else None


def reworded(message: str, parser: Parser) -> str:
    """Argparse's words, whichever version's, as ours."""
    name = r"(?:argument )?(\S+): "
    if found := re.fullmatch(name + r"expected (?:at least )?one argument", message):
        return f"{found[1]} needs a value{_value_of(found[1], parser)}"
    if found := re.fullmatch(name + r"not allowed with argument (\S+)", message):
        return f"{found[1]} and {found[2]} exclude each other: give one of them"
    if found := re.fullmatch(name + r"ignored explicit argument .*", message, re.DOTALL):
        return f"{found[1]} takes no value"
    if found := re.fullmatch(r"the following arguments are required: (.*)", message):
        missing = found[1]
        if missing in {"COMMAND", "ACTION"}:
            article = "an" if missing == "ACTION" else "a"
            known = ", ".join(parser.commands)
            return f"{article} {missing.lower()} is missing; {missing.lower()}s: {known}"
        return f"{missing} is missing"
    return _with_nearest(message.removeprefix("argument "))


def _with_nearest(message: str) -> str:
    """A message that lists what is known, with what was meant before that."""
    found = re.fullmatch(r"(.*'([^']+)' is not an? [^;]*; )(known: (.*))", message, re.DOTALL)
    near = nearest(found[2], found[4].split(", ")) if found else None
    return f"{found[1]}did you mean {near}? {found[3]}" if found and near else message


def _value_of(name: str, parser: Parser) -> str:
    """`: FILE`, as the help calls the value of an option."""
    action = parser.flags.get(name.partition("/")[0])
    if action is None:
        return ""
    if action.choices is not None:
        return f": {', '.join(map(str, action.choices))}"
    shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return f": {name.partition('/')[0]} {shown}"
