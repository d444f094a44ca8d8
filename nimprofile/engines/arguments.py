"""What the arguments of an engine say of its start, so that memory is judged for what will run.

Each engine's own names are read, whichever engine it is: no two engines give one name two meanings.
The flags are those of the files of `launch/servers`.
"""

from __future__ import annotations

import re

from nimprofile.base.errors import RequestError
from nimprofile.base.units import parse_tokens
from nimprofile.engines.serving import KV_CACHE_DTYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from nimprofile.engines.serving import Serving


def as_started(serving: Serving, arguments: Sequence[str], source: str) -> Serving:
    """How an engine is started that is given these arguments too, the last of each name winning.

    Args:
        serving: how it would be started without them.
        arguments: for the engine, as it reads them.
        source: what they stand in, for the error.

    Raises RequestError for a number that cannot be read, by its flag.
    """
    changes: dict[str, Any] = {}
    for flag, text in _given(arguments):
        if flag in _ALONE:
            changes["eager"] = _ALONE[flag]
            continue
        field, read = _READ[flag]
        try:
            value = read(text)
        except ValueError as error:
            raise RequestError(f"{source}: {flag} {text}: {error}") from None
        if field == "max_model_len":  # a number takes an `auto` of a weaker source away
            changes["fit_context"] = value == "auto"
        if value is not _OPEN:
            changes[field] = value
        if field == "max_model_len" and value is not None:
            changes["fit_context"] = False  # this number is served, whatever fits
    return serving.replace(**changes) if changes else serving


def is_counted(flag: str) -> bool:
    """Whether memory is judged by this flag."""
    return _flag(flag) is not None


def _given(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The flags that are known here, by the names of the table, each with its value or ""."""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return
        name, equals, value = argument.partition("=")
        if (flag := _flag(name)) is None:
            continue
        if flag in _ALONE:
            yield flag, ""
            continue
        following = arguments[position + 1] if position + 1 < len(arguments) else "--"
        if equals or not (following == "--" or is_flag(following)):
            yield flag, value if equals else following


def _flag(name: str) -> str | None:
    """A flag of the table by its name, with underscores for dashes, or by its only beginning."""
    if not name.startswith("--"):
        return None
    name = name.replace("_", "-")
    if name in _READ:
        return name
    begun = [flag for flag in _READ if len(name) > SHORTEST and flag.startswith(name)]
    return begun[0] if len(begun) == 1 else None


SHORTEST = 8
"""A beginning of a flag that is no longer may be that of one which is not in the table."""


def is_flag(argument: str) -> bool:
    """Whether an argument is a flag, and no value such as -1 or a lone dash."""
    return _FLAG.match(argument) is not None


_FLAG = re.compile(r"--?[A-Za-z]")
_OPEN = object()
"""The engine is left to decide."""


def _tokens(text: str) -> object:
    """A length as vLLM reads it: `8192`, `8k`, `8K`; `auto` and -1 are the longest that fits."""
    return "auto" if text in {"auto", "-1"} else parse_tokens(text)


def _number(text: str) -> object:
    if text == "-1":  # SGLang: no chunks
        return _OPEN
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError("no whole number above 0")
    return int(text)


def _fraction(text: str) -> object:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise ValueError("no fraction above 0 and up to 1")
    return value


def _cache(text: str) -> object:
    """A format of the KV cache; one that is not known takes as much as the engine's default."""
    text = _FORMATS.get(text.lower(), text.lower())
    return text if text in KV_CACHE_DTYPES else "auto"


_FORMATS = {"fp4_e2m1": "nvfp4"}

_READ: dict[str, tuple[str, Callable[[str], object]]] = {
    "--max-model-len": ("max_model_len", _tokens),
    "--context-length": ("max_model_len", _tokens),
    "--max-seq-len": ("max_model_len", _tokens),
    "--gpu-memory-utilization": ("memory_fraction", _fraction),
    "--device-memory-utilization": ("memory_fraction", _fraction),
    "--mem-fraction-static": ("memory_fraction", _fraction),
    "--free-gpu-memory-fraction": ("memory_fraction", _fraction),
    "--kv-cache-free-gpu-memory-fraction": ("memory_fraction", _fraction),
    "--kv-cache-dtype": ("kv_cache_dtype", _cache),
    "--max-num-seqs": ("max_num_seqs", _number),
    "--max-running-requests": ("max_num_seqs", _number),
    "--max-batch-size": ("max_num_seqs", _number),
    "--max-num-batched-tokens": ("max_num_batched_tokens", _tokens),
    "--chunked-prefill-size": ("max_num_batched_tokens", _number),
    "--max-num-tokens": ("max_num_batched_tokens", _number),
    "--enforce-eager": ("eager", bool),
    "--no-enforce-eager": ("eager", bool),
    "--disable-cuda-graph": ("eager", bool),
}
"""Flag, with dashes -> the field of `Serving` that it decides, and how its value is read."""

_ALONE = {"--enforce-eager": True, "--no-enforce-eager": False, "--disable-cuda-graph": True}
"""Flags without a value, and what they say."""
