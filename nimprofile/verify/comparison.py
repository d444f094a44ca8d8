"""Whether one observation meets a demand: values are compared by what they mean.

Engines have words of their own for one thing: `modelopt_fp4` is `nvfp4`, `trtllm` is
`tensorrt_llm`, `fp8_e4m3` is `fp8`. Where the meaning of a word is not certain, neither is the
answer, and a sentence says why.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.enums import Engine
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.verify.observation import Fact
from nimprofile.verify.precisions import is_precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from packaging.version import Version

    from nimprofile.verify.expectation import Demand
    from nimprofile.verify.observation import Observation, Value


class Match(StrEnum):
    """What an observation says of a demand."""

    MET = "met"
    UNMET = "unmet"
    UNCLEAR = "unclear"


class Compared(Record):
    """What an observation says of a demand, and why it says nothing where it does not."""

    match: Match
    why: str = ""


_MET, _UNMET = Compared(Match.MET), Compared(Match.UNMET)

TELLING = {Fact.PRECISION: (Fact.PRECISION, Fact.QUANTIZATION)}
"""Facts that other facts tell too."""


def bears_on(observation: Observation, demand: Demand) -> bool:
    """Whether an observation is about what a demand is about."""
    fact = demand.fact
    if fact is Fact.TAG:
        tag = text_of(observation.value).partition("=")[0]
        return observation.fact is fact and tag.casefold() == demand.about.casefold()
    return observation.fact in TELLING.get(fact, (fact,))


def compared(demand: Demand, observation: Observation) -> Compared:
    """Hold an observation to a demand on the same fact."""
    if observation.fact is Fact.TAG:
        observation = observation.replace(value=text_of(observation.value).partition("=")[2])
    if demand.relation not in {"=", "!="}:
        number = version_of if observation.fact in _VERSIONS else number_of
        return _by_size(demand, number(observation.value), number(demand.value), observation.value)
    answer = _SAME.get(observation.fact, _same_text)(observation.value, demand.value)
    if isinstance(answer, bool):
        return _MET if answer is (demand.relation == "=") else _UNMET
    return Compared(Match.UNCLEAR, answer)


def text_of(value: Value) -> str:
    """A value as a demand spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number_of(text: Value) -> float | None:
    """The number that a value is; None when it is none."""
    try:
        value = float(text)
    except (ValueError, OverflowError):  # a word; a number of hundreds of digits
        return None
    return value if abs(value) < float("inf") else None


_VERSIONS = frozenset({Fact.ENGINE_VERSION, Fact.NIM_VERSION})


def version_of(text: Value) -> Version | None:
    """The version that a value is, without what a distributor has added; None when it is none."""
    from nimprofile.base.versions import is_version

    plain = text_of(text).strip().removeprefix("v")
    if not is_version(plain):
        return None
    from packaging.version import Version

    return Version(Version(plain).public)


def _by_size(demand: Demand, have: Any, bound: Any, value: Value) -> Compared:
    if have is None or bound is None:
        return Compared(Match.UNCLEAR, f"{quoted(text_of(value))} is no number to compare")
    holds = {
        ">=": have >= bound,
        "<=": have <= bound,
        ">": have > bound,
        "<": have < bound,
    }[demand.relation]
    return _MET if holds else _UNMET


def _same_text(have: Value, wanted: str) -> bool | str:
    theirs, ours = text_of(have).strip().casefold(), wanted.strip().casefold()
    number = number_of(ours)
    return theirs == ours or (number is not None and number == number_of(theirs))


SHORTEST_ID = 8
"""Digits of an id that are enough to know it by, where a log leaves out the rest."""


def _same_id(have: Value, wanted: str) -> bool | str:
    theirs, ours = text_of(have).strip().casefold(), wanted.strip().casefold()
    beginning = theirs.rstrip(".…")
    if beginning != theirs:
        if len(beginning) < SHORTEST_ID:
            return f"{quoted(text_of(have))} is too little of an id to know it by"
        return ours.startswith(beginning)
    if _is_digest(ours) and not _is_digest(theirs):
        return f"{quoted(text_of(have))} is no id as profiles have it"
    return _same_pattern(theirs, ours)


def _is_digest(text: str) -> bool:
    return len(text) == _DIGITS and {*text} <= {*"0123456789abcdef"}


_DIGITS = 64
"""Hexadecimal digits of the id of most profiles: SHA-256 of their tags."""


