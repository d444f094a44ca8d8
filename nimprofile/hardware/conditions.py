"""Problems of GPUs and remarks on a machine: their kinds, figures and wording.

A `Condition` is a string, as shown and as written in JSON, with the kind and the figures that it
was made from. `_FORMS` has the wording of every kind. The same form reads the text back from JSON
when it becomes part of a `Gpu` or an `Inventory`. All other code uses kind and figures.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from nimprofile.base.record import FrozenDict, Record
from nimprofile.base.units import format_gpus
from nimprofile.hardware.nvml.codes import (
    FABRIC_STATES,
    FATAL_RECOVERIES,
    LOST,
    MILD_RECOVERIES,
    code_of,
    phrase,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import KW_ONLY
    from typing import Any, NoReturn, Self


class Kind(StrEnum):
    """The kinds of conditions; `_FORMS` has what each says and which figures it has."""

    # Why a GPU is unavailable.
    LOST = "lost"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    ENDED = "ended"
    UNREADABLE = "unreadable"
    NOT_READ = "not_read"
    ROW_FAILED = "row_failed"
    NO_INSTANCE = "no_instance"
    NODE_BLOCKED = "node_blocked"
    # Either that or a health issue, by what the driver asks for.
    RECOVERY = "recovery"
    # Health issues.
    ROW_PENDING = "row_pending"
    PAGE_PENDING = "page_pending"
    ECC_ERRORS = "ecc_errors"
    FABRIC_STATE = "fabric_state"
    FABRIC_FAILED = "fabric_failed"
    # Remarks on a machine.
    HOST_MEMORY = "host_memory"
    CONTRADICTION = "contradiction"
    CAPABILITY = "capability"
    SHARED_UUID = "shared_uuid"
    HIDDEN = "hidden"
    CALL_REFUSED = "call_refused"
    CUT_SHORT = "cut_short"


class Condition(str):
    """A condition in words, with its kind and figures; equal to any string of the same text.

    Attributes:
        kind: what it is about.
        figures: what it was worded from, by name.
    """

    __slots__ = ("figures", "kind")
    kind: Kind
    figures: Mapping[str, Any]

    def __new__(cls, kind: Kind, **figures: object) -> Self:
        """TypeError when these are not the figures of the kind."""
        self = super().__new__(cls, _worded(kind, figures))
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "figures", FrozenDict(figures))
        return self

    def with_figures(self, **figures: object) -> Condition:
        """The same condition but for these figures."""
        return Condition(self.kind, **{**self.figures, **figures})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a condition is frozen: cannot set {name!r}")

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self.kind, dict(self.figures))


def _restored(kind: Kind, figures: dict[str, object]) -> Condition:
    return Condition(kind, **figures)


def with_condition(text: str) -> str:
    """The `Condition` with this text; the text unchanged when it is of no known kind."""
    return text if isinstance(text, Condition) else _read(text) or text


class _Figure(Record):
    """One figure in a form.

    Attributes:
        name: of the figure.
        pattern: what its text looks like; None when it cannot be read back.
        word: its text.
        read: the figure of a text.
        before, after: text around the figure, left out with it when the figure is None.
    """

    name: str
    pattern: str | None
    _: KW_ONLY
    word: Callable[[Any], str] = str
    read: Callable[[str], object] = str
    before: str = ""
    after: str = ""


def _of_table(name: str, words: Mapping[int, str]) -> _Figure:
    """A number whose words are in a table."""
    numbers = {text: number for number, text in words.items()}
    pattern = "|".join(map(re.escape, numbers))
    return _Figure(name, pattern, word=words.__getitem__, read=numbers.__getitem__)


def _indices(text: str) -> tuple[int, ...]:
    """The indices of `GPUs 0-3,6`, `GPU 5` or `no GPU`."""
    runs = (run.partition("-") for run in re.findall("[0-9]+(?:-[0-9]+)?", text))
    return tuple(
        index for first, _, last in runs for index in range(int(first), int(last or first) + 1)
    )


def _gpus(indices: tuple[int, ...]) -> str:
    return format_gpus(indices) if indices else "no GPU"


def names_of(subjects: Sequence[object]) -> str:
    """Boards, slots of MIG instances and pairs: `GPUs 0-3, slot 0 of GPU 1`."""
    boards = tuple(subject for subject in subjects if isinstance(subject, int))
    slots = sorted(str(subject) for subject in subjects if "/" in str(subject))
    pairs = [str(subject).split("-") for subject in subjects if "-" in str(subject)]
    names = [format_gpus(boards)] if boards else []
    names += ["slot {1} of GPU {0}".format(*slot.split("/")) for slot in slots]
    if pairs:
        joined = {int(index) for pair in pairs for index in pair}
        shared = set.intersection(*({int(index) for index in pair} for pair in pairs))
        count = f"{len(pairs)} pair{'s' * (len(pairs) > 1)}"
        if len(shared) == 1:
            (one,) = shared
            names.append(f"{count} of GPU {one} with {format_gpus(tuple(joined - shared))}")
        else:
            names.append(f"{count} of {format_gpus(tuple(joined))}")
    return ", ".join(names)


def _pending(calls: Mapping[str, Sequence[object]]) -> str:
    return ", ".join(f"{call} of {names_of(calls[call])}" for call in sorted(calls))


_NUMBER, _TEXT, _PRODUCT, _CALL_NAME = "[1-9][0-9]{0,18}", ".+", "[^,;]+", r"nvml\w+"
_CODE = _Figure("code", _TEXT, word=phrase, read=code_of)
_CALL = _Figure("call", _CALL_NAME)
_IN_CALL = _CALL.replace(before=" (in ", after=")")
_GPUS = _Figure(
    "gpus", "no GPU|GPUs? [0-9]{1,4}(?:[,-][0-9]{1,4}){0,99}", word=_gpus, read=_indices
)

_FORMS: dict[Kind, tuple[str | _Figure, ...]] = {
    Kind.LOST: (_of_table("code", {code: phrase(code) for code in sorted(LOST)}),),
    Kind.RECOVERY: (_of_table("action", FATAL_RECOVERIES | MILD_RECOVERIES),),
    Kind.ROW_FAILED: ("failing ECC: a row of its memory could not be remapped",),
    Kind.NO_INSTANCE: ("MIG mode is on, and there is no MIG instance",),
    Kind.NODE_BLOCKED: (
        "its device node /dev/nvidia",
        _Figure("minor", "[0-9]{1,9}", read=int),
        " cannot be opened",
    ),
    Kind.NOT_READ: ("it was not read",),
    Kind.NO_ANSWER: (
        "no answer within ",
        _Figure("seconds", r"[0-9]+(?:\.[0-9]+)?", word="{:g}".format, read=float),
        " s",
        _IN_CALL,
    ),
    Kind.ENDED: ("the process that reads it ended: ", _Figure("how", ".+?"), _IN_CALL),
    Kind.ROW_PENDING: ("a row of its memory waits for a reset of the GPU to be remapped",),
    Kind.PAGE_PENDING: ("a page of its memory waits for a reset of the GPU to be retired",),
    Kind.ECC_ERRORS: (
        _Figure("count", _NUMBER, read=int),
        " uncorrected ECC errors since the driver was loaded",
    ),
    Kind.FABRIC_STATE: (_of_table("state", FABRIC_STATES),),
    Kind.FABRIC_FAILED: ("its NVLink fabric failed: ", _CODE),
    Kind.HOST_MEMORY: (
        _GPUS,
        (
            ": its memory is the host's, of which nine tenths count as the GPU's; what is free of "
            "it changes with all that runs on the host"
        ),
    ),
    Kind.CONTRADICTION: (
        _GPUS,
        ": the PCI id is that of ",
        _Figure("by_id", _PRODUCT),
        ", the name that of ",
        _Figure("by_name", _PRODUCT),
        "; the ",
        _Figure("counts", "id|name"),
        " counts",
        _Figure("capability", "[0-9]+[.][0-9]+", before=": the compute capability is "),
    ),
    Kind.CAPABILITY: (
        _GPUS,
        ": the compute capability is ",
        _Figure("capability", "[0-9]+[.][0-9]+"),
        ", and that of ",
        _Figure("product", _TEXT),
        " is ",
        _Figure("known", "[0-9]+[.][0-9]+"),
        "; what was read counts",
    ),
    Kind.SHARED_UUID: (
        _GPUS,
        ": NVML gives each of them the UUID ",
        _Figure("uuid", _TEXT),
        ", which therefore names none of them; indices do",
    ),
    Kind.HIDDEN: (
        _Figure("variable", r"\w+_VISIBLE_DEVICES"),
        _Figure("value", ".*", before="="),
        " hides ",
        _GPUS,
        _Figure("doubt", _TEXT, before=": "),
    ),
    Kind.CALL_REFUSED: (_Figure("subjects", None, word=names_of), ": ", _CALL, ": ", _CODE),
    Kind.CUT_SHORT: (
        "the reading was cut short: ",
        _Figure("ending", _TEXT),
        _Figure("pending", None, word=_pending, before="; it was in "),
    ),
    # Last, since these two would match the text of many other kinds.
    Kind.REFUSED: (_CODE, " (", _CALL, ")"),
    Kind.UNREADABLE: (_Figure("problem", _TEXT), " (in ", _CALL, ")"),
}
"""What each kind says: fixed text, and figures among it."""


def _worded(kind: Kind, figures: Mapping[str, object]) -> str:
    form = _FORMS[kind]
    names = {part.name for part in form if isinstance(part, _Figure)}
    if names != figures.keys():
        raise TypeError(f"{kind} has the figures {sorted(names)}, not {sorted(figures)}")
    text = ""
    for part in form:
        if not isinstance(part, _Figure):
            text += part
        elif figures[part.name] is not None:
            text += f"{part.before}{part.word(figures[part.name])}{part.after}"
    return text


def _read(text: str) -> Condition | None:
    for kind, form in _FORMS.items():
        first, last = form[0], form[-1]
        if isinstance(first, str) and not text.startswith(first):
            continue
        if isinstance(last, str) and not text.endswith(last):
            continue
        pattern = _pattern(kind)
        if pattern is None or (match := pattern.fullmatch(text)) is None:
            continue
        figures = [part for part in form if isinstance(part, _Figure)]
        values = zip(figures, match.groups(), strict=True)
        condition = Condition(
            kind,
            **{part.name: None if group is None else part.read(group) for part, group in values},
        )
        if condition == text:  # not of a text that differs in its digits: "no answer within 15.0 s"
            return condition
    return None


@cache
def _pattern(kind: Kind) -> re.Pattern[str] | None:
    """What the text of a kind looks like; None when its figures cannot be read back."""
    pattern = ""
    for part in _FORMS[kind]:
        if not isinstance(part, _Figure):
            pattern += re.escape(part)
        elif part.pattern is None:
            return None
        elif part.before:
            pattern += f"(?:{re.escape(part.before)}({part.pattern}){re.escape(part.after)})?"
        else:
            pattern += f"({part.pattern})"
    return re.compile(pattern, re.DOTALL)
