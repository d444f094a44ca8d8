"""Is the machine read as it is, within the deadline, and is every failure said plainly?"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pynvml
import pytest

from nimprofile import (
    Connection,
    Gpu,
    Host,
    Inventory,
    Link,
    MigInstance,
    NoGpuError,
    RequestError,
    discover,
    mock_inventory,
)
from nimprofile.base.units import GIB, ComputeCapability
from nimprofile.hardware import discovery as discovery_module
from nimprofile.hardware.host import HostMemory
from nimprofile.hardware.nvml import reader as nvml
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.nvml.failures import cannot_initialise
from nimprofile.testing import (
    DRIVER_MISMATCH,
    NO_DRIVER,
    NO_LIBRARY,
    NO_PERMISSION,
    OLD_DRIVER,
    FakeNvml,
    Fault,
    hanging,
    lost,
)
from tests.support.builders import make_gpu, make_inventory

INSTEAD = "\n  Without a GPU, describe one: --gpus 8xh100, or --inventory FILE."


class Nowhere(Host):
    """A host that tells nothing, unless a test says what."""

    def __init__(self, *, memory=None, driver=None, devices=0, tegra=False, blocked=(), box=False):
        super().__init__("/nonexistent")
        self.told = (memory, driver, devices, tegra, box)
        self.blocked = blocked

    def memory(self):
        return self.told[0]

    def kernel_driver(self):
        return self.told[1]

    def devices(self):
        return self.told[2]

    def gpus(self):
        return []

    def is_tegra(self):
        return self.told[3]

    def in_container(self):
        return self.told[4]

    def blocks(self, minor):
        return minor in self.blocked


def hear(machine, *faults, host=None):
    """What a machine sounds like, read in this very process."""
    lines = []
    with FakeNvml(machine, *faults):
        nvml.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    return Answers(lines).inventory(host or Nowhere())


def only(inventory):
    (gpu,) = inventory.gpus
    return gpu


def failure(machine="1xt4", *faults, timeout=5.0, host=None, environ=None):
    """The message of the error that reading a machine ends in."""
    with FakeNvml(machine, *faults), pytest.raises(NoGpuError) as caught:
        discover(timeout=timeout, host=host or Nowhere(), environ=environ or {})
    return str(caught.value)


# What is read.


def test_a_healthy_machine_is_read_as_it_is():
    with FakeNvml("8xh100"):
        machine = discover(environ={})
    assert 8 == len(machine.gpus)
    assert (81559, 81559) == (machine.gpus[7].memory_total_mib, machine.gpus[7].memory_free_mib)


def test_an_old_driver_does_not_tell_what_it_reserves():
    gpu = make_gpu(memory_reserved_mib=480)
    assert gpu.replace(memory_reserved_mib=None) == only(hear(make_inventory(gpu), OLD_DRIVER))
    assert gpu == only(hear(make_inventory(gpu)))


@pytest.mark.parametrize("code", [3, 13, 25, 999])
def test_the_first_version_of_a_call_is_used_when_the_second_fails(code):
    machine = make_inventory(make_gpu())
    assert machine == hear(machine, Fault("nvmlDeviceGetMemoryInfo_v2", code))


def test_a_total_of_zero_is_unknown():
    lines = [
        b'[null,"count",1]',
        b'[0,"memory",[0,0,0]]',
        b'[0,"done",true]',
    ]
    gpu = only(Answers(lines).inventory(Nowhere()))
    assert (None, None, None) == (gpu.memory_total_mib, gpu.memory_free_mib, gpu.unavailable)


def test_a_full_gpu_has_zero_free_and_that_is_known():
    assert 0 == only(hear(make_inventory(make_gpu(free=0)))).memory_free_mib


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
    assert value == getattr(only(Answers(told).inventory(Nowhere())), field)


def test_a_name_that_is_no_utf8_is_read_all_the_same():
    lines = []
    fake = FakeNvml("1xt4")
    fake.plan = fake.plan.replace("Tesla T4", "Bad \\udcff name")
    with fake:
        nvml.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    assert "Bad \ufffd name" == only(Answers(lines).inventory(Nowhere())).name


@pytest.mark.parametrize("version", ["N/A", "570.x", None])
def test_a_version_that_is_none_is_unknown(version):
    lines = [b'[null,"count",0]', json.dumps([None, "driver", version]).encode()]
    assert None is Answers(lines).inventory(Nowhere()).driver_version


def test_connections_are_read_in_both_directions():

    links = (Connection((0, 1), Link.NVLINK), Connection((0, 2), Link.NODE))
    machine = Inventory(tuple(make_gpu(at) for at in range(3)), connections=links)
    for _ in range(20):  # GPUs are asked side by side, in any order
        assert links == hear(machine).connections


# Unified memory.

SPARK = Gpu(0, "NVIDIA GB10", device_id="2e12:10de", unified_memory=True)
MEMORY = HostMemory(100 * GIB, 95 * GIB)


def test_unified_memory_is_nine_tenths_of_the_hosts():
    gpu = only(hear(make_inventory(SPARK), host=Nowhere(memory=MEMORY)))
    assert (True, 92160, 92160) == (gpu.unified_memory, gpu.memory_total_mib, gpu.memory_free_mib)


def test_no_more_of_it_is_free_than_the_host_has():
    busy = HostMemory(100 * GIB, 7 * GIB)
    assert 7168 == only(hear(make_inventory(SPARK), host=Nowhere(memory=busy))).memory_free_mib


def test_it_is_said_that_it_is_a_soft_limit():
    (remark,) = hear(make_inventory(SPARK), host=Nowhere(memory=MEMORY)).remarks
    assert remark.startswith("GPU 0: its memory is the host's")


def test_a_driver_that_answers_with_the_hosts_memory_changes_nothing():
    telling = SPARK.replace(unified_memory=False, memory_total_mib=102400, memory_free_mib=5)
    gpu = only(hear(make_inventory(telling), host=Nowhere(memory=MEMORY)))
    assert (True, 92160, 92160) == (gpu.unified_memory, gpu.memory_total_mib, gpu.memory_free_mib)


def test_without_the_hosts_figures_it_is_unknown():
    gpu = only(hear(make_inventory(SPARK)))
    assert (True, None) == (gpu.unified_memory, gpu.memory_total_mib)


def test_a_jetson_is_known_by_its_device_tree():
    nameless = Gpu(0, "Something (nvgpu)")
    host = Nowhere(memory=MEMORY, tegra=True)
    assert only(hear(make_inventory(nameless), host=host)).unified_memory


def test_a_card_in_a_jetson_keeps_its_own_memory():
    card = make_gpu()
    host = Nowhere(memory=MEMORY, tegra=True)
    assert card == only(hear(make_inventory(card), host=host))


def test_a_card_that_does_not_tell_its_memory_is_not_unified():
    """As vGPU guests do: without a second sign it is unknown, not the host's."""
    guest = Gpu(0, "GRID A100-40C", virtualization="vgpu")
    gpu = only(hear(make_inventory(guest), host=Nowhere(memory=MEMORY)))
    assert (False, None, "vgpu") == (gpu.unified_memory, gpu.memory_total_mib, gpu.virtualization)


