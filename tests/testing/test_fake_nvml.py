"""Does the fake driver answer the real pynvml as the driver does, and fail as planned?"""

import os
import subprocess
import sys

import pynvml
import pytest

from nimprofile import Connection, Gpu, Inventory, Link, MigInstance, discover, mock_inventory
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.hardware.nvml import reader as nvml
from nimprofile.testing import (
    NO_LIBRARY,
    OLD_DRIVER,
    FakeNvml,
    Fault,
    lost,
)
from tests.support.builders import make_gpu, make_inventory

H100 = Gpu(
    0,
    "NVIDIA H100 80GB HBM3",
    "GPU-00000000-0000-0000-0000-000000000000",
    device_id="2330:10de",
    memory_total_mib=81559,
    memory_free_mib=81080,
    compute_capability=ComputeCapability.parse("9.0"),
    memory_reserved_mib=480,
    architecture="Hopper",
    pci_bus_id="00000000:53:00.0",
    utilization_percent=7,
    virtualization="passthrough",
)
BOX = Inventory((H100, H100.replace(index=1, uuid=None)), "580.105.08", "13.0")


def code_of(call, *args):
    """The NVML error a call of pynvml ends in."""
    with pytest.raises(pynvml.NVMLError) as caught:
        call(*args)
    return caught.value.value


def handle(index=0):
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByIndex(index)


# The real pynvml reads it.


def test_the_machine_is_there():
    with FakeNvml(BOX):
        pynvml.nvmlInit()
        assert "580.105.08" == pynvml.nvmlSystemGetDriverVersion()
        assert 13000 == pynvml.nvmlSystemGetCudaDriverVersion()
        assert 2 == pynvml.nvmlDeviceGetCount()


def test_a_gpu_is_who_it_is():
    with FakeNvml(BOX):
        gpu = handle()
        assert H100.name == pynvml.nvmlDeviceGetName(gpu)
        assert H100.uuid == pynvml.nvmlDeviceGetUUID(gpu)
        assert (9, 0) == pynvml.nvmlDeviceGetCudaComputeCapability(gpu)
        assert pynvml.NVML_DEVICE_ARCH_HOPPER == pynvml.nvmlDeviceGetArchitecture(gpu)
        assert 7 == pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu
        pci = pynvml.nvmlDeviceGetPciInfo(gpu)
        assert (0x233010DE, "00000000:53:00.0") == (pci.pciDeviceId, pci.busId)


def test_memory_is_read_in_both_versions():
    with FakeNvml(BOX):
        new = pynvml.nvmlDeviceGetMemoryInfo(handle(), version=pynvml.nvmlMemory_v2)
        old = pynvml.nvmlDeviceGetMemoryInfo(handle())
    assert (81559 * MIB, 81080 * MIB, 480 * MIB) == (new.total, new.free, new.reserved)
    assert (81559 * MIB, 81080 * MIB, 479 * MIB) == (old.total, old.free, old.used)


def test_what_is_none_is_not_supported():
    with FakeNvml(Inventory((Gpu(0),))):
        gpu = handle()
        for call in (
            pynvml.nvmlDeviceGetName,
            pynvml.nvmlDeviceGetUUID,
            pynvml.nvmlDeviceGetPciInfo,
            pynvml.nvmlDeviceGetMemoryInfo,
            pynvml.nvmlDeviceGetArchitecture,
            pynvml.nvmlDeviceGetUtilizationRates,
        ):
            assert pynvml.NVML_ERROR_NOT_SUPPORTED == code_of(call, gpu)
        assert pynvml.NVML_ERROR_NOT_SUPPORTED == code_of(pynvml.nvmlSystemGetDriverVersion)
        assert pynvml.NVML_ERROR_NOT_SUPPORTED == code_of(pynvml.nvmlSystemGetCudaDriverVersion)


def test_there_is_no_gpu_beyond_the_last():
    with FakeNvml(BOX):
        pynvml.nvmlInit()
        assert 2 == code_of(pynvml.nvmlDeviceGetHandleByIndex, 2)


def test_a_split_board_has_instances_and_empty_slots():
    board = H100.replace(mig_enabled=True)
    instance = make_gpu(1, uuid="MIG-1", total=9984, mig=MigInstance(0, 7, 0))
    with FakeNvml(make_inventory(board, instance)):
        gpu = handle()
        assert [1, 1] == pynvml.nvmlDeviceGetMigMode(gpu)
        assert 7 == pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)
        part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0)
        assert "MIG-1" == pynvml.nvmlDeviceGetUUID(part)
        assert 9984 * MIB == pynvml.nvmlDeviceGetMemoryInfo(part).total
        assert 7 == pynvml.nvmlDeviceGetGpuInstanceId(part)
        assert 6 == code_of(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, gpu, 1)


