"""`Client`: the one place that asks other machines anything, over HTTP.

Each exchange runs in a thread of its own, which is left behind when its time is up: a name that is
looked up for ever, a line that comes a byte at a time and a server that says nothing all end at
the same moment. No answer is longer than `Limits.most`, none is decompressed, none is asked for at
another host than the one that was named, and no message has a header that was sent.
"""

from __future__ import annotations

from threading import Lock
from time import monotonic
from weakref import WeakSet

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import shown
from nimprofile.base.record import Record
from nimprofile.base.web.faults import Fault, WebError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import KW_ONLY
    from typing import Any, Self

    from nimprofile.base.web.addresses import Address
    from nimprofile.base.web.exchange import Exchange

    Headers = Mapping[str, str]


class Limits(Record):
    """What an exchange may take.

    Attributes:
        reach: seconds until a connection stands.
        pause: seconds without a byte.
        total: seconds until the end of the answer.
        most: bytes of it.
    """

    _: KW_ONLY
    reach: float = 5.0
    pause: float = 10.0
    total: float = 30.0
    most: int = 8 << 20


class Answer(Record):
    """What a server answered, whatever its status.

    Attributes:
        address: that was asked, after redirects.
        status: 200, 404.
        headers: by their names in small letters; of several of one name the last.
        body: as it came.
        seconds: from the question to the end of the answer, without redirects before it.
    """

    address: str
    status: int
    _: KW_ONLY
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def text(self) -> str:
        """The body as UTF-8. Raises WebError."""
        try:
            return self.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise WebError(Fault.CONTENT, f"{self.address}: the answer is not UTF-8") from None

    def json(self) -> Any:
        """The body as JSON. Raises WebError where it is none."""
        from nimprofile.base.formats.json_reader import JsonError, read_json

        try:
            return read_json(self.text())
        except JsonError as error:
            raise WebError(Fault.CONTENT, f"{self.address}: {error.problem}") from None


class Stream:
    """An answer whose body is still to come; a context manager that closes it.

    Attributes:
        address: that was asked.
        status: 200, 404.
        headers: by their names in small letters; of several of one name the last.
        began: when it was asked, in seconds of `time.monotonic`.
    """

    __slots__ = ("_exchange", "address", "began", "headers", "status")

    def __init__(self, exchange: Exchange):
        """Wait for the status and the headers. Raises WebError."""
        self._exchange = exchange
        self.address, self.began = exchange.address, exchange.began
        try:
            self.status, self.headers = exchange.head()
        except BaseException:
            exchange.leave()
            raise

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        """The parts of the body as they come, and when each came. Raises WebError."""
        return self._exchange.pieces()

    def close(self) -> None:
        """Close the connection, if the answer is not over: the server can stop."""
        self._exchange.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """Asks one server. Several threads may ask at once.

    Attributes:
        address: of the server; everything is asked below it.
    """

    def __init__(
        self,
        address: Address,
        *,
        environ: Mapping[str, str],
        key: str | None = None,
        limits: Limits | None = None,
        connections: int = 4,
    ):
        """Make a client; nothing is asked yet.

        Args:
            address: of the server.
            environ: the variables that name a proxy.
            key: sent to this server alone, as `Authorization: Bearer …`.
            limits: of each exchange that names none of its own.
            connections: that are kept for the next question.

        Raises RequestError for a proxy or a key that cannot be used.
        """
        from nimprofile.base.web.exchange import manager_of

        if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key):
            raise RequestError("the key has a space, the end of a line or another such character")
        self.address = address
        self._limits = Limits() if limits is None else limits
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._manager = manager_of(address, environ, connections)
        self._under_way: WeakSet[Exchange] = WeakSet()
        self._lock = Lock()

    def get(self, path: str, *, headers: Headers | None = None) -> Answer:
        """Ask for a path. Redirects within the server are followed.

        Args:
            path: below the address, with its parameters: `/v1/models`.
            headers: beside those that are always sent.

        Raises WebError where there is no answer; a status is no error.
        """
        at = self.address.of(path)
        for _ in range(MOST_REDIRECTS):
            answer = self._whole("GET", at, None, headers)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            at = self._next(at, answer.headers["location"])
        raise WebError(Fault.REDIRECT, f"{self.address.of(path)}: redirected for ever")

    def post(self, path: str, body: bytes, *, headers: Headers | None = None) -> Answer:
        """Send JSON. Redirects are not followed.

        Args:
            path: below the address.
            body: that is sent.
            headers: beside those that are always sent.

        Raises WebError where there is no answer; a status is no error.
        """
        return self._whole("POST", self.address.of(path), body, headers)

    def open(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Headers | None = None,
        limits: Limits | None = None,
    ) -> Stream:
        """Ask, and read the answer while it comes. Redirects are not followed.

        Args:
            method: `GET`, `POST`.
            path: below the address.
            body: that is sent; JSON, where no header says otherwise.
            headers: beside those that are always sent.
            limits: of this exchange.

        Raises WebError where there is no answer; a status is no error.
        """
        return self._asked(method, self.address.of(path), body, headers, limits)

    def abandon(self) -> None:
        """Close the connection of every exchange that is not over; each ends with a WebError.

        From another thread, so that no server goes on with what nobody waits for.
        """
        with self._lock:
            under_way = [*self._under_way]
        for exchange in under_way:
            exchange.leave()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._manager.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _whole(self, method: str, at: str, body: bytes | None, headers: Headers | None) -> Answer:
        with self._asked(method, at, body, headers, None) as stream:
            data = b"".join(piece for _, piece in stream)
            return Answer(
                stream.address,
                stream.status,
                headers=stream.headers,
                body=data,
                seconds=monotonic() - stream.began,
            )

    def _asked(
        self,
        method: str,
        at: str,
        body: bytes | None,
        headers: Headers | None,
        limits: Limits | None,
    ) -> Stream:
        from nimprofile.base.web.exchange import Exchange

        sent = {"User-Agent": "nimprofile", "Accept-Encoding": "identity"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        with self._lock:  # an exchange begins at once, and `abandon` must know it from then on
            exchange = Exchange(
                self._manager,
                (method, at, body),
                headers=sent | self._headers | dict(headers or {}),
                limits=limits or self._limits,
            )
            self._under_way.add(exchange)
        return Stream(exchange)

    def _next(self, at: str, location: str) -> str:
        """The address that a redirect leads to, on this server. Raises WebError."""
        from urllib.parse import urljoin

        from nimprofile.base.web.addresses import address_of

        try:
            target = urljoin(at, location)
            found = address_of(target.partition("?")[0].partition("#")[0])
        except (RequestError, ValueError):
            raise WebError(Fault.REDIRECT, f"{at}: redirected to no address") from None
        if found.origin != self.address.origin:
            raise WebError(
                Fault.REDIRECT,
                f"{at}: redirected to {shown(found.origin)}, which was not named: "
                "name that address if it is the server's",
            )
        return target


MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
