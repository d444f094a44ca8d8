"""An inventory becomes the readings and faults that mean it, or is refused."""

import pynvml
import pytest

from nimprofile import Gpu, MigInstance, discover
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.testing import (
    FakeNvml,
)
from tests.support.builders import make_gpu, make_inventory
from tests.support.nvml.pynvml_calls import handle
from tests.support.nvml.reading import read_here


@pytest.mark.parametrize(
    ("gpu", "problem"),
    [
        (make_gpu().replace(memory_free_mib=None), "total and free memory, or neither"),
        (make_gpu(architecture="Tesla"), "NVML has no architecture 'Tesla'"),
        (make_gpu(virtualization="xen"), "NVML has no virtualization 'xen'"),
        (make_gpu(unavailable="tired"), "no reading of NVML means 'tired'"),
    ],
)
def test_what_nvml_cannot_say_is_refused(gpu, problem):
    with pytest.raises(ValueError, match=problem):
        FakeNvml(make_inventory(gpu))


def test_boards_are_numbered_in_their_order():
    with FakeNvml(make_inventory(make_gpu(4, name="Four"), make_gpu(2, name="Two"))):
        names = [pynvml.nvmlDeviceGetName(handle(at)) for at in range(2)]
    assert ["Two", "Four"] == names


@pytest.mark.parametrize(
    "why",
    [
        "unknown error (nvmlDeviceGetHandleByIndex)",
        "NVML error 77 (nvmlDeviceGetHandleByIndex)",
        "insufficient permissions (nvmlDeviceGetHandleByIndex)",
        "timeout (nvmlDeviceGetMemoryInfo)",
    ],
)
def test_a_refused_call_of_a_recording_is_refused_again(why):
    gone = make_gpu(1, total=None, name="Acme X1" if "Memory" in why else None, capability=None)
    box = make_inventory(make_gpu(0), gone.replace(unavailable=why))
    with FakeNvml(box):
        assert [None, why] == [gpu.unavailable for gpu in discover(environ={}).gpus]


def test_a_recording_of_a_gpu_that_hung_hangs_again():
    gone = Gpu(1, "Acme X1", unavailable="no answer within 15 s (in nvmlDeviceGetPciInfo)")
    with FakeNvml(make_inventory(make_gpu(0), gone)):
        inventory = discover(timeout=1.5, environ={})
    assert [True, False] == [gpu.offered for gpu in inventory.gpus]
    assert inventory.gpus[1].unavailable.startswith("no answer within 1.5 s")


def test_a_recording_of_a_crash_crashes_again():
    gone = Gpu(0, unavailable="the process that reads it ended: Segmentation fault")
    with FakeNvml(make_inventory(gone)):
        assert "Segmentation fault" in discover(environ={}).gpus[0].unavailable


def test_no_instance_is_said_of_a_split_board_only():
    with pytest.raises(ValueError, match="no reading of NVML means"):
        FakeNvml(
            make_inventory(make_gpu(unavailable="MIG mode is on, and there is no MIG instance"))
        )


@pytest.mark.parametrize(
    "issues",
    [
        ("its NVLink fabric is not started", "its NVLink fabric is not ready yet"),
        ("0 uncorrected ECC errors since the driver was loaded",),
        ("\u00b2 uncorrected ECC errors since the driver was loaded",),
    ],
)
def test_what_cannot_be_read_at_once_or_at_all_is_refused(issues):
    with pytest.raises(ValueError, match=r"does not say all of|no reading of NVML means"):
        FakeNvml(make_inventory(make_gpu(health_issues=issues)))


def test_a_failed_fabric_is_failed_again():
    ill = make_gpu(health_issues=("its NVLink fabric failed: unknown error",))
    with FakeNvml(make_inventory(ill)):
        assert ill == discover(environ={}).gpus[0]


