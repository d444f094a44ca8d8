"""Ways to answer: whole, slow, a byte at a time, cut off, for ever, in another protocol."""

import gzip
import json
from functools import cache


def answer(body=b"", status=200, kind="application/json", **headers):
    """The whole answer at once; what is no bytes is written as JSON, a text as it is."""
    data = encoded(body)

    def way(visit):
        visit.start(status, Content_Type=kind, Content_Length=len(data), **headers)
        visit.send(data)

    return way


def encoded(body):
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def redirect(to, status=307):
    return answer(b"", status, Location=to)


def silent(visit):
    """The question is taken, and nothing is said."""
    visit.wait(30)
    visit.close()


def slow(seconds, way):
    """An answer after a while."""

    def waiting(visit):
        if visit.wait(seconds):
            way(visit)

    return waiting


def drip(body, every=0.005, status=200):
    """The body a byte at a time."""
    data = encoded(body)

    def way(visit):
        visit.start(status, Content_Length=len(data))
        for at in range(len(data)):
            if not (visit.send(data[at : at + 1]) and visit.wait(every)):
                return

    return way


def dripping_headers(visit):
    """Headers that do not end, a byte at a time."""
    visit.close()
    visit.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while visit.send(b"x") and visit.wait(0.005):
        pass


def cut_off(body, at, *, chunked=False):
    """The connection is closed after so many bytes of the body."""
    data = encoded(body)

    def way(visit):
        visit.close()
        if chunked:
            visit.start(Transfer_Encoding="chunked")
            visit.send(b"%x\r\n%b" % (len(data), data[:at]))
        else:
            visit.start(Content_Length=len(data))
            visit.send(data[:at])

    return way


def hung_up(visit):
    """The connection is closed without a word."""
    visit.close()


def chunks(*parts, kind="text/plain", every=0.0):
    """The body in chunks, each after a while."""

    def way(visit):
        visit.start(Transfer_Encoding="chunked", Content_Type=kind)
        for part in parts:
            if not (visit.chunk(encoded(part)) and visit.wait(every)):
                return
        visit.send(b"0\r\n\r\n")

    return way


def endless(visit):
    """A body that never ends, as fast as it is read."""
    visit.close()
    visit.start()
    while visit.send(b"x" * 65536):
        pass


def gzip_bomb(visit):
    """A thousand times as much as is sent, compressed though nobody asked for it."""
    data = _bomb()
    visit.start(Content_Encoding="gzip", Content_Length=len(data))
    visit.send(data)


@cache
def _bomb():
    return gzip.compress(b"0" * (8 << 20), 1)


def raw(data):
    """Bytes that are no HTTP."""

    def way(visit):
        visit.close()
        visit.send(data)

    return way


HOSTILE = '\x1b]0;owned\x07\x1b[2J\u202e"\r\nHTTP/1.1 200 OK\r\n\x00'
"""A text that steers a terminal, turns its direction and begins lines."""
