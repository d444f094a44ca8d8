"""The fake driver fails as planned."""

import subprocess
import sys

import pynvml

from nimprofile.base.units import MIB
from nimprofile.testing import (
    NO_LIBRARY,
    OLD_DRIVER,
    FakeNvml,
    Fault,
    lost,
)
from tests.support.nvml.pynvml_calls import BOX, H100, code_of, handle


def test_no_library():
    with FakeNvml(BOX, NO_LIBRARY):
        assert pynvml.NVML_ERROR_LIBRARY_NOT_FOUND == code_of(pynvml.nvmlInit)


def test_a_call_fails_as_planned():
    with FakeNvml(BOX, Fault("nvmlDeviceGetName", 999)):
        assert 999 == code_of(pynvml.nvmlDeviceGetName, handle())
        assert H100.uuid == pynvml.nvmlDeviceGetUUID(handle())


def test_only_the_nth_call_fails():
    with FakeNvml(BOX, Fault("nvmlDeviceGetName", 999, after=1, times=1)):
        gpu = handle()
        assert H100.name == pynvml.nvmlDeviceGetName(gpu)
        assert 999 == code_of(pynvml.nvmlDeviceGetName, gpu)
        assert H100.name == pynvml.nvmlDeviceGetName(gpu)


def test_a_gpu_is_lost_after_some_calls_and_the_others_are_not():
    with FakeNvml(BOX, lost(1, after=2)):
        good, bad = handle(0), handle(1)
        assert H100.name == pynvml.nvmlDeviceGetName(bad)
        assert pynvml.NVML_ERROR_GPU_IS_LOST == code_of(pynvml.nvmlDeviceGetName, bad)
        assert pynvml.NVML_ERROR_GPU_IS_LOST == code_of(pynvml.nvmlDeviceGetHandleByIndex, 1)
        assert H100.name == pynvml.nvmlDeviceGetName(good)


def test_an_old_driver_lacks_a_symbol():
    with FakeNvml(BOX, OLD_DRIVER):
        gpu = handle()
        version_2 = pynvml.nvmlMemory_v2
        assert 13 == code_of(pynvml.nvmlDeviceGetMemoryInfo, gpu, version_2)
        assert 81559 * MIB == pynvml.nvmlDeviceGetMemoryInfo(gpu).total


def test_a_slow_call_answers_in_the_end(monkeypatch):
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    with FakeNvml(BOX, Fault("nvmlDeviceGetName", "slow", delay=3)):
        assert H100.name == pynvml.nvmlDeviceGetName(handle())
    assert [3] == waited


def test_a_crash_takes_its_process_with_it():
    with FakeNvml(BOX, Fault("nvmlDeviceGetCount", "crash")) as fake:
        code = "import pynvml; pynvml.nvmlInit(); pynvml.nvmlDeviceGetCount()"
        done = subprocess.run([sys.executable, "-c", code], env=fake.environ, check=False)
    assert 0 != done.returncode
