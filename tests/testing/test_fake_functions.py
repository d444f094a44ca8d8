"""The functions of the fake driver answer the real pynvml as the driver does."""

import pynvml
import pytest

from nimprofile import Connection, Gpu, Inventory, Link, MigInstance
from nimprofile.base.units import MIB
from nimprofile.hardware.nvml import questions as nvml
from nimprofile.testing import (
    FakeNvml,
)
from tests.support.builders import make_gpu, make_inventory
from tests.support.nvml.pynvml_calls import BOX, H100, code_of, handle


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
    three = Inventory(
        tuple(H100.replace(index=at, uuid=None) for at in range(3)), connections=links
    )
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
        assert [(0, 4), (3, 0)] == [(value.nvmlReturn, value.value.uiVal) for value in field]
        info, reference = nvml._fabric_info()
        pynvml.nvmlDeviceGetGpuFabricInfo(gpu, reference)
        assert 2 == info.state


def test_a_function_that_nobody_wrote_is_missing_too():
    with FakeNvml(BOX):
        assert 13 == code_of(pynvml.nvmlDeviceGetSerial, handle())
