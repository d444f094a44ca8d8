"""A server on loopback for tests: recorded answers by path, given in ways good and bad.

What it answers with is a `Way`, a function of one visit; `ways` has them.
"""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A question that came."""

    method: str
    path: str
    headers: dict[str, Any]
    body: bytes


class Visit:
    """One question, and the means to answer it."""

    def __init__(self, handler, ended):
        self._handler, self._ended = handler, ended
        self.method, self.path, self.headers = handler.command, handler.path, handler.headers
        length = handler.headers.get("Content-Length")
        self.body = handler.rfile.read(int(length)) if length else b""

    def start(self, status=200, **headers):
        """Send the status and headers; `Content_Type` is the header Content-Type."""
        self._handler.send_response_only(status)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), str(value))
        self._handler.end_headers()

    def send(self, data):
        """Send bytes as they are; False when nobody takes them any more."""
        try:
            self._handler.wfile.write(data)
            self._handler.wfile.flush()
        except OSError:
            self.close()
            return False
        return not self._ended.is_set()

    def chunk(self, data):
        """Send one chunk of an answer that was started with `Transfer_Encoding="chunked"`."""
        return self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def wait(self, seconds):
        """Wait, but not beyond the end of the server, whose end it is False."""
        return not self._ended.wait(seconds)

    def close(self):
        """Close the connection after this."""
        self._handler.close_connection = True


class Server:
    """What `serving` gives: the address, and what was asked.

    `routes` maps a path, with its parameters or without, to a way; it may be changed at any time.
    """

    def __init__(self, routes, other):
        self.routes, self.other = dict(routes), other
        self.asked, self.ended = [], threading.Event()
        self._most, self.at_once, self._lock = 0, 0, threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.of = self
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def most_at_once(self):
        """How many questions were open at the same time, at most."""
        return self._most

    def way(self, path):
        return self.routes.get(path) or self.routes.get(path.partition("?")[0], self.other)

    def visited(self, handler):
        visit = Visit(handler, self.ended)
        with self._lock:
            self.asked.append(Asked(visit.method, visit.path, dict(visit.headers), visit.body))
            self.at_once += 1
            self._most = max(self._most, self.at_once)
        try:
            self.way(visit.path)(visit)
        finally:
            with self._lock:
                self.at_once -= 1

    def run(self):
        self._http.serve_forever(poll_interval=0.005)

    def stop(self):
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, request, client_address):
        """A visitor that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _visit(self):
        self.server.of.visited(self)

    do_GET = do_POST = do_CONNECT = do_HEAD = _visit

    def log_message(self, *_):
        pass


@contextmanager
def serving(routes, other=None):
    """A server that answers by path, and with `other` (404) elsewhere."""
    from tests.support.http import ways

    server = Server(routes, other or ways.answer(b'{"detail":"Not Found"}', 404))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