def test_a_grace_board_has_memory_of_its_own():

    host = Nowhere(memory=MEMORY)
    for name, mib in (("gb200", 189471), ("gh200_480gb", 97871)):
        gpu = only(hear(mock_inventory(f"1x{name}"), host=host))
        assert (False, mib) == (gpu.unified_memory, gpu.memory_total_mib)


# MIG.

BOARD = make_gpu(0, mig_enabled=True, name="Acme", uuid="GPU-0")
PART = make_gpu(
    1, total=9984, free=9000, name="Acme MIG 1g.10gb", uuid="MIG-1", mig=MigInstance(0, 7, 0)
)


def test_an_instance_has_memory_of_its_own_and_the_rest_from_its_board():
    machine = make_inventory(BOARD, make_gpu(1, name="Acme"), PART.replace(index=2))
    heard = hear(machine)
    assert machine == heard
    assert [1, 2] == [gpu.index for gpu in heard.offered]


def test_a_board_without_an_instance_cannot_be_used():
    gpu = only(hear(make_inventory(BOARD)))
    assert "MIG mode is on, and there is no MIG instance" == gpu.unavailable


def test_in_a_pod_the_board_may_keep_to_itself():
    """The board answers that permissions do not suffice; the instance answers."""
    faults = [
        Fault(f"nvmlDeviceGet{call}", 4, gpu=0, times=1)
        for call in ("MigMode", "MemoryInfo_v2", "MemoryInfo", "UtilizationRates")
    ]
    heard = hear(make_inventory(BOARD, PART), *faults)
    assert [(1, 9984)] == [(gpu.index, gpu.memory_total_mib) for gpu in heard.offered]
    assert heard.gpus[0].mig_enabled


