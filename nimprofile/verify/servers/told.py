"""`Told`: what a server told over HTTP, and every question that it was asked for it."""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.verify.observation import Observation


class Question(Record):
    """A question, and what became of it.

    Attributes:
        asked: the method and the path: `GET /v1/models`.
        status: of the answer; None without one.
        answer: what came, in words: `answered`, `has no such interface`.
    """

    asked: str
    status: int | None
    answer: str


class Told(Record):
    """What a server told.

    Attributes:
        address: that was asked, as `http://127.0.0.1:8000`.
        server: `nim`, `vllm`, `sglang`, `tensorrt_llm` or `triton`; None where it told by nothing
            which it is.
        observations: what it told of itself.
        questions: all that it was asked, in this order.
        notes: what the operator should know, in sentences.
        manifest: the text of the manifest that a NIM serves; None without one.
    """

    address: str
    server: str | None
    _: KW_ONLY
    observations: tuple[Observation, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    manifest: str | None = None
