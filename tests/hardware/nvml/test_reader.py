"""The process that reads NVML: every answer is a line, whatever the library does."""

import json
import signal
import subprocess
import sys

import pynvml

from nimprofile.hardware.nvml import reader as nvml
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.testing import (
    FakeNvml,
    Fault,
)
from tests.support.nvml.reading import StubHost, only_gpu, read_here


def test_a_name_that_is_no_utf8_is_read_all_the_same():
    lines = []
    fake = FakeNvml("1xt4")
    fake.plan = fake.plan.replace("Tesla T4", "Bad \\udcff name")
    with fake:
        nvml.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    assert "Bad \ufffd name" == only_gpu(Answers(lines).inventory(StubHost())).name


def test_an_answer_nobody_can_read_is_told(monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPciInfo", lambda handle: object())
    gpu = only_gpu(read_here("1xt4"))
    assert "an answer: AttributeError" in gpu.unavailable


def test_an_error_that_is_not_nvmls_is_told(monkeypatch):
    def nvmlDeviceGetUtilizationRates(handle):  # noqa: N802 - it stands for it
        raise OSError("access violation")

    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", nvmlDeviceGetUtilizationRates)
    told = "GPU 0: nvmlDeviceGetUtilizationRates: OSError: access violation"
    assert (told,) == read_here("1xt4").remarks


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
