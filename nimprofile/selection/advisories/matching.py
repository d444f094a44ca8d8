"""Which advisories apply to a profile on its GPUs: a pure function of what is known of both.

A condition holds, does not hold, or is on something that is not known. An advisory applies when all
its conditions hold, and may apply when none is broken and some are on what is not known.
"""

from __future__ import annotations

from functools import cache

from nimprofile.base.record import Record
from nimprofile.base.versions import satisfies
from nimprofile.hardware.identity import product_of
from nimprofile.manifest.profile_conditions import parse_conditions, unmet
from nimprofile.selection.advisories.advisory import Advice, known_advisories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from dataclasses import KW_ONLY

    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.nim_version import NimVersion
    from nimprofile.manifest.profile import Profile
    from nimprofile.manifest.profile_conditions import Condition
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.request import Request

MODEL, NIM, DRIVER, PRODUCT, CAPABILITY = (
    *("the model's name", "the version of the NIM", "the version of the driver"),
    *("the product of a GPU", "the compute capability of a GPU"),
)
"""What may not be known, as it is said."""

VLLM_OF_NIM: dict[tuple[int, ...], str] = {
    (2, 0, 1): "0.17.1",
    (2, 0, 2): "0.18.0",
    (2, 0, 3): "0.19.0",
    (2, 0, 4): "0.20.0",
    (2, 0, 5): "0.20.2",
}
"""Version of NIM LLM -> of the vLLM in it.

Source: "Release Notes" of NIM LLM 2.0.1, 2.0.2, 2.0.4 and 2.0.5, and of 2.0.3 at `latest`, at
docs.nvidia.com/nim/large-language-models/…/about-nim-llm/release-notes.html. Those of later
releases were not to be had.
"""


class Facts(Record):
    """What is known of a NIM, an engine and a machine; None is unknown.

    Attributes:
        model: the model's name.
        nim: the versions that the NIM can be of.
        engine_version: of the engine that serves.
        driver: the driver's version.
    """

    model: str | None = None
    nim: NimVersion | None = None
    engine_version: str | None = None
    _: KW_ONLY
    driver: str | None = None


def facts_of(manifest: Manifest, inventory: Inventory, request: Request) -> Facts:
    """What is known of what would be served, and where."""
    nim = request.nim or manifest.nim
    return Facts(
        manifest.model,
        nim,
        request.serving.engine_version or manifest.engine_version,
        driver=inventory.driver_version,
    )


def of_machine(inventory: Inventory) -> tuple[Advice, ...]:
    """The advisories that apply to a machine, or may, whatever is served on it."""
    facts = Facts(driver=inventory.driver_version)
    found = (
        (row, _standing(row, facts), [_on_gpus(row, [gpu]) for gpu in inventory.gpus])
        for row in known_advisories()
        if not (row.models or row.engines or row.profiles or row.nim)
    )
    return tuple(
        Advice(row, tuple(dict.fromkeys((*unknown, *min(boards, key=len)))))
        for row, unknown, each in found
        if unknown is not None and (boards := [one for one in each if one is not None])
    )


class Advisor:
    """The advisories that can apply with these facts, ready to be held to profiles.

    What depends on no profile is looked at once. With `sure`, those that only may apply for what is
    not known of the model, the NIM or the driver are left aside.
    """

    def __init__(self, facts: Facts, gpus: Iterable[Gpu], *, sure: bool = False):
        self._gpus = {gpu.index: gpu for gpu in gpus}
        rows = ((row, _standing(row, facts)) for row in known_advisories())
        self._open = [
            (row, unknown)
            for row, unknown in rows
            if unknown is not None and not (sure and unknown)
        ]
        self._facts = facts

    def on(self, profile: Profile, gpus: Iterable[int]) -> tuple[Advice, ...]:
        """The advisories that apply to a profile on the GPUs of these indices, or may."""
        taken = [self._gpus[index] for index in gpus if index in self._gpus]
        return tuple(self._advice(profile, taken))

    def _advice(self, profile: Profile, gpus: list[Gpu]) -> Iterator[Advice]:
        for row, unknown in self._open:
            engine = _of_engine(row, profile, self._facts)
            board = None if engine is None else _on_gpus(row, gpus)
            if engine is None or board is None or not _as_described(row, profile, len(gpus)):
                continue
            yield Advice(row, tuple(dict.fromkeys((*unknown, *engine, *board))))


