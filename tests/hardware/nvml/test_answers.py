"""What NVML answered becomes an Inventory; what is odd becomes unknown."""

import json

import pytest

from nimprofile import (
    Connection,
    Gpu,
    Inventory,
    Link,
    mock_inventory,
)
from nimprofile.base.units import GIB, ComputeCapability
from nimprofile.hardware.host import HostMemory
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.visible_devices import CudaDevices, cuda_devices
from nimprofile.testing import (
    OLD_DRIVER,
    Fault,
    lost,
)
from tests.support.builders import make_gpu, make_inventory
from tests.support.nvml.reading import BOARD, PART, StubHost, only_gpu, read_here


def test_an_old_driver_does_not_tell_what_it_reserves():
    gpu = make_gpu(memory_reserved_mib=480)
    assert gpu.replace(memory_reserved_mib=None) == only_gpu(
        read_here(make_inventory(gpu), OLD_DRIVER)
    )
    assert gpu == only_gpu(read_here(make_inventory(gpu)))


@pytest.mark.parametrize("code", [3, 13, 25, 999])
def test_the_first_version_of_a_call_is_used_when_the_second_fails(code):
    machine = make_inventory(make_gpu())
    assert machine == read_here(machine, Fault("nvmlDeviceGetMemoryInfo_v2", code))


def test_a_total_of_zero_is_unknown():
    lines = [
        b'[null,"count",1]',
        b'[0,"memory",[0,0,0]]',
        b'[0,"done",true]',
    ]
    gpu = only_gpu(Answers(lines).inventory(StubHost()))
    assert (None, None, None) == (gpu.memory_total_mib, gpu.memory_free_mib, gpu.unavailable)


def test_a_full_gpu_has_zero_free_and_that_is_known():
    assert 0 == only_gpu(read_here(make_inventory(make_gpu(free=0)))).memory_free_mib


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        ([b'[0,"memory",[1048576,2097152,9999999]]'], "memory_free_mib", 1),
        ([b'[0,"memory",[1048576,2097152,9999999]]'], "memory_reserved_mib", 1),
        ([b'[0,"name","\\u0007 X"]'], "name", "\ufffd X"),
        ([b'[0,"name",""]'], "name", None),
        ([b'[0,"utilization",4294967295]'], "utilization_percent", None),
        ([b'[0,"capability",[-1,0]]'], "compute_capability", None),
        ([b'[0,"capability",[12,1]]'], "compute_capability", ComputeCapability((12, 1))),
        ([b'[0,"architecture",99]'], "architecture", None),
        ([b'[0,"pci",[590352606,"00000000:53:00.0"]]'], "device_id", "2330:10de"),
        ([b'[0,"pci",[305419896,""]]'], "device_id", None),
        ([b'[0,"pci",[0,""]]'], "pci_bus_id", None),
        ([b'[0,"virtualization",2]'], "virtualization", "vgpu"),
        ([b'[0,"virtualization",0]'], "virtualization", None),
    ],
)
def test_odd_answers_become_something_or_unknown(lines, field, value):
    told = [b'[null,"count",1]', *lines, b'[0,"done",true]']
    assert value == getattr(only_gpu(Answers(told).inventory(StubHost())), field)


def test_a_uuid_that_several_have_names_none_of_them():
    told = [b'[null,"count",4]']
    for index, uuid in enumerate(["GPU-1111", "GPU-2222", "gpu-1111", "GPU-1111"]):
        told += [f'[{index},"uuid","{uuid}"]'.encode(), f'[{index},"done",true]'.encode()]
    machine = Answers(told).inventory(StubHost())
    assert [None, "GPU-2222", None, None] == [gpu.uuid for gpu in machine.gpus]
    assert CudaDevices("0,2", "PCI_BUS_ID") == cuda_devices(machine, (0, 2))
    assert CudaDevices("GPU-2222") == cuda_devices(machine, (1,))
    told = "GPUs 0,2-3: NVML gives each of them the UUID GPU-1111, which therefore names none of "
    assert (f"{told}them; indices do",) == machine.remarks


@pytest.mark.parametrize("version", ["N/A", "570.x", None])
def test_a_version_that_is_none_is_unknown(version):
    lines = [b'[null,"count",0]', json.dumps([None, "driver", version]).encode()]
    assert None is Answers(lines).inventory(StubHost()).driver_version


def test_connections_are_read_in_both_directions():

    links = (Connection((0, 1), Link.NVLINK), Connection((0, 2), Link.NODE))
    machine = Inventory(tuple(make_gpu(at) for at in range(3)), connections=links)
    for _ in range(20):  # GPUs are asked side by side, in any order
        assert links == read_here(machine).connections


SPARK = Gpu(0, "NVIDIA GB10", device_id="2e12:10de", unified_memory=True)


MEMORY = HostMemory(100 * GIB, 95 * GIB)


def test_unified_memory_is_nine_tenths_of_the_hosts():
    gpu = only_gpu(read_here(make_inventory(SPARK), host=StubHost(memory=MEMORY)))
    assert (True, 92160, 92160) == (gpu.unified_memory, gpu.memory_total_mib, gpu.memory_free_mib)


def test_no_more_of_it_is_free_than_the_host_has():
    busy = HostMemory(100 * GIB, 7 * GIB)
    assert (
        7168
        == only_gpu(read_here(make_inventory(SPARK), host=StubHost(memory=busy))).memory_free_mib
    )


def test_it_is_said_that_it_is_a_soft_limit():
    (remark,) = read_here(make_inventory(SPARK), host=StubHost(memory=MEMORY)).remarks
    assert remark.startswith("GPU 0: its memory is the host's")


