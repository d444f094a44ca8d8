import os
import threading

import pytest

from nimprofile.base.errors import NoGpuError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.client import Client
from nimprofile.hardware.inventory import Gpu
from nimprofile.verify.load.load_report import GpuMemory
from nimprofile.verify.load.watch import Watch, is_this_host, own_addresses
from tests.support.http import ways
from tests.support.http.server import serving

VLLM = """\
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} %s
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.125
"""
SGLANG = """\
# HELP sglang:token_usage The token usage
# TYPE sglang:token_usage gauge
sglang:token_usage{model_name="meta-llama/Llama-3.1-8B-Instruct"} 0.28
"""


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"],
)
def test_loopback_is_this_host(host, tmp_path):
    assert is_this_host(host, str(tmp_path))


def test_the_name_of_this_host_is_this_host(monkeypatch):
    uname = os.uname_result(("Linux", "gpu-box.example.com", "6", "1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: uname)
    assert [True, True, False] == [
        is_this_host(name, "/none") for name in ("gpu-box", "GPU-BOX.example.com", "gpu-box-2")
    ]


def _proc(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/fib_trie").write_text(
        "Local:\n  +-- 10.0.0.0/24 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n"
        "     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n"
    )
    (tmp_path / "net/if_inet6").write_text(
        "fe80000000000000000000fffe000001 02 40 20 80 eth0\nnonsense\n"
    )
    return str(tmp_path)


def test_the_addresses_of_this_host_are_in_the_tables_of_linux(tmp_path):
    proc = _proc(tmp_path)
    assert {"10.0.0.7", "fe80::ff:fe00:1"} == own_addresses(proc)
    assert [True, False, False, True] == [
        is_this_host(host, proc)
        for host in ("10.0.0.7", "10.0.0.255", "10.0.0.8", "fe80::ff:fe00:1%eth0")
    ]


def test_without_those_tables_an_address_is_not_taken_for_this_host(tmp_path):
    assert frozenset() == own_addresses(str(tmp_path))
    assert not is_this_host("10.0.0.7", str(tmp_path))


def _gpus(*free):
    return tuple(
        Gpu(index, "H100", memory_total_mib=1000, memory_free_mib=each)
        for index, each in enumerate(free)
    )


def _watch(server, *readings, **more):
    readings = list(readings)

    def read():
        found = readings.pop(0) if len(readings) > 1 else readings[0]
        if isinstance(found, Exception):
            raise found
        return found

    client = Client(address_of(server.url), environ={})
    return Watch(client, read_gpus=read if readings else None, **more)


def test_idle_and_peak_are_seen():
    seen = threading.Event()
    answers = iter([0.1, 0.4, 0.9, 0.2])

    def metrics(visit):
        now = next(answers, 0.2)
        ways.answer(VLLM % now, kind="text/plain")(visit)
        if now == 0.2:
            seen.set()

    with serving({"/metrics": metrics}) as server:
        watch = _watch(server, _gpus(900, 800), _gpus(100, 800), kv_pause=0.001, gpu_pause=0.001)
        watch.look_idle()
        watch.begin()
        assert seen.wait(10)
        watch.end()
    assert (0.125, 0.9, []) == (watch.kv_idle, watch.kv_peak, watch.notes)
    assert watch.gpus() == (
        GpuMemory(0, "H100", total=1000, idle=100, peak=900),
        GpuMemory(1, "H100", total=1000, idle=200, peak=200),
    )


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics", "/prometheus/metrics"])
def test_the_gauge_is_looked_for_at_each_of_its_places(path):
    with serving({path: ways.answer(SGLANG, kind="text/plain")}) as server:
        watch = _watch(server)
        watch.look_idle()
    assert 0.28 == watch.kv_idle


def test_what_cannot_be_seen_is_said():
    with serving({}) as server:
        elsewhere, none = (
            _watch(server),
            _watch(server, NoGpuError("there is no driver", "describe one")),
        )
        for watch in (elsewhere, none):
            watch.look_idle()
            watch.begin()
            watch.end()
    assert (None, None, ()) == (elsewhere.kv_idle, elsewhere.kv_peak, elsewhere.gpus())
    assert "the server tells no use of its KV cache" in elsewhere.notes[0]
    assert "the memory of the GPUs was not read: the server is not on this host" in elsewhere.notes
    assert "the memory of the GPUs was not read: there is no driver" in none.notes


def test_gpus_that_are_gone_while_requests_run_keep_what_was_seen():
    with serving({}) as server:
        watch = _watch(server, _gpus(900), NoGpuError("gone"), gpu_pause=0.001)
        watch.look_idle()
        watch.begin()
        watch.end()
    assert (GpuMemory(0, "H100", total=1000, idle=100, peak=None),) == watch.gpus()


def test_a_gpu_that_tells_no_memory_is_left_out():
    with serving({}) as server:
        watch = _watch(server, (Gpu(0, "H100"),))
        watch.look_idle()
    assert () == watch.gpus()
