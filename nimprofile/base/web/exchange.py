"""`Exchange`: one question and its answer, in a thread that can be left behind."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from http.client import HTTPException, IncompleteRead
from queue import Empty, SimpleQueue
from socket import SHUT_RDWR
from time import monotonic

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from nimprofile.base.printable import shown
from nimprofile.base.web.faults import Fault, WebError
from nimprofile.base.web.proxies import proxy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from urllib3 import BaseHTTPResponse, PoolManager

    from nimprofile.base.web.addresses import Address
    from nimprofile.base.web.client import Limits

_here = threading.local()
"""The exchange of a thread, for its connection to be known before there is an answer."""


class _Known:
    """Tells the exchange which connection it uses, so that it can be closed at any time."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        _here.exchange.uses(self)
        super().request(*args, **kwargs)  # type: ignore[misc]
        _here.exchange.uses(self)  # it may have been left while this connection was made


class _Plain(_Known, HTTPConnection):
    pass


class _Safe(_Known, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _Safe


def manager_of(address: Address, environ: Mapping[str, str], connections: int) -> PoolManager:
    """What keeps the connections to a server, through its proxy where there is one.

    Raises RequestError for a proxy that is none of HTTP.
    """
    kept: dict[str, Any] = {"maxsize": connections}
    if address.scheme == "https":
        kept["ssl_context"] = ssl.create_default_context()
    proxy = proxy_of(address, environ)
    if proxy is None:
        manager = urllib3.PoolManager(**kept)
    else:
        from nimprofile.base.web.proxies import without_user

        bare, user = without_user(proxy)
        headers = None if user is None else urllib3.make_headers(proxy_basic_auth=user)
        manager = urllib3.ProxyManager(bare, proxy_headers=headers, **kept)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SafePool}
    return manager


class Exchange:
    """One question and its answer.

    Attributes:
        address: that is asked.
        began: when it was asked, in seconds of `time.monotonic`.
        connection: that is used, once there is one.
    """

    def __init__(
        self,
        manager: PoolManager,
        question: tuple[str, str, bytes | None],
        *,
        headers: Mapping[str, str],
        limits: Limits,
    ):
        """Ask at once.

        Args:
            manager: of the connections.
            question: method, address and body.
            headers: that are sent.
            limits: in time and size.
        """
        self._manager, self._question = manager, question
        self._headers, self._limits = dict(headers), limits
        self.address, self.began = question[1], monotonic()
        self.connection: Any = None
        self._response: BaseHTTPResponse | None = None
        self._over = self._left = self._whole = False
        self._came: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._run, name="nimprofile-http", daemon=True).start()

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers, once they are there. Raises WebError."""
        head: tuple[int, dict[str, str]] = self._next()
        return head

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """What comes of the body, and when. Raises WebError."""
        while (piece := self._next()) is not None:
            yield piece

    def uses(self, connection: Any) -> None:
        """Take note of the connection; ConnectionAbortedError where the exchange was left."""
        self.connection = connection
        if self._left:
            raise ConnectionAbortedError

    def leave(self) -> None:
        """Close the connection where the answer is not over; its thread ends by that."""
        if self._over:
            return
        self._left = True
        sock = getattr(self.connection, "sock", None)
        with suppress(OSError):
            if sock is not None:
                sock.shutdown(SHUT_RDWR)
        with suppress(OSError, ValueError, RuntimeError):  # the last two where it is over
            if self._response is not None:
                self._response.shutdown()

    def _next(self) -> Any:
        """The next thing that came. Raises WebError."""
        if self._over:
            return None
        left = self.began + self._limits.total - monotonic()
        try:
            came = self._came.get(timeout=max(0.0, left))
        except Empty:
            self.leave()
            seconds = f"{self._limits.total:g} s"
            problem = f"{self.address}: the answer was not whole after {seconds}"
            raise WebError(Fault.TIMEOUT, problem) from None
        if came is None or isinstance(came, BaseException):
            self._over = True
        if isinstance(came, BaseException):
            raise came
        return came

    def _run(self) -> None:
        """Ask and read, in the thread; every end of it is told."""
        _here.exchange = self
        try:
            self._read()
        except WebError as error:
            self._came.put(error)
        except (exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            self._came.put(fault_of(error, self.address))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is awaited
            self._came.put(error)
        else:
            self._came.put(None)
        if self._response is not None and (self._left or not self._whole):
            self._response.close()

    def _read(self) -> None:
        method, address, body = self._question
        response = self._response = self._manager.request(
            method,
            address,
            body=body,
            headers=self._headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=self._limits.reach, read=self._limits.pause),
        )
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            problem = f"{address}: the answer is compressed ({shown(coding)}), which was not asked"
            raise WebError(Fault.ENCODED, problem)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._came.put((response.status, headers))
        size = 0
        while not self._left and (piece := response.read1(PIECE, decode_content=False)):
            size += len(piece)
            if size > self._limits.most:
                most = f"{self._limits.most >> 20} MiB"
                problem = f"{address}: the answer is larger than {most}"
                raise WebError(Fault.TOO_LARGE, problem)
            self._came.put((monotonic(), piece))
        self._whole = not self._left
        if self._whole:
            response.release_conn()


PIECE = 1 << 16


def fault_of(error: BaseException, address: str) -> WebError:
    """An error of the connection in our words; none of its own text is repeated but a reason."""
    fault, words = _kind(error)
    return WebError(fault, f"{address}: {words}")


def _kind(error: BaseException) -> tuple[Fault, str]:
    if isinstance(error, exceptions.ProxyError):
        _, words = _kind(error.original_error)
        return Fault.PROXY, f"the proxy did not connect: {words}"
    if isinstance(error, exceptions.NameResolutionError):
        return Fault.NAME, "no address is known of this name"
    if isinstance(error, exceptions.ConnectTimeoutError) and not isinstance(
        error, exceptions.NewConnectionError
    ):
        return Fault.TIMEOUT, "no connection within the time"
    if isinstance(error, exceptions.TimeoutError | TimeoutError) and not isinstance(
        error, exceptions.NewConnectionError
    ):
        return Fault.TIMEOUT, "nothing came within the time"
    for inner in _causes(error):
        found = _of_cause(inner)
        if found is not None:
            return found
    return Fault.NOT_HTTP, "what answers there does not speak HTTP"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was made of."""
    todo: list[BaseException] = [error]
    for _ in range(10):
        if not todo:
            return
        error = todo.pop(0)
        yield error
        inner = (*error.args, error.__cause__, error.__context__)
        todo += [part for part in inner if isinstance(part, BaseException)]


def _of_cause(error: BaseException) -> tuple[Fault, str] | None:
    """The kind of one error, where it tells one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"its certificate is not trusted: {shown(error.verify_message)}"
        return Fault.TLS, f"{words}; SSL_CERT_FILE names the file of an authority of your own"
    if isinstance(error, ssl.SSLError):
        reason = (getattr(error, "reason", None) or "unknown").lower().replace("_", " ")
        return Fault.TLS, f"the connection could not be made safe: {shown(reason)}"
    if isinstance(error, ConnectionRefusedError):
        return Fault.REFUSED, "nothing listens on this port"
    if isinstance(error, IncompleteRead | ConnectionError):
        return Fault.CUT_OFF, "the connection was closed before the answer was whole"
    if isinstance(error, TimeoutError):
        return Fault.TIMEOUT, "nothing came within the time"
    if isinstance(error, OSError) and error.errno is not None and not error.filename:
        return Fault.UNREACHABLE, shown(error.strerror or "no network leads there")
    return None