def test_a_driver_that_answers_with_the_hosts_memory_changes_nothing():
    telling = SPARK.replace(unified_memory=False, memory_total_mib=102400, memory_free_mib=5)
    gpu = only_gpu(read_here(make_inventory(telling), host=StubHost(memory=MEMORY)))
    assert (True, 92160, 92160) == (gpu.unified_memory, gpu.memory_total_mib, gpu.memory_free_mib)


def test_without_the_hosts_figures_it_is_unknown():
    gpu = only_gpu(read_here(make_inventory(SPARK)))
    assert (True, None) == (gpu.unified_memory, gpu.memory_total_mib)


def test_a_jetson_is_known_by_its_device_tree():
    nameless = Gpu(0, "Something (nvgpu)")
    host = StubHost(memory=MEMORY, tegra=True)
    assert only_gpu(read_here(make_inventory(nameless), host=host)).unified_memory


def test_a_card_in_a_jetson_keeps_its_own_memory():
    card = make_gpu()
    host = StubHost(memory=MEMORY, tegra=True)
    assert card == only_gpu(read_here(make_inventory(card), host=host))


def test_a_card_that_does_not_tell_its_memory_is_not_unified():
    """As vGPU guests do: without a second sign it is unknown, not the host's."""
    guest = Gpu(0, "GRID A100-40C", virtualization="vgpu")
    gpu = only_gpu(read_here(make_inventory(guest), host=StubHost(memory=MEMORY)))
    assert (False, None, "vgpu") == (gpu.unified_memory, gpu.memory_total_mib, gpu.virtualization)


def test_a_grace_board_has_memory_of_its_own():

    host = StubHost(memory=MEMORY)
    for name, mib in (("gb200", 189471), ("gh200_480gb", 97871)):
        gpu = only_gpu(read_here(mock_inventory(f"1x{name}"), host=host))
        assert (False, mib) == (gpu.unified_memory, gpu.memory_total_mib)


def test_an_instance_has_memory_of_its_own_and_the_rest_from_its_board():
    machine = make_inventory(BOARD, make_gpu(1, name="Acme"), PART.replace(index=2))
    inventory = read_here(machine)
    assert machine == inventory
    assert [1, 2] == [gpu.index for gpu in inventory.offered]


def test_in_a_pod_the_board_may_keep_to_itself():
    """The board answers that permissions do not suffice; the instance answers."""
    faults = [
        Fault(f"nvmlDeviceGet{call}", 4, gpu=0, times=1)
        for call in ("MigMode", "MemoryInfo_v2", "MemoryInfo", "UtilizationRates")
    ]
    inventory = read_here(make_inventory(BOARD, PART), *faults)
    assert [(1, 9984)] == [(gpu.index, gpu.memory_total_mib) for gpu in inventory.offered]
    assert inventory.gpus[0].mig_enabled


def test_a_nameless_instance_is_called_after_its_board():
    inventory = read_here(make_inventory(BOARD, PART.replace(name=None)))
    assert "Acme MIG" == inventory.gpus[1].name


def test_other_refusals_are_remarks():
    inventory = read_here("3xt4", Fault("nvmlDeviceGetUtilizationRates", 4))
    assert (
        "GPUs 0-2: nvmlDeviceGetUtilizationRates: insufficient permissions",
    ) == inventory.remarks
    assert 3 == len(inventory.offered)


def test_what_is_merely_not_supported_is_not_worth_a_word():
    assert () == read_here("3xt4", Fault("nvmlDeviceGetUtilizationRates", 3)).remarks


GPUS_ON_BUS = [(f"00000000:{at:02x}:00.0", "2330:10de") for at in range(3)]


@pytest.mark.parametrize(
    ("on_bus", "device"),
    [
        (GPUS_ON_BUS, "2330:10de"),
        (GPUS_ON_BUS[:2], None),
        ([(bus, "1eb8:10de") for bus, _ in GPUS_ON_BUS], None),
    ],
    ids=["agrees", "another number", "other products"],
)
def test_a_gpu_that_tells_nothing_is_what_the_bus_says(on_bus, device):
    host = StubHost()
    host.gpus = lambda: on_bus
    inventory = read_here("3xh100", lost(1), host=host)
    assert (device, "GPU is lost") == (inventory.gpus[1].device_id, inventory.gpus[1].unavailable)


def test_what_an_instance_refuses_is_remarked_on():
    inventory = read_here(make_inventory(BOARD, PART), Fault("nvmlDeviceGetGpuInstanceId", 4))
    told = "slot 0 of GPU 0: nvmlDeviceGetGpuInstanceId: insufficient permissions"
    assert (told,) == inventory.remarks


def linked(count=4):
    pairs = ((a, b) for a in range(count) for b in range(a + 1, count))
    gpus = tuple(make_gpu(at) for at in range(count))
    return Inventory(gpus, connections=tuple(Connection(pair, Link.SYS) for pair in pairs))


@pytest.mark.parametrize("code", [15, 999])
def test_what_is_refused_of_links_is_one_remark_in_one_order(code):
    told = set()
    for _ in range(10):
        inventory = read_here(linked(), Fault("nvmlDeviceGetTopologyCommonAncestor", code))
        assert 4 == len(inventory.offered)
        told.add(inventory.remarks)
    phrase = {15: "GPU is lost", 999: "unknown error"}[code]
    ((remark,),) = told
    assert f"6 pairs of GPUs 0-3: nvmlDeviceGetTopologyCommonAncestor: {phrase}" == remark


def test_what_is_a_reason_already_is_no_remark():
    inventory = read_here(make_inventory(BOARD, PART), Fault("nvmlDeviceGetMaxMigDeviceCount", 999))
    assert () == inventory.remarks
