"""Addresses as operators write them."""

import pytest

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import Address, address_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("localhost:8000", "http://localhost:8000"),
        ("GPU-Box", "http://gpu-box:80"),
        ("https://nim.example.com", "https://nim.example.com:443"),
        ("HTTPS://nim.example.com/team/llama/v1", "https://nim.example.com:443/team/llama"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[fe80::1%eth0]:8000", "http://[fe80::1%eth0]:8000"),
        ("under_score.ns.svc.cluster.local.", "http://under_score.ns.svc.cluster.local.:80"),
    ],
)
def test_an_address_is_read(text, address):
    assert address == str(address_of(text))


def test_a_path_is_asked_below_the_address():
    address = Address("https", "host", 443, path="/team")
    assert "https://host:443/team/v1/models" == address.of("/v1/models")
    assert "https://host:443" == address.origin


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no host"),
        ("http://", "names no host"),
        ("http://:8000", "names no host"),
        ("ftp://host", "ftp:// is neither http:// nor https://"),
        ("file:///etc/passwd", "file:// is neither"),
        ("http://host:0", "0 is no port"),
        ("http://host:99999", "Port out of range"),
        ("http://host:port", "Port could not be cast"),
        ("http://ho st", "characters that no address has"),
        ("http://host\r\nX: y", "characters that no address has"),
        ("http://höst", "characters that no address has"),
        ("http://[::1", "Invalid IPv6"),
        ("http://-", "names no host"),
        ("http://" + "a" * 3000, "longer than 2000"),
    ],
)
def test_what_is_no_address_is_refused(text, words):
    with pytest.raises(RequestError, match=words) as error:
        address_of(text, "--url")
    assert str(error.value).startswith("--url: ")
    assert "\r" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:hunter2hunter2@host",
        "user:hunter2hunter2@host:80",
        "http://host/?key=hunter2hunter2",
        "http://host/#hunter2hunter2",
    ],
)
def test_an_address_with_a_secret_is_refused_without_being_repeated(text):
    with pytest.raises(RequestError, match="leave") as error:
        address_of(text)
    assert "hunter2" not in str(error.value)
