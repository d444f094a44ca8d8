"""Faults that can strike are accepted, others refused."""

import pytest

from nimprofile.testing import (
    FakeNvml,
    Fault,
    lost,
)


def test_a_fault_must_be_one():
    with pytest.raises(ValueError, match="outcome 'sulk' is no NVML code"):
        Fault("*", "sulk")


@pytest.mark.parametrize(
    "call", ["nvmlDeviceGetTypo", "nvmlDeviceGetName_v2", "nvmlDeviceGetSerial", ""]
)
def test_a_fault_of_no_function_is_refused(call):
    with pytest.raises(ValueError, match="is no function of the fake library"):
        FakeNvml("1xt4", Fault(call, 999))


def test_a_fault_of_no_gpu_is_refused():
    with pytest.raises(ValueError, match="there is no GPU 8 to fail; there are 8"):
        FakeNvml("8xh100", lost(8))


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (("*", 0), "outcome 0 is no NVML code"),
        (("*", True), "outcome True is no NVML code"),
        (("*", -3), "outcome -3 is no NVML code"),
        (("*", 15, None, -1), "after and delay are 0 or more, times 1 or more"),
        (("*", 15, None, 0, 0), "after and delay are 0 or more, times 1 or more"),
        (("*", "slow", None, 0, None, -1), "after and delay are 0 or more, times 1 or more"),
        (("dlopen", "hang"), r"of the library: Fault\('dlopen', 'missing'\)"),
        (("nvmlInit", "broken"), r"of the library: Fault\('dlopen', 'missing'\)"),
        (("nvmlDeviceGetName", "missing", 1), "it lacks always, and for every GPU"),
        (("nvmlDeviceGetName", "missing", None, 3), "it lacks always, and for every GPU"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault, problem):
    with pytest.raises(ValueError, match=problem):
        Fault(**dict(zip(Fault._fields, fault, strict=False)))


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetCount", "dlopen"])
def test_a_call_about_no_gpu_cannot_fail_for_one(call):
    outcome = "missing" if call == "dlopen" else 9
    with pytest.raises(ValueError, match=r"is about no GPU|for every GPU"):
        FakeNvml("1xt4", Fault(call, outcome, gpu=0))
