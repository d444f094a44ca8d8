"""A machine with GPUs, for programs that read them through pynvml.

    from nimprofile import discover
    from nimprofile.testing import FakeNvml, lost

    with FakeNvml("8xh100", lost(5)):
        inventory = discover()
        subprocess.run(["./entrypoint.sh"])

Only the driver's library is fake: the real pynvml runs and calls into it, here and in every Python
process started inside the block.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys

from nimprofile.base.record import Record
from nimprofile.base.units import MIB
from nimprofile.hardware.catalog import mock_inventory
from nimprofile.hardware.inventory import Link
from nimprofile.hardware.nvml import codes as nvml_codes
from nimprofile.testing.fake_driver import about_a_gpu, install, symbols_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import KW_ONLY
    from types import TracebackType
    from typing import Any, Self

    from nimprofile.hardware.inventory import Gpu, Inventory

VARIABLE = "NIMPROFILE_FAKE_NVML"
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


class Fault(Record):
    """Something that goes wrong in the driver's library.

    Attributes:
        call: an NVML function, with its version (`nvmlDeviceGetMemoryInfo_v2`) or without for all
            of them; `*` for every function; `dlopen` for the loading of the library.
        outcome: an NVML error code, with which it fails; `hang`, `crash`, or `missing` for a
            function that the library lacks; `slow` for one that answers after `delay`.
        gpu: only calls about this GPU and its MIG instances; None is any call.
        after: so many such calls go well first.
        times: so many calls suffer; None is all from then on.
        delay: seconds that it takes.
    """

    call: str = "*"
    outcome: int | str = 999
    gpu: int | None = None
    _: KW_ONLY
    after: int = 0
    times: int | None = None
    delay: float = 0

    def __post_init__(self) -> None:
        code = isinstance(self.outcome, int) and not isinstance(self.outcome, bool)
        if self.outcome not in _OUTCOMES and not (code and int(self.outcome) > 0):
            raise ValueError(f"outcome {self.outcome!r} is no NVML code, nor of {_OUTCOMES}")
        if self.after < 0 or self.delay < 0 or (self.times is not None and self.times < 1):
            raise ValueError("after and delay are 0 or more, times 1 or more")
        always = self.gpu is None and self.after == 0 and self.times is None
        if self.call == "dlopen" and self.outcome != "missing":
            raise ValueError("the library can only be missing: Fault('dlopen', 'missing')")
        if self.outcome == "missing" and not always:
            raise ValueError("what the library lacks it lacks always, and for every GPU")


_OUTCOMES = ("hang", "crash", "missing", "slow")

NO_LIBRARY = Fault("dlopen", "missing")
NO_DRIVER = Fault("nvmlInit", 9)
DRIVER_MISMATCH = Fault("nvmlInit", 18)
NO_PERMISSION = Fault("nvmlInit", 4)
OLD_DRIVER = Fault("nvmlDeviceGetMemoryInfo_v2", "missing")


def lost(gpu: int, after: int = 0) -> Fault:
    """This GPU is lost after so many calls about it."""
    return Fault("*", 15, gpu, after=after)


def hanging(gpu: int, after: int = 0) -> Fault:
    """This GPU does not answer any more after so many calls about it."""
    return Fault("*", "hang", gpu, after=after)


class FakeNvml:
    """Puts a machine behind pynvml, as a context manager.

    Args:
        machine: an inventory, or a description such as `8xh100`, whose GPUs get UUIDs, bus ids and
            a driver. Boards are numbered from 0 in their order. What is None, NVML does not
            support. Of unified memory NVML tells nothing: `discover` takes it from the host, as
            it does on the real board.
        faults: what goes wrong, in the order in which they are looked at.

    Raises:
        ValueError: the inventory has something that NVML never says, such as free memory without a
            total; a fault is about a function or a GPU that there is not.
    """

    def __init__(self, machine: Inventory | str, *faults: Fault):
        inventory = _described(machine) if isinstance(machine, str) else machine
        boards = [gpu for gpu in inventory.gpus if gpu.mig is None]
        places = {gpu.index: at for at, gpu in enumerate(boards)}
        implied = [fault for gpu in boards for fault in _faults_of(gpu, places[gpu.index])]
        for fault in faults:
            _check(fault, len(boards))
        cuda = inventory.cuda_version
        self.plan = json.dumps(
            {
                "driver": inventory.driver_version,
                "cuda": None if cuda is None else _cuda(cuda),
                "gpus": [_board(gpu, inventory) for gpu in boards],
                "links": [
                    [*(places[index] for index in connection.gpus), _level(connection.link)]
                    for connection in inventory.connections
                    if places.keys() >= set(connection.gpus)
                ],
                "faults": [fault.to_dict() for fault in (*faults, *implied)],
            }
        )
        self._undo: list[Callable[[], None]] = []

    @property
    def environ(self) -> dict[str, str]:
        """This process's environment, with what makes a Python process see the machine."""
        path = os.environ.get("PYTHONPATH")
        return os.environ | {
            VARIABLE: self.plan,
            "PYTHONPATH": SHIM + (os.pathsep + path if path else ""),
        }

    def __enter__(self) -> Self:
        if self._undo:
            raise RuntimeError("this FakeNvml is in use; make another")
        before = {name: os.environ.get(name) for name in (VARIABLE, "PYTHONPATH")}
        self._undo.append(lambda: _restore(before))
        self._undo.append(install(importlib.import_module("pynvml"), self.plan))
        os.environ.update(self.environ)
        sys.path.insert(0, SHIM)  # which `discover` hands on to the process it starts
        self._undo.append(lambda: sys.path.remove(SHIM))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        while self._undo:
            self._undo.pop()()


