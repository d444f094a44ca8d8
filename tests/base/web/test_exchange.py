"""Errors of a connection in our words."""

import ssl

import pytest
from urllib3 import exceptions

from nimprofile.base.web.exchange import fault_of
from nimprofile.base.web.faults import Fault


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "fault", "words"),
    [
        (OSError(113, "No route to host"), Fault.UNREACHABLE, "No route to host"),
        (
            OSError(101, "Network is \x1b unreachable"),
            Fault.UNREACHABLE,
            r"Network is \x1b unreachable",
        ),
        (
            caused(exceptions.NewConnectionError(None, "secret"), ConnectionRefusedError()),
            Fault.REFUSED,
            "nothing listens on this port",
        ),
        (exceptions.ProtocolError("secret", ConnectionResetError()), Fault.CUT_OFF, "closed"),
        (exceptions.SSLError(ssl.SSLError(1, "x")), Fault.TLS, "made safe: unknown"),
        (
            exceptions.ProxyError("secret", TimeoutError()),
            Fault.PROXY,
            "nothing came within the time",
        ),
        (exceptions.ConnectTimeoutError("secret"), Fault.TIMEOUT, "no connection within the time"),
        (ValueError("secret"), Fault.NOT_HTTP, "does not speak HTTP"),
    ],
)
def test_an_error_is_told_by_its_kind_and_without_its_own_text(error, fault, words):
    told = fault_of(error, "http://host:1/")
    assert fault == told.fault
    assert str(told).startswith("http://host:1/: ")
    assert words in str(told)
    assert "secret" not in str(told)
