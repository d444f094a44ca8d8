"""A machine as the fake driver answers for it: the readings and faults that mean an inventory."""

from __future__ import annotations

from nimprofile.base.units import MIB
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.nvml import codes
from nimprofile.hardware.nvml.answers import ANCESTORS
from nimprofile.testing.faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeGuard

    from nimprofile.hardware.inventory import Gpu, Inventory, Link


def plan_of(inventory: Inventory, faults: Iterable[Fault]) -> dict[str, Any]:
    """What the library answers, as plain JSON values, and the faults that it suffers.

    Raises ValueError for what NVML never says.
    """
    boards = [gpu for gpu in inventory.gpus if gpu.mig is None]
    places = {gpu.index: at for at, gpu in enumerate(boards)}
    implied = [fault for gpu in boards for fault in _faults_of(gpu, places[gpu.index])]
    cuda = inventory.cuda_version
    return {
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


def _cuda(version: str) -> int:
    major, _, minor = version.partition(".")
    return int(major) * 1000 + int(minor or 0) * 10


def _level(link: Link) -> int | str:
    return _LEVELS.get(link, "nvlink")


_LEVELS = {link: level for level, link in ANCESTORS.items()}
_ARCHITECTURES = {name: number for number, name in codes.ARCHITECTURES.items()}
_VIRTUALIZATIONS = {name: number for number, name in codes.VIRTUALIZATIONS.items()}


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
    why = gpu.unavailable
    if isinstance(why, Condition) and why.kind is Kind.LOST:
        opened = gpu.uuid is not None
    elif _is_refused(why):
        opened = why.figures["call"] != codes.MIG_HANDLE and gpu.uuid is not None
    else:
        raise ValueError(f"a MIG instance is not unavailable for {why!r}")
    return facts | {"error": why.figures["code"], "answers": opened, "memory": None}


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
    conditions = list(gpu.health_issues)
    split_in_nothing = gpu.mig_enabled and gpu.unavailable == Condition(Kind.NO_INSTANCE)
    if gpu.unavailable is not None and not split_in_nothing and not _faults_of(gpu, 0):
        conditions.append(gpu.unavailable)
    for condition in conditions:
        readings = _readings(condition)
        if facts.keys() & readings.keys():
            raise ValueError(f"GPU {gpu.index}: NVML does not say all of {conditions} at once")
        facts |= readings
    return facts


def _readings(issue: str) -> dict[str, Any]:
    """The readings that mean a reason to be unavailable, or a health issue."""
    if isinstance(issue, Condition):
        figures = issue.figures
        match issue.kind:
            case Kind.LOST:
                return {"error": figures["code"]}
            case Kind.RECOVERY:
                return {"recovery": figures["action"]}
            case Kind.ROW_FAILED:
                return {"remapped": [0, 0, 0, 1]}
            case Kind.ROW_PENDING:
                return {"remapped": [0, 0, 1, 0]}
            case Kind.PAGE_PENDING:
                return {"retired": 1}
            case Kind.ECC_ERRORS:
                return {"ecc": figures["count"]}
            case Kind.FABRIC_STATE:
                return {"fabric": [figures["state"], 0]}
            case Kind.FABRIC_FAILED if isinstance(figures["code"], int):
                return {"fabric": [codes.FABRIC_READY, figures["code"]]}
            case _:
                pass
    raise ValueError(f"no reading of NVML means {issue!r}; there are: {'; '.join(_READABLE)}")


_READABLE = (
    *(Condition(Kind.LOST, code=code) for code in sorted(codes.LOST)),
    *(Condition(Kind.RECOVERY, action=action) for action in codes.FATAL_RECOVERIES),
    *(Condition(Kind.RECOVERY, action=action) for action in codes.MILD_RECOVERIES),
    *(Condition(Kind.FABRIC_STATE, state=state) for state in codes.FABRIC_STATES),
    Condition(Kind.ROW_FAILED),
    Condition(Kind.ROW_PENDING),
    Condition(Kind.PAGE_PENDING),
    Condition(Kind.ECC_ERRORS, count=3),
)
"""Examples of what there are readings for, to name in an error."""


def _is_refused(why: str) -> TypeGuard[Condition]:
    """Whether a GPU is unavailable because NVML refused a call without which it cannot be used."""
    return (
        isinstance(why, Condition)
        and why.kind is Kind.REFUSED
        and isinstance(why.figures["code"], int)
        and why.figures["call"] in (codes.HANDLE, codes.MEMORY, codes.MIG_HANDLE)
    )


def _faults_of(gpu: Gpu, place: int) -> list[Fault]:
    """What makes a GPU unavailable that no reading does: it hung, crashed, or refused a call."""
    why = gpu.unavailable
    if not isinstance(why, Condition):
        return []
    if why.kind in (Kind.NO_ANSWER, Kind.ENDED):
        call = why.figures["call"] or (codes.MEMORY if gpu.name else codes.HANDLE)
        by_signal = not str(why.figures.get("how")).startswith("exit code")
        ended = "crash" if by_signal else "exit"
        return [Fault(call, "hang" if why.kind is Kind.NO_ANSWER else ended, place)]
    if _is_refused(why):
        return [Fault(why.figures["call"], why.figures["code"], place)]
    return []