def _described(spec: str) -> Inventory:
    """The described machine, with what a catalogue does not have and a driver tells."""
    inventory = mock_inventory(spec)
    return inventory.replace(
        gpus=tuple(
            gpu.replace(
                uuid=f"GPU-{gpu.index:08x}-0000-0000-0000-{gpu.index:012x}",
                pci_bus_id=f"00000000:{gpu.index + 1:02X}:00.0" if gpu.device_id else None,
            )
            for gpu in inventory.gpus
        ),
        driver_version="580.105.08",
        cuda_version="13.0",
    )


def _check(fault: Fault, boards: int) -> None:
    """A fault that can never strike would make a test pass for nothing."""
    if fault.call not in ("*", "dlopen") and not symbols_of(fault.call):
        raise ValueError(f"{fault.call!r} is no function of the fake library")
    about_gpu = fault.call == "*" or any(map(about_a_gpu, symbols_of(fault.call)))
    if fault.gpu is not None and not about_gpu:
        raise ValueError(f"{fault.call!r} is about no GPU; leave gpu out")
    if fault.gpu is not None and not 0 <= fault.gpu < boards:
        raise ValueError(f"there is no GPU {fault.gpu} to fail; there are {boards}")


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _cuda(version: str) -> int:
    major, _, minor = version.partition(".")
    return int(major) * 1000 + int(minor or 0) * 10


def _level(link: Link) -> int | str:
    return _LEVELS.get(link, "nvlink")


_LEVELS = {link: level for level, link in nvml_codes.ANCESTORS.items()}
_ARCHITECTURES = {name: number for number, name in nvml_codes.ARCHITECTURES.items()}
_VIRTUALIZATIONS = {name: number for number, name in nvml_codes.VIRTUALIZATIONS.items()}


def _board(gpu: Gpu, inventory: Inventory) -> dict[str, Any]:
    instances = [other for other in inventory.gpus if other.mig and other.mig.board == gpu.index]
    facts = _facts(gpu) | {
        "pci": None
        if gpu.device_id is None and gpu.pci_bus_id is None
        else [int(gpu.device_id[:4] + "10de", 16) if gpu.device_id else 0, gpu.pci_bus_id],
        "capability": gpu.compute_capability,
        "architecture": None
        if gpu.architecture is None
        else _known(gpu.architecture, _ARCHITECTURES, "architecture"),
        "virtualization": None
        if gpu.virtualization is None
        else _known(gpu.virtualization, _VIRTUALIZATIONS, "virtualization"),
        "utilization": gpu.utilization_percent,
        "mig": int(gpu.mig_enabled),
    }
    answers = any(facts.values())
    facts |= _health(gpu)
    if "error" in facts and not gpu.mig_enabled:
        facts["mig"] = None
    return facts | {
        "answers": answers,
        "instances": [_instance(instance, gpu) for instance in instances],
    }


def _instance(gpu: Gpu, board: Gpu) -> dict[str, Any]:
    facts = _facts(gpu) | {
        "gpu_instance": gpu.mig and gpu.mig.gpu_instance,
        "compute_instance": gpu.mig and gpu.mig.compute_instance,
    }
    if gpu.unavailable is None or gpu.unavailable == board.unavailable:
        return facts
    if (refused := _refusal(gpu.unavailable)) is None:
        raise ValueError(f"a MIG instance is not unavailable for {gpu.unavailable!r}")
    call, code = refused
    opened = call != nvml_codes.MIG_HANDLE and gpu.uuid is not None
    return facts | {"error": code, "answers": opened, "memory": None}


