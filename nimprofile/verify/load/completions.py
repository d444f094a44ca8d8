"""Streamed completions: what is asked, and what of its answer is measured.

The form is that of OpenAI's interface, as vLLM, SGLang, TensorRT-LLM's trtllm-serve and NIM have
it: `POST /v1/chat/completions`, and `/v1/completions` for models without a chat template. Each part
of the stream is an event with a JSON object; `[DONE]` is the last. `stream_options.include_usage`
asks for the number of tokens (platform.openai.com/docs/api-reference/chat/create).
"""

from __future__ import annotations

import json

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import shown
from nimprofile.base.record import Record
from nimprofile.base.web.event_stream import events
from nimprofile.base.web.faults import WebError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import KW_ONLY
    from typing import Any

    from nimprofile.base.web.client import Client, Stream

MOST_OF_ERROR = 1 << 16
"""Bytes of the answer to a refused request that are read."""


class Way(Record):
    """One way to ask.

    Attributes:
        interface: in words.
        path: of it.
        usage: the number of tokens is asked for.
    """

    interface: str
    path: str
    usage: bool

    def body(self, model: str, prompt: str, max_tokens: int) -> bytes:
        """What is sent."""
        asked: dict[str, Any] = {"model": model, "max_tokens": max_tokens, "temperature": 0}
        if self.interface == CHAT:
            asked["messages"] = [{"role": "user", "content": prompt}]
        else:
            asked["prompt"] = prompt
        asked["stream"] = True
        if self.usage:
            asked["stream_options"] = {"include_usage": True}
        return json.dumps(asked).encode()


CHAT, PLAIN = "chat completions", "completions"
FIRST_WAY = Way(CHAT, "/v1/chat/completions", usage=True)


class Refusal(Record):
    """Why a server did not begin to answer.

    Attributes:
        status: of HTTP; None where nothing answered.
        what: in a few words, `HTTP 429`.
        text: what the server said.
    """

    status: int | None
    what: str
    text: str


class Answered(Record):
    """One request, and how it went. Times are seconds of `time.monotonic`.

    Attributes:
        began: when it was sent.
        ended: when its last token came, or when it failed.
        first: when its first token came; None without one.
        tokens: that the server counted in its answer; None where it told none.
        prompt_tokens: that it counted in the prompt; None where it told none.
        parts: of the stream that had text.
        refusal: why it failed; None where it was answered to its end.
    """

    began: float
    ended: float
    _: KW_ONLY
    first: float | None = None
    tokens: int | None = None
    prompt_tokens: int | None = None
    parts: int = 0
    refusal: Refusal | None = None


def next_way(way: Way, refusal: Refusal) -> Way | None:
    """What else may be tried where a server refused the first request; None where nothing is.

    - 400 or 422 that speaks of `stream_options` or `include_usage`: without the number of tokens.
      Servers that check their fields refuse what they do not know.
    - 404, 405 or 501 for the path, not for the model: the other interface.
    - 400 that speaks of a chat template: the other interface. vLLM says so of a model without one
      (vllm/entrypoints/chat_utils.py).
    """
    text, status = refusal.text.lower(), refusal.status
    if way.usage and status in {400, 422} and ("stream_options" in text or "usage" in text):
        return way.replace(usage=False)
    without_path = status in {405, 501} or (status == 404 and "model" not in text)
    if way.interface == CHAT and (without_path or (status == 400 and "chat template" in text)):
        return Way(PLAIN, "/v1/completions", way.usage)
    return None


def refused(stream: Stream) -> Refusal:
    """Why a server answered with another status than 200."""
    return Refusal(stream.status, f"HTTP {stream.status}", _said(stream))


def _said(stream: Stream) -> str:
    """What the server says of an error, as far as it can be read."""
    data = bytearray()
    try:
        for _, piece in stream:
            data += piece
            if len(data) > MOST_OF_ERROR:
                break
    except WebError:
        pass  # what came before is said
    text = bytes(data[:MOST_OF_ERROR]).decode(errors="replace").strip()
    return shown(_message(text) or text or "nothing")


def _message(text: str) -> str | None:
    """The sentence of an error in JSON, as OpenAI's interface and FastAPI have it."""
    from nimprofile.base.formats.json_reader import JsonError, read_json

    try:
        value = read_json(text)
    except JsonError:
        return None
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and (found := value.get(name)):
            value = found
    return value if isinstance(value, str) else None


def fault_of(error: WebError) -> Refusal:
    """Why a connection brought no answer, or none to its end."""
    return Refusal(None, error.fault.value, shown(str(error)))


