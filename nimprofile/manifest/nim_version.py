"""Which NIM for language models is at hand, as far as something tells it.

NIM chooses otherwise from one generation to the next. Its version stands in a variable of its
image, in the image's tag, in its manifest and in the first lines of its log.
"""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    Release: TypeAlias = tuple[int, ...]

VARIABLE = "INFERENCE_MICROSERVICE_LLM_NIM_VERSION"
"""Set in the images of 2.0.12 and empty in that of 1.12.2: the Vol.3 availability matrix of
github.com/QuanTuring-AI/NV-benchmark, from `docker image inspect`."""

VARIANTS = ("-variant", "-dgx-spark")
"""Stand in the name or the tag of an image that differs from the standard one and has numbers of
its own: NIM LLM 1.15, "notes on NIM container variants"; corpus, 023 and 033."""

_EARLY_ACCESS = (24, 5)
"""The year and the month that the early access to 1.0 was called by: its pages, 24.05.rc15."""


class NimVersion(Record):
    """The versions that the NIM at hand can be of.

    Attributes:
        source: what tells it, as it is said after "from": `release 2.0.6`.
        low: the lowest version, (2, 0, 6); at least major and minor.
        below: the lowest version above `low` that it cannot be; None when there is none.
        of_llm: what tells it says that the NIM is one for language models. Others count their
            versions by themselves.
    """

    source: str
    low: Release
    below: Release | None = None
    _: KW_ONLY
    of_llm: bool = False


def nim_version(text: str, source: str, *, of_llm: bool = False) -> NimVersion | None:
    """The version a text such as `2.0.6` stands for; None when it tells none, as `latest`.

    `2` and `1.13` are any version that begins so; what follows the numbers, as in `1.8.0-RTX`, is
    left aside, but for a variant's, whose numbers are not NIM's. Nor are years and months.
    """
    text = text.strip()
    numbers = text.removeprefix("v")
    end = next((at for at, sign in enumerate(numbers) if sign not in "0123456789."), len(numbers))
    parts = numbers[:end].strip(".").split(".")
    if numbers[end : end + 1] not in {"", "-", "+", "r"} or _is_of_a_variant(text):
        return None
    if not all(part.isdigit() and len(part) < 5 for part in parts) or len(parts) > 4:
        return None
    release = tuple(map(int, parts))
    if release[0] >= _EARLY_ACCESS[0]:
        if release[:2] != _EARLY_ACCESS:
            return None
        release = (1, 0)
    below = (*release[:-1], release[-1] + 1)
    low = release if len(release) > 1 else (*release, 0)
    return NimVersion(source, low, below, of_llm=of_llm)


def _is_of_a_variant(text: str) -> bool:
    return any(variant in text for variant in VARIANTS)


def stated_version(version: object) -> NimVersion | None:
    """A version as a program states it, `2.0.12`; RequestError for a text that is none."""
    if not isinstance(version, str):
        expect("Request: nim", version, NimVersion, type(None), hint='nim="2.0.12" will do')
        return version if isinstance(version, NimVersion) else None
    if (told := nim_version(version, f"NIM {version}", of_llm=True)) is None:
        raise RequestError(f"nim: {quoted(version)} is no version such as 2.0.12")
    return told


def version_in_environment(environ: Mapping[str, str]) -> NimVersion | None:
    """The version that an image's variable tells; None outside of such an image."""
    text = environ.get(VARIABLE, "")
    return nim_version(text, f"{VARIABLE}={text.strip()}", of_llm=True) if text else None


def version_of_image(image: str) -> NimVersion | None:
    """The version that the tag of a NIM's image tells; None for `latest`, a digest and no tag."""
    name = image.partition("@")[0]
    tag = name.rpartition("/")[2].partition(":")[2]
    return None if _is_of_a_variant(name) else nim_version(tag, f"image {name}")


_BANNER = "NVIDIA Inference Microservice LLM"
"""Begins `… LLM NIM Version 1.8.4` and `… LLM / VLM NIM Version 2.0.12`, in the first lines of a
log: corpus, 001 to 036."""

_LINES = (
    # What a heading or a row says, and from which version up to which it does.
    ("Compatible with system but low memory", (2, 0), None),
    ("not runnable due to low GPU free memory", (1, 0), (2, 0)),
    ("Compilable to TRT-LLM", (1, 3), None),
    ("[requires >=", (2, 0), None),
)


def version_in_printout(text: str) -> NimVersion | None:
    """The version that a printout or a start-up log tells, by its banner or by its form."""
    for line in text.splitlines() if _BANNER in text else ():
        if _BANNER in line and " NIM Version " in line:
            version = next(iter(line.partition(" NIM Version ")[2].split(maxsplit=1)), "")
            told = nim_version(version, f"the log of NIM {version}", of_llm=True)
            if told is not None:
                return told
    return narrowed(
        NimVersion(f'"{words}" in the printout', low, below)
        for words, low, below in _LINES
        if words in text
    )


def narrowed(told: Iterable[NimVersion]) -> NimVersion | None:
    """What several things tell together; None when they tell nothing, or contradict each other."""
    known = tuple(told)
    if not known:
        return None
    lowest = max(known, key=lambda version: version.low)
    limits = [version.below for version in known if version.below is not None]
    below = min(limits, default=None)
    if below is not None and below <= lowest.low:
        return None
    return lowest.replace(below=below)
