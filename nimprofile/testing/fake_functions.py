"""The functions of the fake driver's library, as C has them.

Arguments arrive as numbers and addresses, and answers are written to memory in the layouts of
`nvml.h`; a refusal is raised with its return code. Every process that is to see the fake machine
imports this, so it imports little.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import Structure, c_char, c_int64, c_size_t, c_ubyte, c_uint, c_ulonglong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeAlias

    Serve: TypeAlias = Callable[..., int | None]
else:
    Protocol = object

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, VERSION_MISMATCH = 2, 3, 6, 25
MIG_SLOTS = 7


class Refused(Exception):  # noqa: N818 - a return code, not an error
    """A call that ends in this return code."""

    def __init__(self, code: int):
        self.code = code


class Library(Protocol):
    """What a function asks the loaded library, whose machine is the plan of `fake_machine`."""

    machine: dict[str, Any]
    gpus: list[dict[str, Any]]
    links: dict[frozenset[int], Any]

    def subject(self, handle: int) -> dict[str, Any]:
        """What is known of the GPU, or the MIG instance, behind a handle."""

    def fact(self, handle: int, key: str) -> Any:
        """One fact; Refused when the machine does not have it."""


class _Memory(Structure):
    _fields_ = (("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong))


class _MemoryV2(Structure):
    _fields_ = (
        ("version", c_uint),
        ("total", c_ulonglong),
        ("reserved", c_ulonglong),
        ("free", c_ulonglong),
        ("used", c_ulonglong),
    )


class _Pci(Structure):
    _fields_ = (
        ("busIdLegacy", c_char * 16),
        ("domain", c_uint),
        ("bus", c_uint),
        ("device", c_uint),
        ("pciDeviceId", c_uint),
        ("pciSubSystemId", c_uint),
        ("busId", c_char * 32),
    )


class _Utilization(Structure):
    _fields_ = (("gpu", c_uint), ("memory", c_uint))


class _FieldValue(Structure):
    _fields_ = (
        ("fieldId", c_uint),
        ("scopeId", c_uint),
        ("timestamp", c_int64),
        ("latencyUsec", c_int64),
        ("valueType", c_uint),
        ("nvmlReturn", c_uint),
        ("value", c_ulonglong),
    )


class _Fabric(Structure):
    _fields_ = (
        ("clusterUuid", c_ubyte * 16),
        ("status", c_uint),
        ("cliqueId", c_uint),
        ("state", c_ubyte),
    )


def names(call: str, symbol: str) -> bool:
    """Whether a fault's call is this symbol: spelled so, or without its version."""
    return call in ("*", symbol, re.sub(r"_v\d+$|WithFlags$", "", symbol))


def _handle(board: int, slot: int | None = None) -> int:
    return (board + 1) << 8 | (0 if slot is None else slot + 1)


def decode(handle: int) -> tuple[int, int | None]:
    """The board of a handle, and the slot of its MIG instance."""
    return (handle >> 8) - 1, (handle & 0xFF) - 1 if handle & 0xFF else None


def _put(address: int, value: int, type: Any = c_uint) -> None:
    type.from_address(address).value = value


def _text(key: str) -> Serve:
    def serve(library: Library, handle: int, buffer: int, size: int) -> None:
        text = library.fact(handle, key).encode("utf-8", "surrogateescape")[: size - 1]
        ctypes.memmove(buffer, text + b"\0", len(text) + 1)

    return serve


def _number(key: str, type: Any = c_uint) -> Serve:
    def serve(library: Library, handle: int, address: int) -> None:
        _put(address, library.fact(handle, key), type)

    return serve


def _numbers(key: str) -> Serve:
    def serve(library: Library, handle: int, *addresses: int) -> None:
        for address, number in zip(addresses, library.fact(handle, key), strict=True):
            _put(address, number)

    return serve


def _init(library: Library, flags: int) -> None:
    pass


def _shutdown(library: Library) -> None:
    pass


def _driver_version(library: Library, buffer: int, size: int) -> None:
    if library.machine["driver"] is None:
        raise Refused(NOT_SUPPORTED)
    text = library.machine["driver"].encode()[: size - 1]
    ctypes.memmove(buffer, text + b"\0", len(text) + 1)


def _cuda_version(library: Library, address: int) -> None:
    if library.machine["cuda"] is None:
        raise Refused(NOT_SUPPORTED)
    _put(address, library.machine["cuda"])


def _count(library: Library, address: int) -> None:
    count = library.machine.get("count")
    _put(address, len(library.gpus) if count is None else count)


def _by_index(library: Library, index: int, address: int) -> None:
    if index >= len(library.gpus):
        raise Refused(INVALID_ARGUMENT)
    gpu = library.gpus[index]
    if gpu.get("error") and not gpu.get("answers"):
        raise Refused(gpu["error"])
    _put(address, _handle(index), c_size_t)


def _memory(library: Library, handle: int, address: int) -> None:
    total, free, _ = library.fact(handle, "memory")
    memory = _Memory.from_address(address)
    memory.total, memory.free, memory.used = total, free, total - free