def _same_pattern(have: Value, wanted: str) -> bool | str:
    from fnmatch import fnmatchcase

    theirs, ours = text_of(have).strip().casefold(), wanted.strip().casefold()
    return theirs == ours or fnmatchcase(theirs, ours)


def _same_engine(have: Value, wanted: str) -> bool | str:
    theirs, ours = Engine.known(text_of(have)), Engine.known(wanted)
    if theirs is None or ours is None:
        return _same_text(have, wanted) or f"{quoted(text_of(have))} is no engine that is known"
    return theirs == ours


def _same_version(have: Value, wanted: str) -> bool | str:
    """Whether two versions are one, whatever a distributor has added after a `+`.

    A wanted version of two numbers is the series of it: 0.33 is met by 0.33.1.
    """
    from nimprofile.base.versions import is_version

    theirs, ours = (text.strip().removeprefix("v") for text in (text_of(have), wanted))
    if theirs == ours:
        return True
    if not is_version(theirs) or not is_version(ours):
        return f"{quoted(text_of(have))} cannot be compared with version {ours}"
    from packaging.version import Version

    found, demanded = Version(theirs), Version(ours)
    if found.public == demanded.public:
        return True
    series = len(demanded.release) == 2 and demanded.public == demanded.base_version
    stable = not (found.is_prerelease or found.is_postrelease)
    return series and stable and found.release[:2] == demanded.release


def _same_precision(have: Value, wanted: str) -> bool | str:
    answer = is_precision(text_of(have), wanted)
    if answer is not None:
        return answer
    return f"{quoted(text_of(have))} leaves open whether the weights are {wanted}"


_CACHES = {
    # vllm/config/cache.py (CacheDType), --kv-cache-dtype of SGLang's server_args.py, and
    # kv_cache_config.dtype of TensorRT-LLM's llmapi/llm_args.py.
    "fp8": "fp8",
    "fp8_e4m3": "fp8",
    "fp8_ds_mla": "fp8",
    "fp8_e5m2": "fp8_e5m2",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8_e5m2",
    "fp4_e2m1": "nvfp4",
    "nvfp4": "nvfp4",
    "bfloat16": "bf16",
    "bf16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "fp16": "fp16",
    "int8": "int8",
    "auto": "auto",
}


def _same_cache(have: Value, wanted: str) -> bool | str:
    theirs, ours = (
        _CACHES.get(text.strip().casefold().removeprefix("torch."))
        for text in (text_of(have), wanted)
    )
    if theirs is None or ours is None:
        return _same_text(have, wanted) or f"{quoted(text_of(have))} is no format that is known"
    if theirs == ours:
        return True
    if "auto" in {theirs, ours}:
        return "auto leaves the format to the checkpoint"
    if {theirs, ours} == {"fp8", "fp8_e5m2"}:
        return wanted.strip().casefold() == "fp8"  # the family of both
    return False


_BYTES = {"fp8": 1, "fp8_e5m2": 1, "int8": 1, "nvfp4": 0.5 + 1 / 16, "bf16": 2, "fp16": 2}


def cache_bytes(format: Value) -> float | None:
    """Bytes of one number in a KV cache of a format; None of `auto`, and of one not known."""
    name = _CACHES.get(text_of(format).strip().casefold().removeprefix("torch."), "")
    return _BYTES.get(name)


def _same_product(have: Value, wanted: str) -> bool | str:
    theirs, ours = text_of(have).strip(), wanted.strip()
    if theirs.casefold() == ours.casefold():
        return True
    from nimprofile.hardware.catalog import product_spelled

    products = product_spelled(theirs), product_spelled(ours)
    if None in products:
        return f"{quoted(theirs)} may be another name for {quoted(ours)}"
    return products[0] == products[1]


def _same_model(have: Value, wanted: str) -> bool | str:
    same = _same_text(have, wanted)
    return same or f"a model can be served under any name, and {quoted(text_of(have))} is one"


_SAME: dict[Fact, Callable[[Value, str], bool | str]] = {
    Fact.PROFILE_ID: _same_id,
    Fact.PROFILE_NAME: _same_pattern,
    Fact.ENGINE: _same_engine,
    Fact.ENGINE_VERSION: _same_version,
    Fact.NIM_VERSION: _same_version,
    Fact.PRECISION: _same_precision,
    Fact.QUANTIZATION: _same_precision,
    Fact.KV_CACHE_DTYPE: _same_cache,
    Fact.GPU_NAME: _same_product,
    Fact.MODEL: _same_model,
}
"""How two values of a fact are compared: True, False, or a sentence that says why neither."""
