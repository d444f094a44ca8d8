"""What a table of log lines is made of: how a line begins, and which facts stand in it."""

from __future__ import annotations

import re
from functools import cache

from nimprofile.base.enums import Engine
from nimprofile.base.printable import clipped
from nimprofile.base.record import Record
from nimprofile.base.units import GIB, MIB
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    from nimprofile.verify.observation import Value

    Told: TypeAlias = tuple[Fact, Value]


class Line(Record):
    """One line that a server prints.

    Attributes:
        begins: the text with which its message begins.
        expression: a regular expression for the message from its beginning; a group is named like
            the fact whose value it holds, and with `_unit` behind it, like its unit (GiB without);
            with `plus_` before it, a size is added to the one of that fact.
        source: the file of the server's source that prints it, and the versions seen.
        sets: facts that the line tells by being there.
        settings: facts by the name of a setting; what follows the expression is read as settings.
        settled: the settings are those that the engine came to, so that no quantisation among them
            means that there is none; otherwise those that it was given.
        finding: a sentence on how well the server runs, where the line tells of that.
        fails: the line says why the server does not start.
        starts: a server prints it once, at its beginning.
        shared: other engines have a copy of the file that prints it, so it tells no engine.
    """

    begins: str
    expression: str
    _: KW_ONLY
    source: str
    sets: Mapping[Fact, Value] = {}
    settings: Mapping[str, Fact] | None = None
    settled: bool = False
    finding: str = ""
    fails: bool = False
    starts: bool = False
    shared: bool = False


class Table(Record):
    """The lines of one server.

    Attributes:
        lines: those that are read, the more particular before the more general.
        engine: the engine that prints them; "" where several do.
    """

    lines: tuple[Line, ...]
    engine: str = ""


def facts_in(line: Line, message: str) -> tuple[re.Match[str], list[Told]] | None:
    """What a message tells when it is this line; None when it is another."""
    if not message.startswith(line.begins):
        return None
    match = _compiled(line.expression).match(message)
    if match is None:
        return None
    groups = match.groupdict()
    told: list[Told] = list(line.sets.items())
    for name, text in groups.items():
        if text is not None and (fact := _FACTS.get(name)) is not None:
            value = value_of(fact, text, groups.get(f"{name}_unit"))
            more = value_of(fact, groups.get(f"plus_{name}") or "0") if fact in SIZES else None
            if isinstance(value, int) and isinstance(more, int):
                value += more
            if value is not None:
                told.append((fact, value))
    return match, told


def setting_facts(
    pairs: Iterator[tuple[str, str]], names: Mapping[str, Fact], *, settled: bool
) -> Iterator[tuple[Fact, Value, str]]:
    """The facts among settings, each with the text of its setting."""
    for name, printed in pairs:
        if (fact := names.get(name)) is None:
            continue
        text = printed.strip("'\"")
        if text == "None":
            if not (settled and fact is Fact.QUANTIZATION):
                continue
            text = "none"
        if text in UNDECIDED and not (fact is Fact.KV_CACHE_DTYPE and settled):
            continue
        if fact is Fact.CUDA_GRAPHS:  # a switch against them; without it they may still fail
            if text != "True":
                continue
            text = "False"
        if (value := value_of(fact, text)) is not None:
            yield fact, value, f"{name}={printed}"


UNDECIDED = frozenset({"auto", "", "-1"})
"""Values with which a server is told to decide for itself."""


def value_of(fact: Fact, text: str, unit: str | None = None) -> Value | None:
    """A value as it is printed, in the unit of its fact; None of what is no value of it."""
    text = text.strip()
    if fact in COUNTS:
        digits = text.replace(",", "")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
    if fact in SIZES:
        size = _number(text)
        return None if size is None else round(size * _UNITS.get(unit or "GiB", GIB))
    if fact in FRACTIONS:
        return _number(text)
    if fact in SWITCHES:
        return {"true": True, "false": False}.get(text.lower())
    if fact is Fact.ENGINE:
        return str(Engine.known(text) or text)
    if fact is Fact.DTYPE:
        text = text.removeprefix("torch.")
    if fact in {Fact.ATTENTION_BACKEND, Fact.QUANTIZATION}:
        text = text.strip("'\"").lower()
    if fact is Fact.KERNEL:
        text = _kernel(text.strip("'\"").lower())
    return clipped(text) if text else None


COUNTS = frozenset(
    {
        Fact.TP,
        Fact.PP,
        Fact.DP,
        Fact.GPUS,
        Fact.MAX_MODEL_LEN,
        Fact.KV_CACHE_TOKENS,
        Fact.KV_CACHE_BLOCKS,
        Fact.BLOCK_SIZE,
    }
)
SIZES = frozenset(
    {
        Fact.KV_CACHE_BYTES,
        Fact.WEIGHTS_BYTES,
        Fact.CUDA_GRAPHS_BYTES,
        Fact.GPU_MEMORY_BYTES,
    }
)
FRACTIONS = frozenset({Fact.MEMORY_FRACTION, Fact.MAX_CONCURRENCY})
SWITCHES = frozenset({Fact.LORA, Fact.CUDA_GRAPHS, Fact.READY})

_FACTS = {str(fact): fact for fact in Fact}
_UNITS = {"GiB": GIB, "GB": GIB, "MiB": MIB, "MB": MIB, "bytes": 1}
"""Each of these servers divides by powers of two, whatever it calls the unit."""


_OF_FORMATS = re.compile(
    r"_?(?:nvfp4|mxfp[468]|fp8|bf16|int8|w4a16|w8a8|blockscaled|scaledmm|mm(?=kernel)|linear"
    r"|kernel)"
)
_AFTER_MAKER = re.compile(r"(?<=flashinfer)[_ ]?(?=[a-z])")


def _kernel(name: str) -> str:
    """What a kernel is called, without the formats that it is for: `marlin`, `flashinfer_cutlass`.

    vLLM names a class for dense layers (`MarlinNvFp4LinearKernel`) and a word for experts.
    """
    return _AFTER_MAKER.sub("_", _OF_FORMATS.sub("", name)).strip("_") or name


def _number(text: str) -> float | None:
    if len(text) > 24 or not text.replace(".", "", 1).isascii():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
