"""`Interview`: the questions that one server is asked, each once, within one time limit.

Only the values that `tell` is given go on from here. Answers hold more than that, such as the key
of a server in its own arguments, and that is dropped.
"""

from __future__ import annotations

from time import monotonic

from nimprofile.base.printable import clipped, quoted
from nimprofile.base.web.faults import Fault, WebError
from nimprofile.verify.observation import Fact, Observation
from nimprofile.verify.servers.told import Question, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.base.web.client import Answer, Client
    from nimprofile.verify.observation import Value

MOST_TEXT = 500
"""Characters of a value that is a name; a longer one is none."""

MOST_COUNT = 10**13
"""No count is larger: 10 TB, and a thousand times as many tokens as any cache holds."""


class Interview:
    """The questions to one server and what it told.

    Attributes:
        server: which server it is; None while that is not known.
        manifest: the text of the manifest that it serves; None without one.
    """

    def __init__(self, client: Client, seconds: float):
        """Ask within so many seconds in all; what is left then is not asked."""
        self.server: str | None = None
        self.manifest: str | None = None
        self._client, self._until, self._seconds = client, monotonic() + seconds, seconds
        self._answers: dict[str, Answer | None] = {}
        self._questions: list[Question] = []
        self._observations: list[Observation] = []
        self._notes: list[str] = []

    def told(self) -> Told:
        """All of it."""
        return Told(
            str(self._client.address),
            self.server,
            observations=tuple(self._observations),
            questions=tuple(self._questions),
            notes=tuple(dict.fromkeys(self._notes)),
            manifest=self.manifest,
        )

    def answer(self, path: str, *, body: bytes | None = None) -> Answer | None:
        """The answer to a question, whatever its status; None without one.

        Args:
            path: below the address, with its parameters.
            body: what is sent with POST; GET without it.

        Raises WebError where the first question of all cannot be answered: no other will be.
        """
        if path in self._answers:
            return self._answers[path]
        asked = f"{'GET' if body is None else 'POST'} {path}"
        answer: Answer | None = None
        if monotonic() >= self._until:
            words = f"was not asked: the {self._seconds:g} s were over"
        else:
            try:
                answer = self._client.get(path) if body is None else self._posted(path, body)
                words = _words(answer.status)
            except WebError as error:
                if not self._questions and error.fault in _NOBODY:
                    raise
                words = str(error).partition(": ")[2] or str(error)
        self._answers[path] = answer
        self._questions.append(Question(asked, None if answer is None else answer.status, words))
        if answer is not None and answer.status in {401, 403}:
            self.note(
                "some of its interfaces want a key, or another than the one they got: put it into "
                "NIMPROFILE_API_KEY, or name the variable that has it with --api-key-variable"
            )
        return answer

    def first(self) -> str:
        """The first question and how it was answered, for a sentence."""
        return "; ".join(f"{each.asked}: {each.answer}" for each in self._questions[:1])

    def json(self, path: str, *, body: bytes | None = None) -> Any:
        """The JSON that a question is answered with; None without any."""
        answer = self.answer(path, body=body)
        if answer is None or answer.status != 200:
            return None
        try:
            return answer.json()
        except WebError as error:
            self._questions[-1] = self._questions[-1].replace(answer=_problem(error))
            return None

    def text(self, path: str) -> str | None:
        """The text that a question is answered with; None without any."""
        answer = self.answer(path)
        if answer is None or answer.status != 200:
            return None
        try:
            return answer.text()
        except WebError as error:
            self._questions[-1] = self._questions[-1].replace(answer=_problem(error))
            return None

    def note(self, sentence: str) -> None:
        """Something that the operator should know."""
        self._notes.append(sentence)

    def tell(self, fact: Fact, value: Value, path: str, field: str, *, told: object = None) -> None:
        """Something that the server told.

        Args:
            fact: what it is about.
            value: in the unit of the fact.
            path: that was asked for.
            field: where in the answer, as `data[0].max_model_len`.
            told: what stands there, where the value was worked out from it.
        """
        import json

        shows = value if told is None else told
        written = shows if told is not None else json.dumps(shows, ensure_ascii=False)
        self._observations.append(
            Observation(
                fact,
                value,
                str(self._client.address),
                place=path,
                text=clipped(f"{field}: {written}"),
            )
        )

    def tell_ready(self, path: str, *waiting: int) -> None:
        """Whether the server is ready, by the status of the answer on its health.

        Args:
            path: that is asked for.
            waiting: the statuses of a server that is not ready; others tell nothing.
        """
        answer = self.answer(path)
        if answer is not None and answer.status in {200, *waiting}:
            ready = answer.status == 200
            self.tell(Fact.READY, ready, path, "status", told=str(answer.status))

    def tell_count(self, fact: Fact, value: object, path: str, field: str) -> None:
        """A whole number above 0; nothing where there is none."""
        if type(value) is int and 0 < value < MOST_COUNT:
            self.tell(fact, value, path, field)
        elif value is not None:
            self._unreadable(path, field, value)

    def tell_name(self, fact: Fact, value: object, path: str, field: str) -> None:
        """A text; nothing where there is none."""
        if isinstance(value, str) and 0 < len(value.strip()) <= MOST_TEXT:
            self.tell(fact, value.strip(), path, field)
        elif value is not None and value != "":
            self._unreadable(path, field, value)

    def tell_share(self, fact: Fact, value: object, path: str, field: str) -> None:
        """A share above 0 and up to 1; nothing where there is none."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
            self.tell(fact, float(value), path, field)
        elif value is not None:
            self._unreadable(path, field, value)

    def _unreadable(self, path: str, field: str, value: object) -> None:
        self.note(f"{path}: {field} is {quoted(value, 80)}, which is not read")

    def _posted(self, path: str, body: bytes) -> Answer:
        return self._client.post(path, body)


_NOBODY = frozenset(
    {
        *(Fault.NAME, Fault.REFUSED, Fault.UNREACHABLE, Fault.TIMEOUT, Fault.TLS, Fault.PROXY),
        *(Fault.NOT_HTTP, Fault.CUT_OFF),
    }
)
"""What keeps every answer away, not this one alone."""


def _problem(error: WebError) -> str:
    return "answered, but " + (str(error).partition(": ")[2] or str(error))


def _words(status: int) -> str:
    if status == 200:
        return "answered"
    return _STATUS.get(status) or f"answered with status {status}"


_STATUS = {
    401: "wants a key",
    403: "refuses it to this key, or without one",
    404: "has no such interface",
    405: "has no such interface",
    501: "has no such interface",
    503: "is not ready",
}
