"""The questions to NVML about a GPU, its MIG instances and its connections.

Each answer is handed on as `subject, key, value`, as `reader` writes it.
"""

from __future__ import annotations

from nimprofile.hardware.nvml.codes import LOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeAlias

    Subject: TypeAlias = int | str | None
    Write: TypeAlias = Callable[[Subject, str, object], None]
else:
    Protocol = object

MOST_SLOTS = 64
"""The most slots of MIG instances that are asked about on one board; boards have seven."""
MEMORY_V2 = 0x02000028
"""`nvmlMemory_v2`: the version of the structure in its high byte, its size in the rest."""
VOLATILE_ECC, UNCORRECTED = 0, 1
P2P_NVLINK = 2
RECOVERY_ACTION = 230
"""`NVML_FI_DEV_GET_GPU_RECOVERY_ACTION`."""


class Nvml(Protocol):
    """The part of pynvml that is used here, as `nvidia-ml-py` has it."""

    NVMLError: type[Exception]
    CDLL: Callable[[str], object]

    def nvmlInit(self) -> None: ...
    def nvmlSystemGetDriverVersion(self) -> str: ...
    def nvmlSystemGetCudaDriverVersion(self) -> int: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...
    def nvmlDeviceGetUUID(self, handle: Any) -> str: ...
    def nvmlDeviceGetName(self, handle: Any) -> str: ...
    def nvmlDeviceGetPciInfo(self, handle: Any) -> Any: ...
    def nvmlDeviceGetMinorNumber(self, handle: Any) -> int: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> Any: ...
    def nvmlDeviceGetCudaComputeCapability(self, handle: Any) -> tuple[int, int]: ...
    def nvmlDeviceGetArchitecture(self, handle: Any) -> int: ...
    def nvmlDeviceGetVirtualizationMode(self, handle: Any) -> int: ...
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...
    def nvmlDeviceGetMigMode(self, handle: Any) -> Sequence[int]: ...
    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any) -> int: ...
    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> Any: ...
    def nvmlDeviceGetGpuInstanceId(self, handle: Any) -> int: ...
    def nvmlDeviceGetComputeInstanceId(self, handle: Any) -> int: ...
    def nvmlDeviceGetRemappedRows(self, handle: Any) -> tuple[int, int, int, int]: ...
    def nvmlDeviceGetRetiredPagesPendingStatus(self, handle: Any) -> int: ...
    def nvmlDeviceGetTotalEccErrors(self, handle: Any, error: int, counter: int) -> int: ...
    def nvmlDeviceGetFieldValues(self, handle: Any, fields: list[int]) -> Sequence[Any]: ...
    def nvmlDeviceGetGpuFabricInfo(self, handle: Any, info: Any) -> int: ...
    def nvmlDeviceGetP2PStatus(self, first: Any, second: Any, index: int) -> int: ...
    def nvmlDeviceGetTopologyCommonAncestor(self, first: Any, second: Any) -> int: ...


CALLS = tuple(name for name in vars(Nvml) if name.startswith("nvml"))


FAILED: Any = object()
"""What `Asker` returns when there is no answer; a handle may be None."""


