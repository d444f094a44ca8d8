"""Each reason why no GPU can be read has a message of its own, which says what to do."""

import pytest

from nimprofile import (
    Inventory,
    NoGpuError,
    discover,
)
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.nvml.failures import cannot_initialise
from nimprofile.testing import (
    DRIVER_MISMATCH,
    NO_DRIVER,
    NO_LIBRARY,
    NO_PERMISSION,
    Fault,
)
from tests.support.nvml.reading import INSTEAD, StubHost, failure


def path_with(monkeypatch, folder):
    monkeypatch.syspath_prepend(str(folder))


def test_the_old_third_party_pynvml_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml").mkdir()
    (tmp_path / "pynvml" / "__init__.py").write_text("from pynvml.nvml import *\n")
    (tmp_path / "pynvml" / "nvml.py").write_text("def nvmlInit(): pass\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError) as caught:
        discover(environ={}, host=StubHost())
    told = str(caught.value)
    assert f"pynvml at {tmp_path}/pynvml/__init__.py is not the one of nvidia-ml-py" in told
    assert "pip uninstall pynvml" in told
    assert told.endswith(INSTEAD)


def test_a_pynvml_that_lacks_functions_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("def nvmlInit(): pass\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match="or too old a one"):
        discover(environ={}, host=StubHost())


def test_a_pynvml_that_cannot_be_imported_is_named(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("import there_is_no_such_module\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match=r"there_is_no_such_module.*\n.*pip install nvidia-ml-py"):
        discover(environ={}, host=StubHost())


def test_a_pynvml_that_fails_in_its_own_way_is_said_to(monkeypatch, tmp_path):
    (tmp_path / "pynvml.py").write_text("raise RuntimeError('out of luck')\n")
    path_with(monkeypatch, tmp_path)
    with pytest.raises(NoGpuError, match="RuntimeError: out of luck"):
        discover(environ={}, host=StubHost())


def test_a_child_that_says_nothing_is_said_to():
    with pytest.raises(NoGpuError, match="ended: it said nothing"):
        Answers([]).inventory(StubHost())


@pytest.mark.parametrize(
    ("fault", "host", "told"),
    [
        pytest.param(
            NO_LIBRARY,
            StubHost(devices=0),
            "this machine has no NVIDIA GPU on its PCI bus; the driver's library",
            id="no GPU",
        ),
        pytest.param(
            NO_LIBRARY,
            StubHost(devices=None),
            "the driver's library libnvidia-ml is not here (NVML error 12).\n  Install",
            id="no library, and nobody knows of a GPU",
        ),
        pytest.param(
            NO_LIBRARY,
            StubHost(devices=1),
            "this machine has an NVIDIA GPU on its PCI bus, but the driver's library",
            id="a GPU without library",
        ),
        pytest.param(
            NO_LIBRARY,
            StubHost(devices=8, box=True),
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
            StubHost(driver="570.124.06"),
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
    told = str(cannot_initialise(18, path, StubHost(driver="570.124.06")))
    assert "kernel module is 570.124.06, the library is 575.51.03." in told
    assert "the library is" not in str(cannot_initialise(18, "libnvidia-ml.so.1", StubHost()))


@pytest.mark.parametrize(
    ("environ", "host", "told"),
    [
        ({}, StubHost(), "the driver answers, but lists no GPU.\n"),
        ({}, StubHost(devices=8), "lists no GPU, and the PCI bus has 8.\n"),
        (
            {"NVIDIA_VISIBLE_DEVICES": "void"},
            StubHost(),
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