def test_an_instance_that_is_lost_is_unavailable_with_its_board():
    heard = hear(make_inventory(BOARD, PART), Fault("nvmlDeviceGetTotalEccErrors", 15))
    assert ["GPU is lost"] * 2 == [gpu.unavailable for gpu in heard.gpus]


def test_a_nameless_instance_is_called_after_its_board():
    heard = hear(make_inventory(BOARD, PART.replace(name=None)))
    assert "Acme MIG" == heard.gpus[1].name


# Health.


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (15, "GPU is lost"),
        (16, "GPU requires a reset"),
        (28, "GPU not found"),
        (999, "unknown error (nvmlDeviceGetHandleByIndex)"),
        (4, "insufficient permissions (nvmlDeviceGetHandleByIndex)"),
        (77, "NVML error 77 (nvmlDeviceGetHandleByIndex)"),
    ],
)
def test_a_gpu_that_cannot_be_opened_stays_with_its_reason(code, reason):
    heard = hear("3xt4", Fault("nvmlDeviceGetHandleByIndex", code, gpu=1))
    assert [None, reason, None] == [gpu.unavailable for gpu in heard.gpus]


def test_a_gpu_lost_on_the_way_keeps_what_was_read():
    heard = hear("2xt4", lost(1, after=3))
    gpu = heard.gpus[1]
    assert ("Tesla T4", "GPU is lost") == (gpu.name, gpu.unavailable)
    assert heard.gpus[0].offered


def test_a_gpu_whose_memory_cannot_be_read_is_not_used():
    fault = Fault("nvmlDeviceGetMemoryInfo", 999)
    assert "unknown error (nvmlDeviceGetMemoryInfo)" == only(hear("1xt4", fault)).unavailable


def test_other_refusals_are_remarks():
    heard = hear("3xt4", Fault("nvmlDeviceGetUtilizationRates", 4))
    assert ("GPUs 0-2: nvmlDeviceGetUtilizationRates: insufficient permissions",) == heard.remarks
    assert 3 == len(heard.offered)


def test_what_is_merely_not_supported_is_not_worth_a_word():
    assert () == hear("3xt4", Fault("nvmlDeviceGetUtilizationRates", 3)).remarks


