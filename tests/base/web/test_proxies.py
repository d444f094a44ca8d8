"""Which proxy an address is asked through."""

import pytest

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.proxies import is_direct, proxy_of, without_user

PLAIN, SAFE = address_of("gpu.example:8000"), address_of("https://gpu.example")


@pytest.mark.parametrize(
    ("address", "environ", "proxy"),
    [
        (PLAIN, {}, None),
        (PLAIN, {"http_proxy": "http://p:1"}, "http://p:1"),
        (PLAIN, {"http_proxy": "p:1"}, "http://p:1"),
        (PLAIN, {"HTTP_PROXY": "http://p:1"}, None),
        (PLAIN, {"https_proxy": "http://p:1"}, None),
        (PLAIN, {"all_proxy": "http://p:1"}, "http://p:1"),
        (PLAIN, {"http_proxy": "", "ALL_PROXY": "http://p:1"}, "http://p:1"),
        (SAFE, {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        (SAFE, {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "http://q:1"),
        (SAFE, {"http_proxy": "http://p:1"}, None),
        (SAFE, {"https_proxy": "https://p:1", "NO_PROXY": "example"}, None),
    ],
)
def test_variables_name_the_proxy_as_those_of_curl_do(address, environ, proxy):
    assert proxy == proxy_of(address, environ)


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_a_proxy_of_another_kind_is_refused_without_its_password(name):
    with pytest.raises(RequestError, match=f"{name}: .* not by socks5h: .*NO_PROXY") as error:
        proxy_of(PLAIN, {name: "socks5h://user:hunter2@p:1080"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "listed", "direct"),
    [
        ("gpu.example", "", False),
        ("gpu.example", "*", True),
        ("gpu.example", "gpu.example", True),
        ("gpu.example", "example", True),
        ("gpu.example", ".example", True),
        ("gpu.example", "a, EXAMPLE", True),
        ("gpu.example.", "a b example.", True),
        ("gpu.example", "pu.example", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "11.0.0.0/8,example", False),
        ("10.1.2.3", "3", False),
        ("fd00::1", "[fd00::1]", True),
        ("localhost", "", True),
        ("127.0.0.5", "", True),
        ("::1", "", True),
    ],
)
def test_hosts_that_are_listed_and_loopback_are_asked_directly(host, listed, direct):
    assert direct is is_direct(host, {"NO_PROXY": listed})


def test_the_list_in_small_letters_counts():
    assert not is_direct("gpu.example", {"no_proxy": "other", "NO_PROXY": "*"})


@pytest.mark.parametrize(
    ("proxy", "parts"),
    [
        ("http://p:1", ("http://p:1", None)),
        ("http://us%40er:a@b@p:1/x", ("http://p:1", "us@er:a@b")),
        ("https://user@[::1]:1", ("https://[::1]:1", "user")),
    ],
)
def test_the_user_of_a_proxy_is_taken_from_its_address(proxy, parts):
    assert parts == without_user(proxy)
