"""What the host's files say of its NVIDIA devices, without NVML.

Files of Linux, read as they are; elsewhere, and where a file is missing, the answer is unknown.
"""

from __future__ import annotations

import os
import re

from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import OpenFile
from nimprofile.base.record import Record

NVIDIA = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")
"""PCI classes of a GPU: VGA controller, 3D controller."""

BRIDGE_CLASS = "0x0680"
"""PCI class of an NVSwitch, up to its third generation: another bridge (`10de:22a3` of an H100)."""

_NODE = re.compile(r"nvidia\d+")


class HostMemory(Record):
    """Memory of the host in bytes: all of it, and what could be had without swapping."""

    total: int
    available: int


class Host:
    """Reads the files of one host; `root` is `/`, or where a test has put some of them."""

    def __init__(self, root: str = "/"):
        self.root = root

    def memory(self) -> HostMemory | None:
        """MemTotal and MemAvailable of `/proc/meminfo`; None when it has not both."""
        kib = dict(re.findall(r"^(\w+): +(\d+) kB$", self._read("proc/meminfo"), re.MULTILINE))
        if not {"MemTotal", "MemAvailable"} <= kib.keys():
            return None
        return HostMemory(int(kib["MemTotal"]) << 10, int(kib["MemAvailable"]) << 10)

    def kernel_driver(self) -> str | None:
        """The version of the loaded kernel module; None when none is loaded."""
        version = re.search(r"\b(\d+\.\d+(?:\.\d+)*)\b", self._read("proc/driver/nvidia/version"))
        return version[1] if version else None

    def devices(self) -> int | None:
        """How many NVIDIA GPUs are on the PCI bus; None when the bus cannot be read."""
        return None if self._bus() is None else len(self.gpus())

    def gpus(self) -> list[tuple[str, str]]:
        """Bus id (`00000000:53:00.0`) and device id (`2330:10de`) of each, in bus order."""
        folder = "sys/bus/pci/devices"
        return [
            (f"0000{name}".upper(), f"{self._read(f'{folder}/{name}/device').strip()[2:]}:10de")
            for name in sorted(self._bus() or ())
            if self._read(f"{folder}/{name}/vendor").strip() == NVIDIA
            and self._read(f"{folder}/{name}/class").startswith(DISPLAY_CLASSES)
        ]

    def switches(self) -> int:
        """How many NVSwitches are on the PCI bus; those of an HGX B200 are not on it."""
        folder = "sys/bus/pci/devices"
        return sum(
            self._read(f"{folder}/{name}/class").startswith(BRIDGE_CLASS)
            and self._read(f"{folder}/{name}/vendor").strip() == NVIDIA
            for name in self._bus() or ()
        )

    def runs(self, program: str) -> bool:
        """Whether a process of this name runs; the kernel keeps 15 letters of it (proc(5))."""
        try:
            names = os.listdir(os.path.join(self.root, "proc"))
        except OSError:
            return False
        wanted = program[:15]
        return any(
            self._read(f"proc/{name}/comm").strip() == wanted for name in names if name.isdigit()
        )

    def _bus(self) -> list[str] | None:
        try:
            return os.listdir(os.path.join(self.root, "sys/bus/pci/devices"))
        except OSError:
            return None

    def cpu_architecture(self) -> str | None:
        """What the kernel calls the CPU's architecture, `x86_64` or `aarch64`."""
        if text := self._read("proc/sys/kernel/arch").strip():
            return text if text.isidentifier() else None
        if self.root != "/" or not hasattr(os, "uname"):
            return None
        return os.uname().machine or None  # before Linux 6.1 there is no such file

    def is_tegra(self) -> bool:
        """Whether the device tree names a Jetson's chip, whose GPU has no memory of its own."""
        return "nvidia,tegra" in self._read("proc/device-tree/compatible")

    def in_container(self) -> bool:
        """Whether this looks like a container."""
        marks = ("run/.containerenv", ".dockerenv")
        return any(os.path.exists(os.path.join(self.root, mark)) for mark in marks)

    def blocks(self, minor: int) -> bool:
        """Whether `/dev/nvidia3` and the like exist, and that of this GPU cannot be opened.

        Where there are no such nodes at all, as in WSL, nothing is blocked.
        """
        nodes = os.path.join(self.root, "dev")
        try:
            numbered = any(_NODE.fullmatch(name) for name in os.listdir(nodes))
        except OSError:
            return False
        node = os.path.join(nodes, f"nvidia{minor}")
        return numbered and not os.access(node, os.R_OK | os.W_OK)

    def _read(self, path: str) -> str:
        try:
            with OpenFile(os.path.join(self.root, path)) as file:
                return file.read(1 << 16).decode(errors="replace")
        except ManifestError:
            return ""
