"""`Address`: where a server is asked, read from what an operator names."""

from __future__ import annotations

import re

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from urllib.parse import SplitResult

PORTS = {"http": 80, "https": 443}
"""The schemes that are spoken, and the port of each where an address names none."""

LONGEST = 2000
"""Characters of an address; browsers and proxies take about as many."""


class Address(Record):
    """The address of a server; it has no user, no password and no parameters.

    Attributes:
        scheme: `http` or `https`.
        host: a name or a number, in small letters, without brackets.
        port: from 1 to 65535.
        path: what stands before every path that is asked for: "" or `/behind/a/gateway`.
    """

    scheme: str
    host: str
    port: int
    _: KW_ONLY
    path: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port, as `http://127.0.0.1:8000`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def of(self, path: str) -> str:
        """The whole address of a path, which begins with `/`."""
        return f"{self.origin}{self.path}{path}"

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


def address_of(text: str, what: str = "address") -> Address:
    """Read an address, with `http://` where it has no scheme.

    A path that ends in `/v1` names the interface that OpenAI's clients are told; the server's own
    begins above it.

    Args:
        text: as `http://127.0.0.1:8000`, `gpu-box:8000` or `https://host/path/v1`.
        what: what it is, for the error: the option that has it.

    Raises RequestError, without the text where it has a user or parameters.
    """
    if len(text) > LONGEST:
        raise RequestError(f"{what}: longer than {LONGEST} characters")
    # Without parameters: those may hold a key, and no message repeats them.
    bare = re.split(r"[?#]", text, maxsplit=1)[0]
    if "@" in bare:
        raise RequestError(f"{what}: the address has a user before its host: leave it out")
    if bare != text:
        raise RequestError(f"{what}: the address has parameters: leave out `?` and all behind it")
    return _checked(_split(text, what), text, what)


def _split(text: str, what: str) -> SplitResult:
    from urllib.parse import urlsplit

    whole = text if "://" in text else f"http://{text}"
    try:
        if not whole.isascii() or not whole.isprintable() or set(whole) & _FORBIDDEN:
            raise ValueError("it has characters that no address has")  # noqa: TRY301 - as below
        parts = urlsplit(whole)
        if parts.scheme not in PORTS:
            raise ValueError(f"{parts.scheme}:// is neither http:// nor https://")  # noqa: TRY301
        if parts.port == 0:
            raise ValueError("0 is no port")  # noqa: TRY301
    except ValueError as error:
        raise RequestError(f"{what}: {quoted(text)} is no address: {error}") from None
    return parts


_FORBIDDEN = frozenset(" \"'<>\\^`{|}")
"""Characters that no address has (RFC 3986, appendix A), beside control characters."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?|[0-9a-f:.]+(%[\w.-]+)?", re.ASCII)


def _checked(parts: SplitResult, text: str, what: str) -> Address:
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise RequestError(f"{what}: {quoted(text)} is no address: it names no host")
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return Address(parts.scheme, host, parts.port or PORTS[parts.scheme], path=path)
