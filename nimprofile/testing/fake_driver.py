"""How does a library that stands for libnvidia-ml answer pynvml?

It stands behind pynvml's own code, where ctypes would call into the driver: arguments arrive as
numbers and addresses, answers are written to memory in the layouts of `nvml.h`, and a return code
comes back. Every process that is to see the fake machine imports this, so it imports little.
"""

from __future__ import annotations

import ctypes
import json
import re
import threading
import time
from ctypes import Structure, c_char, c_int64, c_size_t, c_ubyte, c_uint, c_ulonglong, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Serve: TypeAlias = Callable[..., int | None]

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, VERSION_MISMATCH = 2, 3, 6, 25
MIG_SLOTS = 7


class _Refused(Exception):  # noqa: N818 - a return code, not an error
    def __init__(self, code: int):
        self.code = code


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


def install(pynvml: Any, plan: str) -> Callable[[], None]:
    """Make this pynvml load the library of a plan; the function returned undoes it."""
    machine = json.loads(plan)
    before = (pynvml.CDLL, pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache))

    def load(name: str, *_: object, **__: object) -> _Library:
        if any(fault["call"] == "dlopen" for fault in machine["faults"]):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        return _Library(machine)

    def undo() -> None:
        pynvml.CDLL, pynvml.nvmlLib, pointers = before
        pynvml._nvmlGetFunctionPointer_cache.clear()
        pynvml._nvmlGetFunctionPointer_cache.update(pointers)

    pynvml.CDLL, pynvml.nvmlLib = load, None
    pynvml._nvmlGetFunctionPointer_cache.clear()
    return undo


class _Library:
    """The loaded library; asking it for a function that it lacks raises, as ctypes does."""

    def __init__(self, machine: dict[str, Any]):
        self.machine = machine
        self.gpus: list[dict[str, Any]] = machine["gpus"]
        self.links = {frozenset(pair): link for *pair, link in machine["links"]}
        self.faults = [fault | {"seen": 0} for fault in machine["faults"]]
        self.lock = threading.Lock()

    def __getattr__(self, symbol: str) -> _Function:
        serve = _SYMBOLS.get(symbol)
        missing = any(
            fault["outcome"] == "missing" and _names(fault["call"], symbol) for fault in self.faults
        )
        if serve is None or missing:
            raise AttributeError(f"undefined symbol: {symbol}")
        return _Function(self, symbol, serve)

    def fault(self, symbol: str, gpu: int | None) -> int | None:
        """Count a call, suffer what is planned for it, and return the code it must fail with."""
        for fault in self.faults:
            if not _names(fault["call"], symbol) or fault["gpu"] not in (None, gpu):
                continue
            with self.lock:
                fault["seen"] += 1
                turn = fault["seen"] - fault["after"]
            if turn < 1 or (fault["times"] is not None and turn > fault["times"]):
                continue
            if fault["delay"]:
                time.sleep(fault["delay"])
            if isinstance(fault["outcome"], int):
                return fault["outcome"]
            if fault["outcome"] == "hang":
                threading.Event().wait()
            if fault["outcome"] == "crash":
                ctypes.string_at(0)
        return None

    def subject(self, handle: int) -> dict[str, Any]:
        """What is known of the GPU, or the MIG instance, behind a handle."""
        board, slot = _decode(handle)
        if not 0 <= board < len(self.gpus):
            raise _Refused(INVALID_ARGUMENT)
        return self.gpus[board] if slot is None else self.gpus[board]["instances"][slot]

    def fact(self, handle: int, key: str) -> Any:
        """One fact; what the machine does not have is not supported, or lost with its GPU."""
        subject = self.subject(handle)
        if subject.get(key) is None:
            raise _Refused(subject.get("error") or NOT_SUPPORTED)
        return subject[key]


def _names(call: str, symbol: str) -> bool:
    """Whether a fault's call is this symbol: spelled so, or without its version."""
    return call in ("*", symbol, re.sub(r"_v\d+$|WithFlags$", "", symbol))


def _handle(board: int, slot: int | None = None) -> int:
    return (board + 1) << 8 | (0 if slot is None else slot + 1)


def _decode(handle: int) -> tuple[int, int | None]:
    return (handle >> 8) - 1, (handle & 0xFF) - 1 if handle & 0xFF else None


class _Function:
    """One function of the library: untyped arguments in, a return code out, as in C."""

    def __init__(self, library: _Library, symbol: str, serve: Serve):
        self.library, self.symbol, self.serve = library, symbol, serve
        self.restype: object = None  # pynvml sets it on some

    def __call__(self, *args: Any) -> int:
        raw = [_raw(arg) for arg in args]
        try:
            code = self.library.fault(self.symbol, self._gpu(raw))
            return (self.serve(self.library, *raw) or 0) if code is None else code
        except _Refused as refused:
            return refused.code

    def _gpu(self, raw: list[int]) -> int | None:
        if not about_a_gpu(self.symbol):
            return None
        by_index = self.symbol == "nvmlDeviceGetHandleByIndex_v2"
        return raw[0] if by_index else _decode(raw[0])[0]


def _raw(arg: Any) -> int:
    """A number as it is, anything else as the address of what it points to."""
    if isinstance(arg, int):
        return arg
    if hasattr(arg, "value") and not isinstance(arg, ctypes.Array):
        return int(arg.value)
    return ctypes.cast(arg, c_void_p).value or 0


