"""The fake machine is there for its block, in this process and in others."""

import os
import subprocess
import sys

import pynvml
import pytest

from nimprofile import discover, mock_inventory
from nimprofile.testing import (
    FakeNvml,
)
from tests.support.nvml.pynvml_calls import BOX


def test_other_processes_see_it_inside_the_block():
    code = "import pynvml; pynvml.nvmlInit(); print(pynvml.nvmlDeviceGetCount(), pynvml.__file__)"
    with FakeNvml("3xt4"):
        out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert f"3 {pynvml.__file__}" == out.strip()


def test_afterwards_all_is_as_it_was():
    before = (dict(os.environ), list(sys.path), pynvml.nvmlLib, pynvml.CDLL)
    with FakeNvml(BOX), FakeNvml("1xt4"):
        pynvml.nvmlInit()
        assert 1 == pynvml.nvmlDeviceGetCount()
    assert before == (dict(os.environ), list(sys.path), pynvml.nvmlLib, pynvml.CDLL)


def test_one_fake_inside_another_gives_way_to_it_again():
    with FakeNvml("2xt4"):
        with FakeNvml("1xt4"):
            pass
        pynvml.nvmlInit()
        assert 2 == pynvml.nvmlDeviceGetCount()


def test_an_environment_for_a_process_needs_no_block(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    fake = FakeNvml("1xt4")
    assert fake.environ["PYTHONPATH"].endswith("shim")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    assert fake.environ["PYTHONPATH"].endswith(f"shim{os.pathsep}/mine")
    assert "NIMPROFILE_FAKE_NVML" not in os.environ


def test_it_needs_no_hypothesis():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from nimprofile.testing import FakeNvml; FakeNvml('1xt4')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_described_machine_has_what_a_driver_tells():
    with FakeNvml("2xh100"):
        machine = discover(environ={})
    bare = [gpu.replace(uuid=None, pci_bus_id=None) for gpu in machine.gpus]
    assert mock_inventory("2xh100").gpus == tuple(bare)
    assert 2 == len({gpu.uuid for gpu in machine.gpus})
    assert ("580.105.08", "13.0") == (machine.driver_version, machine.cuda_version)


def test_one_fake_is_not_used_twice_at_once():
    with (
        FakeNvml("1xt4") as fake,
        pytest.raises(RuntimeError, match="this FakeNvml is in use; make another"),
    ):
        fake.__enter__()
    with fake:
        pynvml.nvmlInit()
        assert 1 == pynvml.nvmlDeviceGetCount()
