"""Units, sizes, GPU indices and compute capabilities.

Memory is counted in whole bytes or whole MiB and every name says which. `GB` in NIM's tags and
listings has two readings; `stated_gb_to_bytes` is the only place that decides between them.
"""

from __future__ import annotations

from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MIB = 1 << 20
GIB = 1 << 30
GB = 10**9

MAX_SIZE = 1e6
"""Above any size in GB or GiB that a manifest can mean."""

NAMEPLATE_GB = frozenset({16, 24, 32, 40, 48, 80, 94, 96, 128, 141, 144, 180, 192, 288})
"""Sizes that boards for serving models are sold as, in GB of 10**9 bytes."""


def stated_gb_to_bytes(number: float) -> int:
    """Turn a "GB per GPU" that NIM states into bytes.

    NIM 2.x computes these figures in GiB, rounds them up and prints "GB"; so `33` is 33 GiB.
    But the Metadata API also writes the size of a board there ("80.0 means 80 GB GPUs"), and a
    board sold as 80 GB reports 81,559 MiB, less than 80 GiB. So a figure that is exactly a size
    that boards are sold as means that board: 10**9 bytes each; any other is GiB.

    Sources: docs.nvidia.com/nim/metadata-api, core concepts (per-GPU minimum); the 2.0.x
    listings in `tests/corpus/cases` from which the GiB were derived.
    """
    if number in NAMEPLATE_GB:
        return int(number) * GB
    return round(number * GIB)


def parse_size(text: str) -> float:
    """Read a size in GB or GiB, more than nothing and less than a million; ValueError if not."""
    size = float(text)
    if not 0 < size < MAX_SIZE:
        raise ValueError(f"{quoted(text)} is no size")
    return size


def format_gib(size: int) -> str:
    """Bytes as GiB with one decimal: `79.6 GiB`."""
    return f"{size / GIB:.1f} GiB"


def format_shortfall(need: int, have: int) -> str:
    """Bytes that are missing, as GiB or, where that would read 0.0, as whole MiB, rounded up."""
    missing = (need - have) / GIB
    return f"{missing:.1f} GiB" if missing >= 0.1 else f"{-(-(need - have) // MIB)} MiB"


def format_enough(size: int) -> str:
    """Bytes as GiB or, below 0.1 GiB, as whole MiB, rounded up: so many whole MiB are enough."""
    mib = -(-size // MIB)
    tenths = (mib - 1) * 10 // 1024 + 1
    return f"{tenths / 10:.1f} GiB" if size >= GIB // 10 else f"{mib} MiB"


def format_indices(indices: tuple[int, ...]) -> str:
    """GPU indices as ranges: `0-3,6`."""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


def format_gpus(indices: tuple[int, ...]) -> str:
    """GPUs by their indices: `GPU 3`, `GPUs 0-3,6`."""
    return f"GPU{'s' * (len(indices) != 1)} {format_indices(indices)}"


def gpu_or_gpus(count: int) -> str:
    """The noun after a number: `1 GPU`, `2 GPUs`."""
    return "GPU" if count == 1 else "GPUs"


CONTEXT_STEP = 256
"""Context lengths are suggested in multiples of this (NIM 2.0.6 to 2.0.12, the five listings)."""


class ComputeCapability(tuple[int, int]):
    """A CUDA compute capability such as 9.0 or 12.1, ordered as versions are.

    Never a float: 12.1 and 12.10 are different capabilities. Its JSON form is the string.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ComputeCapability:
        """Read `9.0`; ValueError for anything else."""
        major, _, minor = text.strip().partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 3 for part in (major, minor)):
            raise ValueError(f"{quoted(text)} is not a compute capability such as 9.0")
        return cls((int(major), int(minor)))

    def __str__(self) -> str:
        return f"{self[0]}.{self[1]}"

    def __repr__(self) -> str:
        return f"ComputeCapability.parse({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls.parse,
            core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(),
        )


def gib(number: float) -> int:
    """A number of GiB in bytes."""
    return round(number * GIB)


def is_or_are(gpus: tuple[int, ...]) -> str:
    """The verb for GPUs, by their indices."""
    return "is" if len(gpus) == 1 else "are"


_STEPS = {"k": 1000, "m": 1000**2, "K": 1 << 10, "M": 1 << 20}


def parse_tokens(text: str) -> int:
    """A number of tokens: `8192`, `8k` for 8,000, `8K` for 8,192, `1m`, `1M`; ValueError.

    As vLLM reads `--max-model-len`: small letters count in thousands, which may have a fraction
    (`25.6k`), capitals in powers of 1,024 (vllm/engine/arg_utils.py, `human_readable_int`).
    """
    digits, step = (text[:-1], _STEPS[text[-1]]) if text[-1:] in _STEPS else (text, 1)
    whole, dot, part = digits.partition(".")
    plain = whole.isascii() and whole.isdigit() and len(whole) <= 9
    if dot:
        plain = plain and step in {1000, 1000**2} and part.isascii() and part.isdigit()
        plain = plain and len(part) <= 6
    tokens = int(whole + part) * step // 10 ** len(part) if plain else 0
    if not 0 < tokens < 1_000_000_000:
        problem = f"{quoted(text)} is no number of tokens above 0 and below 1,000,000,000"
        raise ValueError(f"{problem}; 8k is 8,000 and 8K is 8,192")
    return tokens


UNIFIED_SHARE = 9, 10
"""How much of the host's memory counts as the GPU's where they share it.

The rest is for the operating system, the container and the engine's own code; it is what vLLM
takes of a GPU by default (`gpu_memory_utilization` 0.9). `docs/discovery.md` says more.
"""


def shared_mib(host_bytes: int) -> int:
    """The MiB of a host's memory that count as those of a GPU which has none of its own."""
    part, whole = UNIFIED_SHARE
    return host_bytes * part // whole // MIB
