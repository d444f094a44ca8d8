"""The host's files, read as they are."""

import os

import pytest

from nimprofile import (
    Host,
)
from nimprofile.hardware.host import HostMemory


@pytest.fixture
def root(tmp_path):
    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


MEMINFO = "MemTotal:       127600748 kB\nMemFree:  1 kB\nMemAvailable:   118566368 kB\n"


def test_memory_of_the_host(root, tmp_path):
    assert None is Host(str(tmp_path)).memory()
    root("proc/meminfo", MEMINFO)
    assert HostMemory(127600748 << 10, 118566368 << 10) == Host(str(tmp_path)).memory()


@pytest.mark.parametrize(
    "text",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26\nGCC version: 12.2\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n",
    ],
)
def test_version_of_the_kernel_module(root, tmp_path, text):
    assert None is Host(str(tmp_path)).kernel_driver()
    root("proc/driver/nvidia/version", text)
    assert "570.124.06" == Host(str(tmp_path)).kernel_driver()


def test_gpus_on_the_bus(root, tmp_path):
    assert None is Host(str(tmp_path)).devices()
    devices = {
        "0000:53:00.0": ("0x10de", "0x030200"),
        "0000:54:00.0": ("0x10de", "0x030000"),
        "0000:54:00.1": ("0x10de", "0x040300"),  # a card's sound
        "0000:05:00.0": ("0x10de", "0x068000"),  # an NVSwitch
        "0000:00:02.0": ("0x8086", "0x030000"),
    }
    for name, (vendor, kind) in devices.items():
        root(f"sys/bus/pci/devices/{name}/vendor", f"{vendor}\n")
        root(f"sys/bus/pci/devices/{name}/class", f"{kind}\n")
        root(f"sys/bus/pci/devices/{name}/device", "0x2330\n")
    assert 2 == Host(str(tmp_path)).devices()
    assert [
        ("00000000:53:00.0", "2330:10de"),
        ("00000000:54:00.0", "2330:10de"),
    ] == Host(str(tmp_path)).gpus()


def test_a_jetsons_device_tree(root, tmp_path):
    assert not Host(str(tmp_path)).is_tegra()
    root("proc/device-tree/compatible", "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0")
    assert Host(str(tmp_path)).is_tegra()


def test_a_container(root, tmp_path):
    assert not Host(str(tmp_path)).in_container()
    root(".dockerenv", "")
    assert Host(str(tmp_path)).in_container()


def test_nodes(root, tmp_path):
    host = Host(str(tmp_path))
    assert not host.blocks(0)
    root("dev/nvidiactl", "")
    assert not host.blocks(0)
    root("dev/nvidia0", "")
    assert [False, True] == [host.blocks(0), host.blocks(1)]


def test_this_host_can_be_asked():
    host = Host()
    assert host.memory() is None or host.memory().total >= host.memory().available
    assert host.devices() in {None, *range(64)}


def test_the_architecture_of_the_cpu_is_the_kernels_word(root, tmp_path):
    assert None is Host(str(tmp_path)).cpu_architecture()
    root("proc/sys/kernel/arch", "aarch64\n")
    assert "aarch64" == Host(str(tmp_path)).cpu_architecture()
    root("proc/sys/kernel/arch", "not one\n")
    assert None is Host(str(tmp_path)).cpu_architecture()


def test_this_machine_has_a_cpu():
    assert Host().cpu_architecture() == os.uname().machine


def test_an_nvswitch_is_a_bridge_of_nvidias(root, tmp_path):
    assert 0 == Host(str(tmp_path)).switches()
    for at, (vendor, kind) in enumerate(
        [("0x10de", "0x068000"), ("0x8086", "0x068000"), ("0x10de", "0x030200"), ("0x10de", "")]
    ):
        root(f"sys/bus/pci/devices/0000:0{at}:00.0/vendor", f"{vendor}\n")
        root(f"sys/bus/pci/devices/0000:0{at}:00.0/class", f"{kind}\n")
    assert 1 == Host(str(tmp_path)).switches()


def test_a_process_runs_by_the_fifteen_letters_that_the_kernel_keeps_of_its_name(root, tmp_path):
    assert not Host(str(tmp_path)).runs("nv-fabricmanager")
    root("proc/12/comm", "nv-fabricmanage\n")
    root("proc/self/comm", "bash\n")
    host = Host(str(tmp_path))
    assert host.runs("nv-fabricmanager")
    assert not host.runs("bash")
    assert not host.runs("nv-fabric")