def _memory_v2(library: Library, handle: int, address: int) -> None:
    memory = _MemoryV2.from_address(address)
    if memory.version != 2 << 24 | ctypes.sizeof(_MemoryV2):
        raise Refused(VERSION_MISMATCH)
    total, free, reserved = library.fact(handle, "memory")
    if reserved is None:
        raise Refused(VERSION_MISMATCH)
    memory.total, memory.free, memory.reserved = total, free, reserved
    memory.used = max(0, total - free - reserved)


def _pci(library: Library, handle: int, address: int) -> None:
    device, bus = library.fact(handle, "pci")
    pci = _Pci.from_address(address)
    pci.pciDeviceId, pci.busId = device or 0, (bus or "").encode()


def _utilization(library: Library, handle: int, address: int) -> None:
    rates = _Utilization.from_address(address)
    rates.gpu, rates.memory = library.fact(handle, "utilization"), 0


def _mig_mode(library: Library, handle: int, current: int, pending: int) -> None:
    mode = library.fact(handle, "mig")
    _put(current, mode)
    _put(pending, mode)


def _mig_slots(library: Library, handle: int, address: int) -> None:
    slots = library.machine.get("slots")
    instances = library.subject(handle)["instances"]
    slots = max(MIG_SLOTS, len(instances)) if slots is None else slots
    _put(address, slots if library.fact(handle, "mig") else 0)


def _mig_handle(library: Library, handle: int, slot: int, address: int) -> None:
    board, _ = decode(handle)
    if slot >= len(library.gpus[board]["instances"]):
        raise Refused(NOT_FOUND)
    instance = library.gpus[board]["instances"][slot]
    if instance.get("error") and not instance["answers"]:
        raise Refused(instance["error"])
    _put(address, _handle(board, slot), c_size_t)


def _ecc(library: Library, handle: int, error: int, counter: int, address: int) -> None:
    _put(address, library.fact(handle, "ecc"), c_ulonglong)


def _fields(library: Library, handle: int, count: int, address: int) -> None:
    for field in (_FieldValue * count).from_address(address):
        action = library.subject(handle).get("recovery") if field.fieldId == 230 else None
        field.nvmlReturn = NOT_SUPPORTED if action is None else 0
        field.valueType, field.value = 1, action or 0


def _fabric(library: Library, handle: int, address: int) -> None:
    info = _Fabric.from_address(address)
    info.state, info.status = library.fact(handle, "fabric")


def _p2p(library: Library, first: int, second: int, index: int, address: int) -> None:
    linked = library.links.get(frozenset((decode(first)[0], decode(second)[0])))
    _put(address, 0 if linked == "nvlink" and index == 2 else 5)


def _ancestor(library: Library, first: int, second: int, address: int) -> None:
    level = library.links.get(frozenset((decode(first)[0], decode(second)[0])))
    if not isinstance(level, int):
        raise Refused(NOT_SUPPORTED)
    _put(address, level)


SYMBOLS: dict[str, Serve] = {
    "nvmlInitWithFlags": _init,
    "nvmlShutdown": _shutdown,
    "nvmlSystemGetDriverVersion": _driver_version,
    "nvmlSystemGetCudaDriverVersion": _cuda_version,
    "nvmlSystemGetCudaDriverVersion_v2": _cuda_version,
    "nvmlDeviceGetCount_v2": _count,
    "nvmlDeviceGetHandleByIndex_v2": _by_index,
    "nvmlDeviceGetUUID": _text("uuid"),
    "nvmlDeviceGetName": _text("name"),
    "nvmlDeviceGetPciInfo_v3": _pci,
    "nvmlDeviceGetMinorNumber": _number("minor"),
    "nvmlDeviceGetMemoryInfo": _memory,
    "nvmlDeviceGetMemoryInfo_v2": _memory_v2,
    "nvmlDeviceGetCudaComputeCapability": _numbers("capability"),
    "nvmlDeviceGetArchitecture": _number("architecture"),
    "nvmlDeviceGetVirtualizationMode": _number("virtualization"),
    "nvmlDeviceGetUtilizationRates": _utilization,
    "nvmlDeviceGetMigMode": _mig_mode,
    "nvmlDeviceGetMaxMigDeviceCount": _mig_slots,
    "nvmlDeviceGetMigDeviceHandleByIndex": _mig_handle,
    "nvmlDeviceGetGpuInstanceId": _number("gpu_instance"),
    "nvmlDeviceGetComputeInstanceId": _number("compute_instance"),
    "nvmlDeviceGetRemappedRows": _numbers("remapped"),
    "nvmlDeviceGetRetiredPagesPendingStatus": _number("retired"),
    "nvmlDeviceGetTotalEccErrors": _ecc,
    "nvmlDeviceGetFieldValues": _fields,
    "nvmlDeviceGetGpuFabricInfo": _fabric,
    "nvmlDeviceGetP2PStatus": _p2p,
    "nvmlDeviceGetTopologyCommonAncestor": _ancestor,
}
"""The functions of this library by the names they are exported under."""


def symbols_of(call: str) -> list[str]:
    """The functions that a fault's call means."""
    return [symbol for symbol in SYMBOLS if names(call, symbol)]


def about_a_gpu(symbol: str) -> bool:
    """Whether a function is about one GPU, or the first of two."""
    return symbol.startswith("nvmlDevice") and symbol != "nvmlDeviceGetCount_v2"