def _as_described(row: Advisory, profile: Profile, gpus: int) -> bool:
    """Whether the profile meets the conditions of one entry."""
    entries = map(_conditions, row.profiles)
    return not row.profiles or any(not [*unmet(entry, profile, gpus)] for entry in entries)


@cache
def _conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of an entry, which is one of the list's."""
    return parse_conditions(text)


def _standing(row: Advisory, facts: Facts) -> tuple[str, ...] | None:
    """What is not known of the model and the versions; None where one is none of these."""
    unknown: list[str] = []
    if row.models:
        if facts.model is None:
            unknown.append(MODEL)
        elif not any(_is_like(model_name(facts.model), pattern) for pattern in row.models):
            return None
    if row.nim is not None:
        match None if facts.nim is None else _is_of(facts.nim, row.nim):
            case None:
                unknown.append(NIM)
            case False:
                return None
    if row.driver is not None:
        if facts.driver is None:
            unknown.append(DRIVER)
        elif not satisfies(facts.driver, row.driver):
            return None
    return tuple(unknown)


def model_name(name: str) -> str:
    """A model's name as `Advisory.models` has it: `nim/meta/llama-3_1-8b` is `llama-3.1-8b`."""
    return name.rstrip("/").rpartition("/")[2].casefold().replace("_", ".")


def _is_like(name: str, pattern: str) -> bool:
    """Whether a name is like a pattern, in which `*` stands for anything.

    Patterns are compared so, for compiling one expression for each takes a millisecond or two.
    """
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    if not name.startswith(first) or not name.endswith(others[-1]):
        return False
    at, end = len(first), len(name) - len(others[-1])
    for part in others[:-1]:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _is_of(nim: NimVersion, specifiers: str) -> bool | None:
    """Whether a NIM is of these versions; None when it can be of others too."""
    bounds = map(_bound, specifiers.split(","))
    low, below = _plain(nim.low), nim.below and _plain(nim.below)
    if any(low < bound and (below is None or bound < below) for bound in bounds):
        return None
    return satisfies(".".join(map(str, nim.low)), specifiers)


def _bound(part: str) -> tuple[int, ...]:
    """The version in a part of a specifier set, `<1.14`."""
    return _plain(tuple(map(int, part.lstrip("<>=").split("."))))


def _plain(release: tuple[int, ...]) -> tuple[int, ...]:
    """A version without the zeros at its end."""
    end = next((at for at in range(len(release), 0, -1) if release[at - 1]), 0)
    return release[:end]


def _of_engine(row: Advisory, profile: Profile, facts: Facts) -> tuple[str, ...] | None:
    """What is not known of the profile's engine; None where it is none of these."""
    if not row.engines:
        return ()
    for text in row.engines:
        name = str(profile.engine)
        specifiers = text.removeprefix(name)
        if not text.startswith(name) or specifiers[:1] not in {"", "<", ">", "="}:
            continue
        if not specifiers:
            return ()
        version = facts.engine_version or _vllm_of(facts.nim, name)
        if version is None:
            return (f"the version of {name}",)
        if satisfies(version, specifiers):
            return ()
    return None


def _vllm_of(nim: NimVersion | None, engine: str) -> str | None:
    """The version of the vLLM in a NIM, where its notes say it."""
    if nim is None or engine != "vllm" or nim.below != (*nim.low[:-1], nim.low[-1] + 1):
        return None
    return VLLM_OF_NIM.get(nim.low)


def _on_gpus(row: Advisory, gpus: list[Gpu]) -> tuple[str, ...] | None:
    """What is not known of the GPUs; None where one of them is none of these."""
    unknown: list[str] = []
    if (row.gpus or row.compute_capability) and not gpus:
        return None
    for gpu in gpus:
        product = product_of(gpu)
        if row.gpus and product is None:
            unknown.append(PRODUCT)
        elif row.gpus and product is not None and product.short not in row.gpus:
            return None
        if row.compute_capability is not None:
            capability = gpu.compute_capability
            if capability is None and product is not None:
                capability = product.compute_capability
            if capability is None:
                unknown.append(CAPABILITY)
            elif not satisfies(str(capability), row.compute_capability):
                return None
    return tuple(unknown)
