"""The vocabularies of the field: engines and servers, which are open, precisions, objectives."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, ClassVar, Self


class _Vocabulary(type):
    """Lets the class of an open vocabulary be iterated, as an enum's can."""

    _names: dict[str, Any]

    def __iter__(cls) -> Iterator[Any]:
        return iter(dict.fromkeys(cls._names.values()))


class _Name(str, metaclass=_Vocabulary):
    """A name of an open vocabulary: like a member of an enum, but names can be added."""

    __slots__ = ()
    _names: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        cls._names = {}

    def __new__(cls, text: str) -> Self:
        """The name with this spelling; ValueError when there is none."""
        known: Self | None = cls._names.get(text)
        if known is None:
            raise ValueError(f"{text!r} is not a valid {cls.__name__}")
        return known

    @classmethod
    def add(cls, name: str, *aliases: str) -> Self:
        """Add a name, and other spellings of it; the name itself when it is there already."""
        added: Self = cls._names.setdefault(name, str.__new__(cls, name))
        for alias in aliases:
            cls._names.setdefault(alias, added)
        return added

    @classmethod
    def known(cls, text: str) -> Self | None:
        """The name of any spelling, whatever its case; None when it is not known."""
        return cls._names.get(text.strip().lower())

    @property
    def value(self) -> str:
        """The spelling as a plain text."""
        return str(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )


class Engine(_Name):
    """A serving engine, spelled as the tag `llm_engine` spells it.

    `nimprofile.engines.spec.register` adds another.
    """

    __slots__ = ()
    TENSORRT_LLM: ClassVar[Engine]
    VLLM: ClassVar[Engine]
    SGLANG: ClassVar[Engine]


# Other spellings: documents of NIM 2.x, and the Metadata API.
Engine.TENSORRT_LLM = Engine.add("tensorrt_llm", "trtllm", "tensorrt-llm")
Engine.VLLM = Engine.add("vllm")
Engine.SGLANG = Engine.add("sglang")


class Precision(StrEnum):
    """A numeric format of the weights, spelled as the tag `precision` spells it."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    FP8 = "fp8"
    INT8 = "int8"
    INT8WO = "int8wo"
    INT4 = "int4"
    INT4_AWQ = "int4_awq"
    W4A16 = "w4a16"
    MXFP4 = "mxfp4"
    NVFP4 = "nvfp4"

    @property
    def bits(self) -> int:
        """Bits of one weight."""
        return _BITS[self]


_BITS = {
    Precision.FP32: 32,
    Precision.BF16: 16,
    Precision.FP16: 16,
    Precision.FP8: 8,
    Precision.INT8: 8,
    Precision.INT8WO: 8,
    Precision.INT4: 4,
    Precision.INT4_AWQ: 4,
    Precision.W4A16: 4,
    Precision.MXFP4: 4,
    Precision.NVFP4: 4,
}


class Objective(StrEnum):
    """What a profile was tuned for; the tag is called `profile`."""

    LATENCY = "latency"
    BALANCED = "balanced"
    THROUGHPUT = "throughput"


class Server(_Name):
    """What is started: an engine's own server, Triton with an engine inside, or a NIM container.

    `nimprofile.launch.server_spec.register` adds another.
    """

    __slots__ = ()
    VLLM: ClassVar[Server]
    SGLANG: ClassVar[Server]
    TENSORRT_LLM: ClassVar[Server]
    TRITON: ClassVar[Server]
    NIM: ClassVar[Server]


Server.VLLM = Server.add("vllm")
Server.SGLANG = Server.add("sglang")
Server.TENSORRT_LLM = Server.add("tensorrt_llm", "trtllm", "tensorrt-llm")
Server.TRITON = Server.add("triton")
Server.NIM = Server.add("nim")


def parse_engine(text: str, source: str) -> Engine:
    """Read an engine's name; RequestError lists the known ones."""
    if isinstance(text, str) and (engine := Engine.known(text)) is not None:
        return engine
    problem = f"{quoted(text)} is not an engine; known: {', '.join(Engine)}"
    raise RequestError(f"{source}: {problem}" if source else problem)


def parse_engines(names: Iterable[str]) -> tuple[Engine, ...]:
    """Read the names of engines; RequestError for another, and for one text instead of several."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise RequestError(f"engines is a tuple such as (Engine.VLLM,), not {quoted(names)}")
    return tuple(parse_engine(name, "engines") for name in names)


def parse_precision(text: str, source: str) -> Precision:
    """Read a precision's name; RequestError lists the known ones."""
    if isinstance(text, str) and text.lower() in _PRECISIONS:
        return Precision(text.lower())
    problem = f"{quoted(text)} is not a precision; known: {', '.join(Precision)}"
    raise RequestError(f"{source}: {problem}" if source else problem)


_PRECISIONS = frozenset(Precision)
