"""The processes that read NVML are heard until the deadline, whatever holds their pipes."""

import json
import os
import select
import signal
import sys

import pytest

from nimprofile import NoGpuError, discover
from nimprofile.hardware.nvml import processes
from nimprofile.testing import FakeNvml, Fault
from tests.support.nvml.forks import forked
from tests.support.nvml.patched import patch_pynvml
from tests.support.nvml.reading import StubHost, failure

HELPER = """
def nvmlInit(real=pynvml.nvmlInit):
    helper = os.fork()
    if helper == 0:
        import time
        time.sleep(600)
        os._exit(0)
    with open({path!r}, "a") as file:
        file.write(str(helper) + "\\n")
    return real()
nvmlInit.__name__ = "nvmlInit"
pynvml.nvmlInit = nvmlInit
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    ("faults", "offered"), [((), [0, 1]), ((Fault("nvmlDeviceGetName", "crash", 1),), [0])]
)
def test_a_helper_of_the_library_that_holds_the_pipes_is_not_waited_for(
    monkeypatch, tmp_path, faults, offered
):
    pids = tmp_path / "pid"
    patch_pynvml(monkeypatch, tmp_path, HELPER.format(path=str(pids)))
    with FakeNvml("2xt4", *faults):
        machine = discover(timeout=300, environ={}, host=StubHost())
    for pid in pids.read_text().split():
        os.kill(int(pid), signal.SIGKILL)  # it was still there
    assert offered == [gpu.index for gpu in machine.offered]
    assert () == machine.remarks  # which would say that the deadline had passed


def test_a_process_that_writes_without_end_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "MOST_BYTES", 1 << 20)
    endless = (
        "def nvmlInit():\n"
        "    for fd in range(3, 9):\n"
        "        try:\n"
        "            while True: os.write(fd, b'[0, 1]\\n' * 1000)\n"
        "        except OSError: pass\n"
        "nvmlInit.__name__ = 'nvmlInit'\n"
        "pynvml.nvmlInit = nvmlInit\n"
    )
    patch_pynvml(monkeypatch, tmp_path, endless)
    told = failure("1xt4", timeout=300.0)
    assert "the process that reads NVML ended in nvmlInit: it writes without end." in told


def test_lines_that_the_library_writes_among_ours_are_left_out(monkeypatch, tmp_path):
    junk = (
        "def nvmlDeviceGetCount(real=pynvml.nvmlDeviceGetCount):\n"
        "    for fd in range(3, 9):\n"
        '        try: os.write(fd, b\'NVIDIA\\n[1]\\n[0,"name",7]\\n[[],"count",1]\\n\\xff\\n\')\n'
        "        except OSError: pass\n"
        "    return real()\n"
        "nvmlDeviceGetCount.__name__ = 'nvmlDeviceGetCount'\n"
        "pynvml.nvmlDeviceGetCount = nvmlDeviceGetCount\n"
    )
    patch_pynvml(monkeypatch, tmp_path, junk)
    with FakeNvml("2xt4"):
        machine = discover(timeout=60, environ={}, host=StubHost())
    assert ["Tesla T4"] * 2 == [gpu.name for gpu in machine.offered]


def test_hearing_takes_no_descriptor_of_its_own(monkeypatch):
    """Of which a process may have only a few."""

    def epoll(*flags):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(select, "epoll", epoll, raising=False)
    with FakeNvml("2xt4"), forked():
        assert 2 == len(discover(timeout=60, environ={}, host=StubHost()).offered)


@pytest.mark.parametrize("count", [1025, 20_000, (1 << 32) - 1])
def test_more_gpus_than_any_machine_has_are_refused_at_once(count):
    """A list of as many GPUs would take until the deadline, and minutes after it."""
    fake = FakeNvml("1xt4")
    fake.plan = json.dumps(json.loads(fake.plan) | {"count": count})
    with fake, pytest.raises(NoGpuError) as caught:
        discover(timeout=300, environ={}, host=StubHost())
    told = f"the driver says that there are {count} GPUs; more than 1024 are not believed."
    assert told in str(caught.value)


def test_as_many_gpus_as_can_be_described_are_read():
    fake = FakeNvml("1xt4")
    fake.plan = json.dumps(json.loads(fake.plan) | {"count": 1024})
    with fake, forked():
        machine = discover(timeout=300, environ={}, host=StubHost())
    assert (1024, [0]) == (len(machine.gpus), [gpu.index for gpu in machine.offered])


def test_the_words_of_a_process_that_fails_are_those_of_its_last_line(monkeypatch, tmp_path):
    patch_pynvml(monkeypatch, tmp_path, "raise OSError('\\x1b]0;title\\x07')\n")
    told = failure("1xt4")
    assert "the process that reads NVML ended: OSError: \ufffd]0;title\ufffd." in told


@pytest.mark.skipif(sys.platform != "linux", reason="core files are Linux's")
def test_a_crash_leaves_no_core_file(monkeypatch, tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limits = tmp_path / "limits"
    code = f"import resource\nopen({str(limits)!r}, 'w').write(str(resource.getrlimit(resource.RLIMIT_CORE)))\n"
    patch_pynvml(monkeypatch, tmp_path, code)
    with FakeNvml("1xt4"):
        discover(environ={}, host=StubHost())
    assert f"(0, {hard})" == limits.read_text()
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_CORE)
