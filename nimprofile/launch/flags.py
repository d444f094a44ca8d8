"""The command lines of servers: our arguments beside those that the operator adds."""

from __future__ import annotations

import re

from nimprofile.base.enums import Precision
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from dataclasses import KW_ONLY


class FlagSyntax(Record):
    """How a server reads its flags, as far as a plan writes them or must understand them.

    Attributes:
        aliases: other names of a flag -> the one that a plan writes.
        decisive: the name that a plan writes -> what of the selection the flag decides.
        dashed: the server reads `--max_model_len` as `--max-model-len`.
        prefixes: it takes the beginning of a flag for the flag, as argparse does on its own.
    """

    aliases: Mapping[str, str]
    decisive: Mapping[str, str]
    dashed: bool = False
    _: KW_ONLY
    prefixes: bool = False

    def canonical(self, flag: str) -> str:
        """The name that a plan writes for a flag."""
        if self.dashed and flag.startswith("--"):
            flag = flag.replace("_", "-")
        flag = self.aliases.get(flag, flag)
        if self.prefixes and flag not in self.decisive and flag.startswith("--"):
            candidates = [name for name in self.decisive if name.startswith(flag)]
            return candidates[0] if len(candidates) == 1 else flag
        return flag


def flag_groups(values: Mapping[str, object]) -> list[tuple[str, ...]]:
    """Flags and their values: True is the flag alone, and None or False leaves it out."""
    return [
        (flag,) if value is True else (flag, str(value))
        for flag, value in values.items()
        if value is not None and value is not False
    ]


def merge_arguments(
    own: Sequence[tuple[str, ...]], extra: Sequence[str], syntax: FlagSyntax
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Our flags but for those that are given again, then the operator's arguments as they are.

    Args:
        own: each flag and its values.
        extra: what the operator adds.
        syntax: the server's.

    Returns:
        The arguments, and a note for each of the operator's that changes what was selected; what
        contradicts it is refused before (`judged/arguments.py`).
    """
    given = dict(read_flags(extra, syntax))
    argv = [argument for group in own if group[0] not in given for argument in _joined(group)]
    values_of = {flag: values for flag, *values in own}
    notes = []
    for flag, value in given.items():
        decides, ours = syntax.decisive.get(flag), values_of.get(flag)
        if decides not in NOTED or ours == ([] if value is None else [value]):
            continue
        theirs = flag if value is None else f"{flag} {value}"
        instead = f" instead of {' '.join(ours)}" if ours else ""
        notes.append(f"your {theirs}{instead} changes what was selected: {decides}")
    return (*argv, *extra), tuple(notes)


NOTED = frozenset({"LoRA", "the objective", "more memory"})
"""What a flag may decide other than it was judged, in the words of `decisive`."""


def decided(
    arguments: Sequence[str], syntax: FlagSyntax, precision: Precision | None
) -> Iterator[tuple[str, str, str | None]]:
    """What an operator's arguments decide of a profile: its tag, the argument, and the value.

    Args:
        arguments: what the operator adds.
        syntax: the server's.
        precision: the profile's.

    A value of None is one that cannot be known from the argument.
    """
    for flag, value in dict(read_flags(arguments, syntax)).items():
        said = flag if value is None else f"{flag} {value}"
        decides = syntax.decisive.get(flag.replace("--no-", "--", 1), "")
        for tag in _DECIDES.get(decides, ()):
            match decides:
                case "tensor parallelism" | "pipeline parallelism":
                    yield tag, said, value
                case "LoRA":
                    yield tag, said, "false" if flag.startswith("--no-") else "true"
                case "the longest context, and memory":
                    yield tag, said, _tokens(value)
                case "precision":
                    yield tag, said, _precision(flag, value, precision)
                case _:
                    yield tag, said, None


_ALL = ("tp", "pp", "precision", "profile", "feat_lora", "max_model_len")
_DECIDES = {
    "tensor parallelism": ("tp",),
    "pipeline parallelism": ("pp",),
    "precision": ("precision",),
    "the model": ("precision", "max_model_len"),
    "the longest context, and memory": ("max_model_len",),
    "LoRA": ("feat_lora",),
    "the objective": ("profile",),
    "what stands in our file": _ALL,
    "what stands in that file": _ALL,
    "the model repository": _ALL,
}
"""What a flag decides, in the words of `decisive` -> the tags of a profile."""


def _tokens(text: str | None) -> str | None:
    """A number of tokens in digits; None for what is none, as `auto`."""
    from nimprofile.base.units import parse_tokens

    try:
        return str(parse_tokens(text or ""))
    except ValueError:
        return None


def _precision(flag: str, value: str | None, own: Precision | None) -> str | None:
    """The precision of the weights with this argument; None when it cannot be known."""
    if flag == "--dtype":  # of what is not quantised
        return own if own is not None and own.bits < 16 else _DTYPES.get(value or "")
    value = (value or "").lower()
    return "fp8" if value.startswith("fp8") else value if value in {*Precision} else None


_DTYPES = {
    "bfloat16": "bf16",
    **dict.fromkeys(("float16", "half"), "fp16"),
    **dict.fromkeys(("float32", "float"), "fp32"),
}


def _joined(group: tuple[str, ...]) -> tuple[str, ...]:
    """A flag and its values; a value that looks like a flag is joined to its own."""
    if len(group) == 2 and group[1][:1] == "-":
        return (f"{group[0]}={group[1]}",)
    return group


def read_flags(arguments: Sequence[str], syntax: FlagSyntax) -> Iterator[tuple[str, str | None]]:
    """The flags among arguments, as a plan names them, with their first value."""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return
        if not is_flag(argument):
            continue
        flag, equals, value = argument.partition("=")
        following = arguments[position + 1 : position + 2]
        following_value = None if not following or is_flag(following[0]) else following[0]
        yield syntax.canonical(flag), value if equals else following_value


def take_value(
    arguments: Sequence[str], flag: str, syntax: FlagSyntax
) -> tuple[str | None, tuple[str, ...]]:
    """The last value of a flag that takes one, and the arguments without it."""
    last: str | None = None
    rest: list[str] = []
    is_value = False
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if is_value:
            is_value = False
        elif is_flag(argument) and syntax.canonical(name) == flag:
            is_value = not equals and position + 1 < len(arguments)
            last = value if equals else arguments[position + 1] if is_value else last
        else:
            rest.append(argument)
    return last, tuple(rest)


def last_number(arguments: Sequence[str], flag: str, syntax: FlagSyntax, default: int) -> int:
    """The last number that a flag is given; the default when it is given none."""
    given = [value for name, value in read_flags(arguments, syntax) if name == flag]
    last = given[-1] if given else None
    return int(last) if last and last.isascii() and last.isdigit() else default


def is_flag(argument: str) -> bool:
    """Whether an argument is a flag, and no value such as -1 or a lone dash."""
    return _FLAG.match(argument) is not None


_FLAG = re.compile(r"--?[A-Za-z]")