def test_connections_are_read_between_two_gpus():
    links = (Connection((0, 1), Link.NVLINK), Connection((1, 2), Link.SYS))
    three = Inventory(tuple(H100.replace(index=at) for at in range(3)), connections=links)
    with FakeNvml(three):
        a, b, c = (handle(at) for at in range(3))
        nvlink = pynvml.NVML_P2P_CAPS_INDEX_NVLINK
        assert pynvml.NVML_P2P_STATUS_OK == pynvml.nvmlDeviceGetP2PStatus(b, a, nvlink)
        assert pynvml.NVML_P2P_STATUS_OK != pynvml.nvmlDeviceGetP2PStatus(b, c, nvlink)
        assert 50 == pynvml.nvmlDeviceGetTopologyCommonAncestor(c, b)
        assert 3 == code_of(pynvml.nvmlDeviceGetTopologyCommonAncestor, a, c)


@pytest.mark.parametrize("index", [pynvml.NVML_P2P_CAPS_INDEX_WRITE])
def test_only_nvlink_is_asked_after(index):
    links = (Connection((0, 1), Link.NVLINK),)
    with FakeNvml(BOX.replace(connections=links)):
        assert 0 != pynvml.nvmlDeviceGetP2PStatus(handle(0), handle(1), index)


def test_ill_health_has_its_readings():
    ill = H100.replace(
        health_issues=(
            "a row of its memory waits for a reset of the GPU to be remapped",
            "2 uncorrected ECC errors since the driver was loaded",
            "the driver asks to drain the GPU and reset it",
            "its NVLink fabric is not ready yet",
        )
    )
    with FakeNvml(make_inventory(ill)):
        gpu = handle()
        assert (0, 0, 1, 0) == pynvml.nvmlDeviceGetRemappedRows(gpu)
        assert 2 == pynvml.nvmlDeviceGetTotalEccErrors(gpu, 1, 0)
        field = pynvml.nvmlDeviceGetFieldValues(gpu, [nvml.RECOVERY_ACTION, 1])
        assert [(0, 4), (3, 0)] == [(one.nvmlReturn, one.value.uiVal) for one in field]
        info, reference = nvml._fabric_info()
        pynvml.nvmlDeviceGetGpuFabricInfo(gpu, reference)
        assert 2 == info.state


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


# Faults.


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


def test_a_function_that_nobody_wrote_is_missing_too():
    with FakeNvml(BOX):
        assert 13 == code_of(pynvml.nvmlDeviceGetSerial, handle())


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


def test_a_fault_must_be_one():
    with pytest.raises(ValueError, match="outcome 'sulk' is no NVML code"):
        Fault("*", "sulk")


# Coming and going.


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


def test_boards_are_numbered_in_their_order():
    with FakeNvml(make_inventory(make_gpu(4, name="Four"), make_gpu(2, name="Two"))):
        names = [pynvml.nvmlDeviceGetName(handle(at)) for at in range(2)]
    assert ["Two", "Four"] == names


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
        found = discover(timeout=3, environ={})
    assert [True, False] == [gpu.offered for gpu in found.gpus]
    assert found.gpus[1].unavailable.startswith("no answer within 3 s")


def test_a_recording_of_a_crash_crashes_again():
    gone = Gpu(0, unavailable="the process that reads it ended: Segmentation fault")
    with FakeNvml(make_inventory(gone)):
        assert "Segmentation fault" in discover(environ={}).gpus[0].unavailable


def test_no_instance_is_said_of_a_split_board_only():
    with pytest.raises(ValueError, match="no reading of NVML means"):
        FakeNvml(
            make_inventory(make_gpu(unavailable="MIG mode is on, and there is no MIG instance"))
        )


def test_one_fake_is_not_used_twice_at_once():
    with (
        FakeNvml("1xt4") as fake,
        pytest.raises(RuntimeError, match="this FakeNvml is in use; make another"),
    ):
        fake.__enter__()
    with fake:
        pynvml.nvmlInit()
        assert 1 == pynvml.nvmlDeviceGetCount()


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (("*", 0), "outcome 0 is no NVML code"),
        (("*", True), "outcome True is no NVML code"),
        (("*", -3), "outcome -3 is no NVML code"),
        (("*", 15, None, -1), "after and delay are 0 or more, times 1 or more"),
        (("*", 15, None, 0, 0), "after and delay are 0 or more, times 1 or more"),
        (("*", "slow", None, 0, None, -1), "after and delay are 0 or more, times 1 or more"),
        (("dlopen", "hang"), "the library can only be missing"),
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
        assert box == discover(environ={})


def test_an_instance_that_hung_is_not_faked():
    part = INSTANCES[1].replace(index=2, uuid="MIG-2", unavailable="no answer within 1 s")
    with pytest.raises(ValueError, match="a MIG instance is not unavailable for"):
        FakeNvml(make_inventory(*INSTANCES, part))


def test_a_gpu_that_hung_hangs_again_in_the_same_call():
    why = "no answer within 1 s (in nvmlDeviceGetTotalEccErrors)"
    with FakeNvml(make_inventory(make_gpu(0), make_gpu(1, unavailable=why))):
        found = discover(timeout=3, environ={})
    assert "no answer within 3 s (in nvmlDeviceGetTotalEccErrors)" == found.gpus[1].unavailable
    assert 40_000 == found.gpus[1].memory_total_mib