def _put(address: int, value: int, type: Any = c_uint) -> None:
    type.from_address(address).value = value


def _text(key: str) -> Serve:
    def serve(library: _Library, handle: int, buffer: int, size: int) -> None:
        text = library.fact(handle, key).encode("utf-8", "surrogateescape")[: size - 1]
        ctypes.memmove(buffer, text + b"\0", len(text) + 1)

    return serve


def _number(key: str, type: Any = c_uint) -> Serve:
    def serve(library: _Library, handle: int, address: int) -> None:
        _put(address, library.fact(handle, key), type)

    return serve


def _numbers(key: str) -> Serve:
    def serve(library: _Library, handle: int, *addresses: int) -> None:
        for address, number in zip(addresses, library.fact(handle, key), strict=True):
            _put(address, number)

    return serve


def _init(library: _Library, flags: int) -> None:
    pass


def _shutdown(library: _Library) -> None:
    pass


def _driver_version(library: _Library, buffer: int, size: int) -> None:
    if library.machine["driver"] is None:
        raise _Refused(NOT_SUPPORTED)
    text = library.machine["driver"].encode()[: size - 1]
    ctypes.memmove(buffer, text + b"\0", len(text) + 1)


def _cuda_version(library: _Library, address: int) -> None:
    if library.machine["cuda"] is None:
        raise _Refused(NOT_SUPPORTED)
    _put(address, library.machine["cuda"])


def _count(library: _Library, address: int) -> None:
    _put(address, len(library.gpus))


def _by_index(library: _Library, index: int, address: int) -> None:
    if index >= len(library.gpus):
        raise _Refused(INVALID_ARGUMENT)
    gpu = library.gpus[index]
    if gpu.get("error") and not gpu.get("answers"):
        raise _Refused(gpu["error"])
    _put(address, _handle(index), c_size_t)


def _memory(library: _Library, handle: int, address: int) -> None:
    total, free, _ = library.fact(handle, "memory")
    memory = _Memory.from_address(address)
    memory.total, memory.free, memory.used = total, free, total - free


def _memory_v2(library: _Library, handle: int, address: int) -> None:
    memory = _MemoryV2.from_address(address)
    if memory.version != 2 << 24 | ctypes.sizeof(_MemoryV2):
        raise _Refused(VERSION_MISMATCH)
    total, free, reserved = library.fact(handle, "memory")
    if reserved is None:
        raise _Refused(VERSION_MISMATCH)
    memory.total, memory.free, memory.reserved = total, free, reserved
    memory.used = max(0, total - free - reserved)


def _pci(library: _Library, handle: int, address: int) -> None:
    device, bus = library.fact(handle, "pci")
    pci = _Pci.from_address(address)
    pci.pciDeviceId, pci.busId = device or 0, (bus or "").encode()


def _utilization(library: _Library, handle: int, address: int) -> None:
    rates = _Utilization.from_address(address)
    rates.gpu, rates.memory = library.fact(handle, "utilization"), 0


def _mig_mode(library: _Library, handle: int, current: int, pending: int) -> None:
    mode = library.fact(handle, "mig")
    _put(current, mode)
    _put(pending, mode)


def _mig_slots(library: _Library, handle: int, address: int) -> None:
    instances = library.subject(handle)["instances"]
    _put(address, max(MIG_SLOTS, len(instances)) if library.fact(handle, "mig") else 0)


def _mig_handle(library: _Library, handle: int, slot: int, address: int) -> None:
    board, _ = _decode(handle)
    if slot >= len(library.gpus[board]["instances"]):
        raise _Refused(NOT_FOUND)
    instance = library.gpus[board]["instances"][slot]
    if instance.get("error") and not instance["answers"]:
        raise _Refused(instance["error"])
    _put(address, _handle(board, slot), c_size_t)


def _ecc(library: _Library, handle: int, error: int, counter: int, address: int) -> None:
    _put(address, library.fact(handle, "ecc"), c_ulonglong)


def _fields(library: _Library, handle: int, count: int, address: int) -> None:
    for field in (_FieldValue * count).from_address(address):
        action = library.subject(handle).get("recovery") if field.fieldId == 230 else None
        field.nvmlReturn = NOT_SUPPORTED if action is None else 0
        field.valueType, field.value = 1, action or 0


def _fabric(library: _Library, handle: int, address: int) -> None:
    info = _Fabric.from_address(address)
    info.state, info.status = library.fact(handle, "fabric")


def _p2p(library: _Library, one: int, other: int, index: int, address: int) -> None:
    linked = library.links.get(frozenset((_decode(one)[0], _decode(other)[0])))
    _put(address, 0 if linked == "nvlink" and index == 2 else 5)


def _ancestor(library: _Library, one: int, other: int, address: int) -> None:
    level = library.links.get(frozenset((_decode(one)[0], _decode(other)[0])))
    if not isinstance(level, int):
        raise _Refused(NOT_SUPPORTED)
    _put(address, level)


_SYMBOLS: dict[str, Serve] = {
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
    return [symbol for symbol in _SYMBOLS if _names(call, symbol)]


def about_a_gpu(symbol: str) -> bool:
    """Whether a function is about one GPU, or the first of two."""
    return symbol.startswith("nvmlDevice") and symbol != "nvmlDeviceGetCount_v2"