def test_an_answer_nobody_can_read_is_told(monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPciInfo", lambda handle: object())
    gpu = only(hear("1xt4"))
    assert "an answer: AttributeError" in gpu.unavailable


def test_an_error_that_is_not_nvmls_is_told(monkeypatch):
    def nvmlDeviceGetUtilizationRates(handle):  # noqa: N802 - it stands for it
        raise OSError("access violation")

    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", nvmlDeviceGetUtilizationRates)
    told = "GPU 0: nvmlDeviceGetUtilizationRates: OSError: access violation"
    assert (told,) == hear("1xt4").remarks


@pytest.mark.parametrize(
    ("facts", "unavailable", "issues"),
    [
        ({"remapped": [0, 0, 0, 1]}, "failing ECC: a row of its memory could not be remapped", ()),
        (
            {"remapped": [0, 0, 1, 0]},
            None,
            ("a row of its memory waits for a reset of the GPU to be remapped",),
        ),
        ({"remapped": [5, 1, 0, 0]}, None, ()),
        (
            {"retired": 1},
            None,
            ("a page of its memory waits for a reset of the GPU to be retired",),
        ),
        ({"ecc": 2}, None, ("2 uncorrected ECC errors since the driver was loaded",)),
        ({"ecc": 0}, None, ()),
        ({"recovery": 0}, None, ()),
        ({"recovery": 1}, "the driver asks for a reset of the GPU", ()),
        ({"recovery": 2}, "the driver asks for a reboot of the host", ()),
        ({"recovery": 3}, None, ("the driver asks to drain peer-to-peer traffic",)),
        ({"recovery": 4}, None, ("the driver asks to drain the GPU and reset it",)),
        ({"fabric": [0, 0]}, None, ()),
        ({"fabric": [1, 0]}, None, ("its NVLink fabric is not started",)),
        ({"fabric": [2, 0]}, None, ("its NVLink fabric is not ready yet",)),
        ({"fabric": [3, 0]}, None, ()),
        ({"fabric": [3, 999]}, None, ("its NVLink fabric failed: unknown error",)),
    ],
)
def test_health_is_read(facts, unavailable, issues):
    lines = [b'[null,"count",1]', *(json.dumps([0, *fact]).encode() for fact in facts.items())]
    gpu = only(Answers([*lines, b'[0,"done",true]']).inventory(Nowhere()))
    assert (unavailable, issues) == (gpu.unavailable, gpu.health_issues)


def test_a_gpu_whose_node_is_kept_from_the_container_cannot_be_used():
    lines = [b'[null,"count",2]']
    for index in (0, 1):
        lines += [json.dumps([index, "minor", index]).encode(), b'[%d,"done",true]' % index]
    heard = Answers(lines).inventory(Nowhere(blocked={1}))
    told = "its device node /dev/nvidia1 cannot be opened"
    assert [None, told] == [gpu.unavailable for gpu in heard.gpus]


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
    host = Nowhere()
    host.gpus = lambda: on_bus
    heard = hear("3xh100", lost(1), host=host)
    assert (device, "GPU is lost") == (heard.gpus[1].device_id, heard.gpus[1].unavailable)


def test_links_that_hang_leave_the_gpus_as_they_are():
    with FakeNvml("4xh100", Fault("nvmlDeviceGetTopologyCommonAncestor", "hang")):
        machine = discover(timeout=3, environ={})
    assert 4 == len(machine.offered)
    assert () == machine.connections
    assert "nvmlDeviceGetTopologyCommonAncestor of 3 pairs of GPUs 0-3" in machine.remarks[0]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (15, "GPU is lost"),
        (4, "insufficient permissions (nvmlDeviceGetMigDeviceHandleByIndex)"),
        (999, "unknown error (nvmlDeviceGetMigDeviceHandleByIndex)"),
    ],
)
def test_an_instance_that_cannot_be_opened_stays_with_its_reason(code, told):
    fault = Fault("nvmlDeviceGetMigDeviceHandleByIndex", code, times=1)
    heard = hear(make_inventory(BOARD, PART, PART.replace(index=2, uuid="MIG-2")), fault)
    assert [told, None] == [gpu.unavailable for gpu in heard.gpus if gpu.mig]


@pytest.mark.parametrize("code", [2, 6])
def test_an_empty_slot_is_no_instance(code):
    fault = Fault("nvmlDeviceGetMigDeviceHandleByIndex", code)
    heard = hear(make_inventory(BOARD, PART), fault)
    assert ["MIG mode is on, and there is no MIG instance"] == [g.unavailable for g in heard.gpus]
    assert () == heard.remarks


def test_a_board_that_does_not_count_its_slots_says_so():
    heard = hear(make_inventory(BOARD, PART), Fault("nvmlDeviceGetMaxMigDeviceCount", 999))
    assert "unknown error (nvmlDeviceGetMaxMigDeviceCount)" == only(heard).unavailable


def test_instances_read_before_one_hangs_are_offered():
    box = make_inventory(BOARD, *(PART.replace(index=1 + at, uuid=f"MIG-{at}") for at in range(3)))
    with FakeNvml(box, Fault("nvmlDeviceGetMigDeviceHandleByIndex", "hang", after=2)):
        machine = discover(timeout=3, environ={})
    assert [1, 2] == [gpu.index for gpu in machine.offered]
    assert machine.gpus[3].unavailable.startswith("no answer within 3 s (in nvmlDeviceGetMig")
    assert "slot 2 of GPU 0" in machine.remarks[0]


def test_what_an_instance_refuses_is_remarked_on():
    heard = hear(make_inventory(BOARD, PART), Fault("nvmlDeviceGetGpuInstanceId", 4))
    told = "slot 0 of GPU 0: nvmlDeviceGetGpuInstanceId: insufficient permissions"
    assert (told,) == heard.remarks


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 3601])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(RequestError, match="is no number of seconds up to 3600"):
        discover(timeout=timeout)


