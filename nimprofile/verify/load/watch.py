"""What is watched while requests run: the KV cache of the server, and GPUs of this host."""

from __future__ import annotations

import os
import threading
from itertools import pairwise

from nimprofile.base.errors import NimProfileError
from nimprofile.base.web.faults import WebError
from nimprofile.verify.load.load_report import GpuMemory
from nimprofile.verify.servers.metrics import kv_usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from nimprofile.base.web.client import Client
    from nimprofile.hardware.inventory import Gpu

    ReadGpus: TypeAlias = "Callable[[], tuple[Gpu, ...]]"

PATHS = ("/metrics", "/v1/metrics", "/prometheus/metrics")
"""Where metrics are: of vLLM and of SGLang with `--enable-metrics`; of NIM 1.x
(docs.nvidia.com/nim/large-language-models/latest/observability.html); of TensorRT-LLM
(tensorrt_llm/serve/openai_server.py)."""

KV_PAUSE, GPU_PAUSE = 0.5, 2.0
"""Seconds between two looks. One at the GPUs is a process that asks NVML."""


def is_this_host(host: str, proc: str = "/proc") -> bool:
    """Whether an address of a server is one of this host; no name is looked up.

    Args:
        host: a name or a number.
        proc: where Linux tells its own addresses.
    """
    name = host.lower().rstrip(".")
    own = os.uname().nodename.lower()
    if name in {"localhost", own, own.partition(".")[0]} or name.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:  # another name
        return False
    return address.is_loopback or address.is_unspecified or str(address) in own_addresses(proc)


def own_addresses(proc: str = "/proc") -> frozenset[str]:
    """The addresses of this host, as the tables of Linux have them; none where there are none."""
    from ipaddress import IPv6Address

    found = set()
    lines = _lines(f"{proc}/net/fib_trie")
    for address, kind in pairwise(lines):
        if kind.strip() == "/32 host LOCAL":
            found.add(address.strip().removeprefix("|-- "))
    for line in _lines(f"{proc}/net/if_inet6"):
        digits = line.partition(" ")[0]
        if len(digits) == 32:
            found.add(str(IPv6Address(int(digits, 16))))
    return frozenset(found)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(1 << 20).split("\n")
    except OSError:
        return []


def gpus_here() -> tuple[Gpu, ...]:
    """The GPUs of this host, whatever the environment hides. Raises NoGpuError."""
    from nimprofile.hardware.discovery import discover

    return discover(timeout=5.0, environ={}).gpus


class Watch:
    """Looks at a server and at this host, before the requests and while they run.

    Attributes:
        notes: what could not be seen, in sentences.
        kv_idle, kv_peak: the part of the KV cache in use; None where the server tells none.
    """

    def __init__(
        self,
        client: Client,
        *,
        read_gpus: ReadGpus | None = None,
        kv_pause: float = KV_PAUSE,
        gpu_pause: float = GPU_PAUSE,
    ):
        """Watch nothing yet.

        Args:
            client: of the server.
            read_gpus: reads the GPUs; None where the server is on another host.
            kv_pause: seconds between two looks at the KV cache.
            gpu_pause: seconds between two looks at the GPUs.
        """
        self._client, self._read_gpus = client, read_gpus
        self._pauses = kv_pause, gpu_pause
        self._path: str | None = None
        self._idle: dict[int, Gpu] = {}
        self._peak: dict[int, int] = {}
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.notes: list[str] = []
        self.kv_idle: float | None = None
        self.kv_peak: float | None = None

    def look_idle(self) -> None:
        """Look before the first request."""
        self.kv_idle = self._first_kv()
        if self.kv_idle is None:
            self.notes.append(
                "the server tells no use of its KV cache: it has no gauge of it under "
                f"{', '.join(PATHS)}"
            )
        if self._read_gpus is None:
            self.notes.append("the memory of the GPUs was not read: the server is not on this host")
            return
        try:
            self._idle = {gpu.index: gpu for gpu in self._read_gpus()}
        except NimProfileError as error:
            self._read_gpus = None
            why = str(error).partition("\n")[0]  # what follows is what to do for a selection
            self.notes.append(f"the memory of the GPUs was not read: {why}")

    def begin(self) -> None:
        """Look again and again, until `end`."""
        looks = ((self._look_at_kv, self._pauses[0]), (self._look_at_gpus, self._pauses[1]))
        for look, pause in looks:
            thread = threading.Thread(
                target=self._repeat, args=(look, pause), name="nimprofile-watch", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(1.0)

    def gpus(self) -> tuple[GpuMemory, ...]:
        """What was seen of each GPU that tells its memory."""
        return tuple(
            GpuMemory(
                index,
                gpu.name,
                total=gpu.memory_total_mib,
                idle=_used(gpu),
                peak=self._peak.get(index),
            )
            for index, gpu in sorted(self._idle.items())
            if _used(gpu) is not None
        )

    def _repeat(self, look: Callable[[], bool], pause: float) -> None:
        while look() and not self._over.wait(pause):
            pass

    def _first_kv(self) -> float | None:
        """The use of the KV cache at the first path that tells it."""
        for path in PATHS:
            found = self._kv_at(path)
            if found is not None:
                self._path = path
                return found
        return None

    def _kv_at(self, path: str) -> float | None:
        try:
            answer = self._client.get(path)
            return kv_usage(answer.text()) if answer.status == 200 else None
        except WebError:
            return None

    def _look_at_kv(self) -> bool:
        """Whether it is worth to look again."""
        if self._path is None:
            return False
        found = self._kv_at(self._path)
        if found is not None:
            self.kv_peak = found if self.kv_peak is None else max(found, self.kv_peak)
        return True

    def _look_at_gpus(self) -> bool:
        if self._read_gpus is None:
            return False
        try:
            gpus = self._read_gpus()
        except NimProfileError:
            return False
        for gpu in gpus:
            used = _used(gpu)
            if used is not None:
                self._peak[gpu.index] = max(used, self._peak.get(gpu.index, 0))
        return True


def _used(gpu: Gpu) -> int | None:
    """MiB of a GPU that are in use; None where it was not read."""
    total, free = gpu.memory_total_mib, gpu.memory_free_mib
    return None if total is None or free is None else total - free
