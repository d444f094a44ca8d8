"""`WebError`: a server that was asked and did not answer, by kind."""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.errors import NimProfileError


class Fault(StrEnum):
    """What kept an answer away."""

    NAME = "name"
    """No address is known of the host's name."""
    REFUSED = "refused"
    """Nothing listens on the port."""
    UNREACHABLE = "unreachable"
    """No network leads to the host."""
    TIMEOUT = "timeout"
    """It took longer than was waited."""
    TLS = "tls"
    """The connection could not be made safe: the certificate, or the other side speaks no TLS."""
    PROXY = "proxy"
    """The proxy did not connect."""
    CUT_OFF = "cut-off"
    """The connection was closed before the answer was whole."""
    TOO_LARGE = "too-large"
    """The answer is larger than any that is expected."""
    NOT_HTTP = "not-http"
    """What answers speaks another protocol."""
    ENCODED = "encoded"
    """The answer is compressed, which was not asked for."""
    REDIRECT = "redirect"
    """The answer leads to another host, or in a circle."""
    CONTENT = "content"
    """The answer is not of the form that it should have."""


class WebError(NimProfileError, OSError):
    """A server did not answer, or not in a way that can be read.

    Attributes:
        fault: which of the kinds it is.
    """

    def __init__(self, fault: Fault, problem: str):
        super().__init__(problem)
        self.fault = fault
