"""What the processes that read NVML wrote, sorted by what it is about.

Lines that are none, and values of a type that NVML does not answer with, are as good as no answer.
"""

from __future__ import annotations

import json
import re

from nimprofile.base.printable import clipped
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.nvml.codes import LOST, MOST_GPUS
from nimprofile.hardware.nvml.reader import pairs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nimprofile.hardware.nvml.health import ByKey
    from nimprofile.hardware.nvml.questions import Subject

MOST_OF_TEXT = 300
"""Characters that are kept of a text by the driver or its library."""


class Transcript:
    """The lines of a process that reads NVML (`reader` has their form), and how it ended.

    `ending` is None when it read everything, else why it did not. `by_subject` has the answers by
    their keys, the calls that were `refused` with their codes, the call that has not returned as
    `asking` (of a board, that about one of its MIG slots as `asking_slot`) and the last call as
    `asked`; and, of a GPU that a process of its own was asked about, the end of that process as
    `ended` (its exit code) and `ending`.
    """

    def __init__(self, lines: Iterable[bytes], ending: Condition | None = None):
        self.by_subject: dict[Subject, ByKey] = {}
        self.ending = ending
        for subject, key, value in filter(None, map(_read, lines)):
            answers = self._of(subject)
            if key != "ended":  # which another process writes
                answers.pop("asking", None)
            if isinstance(subject, str) and "/" in subject:
                self._of(_numbers(subject)[0])["asking_slot"] = value if key == "asking" else None
            if isinstance(value, list) and key == "refused":
                answers[key].append((value[0], value[1]))
            elif key == "asking":
                answers["asking"] = answers["asked"] = value
            elif key != "answered":
                answers[key] = value

    def about(self, subject: Subject) -> ByKey:
        """The answers about a subject; empty ones where there are none."""
        return self.by_subject.get(subject, {"refused": []})

    def _of(self, subject: Subject) -> ByKey:
        return self.by_subject.setdefault(subject, {"refused": []})

    def pairs(self) -> Iterator[tuple[tuple[int, int], ByKey]]:
        """The pairs of GPUs that were asked about, in order, with the answers."""
        for subject in self.subjects():
            if isinstance(subject, str) and "-" in subject:
                yield _numbers(subject), self.by_subject[subject]

    def subjects(self) -> list[Subject]:
        """What answers are about: GPUs, slots of MIG instances and pairs, each in their order."""
        return sorted(filter(lambda subject: subject is not None, self.by_subject), key=_place)

    @property
    def count(self) -> int:
        """How many GPUs there are; 0 where they were not counted, or more than can be."""
        count: int = self.about(None).get("count", 0)
        return count if count <= MOST_GPUS else 0

    def unread(self) -> list[int]:
        """The GPUs that were counted and not read to the end."""
        return [index for index in range(self.count) if "done" not in self.about(index)]

    def take(self, index: int, other: Transcript) -> None:
        """Have what a process of its own was told of a GPU, and its end, in place of what is here.

        `other` has the processes of several GPUs, and the end of that which started them.
        """
        self.by_subject = {
            **{one: told for one, told in self.by_subject.items() if not _is_of(one, index)},
            **{one: told for one, told in other.by_subject.items() if _is_of(one, index)},
        }
        code = self._of(index).get("ended")
        crash = None if not code else Condition(Kind.ENDED, how=how_it_ended(code), call=None)
        late = other.ending or self.ending
        self._of(index)["ending"] = late if code is None else crash

    def unlinked(self) -> list[tuple[int, int]]:
        """The pairs of GPUs that answered whose connection was not read."""
        answered = [
            index
            for index in range(self.count)
            if self.about(index).get("done")
            and not any(code in LOST for _, code in self.about(index)["refused"])
        ]
        read = {pair for pair, told in self.pairs() if "done" in told}
        return [pair for pair in pairs_of(answered) if pair not in read]

    def take_links(self, other: Transcript) -> None:
        """Have the connections too that another process read; after its deadline, all it began."""
        late = other.ending is not None and other.ending.kind is Kind.NO_ANSWER
        for pair, told in other.pairs():
            if late or "done" in told:
                self.by_subject[_subject(pair)] = told

    def refuse_link(self, pair: tuple[int, int], call: str, why: str) -> None:
        """Note that the connection of a pair cannot be read."""
        self.by_subject[_subject(pair)] = {"refused": [(call, why)], "done": False}

    def pending_link(self) -> tuple[tuple[int, int], str] | None:
        """The pair whose connection was being read at the end, and the call."""
        return next(
            ((pair, told["asking"]) for pair, told in self.pairs() if "asking" in told), None
        )


def how_it_ended(code: int) -> str:
    """The exit code of a process in words; below 0 is the signal that ended it."""
    if code >= 0:
        return f"exit code {code}"
    from signal import strsignal

    return strsignal(-code) or f"signal {-code}"


def driver_text(text: str) -> str:
    """A text by the driver or its library, without control characters and in bounded length."""
    return "".join(char if char.isprintable() else "\ufffd" for char in clipped(text, MOST_OF_TEXT))


def _subject(pair: tuple[int, int]) -> str:
    return f"{pair[0]}-{pair[1]}"


def _numbers(subject: str) -> tuple[int, int]:
    first, second = map(int, re.split("[-/]", subject))
    return first, second


def _place(subject: Subject) -> tuple[int, int, int]:
    if not isinstance(subject, str):
        return 0, subject or 0, 0
    return 2 if "-" in subject else 1, *_numbers(subject)


def _is_of(subject: Subject, index: int) -> bool:
    """Whether a subject is this GPU, or a slot of its MIG instances."""
    return subject == index or (isinstance(subject, str) and subject.startswith(f"{index}/"))


def _read(line: bytes) -> tuple[Subject, str, object] | None:
    """Subject, key and value of a line; None of what no process of ours wrote."""
    try:
        subject, key, value = json.loads(line)
        fits = _FORMS[key](value) and _is_subject(subject)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if isinstance(value, str):
        value = driver_text(value)
    elif key == "refused" and fits and isinstance(value[1], str):
        value = [value[0], driver_text(value[1])]
    return (subject, key, value) if fits else None


def _is_subject(subject: object) -> bool:
    named = isinstance(subject, str) and re.fullmatch("[0-9]{1,9}[-/][0-9]{1,9}", subject)
    return subject is None or _whole(subject) or bool(named)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _list_of(*forms: Callable[[object], bool]) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        return (
            isinstance(value, list)
            and len(value) == len(forms)
            and all(form(part) for form, part in zip(forms, value, strict=True))
        )

    return fits


def _whole_or_none(value: object) -> bool:
    return value is None or _whole(value)


def _code(value: object) -> bool:
    return _text(value) or _whole(value)


_FORMS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("no pynvml", "foreign pynvml", "library", "unloadable"), _text),
    **dict.fromkeys(("driver", "uuid", "name", "asking"), _text),
    **dict.fromkeys(("cuda", "count", "architecture", "minor", "virtualization"), _whole),
    **dict.fromkeys(("retired", "ecc", "recovery", "utilization", "mig", "ancestor"), _whole),
    **dict.fromkeys(("gpu_instance", "compute_instance"), _whole),
    **dict.fromkeys(("done", "nvlink", "answered", "late"), _flag),
    **dict.fromkeys(("capability", "fabric"), _list_of(_whole, _whole)),
    "remapped": _list_of(_whole, _whole, _whole, _whole),
    "memory": _list_of(_whole, _whole, _whole_or_none),
    "pci": _list_of(_whole, _text),
    "refused": _list_of(_text, _code),
    "ended": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
"""The keys of answers, and what the value of each is."""
