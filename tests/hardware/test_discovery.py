"""Discovery ends within its deadline, whatever the driver does, and leaves no process behind."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from nimprofile import (
    Connection,
    Link,
    NoGpuError,
    RequestError,
    discover,
    mock_inventory,
)
from nimprofile.hardware.nvml import processes
from nimprofile.testing import (
    FakeNvml,
    Fault,
    hanging,
)
from tests.support.builders import make_gpu, make_inventory
from tests.support.nvml.processes import children_of
from tests.support.nvml.reading import BOARD, INSTEAD, PART, StubHost, failure


def test_a_healthy_machine_is_read_as_it_is():
    with FakeNvml("8xh100"):
        machine = discover(environ={})
    assert 8 == len(machine.gpus)
    assert (81559, 81559) == (machine.gpus[7].memory_total_mib, machine.gpus[7].memory_free_mib)


def test_a_board_whose_id_and_name_are_two_products_is_remarked_on():
    boards = [make_gpu(at, name="NVIDIA L40S", device_id="26b5") for at in range(2)]
    with FakeNvml(make_inventory(*boards, make_gpu(2, name="NVIDIA L40S", device_id="26b9"))):
        remarks = discover(environ={}).remarks
    expected = (
        "GPUs 0-1: the PCI id is that of NVIDIA L40, the name that of NVIDIA L40S; the name counts"
    )
    assert [expected] == [text for text in remarks if "PCI id" in text]


def test_links_that_hang_leave_the_gpus_as_they_are():
    with FakeNvml("4xh100", Fault("nvmlDeviceGetTopologyCommonAncestor", "hang")):
        machine = discover(timeout=1.5, environ={})
    assert 4 == len(machine.offered)
    assert () == machine.connections
    assert "nvmlDeviceGetTopologyCommonAncestor of 4 pairs of GPUs 0-3" in machine.remarks[0]


def test_instances_read_before_one_hangs_are_offered():
    box = make_inventory(BOARD, *(PART.replace(index=1 + at, uuid=f"MIG-{at}") for at in range(3)))
    with FakeNvml(box, Fault("nvmlDeviceGetMigDeviceHandleByIndex", "hang", after=2)):
        machine = discover(timeout=1.5, environ={})
    assert [1, 2] == [gpu.index for gpu in machine.offered]
    assert machine.gpus[3].unavailable.startswith("no answer within 1.5 s (in nvmlDeviceGetMig")
    assert "slot 2 of GPU 0" in machine.remarks[0]


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


def test_a_gpu_that_hangs_keeps_only_itself_waiting():
    with FakeNvml("8xh100", hanging(5, after=3)):
        begun = time.monotonic()
        machine = discover(timeout=2, environ={})
        took = time.monotonic() - begun
    assert took < 15
    assert [5] == [gpu.index for gpu in machine.unavailable]
    gpu = machine.gpus[5]
    assert "NVIDIA H100 80GB HBM3" == gpu.name
    assert gpu.unavailable.startswith("no answer within 2 s (in nvmlDeviceGet")
    assert machine.remarks[0].startswith(
        "the reading was cut short: no answer within 2 s; it was in nvml"
    )


def test_a_driver_that_hangs_at_once_is_said_to():
    told = failure("1xt4", Fault("nvmlInit", "hang"), timeout=1.5)
    assert "the driver did not answer within 1.5 s; it hangs in nvmlInit." in told
    assert told.endswith(INSTEAD)


def test_a_slow_driver_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(processes, "PATIENCE", 0.2)
    with FakeNvml("1xt4", Fault("nvmlInit", "slow", delay=0.5)):
        machine = discover(timeout=10, environ={}, on_wait=lambda: waited.append(1))
    assert ([1], 1) == (waited, len(machine.offered))


def test_a_quick_driver_is_not_worth_a_word():
    with FakeNvml("1xt4"):
        discover(environ={}, on_wait=lambda: pytest.fail("it took no time"))


def test_a_crash_does_not_take_the_caller_down():
    told = failure("1xt4", Fault("nvmlDeviceGetCount", "crash"))
    assert "the process that reads NVML ended in nvmlDeviceGetCount: Segmentation fault." in told


@pytest.mark.parametrize("outcome", ["crash", "exit"])
def test_a_gpu_in_whose_calls_the_library_crashes_is_the_only_one_lost(outcome):
    crash = Fault("nvmlDeviceGetMemoryInfo_v2", outcome, gpu=5)
    with FakeNvml("8xh100", crash):
        machine = discover(timeout=120, environ={})
    assert [5] == [gpu.index for gpu in machine.unavailable]
    gpu = machine.gpus[5]
    how = {"crash": "Segmentation fault", "exit": "exit code 1"}[outcome]
    told = f"the process that reads it ended: {how} (in nvmlDeviceGetMemoryInfo)"
    assert ("NVIDIA H100 80GB HBM3", told) == (gpu.name, gpu.unavailable)
    assert () == machine.remarks


def test_a_machine_all_of_whose_gpus_crash_has_them_all_with_the_reason():
    with FakeNvml("3xt4", Fault("nvmlDeviceGetName", "crash")):
        machine = discover(timeout=120, environ={})
    reason = "the process that reads it ended: Segmentation fault (in nvmlDeviceGetName)"
    assert [reason] * 3 == [gpu.unavailable for gpu in machine.gpus]


def test_a_crash_that_does_not_come_again_costs_nothing():
    with FakeNvml("4xt4", Fault("nvmlDeviceGetName", "crash", after=1)):
        machine = discover(timeout=120, environ={})
    assert 4 == len(machine.offered)


def test_connections_that_crash_the_library_are_one_remark_and_the_others_are_read():
    pairs = tuple(itertools.combinations(range(4), 2))
    box = mock_inventory("4xh100").replace(
        connections=tuple(Connection(pair, Link.NVLINK) for pair in pairs)
    )
    with FakeNvml(box, Fault("nvmlDeviceGetP2PStatus", "crash", gpu=1)):
        machine = discover(timeout=120, environ={})
    assert 4 == len(machine.offered)
    assert [pair for pair in pairs if pair[0] != 1] == [link.gpus for link in machine.connections]
    told = "2 pairs of GPU 1 with GPUs 2-3: nvmlDeviceGetP2PStatus: Segmentation fault"
    assert (told,) == machine.remarks


def test_after_a_crash_a_gpu_that_hangs_is_waited_for_no_longer_than_the_deadline():
    faults = (Fault("nvmlDeviceGetUUID", "crash", gpu=1), hanging(2, after=3))
    with FakeNvml("4xt4", *faults):
        machine = discover(timeout=6, environ={})
    assert [0, 3] == [gpu.index for gpu in machine.offered]
    ended, silent = (gpu.unavailable for gpu in machine.unavailable)
    assert "the process that reads it ended: Segmentation fault (in nvmlDeviceGetUUID)" == ended
    assert "no answer within 6 s (in nvmlDeviceGetCudaComputeCapability)" == silent


def test_without_the_means_to_start_more_processes_the_crash_is_the_reason(monkeypatch):
    started = []
    real = subprocess.Popen

    def first_only(*args, **options):
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(1)
        return real(*args, **options)

    monkeypatch.setattr(processes.subprocess, "Popen", first_only)
    with FakeNvml("2xt4", Fault("nvmlDeviceGetName", "crash", gpu=1, delay=0.5)):
        machine = discover(timeout=120, environ={})
    assert machine.gpus[1].unavailable.startswith("the process that reads it ended: Segmentation")
    assert "nvmlDeviceGetName of GPU 1" in machine.remarks[0]


def children():
    """The process ids of our children, zombies included."""
    return {*children_of(os.getpid())}


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
                time.sleep(0.8)  # it is reading by then
                os.kill(pid, number)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=interfere)
    thread.start()
    begun = time.monotonic()
    try:
        with FakeNvml("2xt4", hanging(1, after=2)):
            machine = discover(timeout=2, environ={})
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
    monkeypatch.setattr(processes, "PATIENCE", 0.3)

    def interrupt():
        raise KeyboardInterrupt

    with FakeNvml("1xt4", Fault("nvmlInit", "hang")), pytest.raises(KeyboardInterrupt):
        discover(timeout=5, environ={}, on_wait=interrupt)
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
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    before = children()
    with FakeNvml("2xt4", hanging(1, after=2)):
        begun = time.monotonic()
        machine = discover(timeout=1.5, environ={})
    assert time.monotonic() - begun < 15
    assert [True, False] == [gpu.offered for gpu in machine.gpus]
    (child,) = children() - before
    os.kill(int(child), signal.SIGKILL)
    for _ in range(500):
        if before == children():
            return
        time.sleep(0.02)
    pytest.fail("it died, and nobody buried it")


@pytest.mark.parametrize("how", ["frozen", "no interpreter", "gone"])
def test_without_an_interpreter_it_is_said(monkeypatch, how):
    if how == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", "" if how == "no interpreter" else "/no/python")
    with pytest.raises(NoGpuError, match="no process could be started to read NVML in"):
        discover(environ={}, host=StubHost())


def test_modules_of_the_current_directory_are_not_imported(monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    with FakeNvml("1xt4"):
        assert 1 == len(discover(environ={}).gpus)
