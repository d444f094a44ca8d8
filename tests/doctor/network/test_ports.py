"""Is a port that is held found, on every address that a client may use, and who holds it?"""

import contextlib
import os
import socket

import pytest

from nimprofile import Server
from nimprofile.doctor.finding import Status
from nimprofile.doctor.network.ports import listening, port_findings

HAS_IPV6 = False
with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
    probe.bind(("::1", 0))
    HAS_IPV6 = True
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this host has no IPv6")


@contextlib.contextmanager
def listener(address="127.0.0.1", *, only_v6=False):
    """A port that something listens on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as held:
        if only_v6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind((address, 0))
        held.listen()
        yield held.getsockname()[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def found(port, host="0.0.0.0", server=Server.VLLM, **kwargs):
    (finding,) = port_findings(server, host, (port,), **kwargs)
    return finding


def test_a_free_port_is_named_with_the_addresses_it_is_free_on():
    port = free_port()
    finding = found(port)
    assert Status.OK is finding.status
    assert finding.finding.startswith(f"port {port} is free on 0.0.0.0")
    assert HAS_IPV6 is ("::" in finding.finding)


def test_a_port_that_is_held_keeps_a_server_from_starting_and_its_holder_is_named():
    with listener() as port:
        finding = found(port)
    assert ("port", Status.FAILED) == (finding.check, finding.status)
    assert f"port {port} of 0.0.0.0 cannot be listened on (" in finding.finding
    assert f"; process {os.getpid()} (" in finding.finding
    assert "stop what holds it, or name another with --port or NIM_SERVER_PORT" == finding.fix


@needs_ipv6
@pytest.mark.parametrize(
    ("server", "status"), [(Server.VLLM, Status.WARNING), (Server.NIM, Status.FAILED)]
)
def test_a_port_that_is_held_on_ipv6_alone_is_found(server, status):
    with listener("::", only_v6=True) as port:
        finding = found(port, server=server)
    assert status is finding.status
    assert f"port {port} is free on 0.0.0.0, but taken on ::" in finding.finding
    assert f"process {os.getpid()}" in finding.finding
    assert finding.fix


@needs_ipv6
def test_a_server_on_ipv6_is_kept_from_starting_by_one_on_ipv4():
    with listener("127.0.0.1") as port:
        assert Status.OK is not found(port, host="::").status


@needs_ipv6
def test_a_server_on_localhost_may_be_mistaken_for_one_on_the_loopback_of_ipv6():
    with listener("::1") as port:
        assert Status.WARNING is found(port, host="127.0.0.1").status
        assert Status.OK is found(port, host="127.0.0.2").status


def test_an_address_that_is_not_of_this_host_is_no_matter_of_the_port():
    finding = found(free_port(), host="203.0.113.7")
    assert Status.FAILED is finding.status
    assert "name an address of this host with --host" == finding.fix


def test_each_of_tritons_ports_has_a_finding():
    with listener() as held:
        free = free_port()
        statuses = [each.status for each in port_findings(Server.TRITON, "127.0.0.1", (free, held))]
    assert [Status.OK, Status.FAILED] == statuses


def test_a_port_that_is_that_of_two_services_is_told_once():
    (finding,) = port_findings(Server.TRITON, "0.0.0.0", (8000, 8001, 8000))
    assert Status.FAILED is finding.status
    assert "port 8000 is that of two of Triton's services" == finding.finding


def test_a_holder_that_may_not_be_seen_is_left_out(tmp_path):
    with listener() as port:
        finding = found(port, root=str(tmp_path))
    assert Status.FAILED is finding.status
    assert "process" not in finding.finding


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0
   1: 00000000:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 2222 1 0
   2: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3333 1 0
   3: garbage
   4: zzzz:zzzz 00000000:0000 0A x x x x x x x
"""


def test_of_the_kernels_table_what_listens_on_the_port_counts():
    assert ["1111"] == [*listening(TABLE, 8000)]
    assert ["3333"] == [*listening(TABLE, 8001)]
    assert [] == [*listening("", 8000)]
