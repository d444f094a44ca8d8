"""Everything that NVML says of this machine, written as lines of JSON.

The only module that imports pynvml. It runs in a process of its own (`discovery` starts it), since
the driver's library may hang or crash. Every answer is one line, `[subject, key, value]`, written
as soon as it is there: the other process has all that was read before the end. The subject is null
for the machine, `3` for GPU 3, `"3/0"` for slot 0 of GPU 3's MIG instances, `"0-3"` for the
connection of GPUs 0 and 3.

Source of every call: NVML API reference, docs.nvidia.com/deploy/nvml-api.
"""

from __future__ import annotations

import json
import os
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeAlias

    Subject: TypeAlias = int | str | None
    Write: TypeAlias = Callable[[Subject, str, object], None]
else:
    Protocol = object

MEMORY_V2 = 0x02000028
"""`nvmlMemory_v2`: the version of the structure in its high byte, its size in the rest."""
VOLATILE_ECC, UNCORRECTED = 0, 1
P2P_NVLINK = 2
RECOVERY_ACTION = 230
"""`NVML_FI_DEV_GET_GPU_RECOVERY_ACTION`."""


class Nvml(Protocol):
    """The part of pynvml that is used here, as `nvidia-ml-py` has it."""

    NVMLError: type[Exception]

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


def main(seconds: int) -> None:
    """Read the machine and write what it says to standard output, for this many seconds at most."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # in case the process that started this one is gone
    out = os.dup(1)
    os.dup2(2, 1)  # what the driver's library prints must not stand between our lines

    def write(subject: Subject, key: str, value: object) -> None:
        os.write(out, json.dumps([subject, key, value]).encode() + b"\n")

    try:
        import pynvml
    except ImportError as error:
        return write(None, "no pynvml", str(error))
    if hasattr(pynvml, "__path__") or not all(hasattr(pynvml, name) for name in CALLS):
        return write(None, "foreign pynvml", pynvml.__file__)
    nvml: Nvml = pynvml
    return read(nvml, write)


def read(nvml: Nvml, write: Write) -> None:
    """Ask NVML everything once, and write each answer as it comes.

    GPUs are asked side by side: one that does not answer keeps only itself waiting. There is no
    shutdown, since the process ends here and repeated ones have hung drivers.
    """
    ask = _Asker(nvml, write)
    if ask(None, nvml.nvmlInit) is FAILED:
        return write(None, "library", _loaded_library())
    if (driver := ask(None, nvml.nvmlSystemGetDriverVersion)) is not FAILED:
        write(None, "driver", driver)
    if (cuda := ask(None, nvml.nvmlSystemGetCudaDriverVersion)) is not FAILED:
        write(None, "cuda", cuda)
    if (count := ask(None, nvml.nvmlDeviceGetCount)) is FAILED:
        return None
    write(None, "count", count)
    threads = [threading.Thread(target=ask.safely, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return write(None, "done", True)


FAILED: Any = object()
"""What `_Asker` returns when there is no answer; a handle may be None."""


class _Asker:
    """Asks, and writes what is being asked and what was refused."""

    def __init__(self, nvml: Nvml, write: Write):
        self.nvml, self.write = nvml, write
        self.lock = threading.Lock()
        self.answering: list[tuple[int, Any]] = []

    def __call__(self, subject: Subject, call: Callable[..., Any], *args: Any) -> Any:
        self.write(subject, "asking", call.__name__)
        try:
            return call(*args)
        except UnicodeDecodeError as error:  # a name from broken firmware
            return error.object.decode(errors="replace")
        except self.nvml.NVMLError as error:
            code = getattr(error, "value", None)
            self.write(subject, "refused", [call.__name__, code])
        except Exception as error:  # noqa: BLE001 - of an unknown library; it is written
            self.write(subject, "refused", [call.__name__, f"{type(error).__name__}: {error}"])
        return FAILED

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
            return write(index, "done", False)
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
            if (answer := self(index, call, handle)) is not FAILED:
                write(index, key, answer)
        if (pci := self(index, nvml.nvmlDeviceGetPciInfo, handle)) is not FAILED:
            bus = pci.busId  # text or bytes, as the version of pynvml has it
            write(index, "pci", [pci.pciDeviceId, bus if isinstance(bus, str) else bus.decode()])
        self.about_memory(index, handle)
        self.about_health(index, handle)
        if (rates := self(index, nvml.nvmlDeviceGetUtilizationRates, handle)) is not FAILED:
            write(index, "utilization", rates.gpu)
        self.about_instances(index, handle)
        write(index, "done", True)
        return self.about_links(index, handle)

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
        ecc = self(index, nvml.nvmlDeviceGetTotalEccErrors, handle, UNCORRECTED, VOLATILE_ECC)
        if ecc is not FAILED:
            self.write(index, "ecc", ecc)
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
        for slot in range(0 if slots is FAILED else slots):
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
                if (answer := self(subject, call, instance)) is not FAILED:
                    write(subject, key, answer)
            self.about_memory(subject, instance)
            write(subject, "done", True)

    def about_links(self, index: int, handle: Any) -> None:
        """How it is connected to each GPU that has answered before it."""
        with self.lock:
            others = list(self.answering)
            self.answering.append((index, handle))
        nvml = self.nvml
        for other, its_handle in others:
            pair = f"{min(index, other)}-{max(index, other)}"
            p2p = self(pair, nvml.nvmlDeviceGetP2PStatus, handle, its_handle, P2P_NVLINK)
            if p2p == 0:
                self.write(pair, "nvlink", True)
            else:
                level = self(pair, nvml.nvmlDeviceGetTopologyCommonAncestor, handle, its_handle)
                if level is not FAILED:
                    self.write(pair, "ancestor", level)
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


def _loaded_library() -> str | None:
    """The file behind libnvidia-ml, whose name has its version; None where there is no /proc."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps]
    except OSError:
        return None
    return next((path for path in paths if "libnvidia-ml" in path), None)
