"""Are proxies found that break the way to this host, or are none, and never told?"""

from types import SimpleNamespace

import pytest

from nimprofile import Server
from nimprofile.doctor.finding import Status
from nimprofile.doctor.network.proxies import proxy, proxy_findings

PROXY = "http://user:s3cr3t-pass@proxy.example:3128"
AROUND = {"no_proxy": "localhost,127.0.0.1"}


def found(server=None, **environ):
    return [*proxy_findings(environ, server)]


def only(server=None, **environ):
    (finding,) = found(server, **environ)
    return finding


def test_without_a_proxy_all_is_well():
    finding = only()
    assert ("proxy", Status.OK, "none is set") == (finding.check, finding.status, finding.finding)


def test_a_proxy_that_leaves_out_this_host_is_well():
    finding = only(http_proxy=PROXY, https_proxy=PROXY, **AROUND)
    assert Status.OK is finding.status
    assert "http_proxy, https_proxy leave out this host" == finding.finding


@pytest.mark.parametrize(
    ("around", "missing"),
    [
        ("", "localhost and 127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1, example.com", "localhost"),
    ],
)
def test_a_proxy_for_requests_to_this_host_is_doubtful(around, missing):
    finding = only(http_proxy=PROXY, no_proxy=around)
    assert Status.WARNING is finding.status
    assert f"no_proxy does not leave out {missing}: probes" in finding.finding


@pytest.mark.parametrize("around", ["*", "LOCALHOST,127.0.0.1"])
def test_a_proxy_for_none_or_but_this_host_is_well(around):
    assert Status.OK is only(http_proxy=PROXY, NO_PROXY=around).status


def test_a_proxy_for_tls_alone_takes_no_requests_to_this_host():
    assert Status.OK is only(https_proxy=PROXY).status


def test_two_spellings_that_differ_are_doubtful():
    finding = only(http_proxy=PROXY, HTTP_PROXY="http://other:1", **AROUND)
    assert Status.WARNING is finding.status
    assert "http_proxy and HTTP_PROXY are set to different values" in finding.finding
    assert Status.OK is only(http_proxy=PROXY, HTTP_PROXY=PROXY, **AROUND).status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("proxy.example:3128", Status.WARNING),
        ("ftp://proxy.example", Status.FAILED),
        ("http://", Status.FAILED),
        ("http:// proxy", Status.FAILED),
        ("socks5://proxy.example:1080", Status.OK),
    ],
)
def test_an_address_that_is_none_is_found(value, status):
    assert status is only(https_proxy=value).status


def test_the_container_of_a_nim_sees_no_proxy_of_this_shell():
    finding = only(Server.NIM, https_proxy=PROXY, **AROUND)
    assert Status.WARNING is finding.status
    assert (
        "docker run hands no variable of this shell to the NIM, as https_proxy" in finding.finding
    )
    assert "authn.nvidia.com, api.ngc.nvidia.com, xfiles.ngc.nvidia.com" in finding.fix
    assert Status.OK is only(Server.NIM).status


def test_no_finding_has_the_address_or_its_password():
    findings = found(Server.NIM, http_proxy=PROXY, HTTP_PROXY=PROXY[7:], ALL_PROXY=f"x{PROXY}")
    text = "".join(each.finding + each.fix for each in findings)
    assert len(findings) > 3
    assert "s3cr3t" not in text
    assert "proxy.example" not in text


def test_the_server_is_that_of_the_plan():
    environ = {"https_proxy": PROXY}
    plan = SimpleNamespace(server=Server.NIM)
    (finding,) = proxy(SimpleNamespace(environ=environ, plan=plan))
    assert Status.WARNING is finding.status
    (finding,) = proxy(SimpleNamespace(environ=environ, plan=None))
    assert Status.OK is finding.status