INSTANCES = (
    make_gpu(0, mig_enabled=True, uuid="GPU-0"),
    make_gpu(1, name="Acme X1 MIG 1g", uuid="MIG-1", mig=MigInstance(0, 7, 0)),
)


@pytest.mark.parametrize(
    "gone",
    [
        {"unavailable": "GPU is lost"},
        {"unavailable": "unknown error (nvmlDeviceGetMemoryInfo)"},
        {
            "unavailable": "insufficient permissions (nvmlDeviceGetMigDeviceHandleByIndex)",
            "uuid": None,
            "name": "Acme X1 MIG",
            "mig": MigInstance(0),
        },
    ],
    ids=lambda gone: gone["unavailable"],
)
def test_an_instance_that_cannot_be_used_is_that_again(gone):
    part = INSTANCES[1].replace(index=2, uuid="MIG-2", memory_total_mib=None, memory_free_mib=None)
    box = make_inventory(*INSTANCES, part.replace(**gone))
    with FakeNvml(box):
        read = discover(environ={})
    assert box == read.replace(cpu_architecture=None)  # that is the CPU of whoever runs the test


def test_an_instance_that_hung_is_not_faked():
    part = INSTANCES[1].replace(index=2, uuid="MIG-2", unavailable="no answer within 1 s")
    with pytest.raises(ValueError, match="a MIG instance is not unavailable for"):
        FakeNvml(make_inventory(*INSTANCES, part))


def test_a_gpu_that_hung_hangs_again_in_the_same_call():
    why = "no answer within 1 s (in nvmlDeviceGetTotalEccErrors)"
    with FakeNvml(make_inventory(make_gpu(0), make_gpu(1, unavailable=why))):
        inventory = discover(timeout=1.5, environ={})
    assert (
        "no answer within 1.5 s (in nvmlDeviceGetTotalEccErrors)" == inventory.gpus[1].unavailable
    )
    assert 40_000 == inventory.gpus[1].memory_total_mib


@pytest.mark.parametrize(
    "issue",
    [
        Condition(Kind.RECOVERY, action=4),
        Condition(Kind.ROW_PENDING),
        Condition(Kind.PAGE_PENDING),
        Condition(Kind.ECC_ERRORS, count=12),
        Condition(Kind.FABRIC_STATE, state=1),
        Condition(Kind.FABRIC_FAILED, code=77),
    ],
    ids=str,
)
def test_every_health_issue_has_a_reading(issue):
    box = make_inventory(make_gpu(health_issues=(issue,)))
    (read,) = read_here(box).gpus[0].health_issues
    assert (issue, issue.kind, issue.figures) == (read, read.kind, read.figures)


@pytest.mark.parametrize(
    "why",
    [
        Condition(Kind.LOST, code=28),
        Condition(Kind.ROW_FAILED),
        Condition(Kind.RECOVERY, action=1),
        Condition(Kind.REFUSED, code=4, call="nvmlDeviceGetHandleByIndex"),
    ],
    ids=str,
)
def test_every_reason_that_is_a_reading_or_a_refusal_is_that_again(why):
    read = read_here(make_inventory(Gpu(0, unavailable=why))).gpus[0].unavailable
    assert (why, why.kind, why.figures) == (read, read.kind, read.figures)


@pytest.mark.parametrize(
    "why",
    [
        Condition(Kind.NODE_BLOCKED, minor=0),
        Condition(Kind.NOT_READ),
        Condition(Kind.UNREADABLE, problem="it was not read", call="nvmlDeviceGetName"),
        Condition(Kind.REFUSED, code=999, call="nvmlDeviceGetMaxMigDeviceCount"),
        Condition(Kind.REFUSED, code="OSError: gone", call="nvmlDeviceGetHandleByIndex"),
    ],
    ids=str,
)
def test_a_reason_that_no_reading_means_is_refused(why):
    with pytest.raises(ValueError, match="no reading of NVML means"):
        FakeNvml(make_inventory(Gpu(0, unavailable=why)))
