"""The client of HTTP: what it sends and to whom, and every way not to be answered."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.client import Client, Limits
from nimprofile.base.web.faults import Fault, WebError
from tests.support.http import ways
from tests.support.http.server import serving

ROOMY = Limits(reach=20, pause=20, total=30, most=1 << 20)
SHORT = ROOMY.replace(pause=0.1, total=0.2)
KEY = "abc-very-secret-0123456789"


def client(server, environ=None, **kwargs):
    kwargs.setdefault("limits", Limits(most=1 << 20))
    return Client(address_of(server.url), environ=environ or {}, **kwargs)


def fault_of_get(server, path="/", limits=ROOMY, **kwargs):
    with client(server, limits=limits, **kwargs) as asking, pytest.raises(WebError) as error:
        asking.get(path)
    return error.value


def test_an_answer_has_its_status_headers_and_body():
    with serving({"/v1/models": ways.answer({"a": 1})}) as server, client(server) as asking:
        answer = asking.get("/v1/models")
        assert (200, {"a": 1}) == (answer.status, answer.json())
        assert "application/json" == answer.headers["content-type"]
        assert f"{server.url}/v1/models" == answer.address
        assert 0 < answer.seconds < 30


def test_a_status_is_an_answer():
    with serving({"/500": ways.answer(b"no", 500)}) as server, client(server) as asking:
        assert [404, 500] == [asking.get("/other").status, asking.get("/500").status]


def test_a_connection_is_kept_for_the_next_question():
    ports = set()

    def port(visit):
        ports.add(visit._handler.client_address[1])
        ways.answer(b"{}")(visit)

    with serving({}, other=port) as server, client(server) as asking:
        for _ in range(3):
            asking.get("/")
    assert 1 == len(ports)


def test_nothing_compressed_is_asked_for_and_the_program_is_named():
    with serving({}) as server, client(server) as asking:
        asking.get("/")
        headers = server.asked[0].headers
    assert "identity" == headers["Accept-Encoding"]
    assert "nimprofile" == headers["User-Agent"]
    assert "Authorization" not in headers


def test_a_key_is_sent_to_the_server():
    with serving({}) as server, client(server, key=KEY) as asking:
        asking.get("/")
        assert f"Bearer {KEY}" == server.asked[0].headers["Authorization"]


@pytest.mark.parametrize("key", ["a\nb", " a", "a\r\nX: y", "ä", ""])
def test_a_key_that_is_no_header_is_refused_without_being_repeated(key):
    with pytest.raises(RequestError) as error:
        Client(address_of("localhost"), environ={}, key=key + KEY if key != "" else "\x00")
    assert KEY not in str(error.value)


def test_a_redirect_within_the_server_is_followed():
    routes = {"/metrics": ways.redirect("/metrics/"), "/metrics/": ways.answer("a 1")}
    with serving(routes) as server, client(server) as asking:
        answer = asking.get("/metrics")
    assert ("a 1", "/metrics/") == (answer.text(), answer.address.removeprefix(server.url))


def test_no_other_host_is_asked_and_none_gets_the_key():
    with serving({}) as other:
        with serving({"/": ways.redirect(f"{other.url}/")}) as server:
            error = fault_of_get(server, key=KEY)
        assert [] == other.asked
    assert Fault.REDIRECT == error.fault
    assert other.url in str(error)


@pytest.mark.parametrize("to", ["https://127.0.0.1/", "file:///etc/passwd", "//x:y@z/", "ht tp:"])
def test_a_redirect_elsewhere_is_told(to):
    with serving({"/": ways.redirect(to)}) as server:
        assert Fault.REDIRECT == fault_of_get(server).fault


def test_a_circle_of_redirects_ends():
    with serving({"/": ways.redirect("/")}) as server:
        assert Fault.REDIRECT == fault_of_get(server).fault
        assert 5 == len(server.asked)


def test_a_header_of_control_characters_is_told_as_escapes():
    with serving({"/": ways.answer(b"", Content_Encoding="\x1b[2Jx")}) as server:
        assert "\x1b" not in str(fault_of_get(server))


FAULTS = {
    "silent": (ways.silent, Fault.TIMEOUT),
    "slow": (ways.slow(5, ways.answer(b"{}")), Fault.TIMEOUT),
    "drip": (ways.drip("x" * 10_000), Fault.TIMEOUT),
    "dripping headers": (ways.dripping_headers, Fault.TIMEOUT),
    "dripping chunks": (ways.chunks(*["x"] * 10_000, every=0.005), Fault.TIMEOUT),
    "cut off": (ways.cut_off(b"x" * 100, 50), Fault.CUT_OFF),
    "cut off in a chunk": (ways.cut_off(b"x" * 100, 50, chunked=True), Fault.CUT_OFF),
    "hung up": (ways.hung_up, Fault.CUT_OFF),
    "half a status": (ways.raw(b"HTTP/1.1 2"), Fault.NOT_HTTP),
    "endless": (ways.endless, Fault.TOO_LARGE),
    "huge": (ways.answer(b"x" * (1 << 20) + b"x"), Fault.TOO_LARGE),
    "bomb": (ways.gzip_bomb, Fault.ENCODED),
    "smtp": (ways.raw(b"220 mail.example ESMTP ready\r\n"), Fault.NOT_HTTP),
    "bytes": (ways.raw(bytes(range(256)) * 4), Fault.NOT_HTTP),
    "many headers": (ways.raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500), Fault.NOT_HTTP),
    "long header": (ways.raw(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 99_999), Fault.NOT_HTTP),
    "wrong chunk": (
        ways.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Fault.CUT_OFF,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_keeps_an_answer_away_is_told_by_its_kind(name):
    way, fault = FAULTS[name]
    with serving({"/": way}) as server:
        limits = SHORT if fault is Fault.TIMEOUT else ROOMY
        error = fault_of_get(server, key=KEY, limits=limits)
    assert fault == error.fault
    assert str(error).startswith(f"{server.url}/: ")
    assert KEY not in str(error)


def test_a_port_that_nothing_listens_on_is_told():
    with serving({}) as server:
        pass
    error = fault_of_get(server)
    assert (Fault.REFUSED, f"{server.url}/: nothing listens on this port") == (
        error.fault,
        str(error),
    )


def test_a_name_without_an_address_is_told():
    asking = Client(address_of("nimprofile.invalid"), environ={}, limits=Limits(total=20))
    with pytest.raises(WebError) as error:
        asking.get("/")
    assert error.value.fault in {Fault.NAME, Fault.UNREACHABLE}


def test_a_name_that_is_looked_up_for_ever_costs_the_time_and_no_more(monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: held.wait(20) and [])
    asking = Client(address_of("stuck.example"), environ={}, limits=Limits(total=0.05))
    try:
        with pytest.raises(WebError) as error:
            asking.get("/")
    finally:
        held.set()
    assert Fault.TIMEOUT == error.value.fault


def test_a_server_without_tls_is_told():
    with serving({}) as server:
        address = address_of(server.url.replace("http:", "https:"))
        with pytest.raises(WebError) as error:
            Client(address, environ={}, limits=ROOMY).get("/")
    assert Fault.TLS == error.value.fault


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost that vouches for itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl makes a certificate here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
        f"-keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    return certificate, key


@contextmanager
def serving_safely(routes, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(routes) as server:
        server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
        yield server, address_of(f"https://localhost:{server.port}")


def test_a_certificate_that_nobody_vouches_for_is_told(certificate):
    with serving_safely({}, certificate) as (server, address):
        with pytest.raises(WebError) as error:
            Client(address, environ={}, limits=ROOMY, key=KEY).get("/")
        assert [] == server.asked
    assert Fault.TLS == error.value.fault
    assert "certificate is not trusted: self-signed certificate; SSL_CERT_FILE" in str(error.value)


def test_an_authority_of_ones_own_is_trusted_by_its_file(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with serving_safely({"/": ways.answer({"safe": True})}, certificate) as (_, address):
        assert {"safe": True} == Client(address, environ={}).get("/").json()
        wrong = address.replace(host="127.0.0.1")
        with pytest.raises(WebError, match="IP address mismatch") as error:
            Client(wrong, environ={}).get("/")
    assert Fault.TLS == error.value.fault


def test_a_proxy_is_asked_with_its_user_and_is_not_told_the_key_of_a_safe_server():
    seen = []

    def proxy(visit):
        seen.append((visit.method, visit.path, dict(visit.headers)))
        ways.answer(b"", 407)(visit)

    with serving({}, other=proxy) as server:
        environ = {"https_proxy": server.url.replace("//", "//user:pass%20word@")}
        asking = Client(address_of("https://gpu.example"), environ=environ, key=KEY, limits=ROOMY)
        with pytest.raises(WebError) as error:
            asking.get("/v1/models")
    assert Fault.PROXY == error.value.fault
    assert "pass" not in str(error.value)
    ((method, path, headers),) = seen
    assert ("CONNECT", "gpu.example:443") == (method, path)
    assert "Basic dXNlcjpwYXNzIHdvcmQ=" == headers["proxy-authorization"]
    assert KEY not in str(headers)


def test_a_plain_question_goes_through_its_proxy():
    with serving({}, other=ways.answer({"by": "proxy"})) as server:
        asking = Client(address_of("gpu.example:8000"), environ={"http_proxy": server.url})
        assert {"by": "proxy"} == asking.get("/v1/models").json()
        assert "http://gpu.example:8000/v1/models" == server.asked[0].path


def test_a_stream_comes_as_it_is_sent():
    more = threading.Event()

    def way(visit):
        visit.start(Transfer_Encoding="chunked")
        visit.chunk(b"first")
        more.wait(10)
        visit.chunk(b"second")
        visit.send(b"0\r\n\r\n")

    with serving({"/": way}) as server, client(server) as asking:
        with asking.open("POST", "/", body=b"{}") as stream:
            parts = iter(stream)
            at, first = next(parts)
            more.set()
            later, second = next(parts)
            assert [] == [*parts]
        assert (b"first", b"second") == (first, second)
        assert stream.began <= at <= later
        assert ("POST", b"{}") == (server.asked[0].method, server.asked[0].body)
        assert "application/json" == server.asked[0].headers["Content-Type"]


def test_who_leaves_a_stream_closes_the_connection():
    gone = threading.Event()

    def way(visit):
        visit.start(Transfer_Encoding="chunked")
        while visit.chunk(b"x") and visit.wait(0.001):
            pass
        gone.set()

    with serving({"/": way}) as server, client(server) as asking:
        with asking.open("GET", "/") as stream:
            next(iter(stream))
        assert gone.wait(10)
        assert 404 == asking.get("/other").status


def test_who_waits_no_longer_for_an_answer_leaves_no_thread():
    with serving({"/": ways.silent}) as server:
        fault_of_get(server, limits=SHORT)
        deadline = time.monotonic() + 10
        while any(thread.name == "nimprofile-http" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.mark.parametrize(
    ("body", "words"), [(b"\xff", "UTF-8"), (b"[", "not JSON"), (b"[" * 9999 + b"]" * 9999, "deep")]
)
def test_an_answer_that_is_no_json_is_told(body, words):
    with serving({"/": ways.answer(body)}) as server, client(server) as asking:
        answer = asking.get("/")
        with pytest.raises(WebError, match=words) as error:
            answer.json()
    assert Fault.CONTENT == error.value.fault


def test_the_package_is_imported_without_the_client():
    code = (
        "import sys, nimprofile.cli.main; "
        "print([m for m in ('urllib3', 'http.client', 'nimprofile.base.web') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        timeout=60, env=dict(os.environ),
    )  # fmt: skip
    assert "[]\n" == done.stdout


@pytest.mark.parametrize(
    "way", [ways.silent, ways.endless], ids=["before it began", "while it comes"]
)
def test_what_is_under_way_can_be_abandoned_from_another_thread(way):
    with serving({"/": way}) as server, client(server, limits=Limits(most=1 << 40)) as asking:
        ends = []

        def ask():
            try:
                with asking.open("POST", "/") as stream:
                    for _ in stream:
                        pass
            except WebError as error:
                ends.append(error.fault)
            else:
                ends.append(None)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.asked:
            time.sleep(0.005)
        asking.abandon()
        thread.join(10)
        assert not thread.is_alive()
        assert set(ends) <= {Fault.CUT_OFF, None}