def test_a_lost_current_directory_is_no_matter(tmp_path):
    code = (
        "import os, nimprofile; os.chdir({0!r}); os.rmdir({0!r})\n"
        "import sys; sys.path[:0] = ['', b'bytes', None]\n"
        "print(len(nimprofile.discover().gpus))"
    ).format(str(tmp_path))
    out = subprocess.check_output([sys.executable, "-c", code], env=FakeNvml("2xt4").environ)
    assert b"2\n" == out


# The deadline.


def test_a_gpu_that_hangs_keeps_only_itself_waiting():
    with FakeNvml("8xh100", hanging(5, after=3)):
        begun = time.monotonic()
        machine = discover(timeout=4, environ={})
        took = time.monotonic() - begun
    assert took < 15
    assert [5] == [gpu.index for gpu in machine.unavailable]
    gpu = machine.gpus[5]
    assert "NVIDIA H100 80GB HBM3" == gpu.name
    assert gpu.unavailable.startswith("no answer within 4 s (in nvmlDeviceGet")
    assert machine.remarks[0].startswith(
        "the reading was cut short: no answer within 4 s; it was in nvml"
    )


def test_a_driver_that_hangs_at_once_is_said_to():
    told = failure("1xt4", Fault("nvmlInit", "hang"), timeout=3)
    assert "the driver did not answer within 3 s; it hangs in nvmlInit." in told
    assert told.endswith(INSTEAD)


def test_a_slow_driver_is_waited_for():
    waited = []
    with FakeNvml("1xt4", Fault("nvmlInit", "slow", delay=1.3)):
        machine = discover(timeout=10, environ={}, on_wait=lambda: waited.append(1))
    assert ([1], 1) == (waited, len(machine.offered))


def test_a_quick_driver_is_not_worth_a_word():
    with FakeNvml("1xt4"):
        discover(environ={}, on_wait=lambda: pytest.fail("it took no time"))


def test_a_crash_does_not_take_the_caller_down():
    told = failure("1xt4", Fault("nvmlDeviceGetCount", "crash"))
    assert "the process that reads NVML ended in nvmlDeviceGetCount: Segmentation fault." in told


def test_after_a_crash_what_was_read_is_there_and_what_was_not_says_why():
    with FakeNvml("2xt4", Fault("nvmlDeviceGetMemoryInfo_v2", "crash", gpu=1, after=0)):
        machine = discover(environ={})
    assert "the process that reads it ended: Segmentation fault" == machine.gpus[1].unavailable
    assert "nvmlDeviceGetMemoryInfo of GPU 1" in machine.remarks[0]
    assert "Tesla T4" == machine.gpus[1].name


def children():
    """The process ids of our children, zombies included."""
    pid = os.getpid()
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return set(file.read().split())


linux = pytest.mark.skipif(
    not os.path.exists("/proc/self/task"), reason="reads the children of a process in Linux's /proc"
)


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_child_that_is_killed_or_stopped_leaves_no_zombie_and_no_hang(number):
    before = children()
    done = threading.Event()

    def interfere():
        while not done.is_set():
            for pid in children() - before:
                time.sleep(1.5)  # it is reading by then
                os.kill(int(pid), number)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=interfere)
    thread.start()
    begun = time.monotonic()
    try:
        with FakeNvml("2xt4", hanging(1, after=2)):
            machine = discover(timeout=4, environ={})
    finally:
        done.set()
        thread.join()
    assert time.monotonic() - begun < 20
    assert machine.gpus[0].offered
    assert machine.gpus[1].unavailable
    assert before == children()


@linux
def test_an_interrupt_leaves_no_child(monkeypatch):
    before = children()

    def interrupt():
        raise KeyboardInterrupt

    with FakeNvml("1xt4", Fault("nvmlInit", "hang")), pytest.raises(KeyboardInterrupt):
        discover(timeout=9, environ={}, on_wait=interrupt)
    for _ in range(500):
        if before == children():
            return
        time.sleep(0.02)
    pytest.fail("the child is still there")


