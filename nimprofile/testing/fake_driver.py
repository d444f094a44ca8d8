"""A library that stands for libnvidia-ml behind pynvml's own code, where ctypes would load it.

Every process that is to see the fake machine imports this, so it imports little.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time
from ctypes import c_void_p

from nimprofile.testing.fake_functions import (
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    SYMBOLS,
    Refused,
    about_a_gpu,
    decode,
    names,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nimprofile.testing.fake_functions import Serve


_LOADING = {
    "missing": "{}: cannot open shared object file: No such file or directory",
    "broken": "/usr/lib/{}: file too short",
}
"""What the loader says of the library."""


def install(pynvml: Any, plan: str) -> Callable[[], None]:
    """Make this pynvml load the library of a plan; the function returned undoes it."""
    machine = json.loads(plan)
    before = (pynvml.CDLL, pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache))

    def load(name: str, *_: object, **__: object) -> _Library:
        for fault in machine["faults"]:
            if fault["call"] == "dlopen":
                raise OSError(_LOADING[fault["outcome"]].format(name))
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
        serve = SYMBOLS.get(symbol)
        missing = any(
            fault["outcome"] == "missing" and names(fault["call"], symbol) for fault in self.faults
        )
        if serve is None or missing:
            raise AttributeError(f"undefined symbol: {symbol}")
        return _Function(self, symbol, serve)

    def fault(self, symbol: str, gpu: int | None) -> int | None:
        """Count a call, suffer what is planned for it, and return the code it must fail with."""
        for fault in self.faults:
            if not names(fault["call"], symbol) or fault["gpu"] not in (None, gpu):
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
            if fault["outcome"] == "exit":
                os._exit(1)
        return None

    def subject(self, handle: int) -> dict[str, Any]:
        """What is known of the GPU, or the MIG instance, behind a handle."""
        board, slot = decode(handle)
        if not 0 <= board < len(self.gpus):
            raise Refused(INVALID_ARGUMENT)
        return self.gpus[board] if slot is None else self.gpus[board]["instances"][slot]

    def fact(self, handle: int, key: str) -> Any:
        """One fact; what the machine does not have is not supported, or lost with its GPU."""
        subject = self.subject(handle)
        if subject.get(key) is None:
            raise Refused(subject.get("error") or NOT_SUPPORTED)
        return subject[key]


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
        except Refused as refused:
            return refused.code

    def _gpu(self, raw: list[int]) -> int | None:
        if not about_a_gpu(self.symbol):
            return None
        by_index = self.symbol == "nvmlDeviceGetHandleByIndex_v2"
        return raw[0] if by_index else decode(raw[0])[0]


def _raw(arg: Any) -> int:
    """A number as it is, anything else as the address of what it points to."""
    if isinstance(arg, int):
        return arg
    if hasattr(arg, "value") and not isinstance(arg, ctypes.Array):
        return int(arg.value)
    return ctypes.cast(arg, c_void_p).value or 0
