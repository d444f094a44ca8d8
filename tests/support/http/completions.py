"""Ways to answer a streamed completion: as an engine does, and as none should."""

import json

from tests.support.http import ways

SSE = "text/event-stream; charset=utf-8"


def event(value):
    data = value if isinstance(value, str) else json.dumps(value)
    return f"data: {data}\n\n".encode()


def part(text, **more):
    """One part of a chat, as vLLM sends it."""
    return event(
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} | more
    )


def plain_part(text):
    """One part of a completion without a chat."""
    return event({"choices": [{"index": 0, "text": text, "finish_reason": None}]})


def usage(prompt, tokens):
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": tokens}})


ROLE = event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
FINISHED = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
DONE = event("[DONE]")


def chat(tokens=3, *, every=0.0, first=0.0, counted=True, done=True):
    """A whole answer: its role, its tokens, its end, and their number where it is asked for."""

    def way(visit):
        if first and not visit.wait(first):
            return
        asked = json.loads(visit.body)
        wants = counted and asked.get("stream_options", {}).get("include_usage")
        parts = [ROLE, *(part(f" {at}") for at in range(tokens)), FINISHED]
        parts += [usage(7, tokens)] if wants else []
        parts += [DONE] if done else []
        ways.chunks(*parts, kind=SSE, every=every)(visit)

    return way


def plain(tokens=3):
    """A whole answer of the interface without chats."""
    return stream(*(plain_part(f" {at}") for at in range(tokens)), usage(7, tokens), DONE)


def stream(*parts, every=0.0):
    """These parts, whatever they are."""
    return ways.chunks(*parts, kind=SSE, every=every)


def cut_off(tokens=2):
    """The connection is closed in the middle of an answer."""

    def way(visit):
        visit.close()
        visit.start(Transfer_Encoding="chunked", Content_Type=SSE)
        for at in range(tokens):
            visit.chunk(part(f" {at}"))

    return way


def never_ending(visit):
    """Tokens without end."""
    visit.start(Transfer_Encoding="chunked", Content_Type=SSE)
    while visit.chunk(part(" more")) and visit.wait(0.01):
        pass


def error(status, message, kind="BadRequestError"):
    """An error as vLLM words it."""
    return ways.answer({"error": {"message": message, "type": kind, "code": status}}, status)


def models(*names):
    return ways.answer({"object": "list", "data": [{"id": name} for name in names]})


def server_routes(completions=None, *, model="meta/llama-3.1-8b-instruct", **more):
    """The routes of a small server: its models, and how it answers chats."""
    routes = {"/v1/models": models(model)}
    return routes | {"/v1/chat/completions": completions or chat()} | more