class Asker:
    """Asks, and writes what is being asked, what was answered and what was refused.

    `answered` has the GPUs that were read to the end, with their handles; `gone` what NVML says is
    lost, which is asked nothing more than about itself.
    """

    def __init__(self, nvml: Nvml, write: Write):
        self.nvml, self.write = nvml, write
        self.answered: list[tuple[int, Any]] = []
        self.gone: set[Subject] = set()

    def __call__(
        self, subject: Subject, call: Callable[..., Any], *args: Any, key: str = ""
    ) -> Any:
        """The answer, written under a key if there is one."""
        self.write(subject, "asking", call.__name__)
        try:
            answer = call(*args)
        except UnicodeDecodeError as error:  # a name from broken firmware
            answer = error.object.decode(errors="replace")
        except self.nvml.NVMLError as error:
            code = getattr(error, "value", None)
            if code in LOST:
                self.gone.add(subject)
            self.write(subject, "refused", [call.__name__, code])
            return FAILED
        except Exception as error:  # noqa: BLE001 - of an unknown library; it is written
            self.write(subject, "refused", [call.__name__, f"{type(error).__name__}: {error}"])
            return FAILED
        self.write(subject, key or "answered", answer if key else True)
        return answer

    def safely(self, index: int) -> None:
        """Everything of one GPU; what goes wrong in reading an answer is written like a refusal."""
        try:
            self.about_gpu(index)
        except Exception as error:  # noqa: BLE001 - of an unknown library; it is written
            self.write(index, "refused", ["an answer", f"{type(error).__name__}: {error}"])

    def about_gpu(self, index: int) -> None:
        """Everything of one GPU; who it is first, so that this is known if the rest hangs."""
        nvml, write = self.nvml, self.write
        handle = self(index, nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is FAILED:
            write(index, "done", False)
            return
        for key, call in (
            ("uuid", nvml.nvmlDeviceGetUUID),
            ("name", nvml.nvmlDeviceGetName),
            ("capability", nvml.nvmlDeviceGetCudaComputeCapability),
            ("architecture", nvml.nvmlDeviceGetArchitecture),
            ("minor", nvml.nvmlDeviceGetMinorNumber),
            ("virtualization", nvml.nvmlDeviceGetVirtualizationMode),
            ("remapped", nvml.nvmlDeviceGetRemappedRows),
            ("retired", nvml.nvmlDeviceGetRetiredPagesPendingStatus),
        ):
            self(index, call, handle, key=key)
        if (pci := self(index, nvml.nvmlDeviceGetPciInfo, handle)) is not FAILED:
            bus = pci.busId  # text or bytes, as the version of pynvml has it
            write(index, "pci", [pci.pciDeviceId, bus if isinstance(bus, str) else bus.decode()])
        self.about_memory(index, handle)
        self.about_health(index, handle)
        if (rates := self(index, nvml.nvmlDeviceGetUtilizationRates, handle)) is not FAILED:
            write(index, "utilization", rates.gpu)
        self.about_instances(index, handle)
        write(index, "done", True)
        if index not in self.gone:
            self.answered.append((index, handle))

    def about_memory(self, subject: Subject, handle: Any) -> None:
        """Total, free and reserved bytes; a driver that lacks version 2 does not say reserved."""
        memory = self(subject, self.nvml.nvmlDeviceGetMemoryInfo, handle, MEMORY_V2)
        reserved = None if memory is FAILED else memory.reserved
        if memory is FAILED:
            memory = self(subject, self.nvml.nvmlDeviceGetMemoryInfo, handle)
        if memory is not FAILED:
            self.write(subject, "memory", [memory.total, memory.free, reserved])

    def about_health(self, index: int, handle: Any) -> None:
        """Uncorrected ECC errors since the driver was loaded, recovery action, NVLink fabric."""
        nvml = self.nvml
        self(index, nvml.nvmlDeviceGetTotalEccErrors, handle, UNCORRECTED, VOLATILE_ECC, key="ecc")
        fields = self(index, nvml.nvmlDeviceGetFieldValues, handle, [RECOVERY_ACTION])
        if fields is not FAILED and fields[0].nvmlReturn == 0:
            self.write(index, "recovery", fields[0].value.uiVal)
        info, reference = _fabric_info()
        if self(index, nvml.nvmlDeviceGetGpuFabricInfo, handle, reference) is not FAILED:
            self.write(index, "fabric", [info.state, info.status])

    def about_instances(self, index: int, handle: Any) -> None:
        """MIG mode and every MIG instance; a slot without one is refused as not found."""
        nvml, write = self.nvml, self.write
        if (mode := self(index, nvml.nvmlDeviceGetMigMode, handle)) is not FAILED:
            write(index, "mig", mode[0])
            if not mode[0]:
                return
        slots = self(index, nvml.nvmlDeviceGetMaxMigDeviceCount, handle)
        if slots is FAILED:
            return
        if slots > MOST_SLOTS:
            name = nvml.nvmlDeviceGetMaxMigDeviceCount.__name__
            write(index, "refused", [name, f"{slots} slots, which no GPU has"])
            return
        for slot in range(slots):
            subject = f"{index}/{slot}"
            instance = self(subject, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
            if instance is FAILED:
                continue
            for key, call in (
                ("uuid", nvml.nvmlDeviceGetUUID),
                ("name", nvml.nvmlDeviceGetName),
                ("gpu_instance", nvml.nvmlDeviceGetGpuInstanceId),
                ("compute_instance", nvml.nvmlDeviceGetComputeInstanceId),
            ):
                self(subject, call, instance, key=key)
            self.about_memory(subject, instance)
            write(subject, "done", True)

    def about_link(self, job: tuple[tuple[int, int], dict[int, Any]]) -> None:
        """How two GPUs are connected; the job has their indices, and the handles of all GPUs."""
        (one, other), handles = job
        pair, first, second = f"{one}-{other}", handles[one], handles[other]
        nvml = self.nvml
        p2p = self(pair, nvml.nvmlDeviceGetP2PStatus, first, second, P2P_NVLINK)
        if p2p == 0:
            self.write(pair, "nvlink", True)
        elif pair not in self.gone:
            self(pair, nvml.nvmlDeviceGetTopologyCommonAncestor, first, second, key="ancestor")
        self.write(pair, "done", True)


def _fabric_info() -> tuple[Any, Any]:
    """An empty `nvmlGpuFabricInfo_t` and a reference to it.

    pynvml's own, up to 12.570 at least, has 80 bytes where nvml.h has 16, so that no state is read.
    """
    from ctypes import Structure, byref, c_ubyte, c_uint

    class GpuFabricInfo(Structure):
        _fields_ = (
            ("clusterUuid", c_ubyte * 16),
            ("status", c_uint),
            ("cliqueId", c_uint),
            ("state", c_ubyte),
        )

    info = GpuFabricInfo()
    return info, byref(info)