class _Reading:
    """What is known of an answer while it comes."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.tokens: int | None = None
        self.prompt_tokens: int | None = None
        self.parts = 0
        self.over = False
        self.refusal: Refusal | None = None

    def take(self, data: str, at: float, name: str) -> None:
        """Take one event."""
        from nimprofile.base.formats.json_reader import JsonError, read_json

        if data.strip() == "[DONE]":
            self.over = True
            return
        try:
            value = read_json(data)
        except JsonError as error:
            self.refusal = Refusal(None, "a part that is no JSON", shown(error.problem))
            return
        if not isinstance(value, dict) or value.get("error") or name == "error":
            self.refusal = Refusal(None, "an error in the stream", shown(_message(data) or data))
            return
        self._count(value.get("usage"))
        text, finished = _of_choices(value.get("choices"))
        if text:
            self.first = at if self.first is None else self.first
            self.last, self.parts = at, self.parts + 1
        self.over = self.over or finished

    def _count(self, usage: Any) -> None:
        """Take the numbers of tokens; where each part has them, the last counts."""
        if not isinstance(usage, dict):
            return
        tokens, prompt = usage.get("completion_tokens"), usage.get("prompt_tokens")
        if type(tokens) is int and 0 <= tokens <= MOST_TOKENS:
            self.tokens = tokens
        if type(prompt) is int and 0 <= prompt <= MOST_TOKENS:
            self.prompt_tokens = prompt


MOST_TOKENS = 10**9

_TEXTS = ("content", "reasoning_content", "reasoning", "tool_calls", "refusal")
"""Where a part of a chat has what was generated: `reasoning_content` of thinking models in vLLM and
SGLang, `reasoning` in newer versions of vLLM."""


def _of_choices(choices: Any) -> tuple[bool, bool]:
    """Whether a part has text, and whether it says that its answer is over."""
    text = finished = False
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta")
        if isinstance(delta, dict) and any(delta.get(name) for name in _TEXTS):
            text = True
        text = text or bool(choice.get("text"))
        finished = finished or isinstance(choice.get("finish_reason"), str)
    return text, finished


def read_answer(began: float, pieces: Iterable[tuple[float, bytes]]) -> Answered:
    """Read a streamed answer to its end.

    Args:
        began: when the request was sent.
        pieces: what came, and when.
    """
    reading, at = _Reading(), began
    try:
        for event in events(pieces):
            at = event.at
            reading.take(event.data, event.at, event.name)
            if reading.refusal is not None:
                break
    except WebError as error:
        if not reading.over:  # what comes after the end changes nothing
            reading.refusal = fault_of(error)
    if not reading.over and reading.refusal is None:
        reading.refusal = Refusal(None, "cut-off", "the stream ended before the answer did")
    return Answered(
        began,
        at if reading.last is None or reading.refusal is not None else reading.last,
        first=reading.first,
        tokens=reading.tokens,
        prompt_tokens=reading.prompt_tokens,
        parts=reading.parts,
        refusal=reading.refusal,
    )


def first_model(client: Client) -> str:
    """The first model that a server lists. Raises WebError and RequestError."""
    answer = client.get("/v1/models")
    if answer.status != 200:
        raise RequestError(
            f"{client.address}: /v1/models answers HTTP {answer.status}: name the model, and the "
            "key where the server wants one"
        )
    value = answer.json()
    listed = value.get("data") if isinstance(value, dict) else None
    for model in listed if isinstance(listed, list) else ():
        name = model.get("id") if isinstance(model, dict) else None
        if isinstance(name, str) and name:
            return name
    raise RequestError(f"{client.address}: /v1/models lists no model: {shown(value)}")


def prompt_of(number: int, tokens: int, salt: str) -> str:
    """A prompt of about so many tokens, unlike every other one from its first word on.

    Prompts that begin alike are answered from a cache of prefixes, which vLLM, SGLang and NIM keep,
    and would make the first token look faster than it is. The words are short and common: each is a
    token of current models, or little more. How many tokens it was, the server tells.

    Args:
        number: of the prompt in its run.
        tokens: about as many as it is to have.
        salt: unlike in every run.
    """
    head = f"{salt}-{number}: tell a long story in which these words occur, in this order:"
    few = max(1, tokens - TOKENS_OF_HEAD)
    words = (_WORDS[(number + place) % len(_WORDS)] for place in range(few))
    return f"{head} {' '.join(words)}"


TOKENS_OF_HEAD = 24
"""About as many tokens the head of a prompt has, with those of a chat template."""

_WORDS = (
    *("river", "stone", "green", "house", "bird", "night", "road", "glass", "winter", "bread"),
    *("garden", "paper", "horse", "light", "summer", "table", "water", "music", "field", "iron"),
    *("cloud", "door", "silver", "letter", "island", "apple", "street", "morning", "wood"),
)