def _facts(gpu: Gpu) -> dict[str, Any]:
    total, free = gpu.memory_total_mib, gpu.memory_free_mib
    if gpu.unified_memory:
        total = free = None
    if (total is None) != (free is None):
        raise ValueError(f"GPU {gpu.index}: NVML tells total and free memory, or neither")
    reserved = gpu.memory_reserved_mib
    return {
        "uuid": gpu.uuid,
        "name": gpu.name,
        "memory": None
        if total is None or free is None
        else [total * MIB, free * MIB, None if reserved is None else reserved * MIB],
    }


def _known(name: str, numbers: dict[str, int], what: str) -> int:
    if name not in numbers:
        raise ValueError(f"NVML has no {what} {name!r}; it has {', '.join(numbers)}")
    return numbers[name]


def _health(gpu: Gpu) -> dict[str, Any]:
    """The readings that make a GPU unavailable for that reason, and give it those issues."""
    facts: dict[str, Any] = {}
    troubles = list(gpu.health_issues)
    split_in_nothing = gpu.mig_enabled and gpu.unavailable == nvml_codes.NO_INSTANCE
    if gpu.unavailable is not None and not split_in_nothing and not _faults_of(gpu, 0):
        troubles.append(gpu.unavailable)
    for trouble in troubles:
        readings = _readings(trouble)
        if facts.keys() & readings.keys():
            raise ValueError(f"GPU {gpu.index}: NVML does not say all of {troubles} at once")
        facts |= readings
    return facts


def _readings(trouble: str) -> dict[str, Any]:
    errors, _, rest = trouble.partition(" ")
    if errors.isascii() and errors.isdigit() and int(errors) and rest == nvml_codes.ECC_ERRORS:
        return {"ecc": int(errors)}
    failed = trouble.removeprefix(nvml_codes.FABRIC_FAILED)
    if failed != trouble and failed in _CODES:
        return {"fabric": [nvml_codes.FABRIC_READY, _CODES[failed]]}
    if trouble not in _READINGS:
        raise ValueError(
            f"no reading of NVML means {trouble!r}; there are: "
            + "; ".join([*_READINGS, f"3 {nvml_codes.ECC_ERRORS}"])
        )
    return _READINGS[trouble]


_READINGS: dict[str, dict[str, Any]] = {
    **{nvml_codes.phrase(code): {"error": code} for code in sorted(nvml_codes.LOST)},
    **{text: {"recovery": action} for action, text in nvml_codes.FATAL_RECOVERIES.items()},
    **{text: {"recovery": action} for action, text in nvml_codes.MILD_RECOVERIES.items()},
    **{text: {"fabric": [state, 0]} for state, text in nvml_codes.FABRIC_STATES.items()},
    nvml_codes.ROW_FAILED: {"remapped": [0, 0, 0, 1]},
    nvml_codes.ROW_PENDING: {"remapped": [0, 0, 1, 0]},
    nvml_codes.PAGE_PENDING: {"retired": 1},
}
"""The readings that mean a reason to be unavailable, or a health issue."""

_REFUSED = re.compile(r"(?P<phrase>.+?)(?: \((?P<call>nvml\w+)\))?")
_CODES = {text: code for code, text in nvml_codes.NVML_ERRORS.items()}
_PENDING = re.compile(r".* \(in (nvml\w+)\)")
_ESSENTIAL = ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo", nvml_codes.MIG_HANDLE)


def _refusal(why: str) -> tuple[str | None, int] | None:
    """The call and the NVML error of a reason that is one."""
    refused = _REFUSED.fullmatch(why)
    if refused is None:
        return None
    number = refused["phrase"].removeprefix("NVML error ")
    code = int(number) if number.isascii() and number.isdigit() else _CODES.get(refused["phrase"])
    if code is None or refused["call"] not in (None, *_ESSENTIAL):
        return None
    return refused["call"], code


def _faults_of(gpu: Gpu, place: int) -> list[Fault]:
    """What makes a GPU unavailable that no reading does: it hung, crashed, or refused a call."""
    why = gpu.unavailable or ""
    call = "nvmlDeviceGetMemoryInfo" if gpu.name else "nvmlDeviceGetHandleByIndex"
    if why.startswith(nvml_codes.NO_ANSWER):
        pending = _PENDING.fullmatch(why)
        return [Fault(pending[1] if pending else call, "hang", place)]
    if why.startswith(nvml_codes.ENDED):
        return [Fault(call, "crash", place)]
    refused = _refusal(why)
    return [] if refused is None or refused[0] is None else [Fault(refused[0], refused[1], place)]
