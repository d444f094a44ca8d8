"""The command lines of servers: our arguments beside those that the operator adds."""

from __future__ import annotations

import re

from nimprofile.base.enums import Precision
from nimprofile.base.errors import LaunchError
from nimprofile.base.record import Record
from nimprofile.engines.arguments import is_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from dataclasses import KW_ONLY


class GivenFlag(Record):
    """A flag as it was given.

    Attributes:
        name: the one that a plan writes; of `--flag.key` it is `--flag`.
        value: its first value; None when it has none.
        said: the flag and its value as they were typed.
        key: what stands behind the dot of `--flag.key`; "" when there is no dot.
    """

    name: str
    value: str | None
    said: str
    _: KW_ONLY
    key: str = ""

    def __str__(self) -> str:
        """As it was typed, and by the name of its flag where that is another."""
        typed = re.split(r"[= ]", self.said, maxsplit=1)[0]
        if typed in {self.name, f"{self.name}.{self.key}"}:
            return self.said
        meant = self.name if self.value is None else f"{self.name} {self.value}"
        return f"{self.said} ({meant})"


class FlagSyntax(Record):
    """How a server reads its flags, as far as a plan writes them or must understand them.

    Attributes:
        aliases: other names of a flag -> the one that a plan writes.
        decisive: the name that a plan writes -> what of the selection the flag decides.
        dashed: the server reads `--max_model_len` as `--max-model-len`.
        prefixes: it takes the beginning of a flag for the flag, as argparse does on its own.
        dotted: it reads `--flag.key value` as a value inside the JSON of `--flag`.
    """

    aliases: Mapping[str, str]
    decisive: Mapping[str, str]
    dashed: bool = False
    _: KW_ONLY
    prefixes: bool = False
    dotted: bool = False

    def canonical(self, flag: str) -> str:
        """The name that a plan writes for a flag."""
        if self.dashed and flag.startswith("--"):
            flag = flag.replace("_", "-")
        flag = self.aliases.get(flag, flag)
        begun = self.beginning_with(flag)
        return begun[0] if len(begun) == 1 else flag

    def beginning_with(self, text: str) -> tuple[str, ...]:
        """The flags, by the names that a plan writes, of which a text may be the beginning."""
        if not self.prefixes or self._is_known(text):
            return ()
        names = (name for name in (*self.decisive, *self.aliases) if name.startswith(text))
        return tuple(dict.fromkeys(self.aliases.get(name, name) for name in names))

    def divided(self, argument: str) -> tuple[str, str, str | None]:
        """The name of a flag, the key behind its dot or "", and the value that it holds itself.

        A short flag may have its value attached, `-qawq`, as argparse reads it (Python's page on
        argparse, "Option value syntax").
        """
        typed, equals, text = argument.partition("=")
        value = text if equals else None
        short, attached = argument[:2], argument[2:]
        if attached and short in self.aliases and not self._is_known(typed):
            return self.aliases[short], "", attached
        key = ""
        if self.dotted:
            typed, _, key = typed.partition(".")
        return self.canonical(typed), key, value

    def _is_known(self, flag: str) -> bool:
        return flag in self.aliases or flag in self.decisive


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
    given = last_given(extra, syntax)
    argv = [argument for group in own if group[0] not in given for argument in _joined(group)]
    values_of = {flag: values for flag, *values in own}
    notes = []
    for flag, theirs in given.items():
        decides, ours = syntax.decisive.get(flag), values_of.get(flag)
        if decides in _SHARED and theirs.value != "1":
            notes.append(f"your {theirs} is shared by the GPUs; memory was judged without it")
        if decides not in NOTED or ours == ([] if theirs.value is None else [theirs.value]):
            continue
        if decides == LOADING and theirs.value in PLAIN_LOADERS:
            continue
        instead = f" instead of {' '.join(ours)}" if ours else ""
        notes.append(f"your {theirs}{instead} changes what was selected: {decides}")
    return (*argv, *extra), tuple(notes)


_SHARED = frozenset({"decode context parallelism", "data parallelism, or that of attention"})
"""What the GPUs that were selected share, where it is not refused."""

LOADING, REVISION = "how the weights are loaded", "the revision of the model"
NOTED = frozenset({"LoRA", "the objective", "more memory", LOADING, REVISION})
"""What a flag may decide other than it was judged, in the words of `decisive`."""

PLAIN_LOADERS = frozenset(
    {"auto", "hf", "safetensors", "pt", "npcache", "fastsafetensors", "runai_streamer"}
)
"""Values of `--load-format` that read the checkpoint as it is stored."""


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
    for flag, given in last_given(arguments, syntax).items():
        said, value = str(given), given.value
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
                case "how the weights are loaded":
                    yield tag, said, precision if value in PLAIN_LOADERS else None
                case _:
                    yield tag, said, None


_ALL = ("tp", "pp", "precision", "profile", "feat_lora", "max_model_len")
_DECIDES = {
    "tensor parallelism": ("tp",),
    "pipeline parallelism": ("pp",),
    "precision": ("precision",),
    **dict.fromkeys(
        ("the model", "the model's configuration", REVISION), ("precision", "max_model_len")
    ),
    LOADING: ("precision",),
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


def read_flags(arguments: Sequence[str], syntax: FlagSyntax) -> Iterator[GivenFlag]:
    """The flags among arguments, as their server reads them."""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return
        if not is_flag(argument):
            continue
        name, key, value = syntax.divided(argument)
        said, following = argument, arguments[position + 1 : position + 2]
        if value is None and following and not is_flag(following[0]) and following[0] != "--":
            value = following[0]
            said = f"{argument} {value}"
        yield GivenFlag(name, value, said, key=key)


def last_given(arguments: Sequence[str], syntax: FlagSyntax) -> dict[str, GivenFlag]:
    """The last of each name, which is the one that holds."""
    return {flag.name: flag for flag in read_flags(arguments, syntax)}


def take_value(
    arguments: Sequence[str], flag: str, syntax: FlagSyntax
) -> tuple[str | None, tuple[str, ...]]:
    """The last value of a flag that takes one, and the arguments without it."""
    last: str | None = None
    rest: list[str] = []
    is_value = False
    for position, argument in enumerate(arguments):
        name, _, value = syntax.divided(argument)
        if is_value:
            is_value = False
        elif is_flag(argument) and name == flag:
            is_value = value is None and position + 1 < len(arguments)
            last = value if value is not None else arguments[position + 1] if is_value else last
        else:
            rest.append(argument)
    return last, tuple(rest)


def last_port(arguments: Sequence[str], flag: str, syntax: FlagSyntax, default: int) -> int:
    """The port that a flag is given last; the default when the flag is not given.

    Raises LaunchError for what is no port: no server listens there.
    """
    given = last_given(arguments, syntax).get(flag)
    if given is None:
        return default
    port = whole_number(given.value)
    if port is None or not 0 < port < 65536:
        raise LaunchError(f"your {given} cannot be listened on: name a port from 1 to 65535")
    return port


def whole_number(value: str | None) -> int | None:
    """A whole number as engines read it, of at most nine digits; None for anything else."""
    fine = value is not None and value.isascii() and value.isdigit() and len(value) < 10
    return int(value) if fine and value is not None else None
