"""`Advisory`: one known issue of profiles, and the list of all, which is a dated data file.

The rows are in `known.json`, each with its source. They are in words of our own; nothing is in them
that the source does not say. `matching` tells which of them apply.
"""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cache

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from typing import Any


class Effect(StrEnum):
    """What an issue does to a server, worst first."""

    WRONG_ANSWERS = "wrong answers"
    FAILS = "fails"
    """The server does not start, or ends while it serves."""
    HANGS = "hangs"
    SLOW = "slow"
    MISREPORTED = "misreported"
    """The server is as it should be, and something is said of it that is not so."""


class Advisory(Record):
    """A known issue of profiles.

    What is empty or None holds for all: an advisory without `gpus` is for every GPU.

    Attributes:
        id: its name, which does not change: `nim-1.15-rtx-pro-6000-hang`.
        date: the day that its source is of, `2026-09-19`; of a page without a date, the day on
            which it was read.
        effect: what it does to a server.
        title: what is wrong, in half a sentence.
        symptom: what is seen of it, in a sentence.
        remedy: what to do, in words that follow a semicolon.
        sources: addresses, the first of which tells most.
        engines: engines and specifier sets for their versions, `vllm>=0.11.1,<=0.14.0`; one of them
            must be the profile's.
        profiles: conditions such as `precision=fp8,tp>=2`; a profile must meet those of one entry.
        models: patterns of model names without their organisation, in lower case, with `.` for `_`.
        gpus: short names of products of the catalogue.
        compute_capability: a specifier set for that of the GPUs.
        nim: a specifier set for the version of the NIM.
        driver: a specifier set for the driver's version.
    """

    id: str
    date: str
    effect: Effect
    _: KW_ONLY
    title: str
    symptom: str
    remedy: str
    sources: tuple[str, ...]
    engines: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    compute_capability: str | None = None
    nim: str | None = None
    driver: str | None = None

    @property
    def avoidable(self) -> bool:
        """Whether another profile is better: not where only something is said of it wrongly."""
        return self.effect is not Effect.MISREPORTED


class Advice(Record):
    """An advisory that applies to a profile, or may.

    Attributes:
        advisory: the known issue.
        unknown: what would have to be known to tell whether it applies; empty where it does.
    """

    advisory: Advisory
    unknown: tuple[str, ...] = ()


@cache
def known_advisories() -> tuple[Advisory, ...]:
    """Every advisory, in the order of the file."""
    return tuple(map(_advisory, _rows()))


def _rows() -> list[dict[str, Any]]:
    import json

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.json")
    with open(path, encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    return rows


def _advisory(row: dict[str, Any]) -> Advisory:
    values: dict[str, Any] = {
        key: tuple(value) if type(value) is list else value for key, value in row.items()
    }
    return Advisory(**values | {"effect": Effect(row["effect"])})