@linux
def test_a_child_that_cannot_be_killed_is_left_to_itself(monkeypatch):
    """As in the kernel's uninterruptible sleep; here the kill is just not sent."""
    kills = []
    monkeypatch.setattr(subprocess.Popen, "kill", lambda self: kills.append(self.pid))
    monkeypatch.setattr(discovery_module, "PATIENCE", 0.3)
    before = children()
    with FakeNvml("2xt4", hanging(1, after=2)):
        begun = time.monotonic()
        machine = discover(timeout=3, environ={})
    assert time.monotonic() - begun < 15
    assert [True, False] == [gpu.offered for gpu in machine.gpus]
    (child,) = children() - before
    os.kill(int(child), signal.SIGKILL)
    for _ in range(500):
        if before == children():
            return
        time.sleep(0.02)
    pytest.fail("it died, and nobody buried it")


def test_a_child_that_nobody_listens_to_ends_by_itself():
    code = "from nimprofile.hardware.nvml.reader import main; main(1)"
    fake = FakeNvml("1xt4", Fault("nvmlInit", "hang"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=fake.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert -signal.SIGALRM == done.returncode


# The child's own troubles.


def test_what_the_library_prints_does_not_come_between(tmp_path):
    code = (
        "import os, pynvml\n"
        "real = pynvml.nvmlInit\n"
        "def nvmlInit():\n"
        "    os.write(1, b'NVIDIA says hello\\n')\n"
        "    return real()\n"
        "pynvml.nvmlInit = nvmlInit\n"
        "from nimprofile.hardware.nvml.reader import main; main(5)"
    )
    out = subprocess.check_output([sys.executable, "-c", code], env=FakeNvml("1xt4").environ)
    assert all(line.startswith(b"[") for line in out.splitlines())


def test_a_line_that_was_cut_is_left_out():
    assert [b"[1]"] == discovery_module._lines(b"[1]\n[2")


def path_with(monkeypatch, folder):
    monkeypatch.syspath_prepend(str(folder))


def test_the_old_third_party_pynvml_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml").mkdir()
    (tmp_path / "pynvml" / "__init__.py").write_text("from pynvml.nvml import *\n")
    (tmp_path / "pynvml" / "nvml.py").write_text("def nvmlInit(): pass\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError) as caught:
        discover(environ={}, host=Nowhere())
    told = str(caught.value)
    assert f"pynvml at {tmp_path}/pynvml/__init__.py is not the one of nvidia-ml-py" in told
    assert "pip uninstall pynvml" in told
    assert told.endswith(INSTEAD)


def test_a_pynvml_that_lacks_functions_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("def nvmlInit(): pass\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match="or too old a one"):
        discover(environ={}, host=Nowhere())


def test_a_pynvml_that_cannot_be_imported_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("import there_is_no_such_module\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match=r"there_is_no_such_module.*\n.*pip install nvidia-ml-py"):
        discover(environ={}, host=Nowhere())


def test_a_pynvml_that_fails_in_its_own_way_is_said_to(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("raise RuntimeError('out of luck')\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match="RuntimeError: out of luck"):
        discover(environ={}, host=Nowhere())


@pytest.mark.parametrize("how", ["frozen", "no interpreter", "gone"])
def test_without_an_interpreter_it_is_said(monkeypatch, how):
    if how == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", "" if how == "no interpreter" else "/no/python")
    with pytest.raises(NoGpuError, match="no process could be started to read NVML in"):
        discover(environ={}, host=Nowhere())


def test_a_child_that_says_nothing_is_said_to():
    with pytest.raises(NoGpuError, match="ended: it said nothing"):
        Answers([]).inventory(Nowhere())


def test_modules_of_the_current_directory_are_not_imported(monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    with FakeNvml("1xt4"):
        assert 1 == len(discover(environ={}).gpus)


# No GPU at all: each reason has its own message.


@pytest.mark.parametrize(
    ("fault", "host", "told"),
    [
        pytest.param(
            NO_LIBRARY,
            Nowhere(devices=0),
            "this machine has no NVIDIA GPU on its PCI bus; the driver's library",
            id="no GPU",
        ),
        pytest.param(
            NO_LIBRARY,
            Nowhere(devices=None),
            "the driver's library libnvidia-ml is not here (NVML error 12).\n  Install",
            id="no library, and nobody knows of a GPU",
        ),
        pytest.param(
            NO_LIBRARY,
            Nowhere(devices=1),
            "this machine has an NVIDIA GPU on its PCI bus, but the driver's library",
            id="a GPU without library",
        ),
        pytest.param(
            NO_LIBRARY,
            Nowhere(devices=8, box=True),
            (
                "this machine has 8 NVIDIA GPUs on its PCI bus, but the driver's library "
                "libnvidia-ml is not here (NVML error 12).\n  In a container: start it with the "
                "NVIDIA container toolkit"
            ),
            id="a container without the toolkit",
        ),
        pytest.param(NO_DRIVER, None, "the NVIDIA driver is not loaded", id="no driver"),
        pytest.param(
            DRIVER_MISMATCH,
            Nowhere(driver="570.124.06"),
            "(NVML error 18): the loaded kernel module is 570.124.06.\n  After a driver update",
            id="mismatch",
        ),
        pytest.param(DRIVER_MISMATCH, None, "versions (NVML error 18).\n", id="unknown versions"),
        pytest.param(NO_PERMISSION, None, "insufficient permissions", id="permissions"),
        pytest.param(
            Fault("nvmlInit", 999), None, "the devices are blocked (NVML error 999", id="blocked"
        ),
        pytest.param(
            Fault("nvmlInit", 20),
            None,
            "NVML cannot start: insufficient memory (NVML error 20).",
            id="something else",
        ),
        pytest.param(
            Fault("nvmlDeviceGetCount", 999),
            None,
            "the driver answers, but not how many GPUs there are: unknown error.",
            id="no count",
        ),
    ],
)
def test_why_no_gpu_could_be_read_is_said(fault, host, told):
    message = failure("1xt4", fault, host=host)
    assert message.startswith("no GPU could be read: ")
    assert told in message
    assert message.endswith(INSTEAD)


def test_both_versions_of_a_mismatch_are_said():

    path = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.575.51.03"
    told = str(cannot_initialise(18, path, Nowhere(driver="570.124.06")))
    assert "kernel module is 570.124.06, the library is 575.51.03." in told
    assert "the library is" not in str(cannot_initialise(18, "libnvidia-ml.so.1", Nowhere()))


@pytest.mark.parametrize(
    ("environ", "host", "told"),
    [
        ({}, Nowhere(), "the driver answers, but lists no GPU.\n"),
        ({}, Nowhere(devices=8), "lists no GPU, and the PCI bus has 8.\n"),
        (
            {"NVIDIA_VISIBLE_DEVICES": "void"},
            Nowhere(),
            "lists no GPU; NVIDIA_VISIBLE_DEVICES is 'void'.\n",
        ),
    ],
)
def test_no_devices(environ, host, told):
    assert told in failure(Inventory(), host=host, environ=environ)


@pytest.mark.parametrize(
    ("name", "value"), [("CUDA_VISIBLE_DEVICES", ""), ("NVIDIA_VISIBLE_DEVICES", "none")]
)
def test_all_hidden(name, value):
    told = failure("2xt4", environ={name: value})
    assert f"every GPU is hidden.\n  {name}={value} hides GPUs 0-1." in told


# The host's files.


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


def linked(count=4):
    pairs = ((a, b) for a in range(count) for b in range(a + 1, count))
    gpus = tuple(make_gpu(at) for at in range(count))
    return Inventory(gpus, connections=tuple(Connection(pair, Link.SYS) for pair in pairs))


@pytest.mark.parametrize("code", [15, 999])
def test_what_is_refused_of_links_is_one_remark_in_one_order(code):
    told = set()
    for _ in range(10):
        heard = hear(linked(), Fault("nvmlDeviceGetTopologyCommonAncestor", code))
        assert 4 == len(heard.offered)
        told.add(heard.remarks)
    phrase = {15: "GPU is lost", 999: "unknown error"}[code]
    ((remark,),) = told
    assert f"6 pairs of GPUs 0-3: nvmlDeviceGetTopologyCommonAncestor: {phrase}" == remark


def test_what_is_a_reason_already_is_no_remark():
    heard = hear(make_inventory(BOARD, PART), Fault("nvmlDeviceGetMaxMigDeviceCount", 999))
    assert () == heard.remarks
