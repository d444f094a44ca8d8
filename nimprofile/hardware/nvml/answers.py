"""What did the process that reads NVML say of this machine?

Its lines (`nvml` has their form) become an Inventory. A GPU that did not answer stays in it, with
the reason, and what was not read is None.
"""

from __future__ import annotations

import json

from nimprofile.base.units import MIB, ComputeCapability, format_gpus
from nimprofile.hardware.catalog import product_of
from nimprofile.hardware.host import shared_mib
from nimprofile.hardware.inventory import Connection, Gpu, Inventory, Link, MigInstance, is_version
from nimprofile.hardware.nvml import failures as troubles
from nimprofile.hardware.nvml.codes import (
    ANCESTORS,
    ARCHITECTURES,
    ECC_ERRORS,
    EMPTY_SLOT,
    ENDED,
    FABRIC_FAILED,
    FABRIC_READY,
    FABRIC_STATES,
    FATAL_RECOVERIES,
    HARMLESS,
    LOST,
    MIG_HANDLE,
    MILD_RECOVERIES,
    NO_INSTANCE,
    NO_PERMISSION,
    OPENING,
    PAGE_PENDING,
    ROW_FAILED,
    ROW_PENDING,
    UNIFIED,
    VIRTUALIZATIONS,
    phrase,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeAlias

    from nimprofile.hardware.host import Host

    Facts: TypeAlias = dict[object, dict[str, Any]]


class Hearing:
    """What was heard of the process that reads NVML, and how it ended.

    `ending` is None when it said everything, else why it did not; `late` if it was the deadline.
    """

    def __init__(self, lines: Iterable[bytes], ending: str | None = None, *, late: bool = False):
        self.facts: Facts = {}
        self.ending, self.late = ending, late
        for line in lines:
            subject, key, value = json.loads(line)
            about = self.facts.setdefault(subject, {"refused": []})
            if key == "refused":
                about["refused"].append((value[0], value[1]))
            else:
                about[key] = value

    def inventory(self, host: Host, timeout: float) -> Inventory:
        """The machine as heard; NoGpuError when not even the number of GPUs was."""
        machine = self._about(None)
        if "no pynvml" in machine:
            raise troubles.no_pynvml(machine["no pynvml"])
        if "foreign pynvml" in machine:
            raise troubles.foreign_pynvml(machine["foreign pynvml"])
        refused = dict(machine["refused"])
        if "nvmlInit" in refused:
            raise troubles.cannot_initialise(refused["nvmlInit"], machine.get("library"), host)
        if "nvmlDeviceGetCount" in refused:
            raise troubles.cannot_count(refused["nvmlDeviceGetCount"])
        if "count" not in machine:
            if self.late:
                raise troubles.no_answer(timeout, machine.get("asking"))
            raise troubles.crashed(
                (self.ending or "it said nothing").removeprefix(f"{ENDED}: "), machine.get("asking")
            )
        boards = [self._board(index, host) for index in range(machine["count"])]
        boards = _placed(boards, host)
        gpus = list(boards)
        for board in boards:
            instances = list(self._instances(board, len(gpus)))
            if instances:
                gpus[board.index] = board.replace(mig_enabled=True)
            elif board.mig_enabled:
                why = board.unavailable or self._why_no_instance(board.index)
                gpus[board.index] = board.replace(unavailable=why)
            gpus += instances
        cuda = machine.get("cuda")
        shared = tuple(gpu.index for gpu in boards if gpu.unified_memory)
        soft = [f"{format_gpus(shared)}: {UNIFIED}"] if shared else []
        return Inventory(
            tuple(gpus),
            _version(machine.get("driver")),
            None if not isinstance(cuda, int) else f"{cuda // 1000}.{cuda % 1000 // 10}",
            connections=tuple(self._connections()),
            remarks=(*soft, *self._remarks()),
        )

    def _about(self, subject: object) -> dict[str, Any]:
        return self.facts.get(subject, {"refused": []})

    def _board(self, index: int, host: Host) -> Gpu:
        about = self._about(index)
        device, bus = about.get("pci", (None, None))
        gpu = Gpu(
            index,
            _printable(about.get("name")),
            _printable(about.get("uuid")),
            device_id=f"{device >> 16:04x}:10de" if device and device & 0xFFFF == 0x10DE else None,
            compute_capability=_capability(about.get("capability")),
            architecture=ARCHITECTURES.get(about.get("architecture", -1)),
            pci_bus_id=_printable(bus),
            utilization_percent=_percent(about.get("utilization")),
            virtualization=VIRTUALIZATIONS.get(about.get("virtualization", -1)),
            mig_enabled=about.get("mig") == 1,
            health_issues=tuple(_health_issues(about)),
            unavailable=self._failure(index)
            or self._unfinished(index)
            or _blocked(about.get("minor"), host),
        )
        memory = _memory(about)
        product = product_of(gpu)
        if (product and product.unified_memory) or (not memory and host.is_tegra()):
            memory = {"unified_memory": True}
            if (of_host := host.memory()) is not None:
                total = shared_mib(of_host.total)
                free = min(total, of_host.available // MIB)
                memory |= {"memory_total_mib": total, "memory_free_mib": free}
        return gpu.replace(**memory)

    def _instances(self, board: Gpu, first: int) -> Iterator[Gpu]:
        """What is in the slots of a board; only an empty one is passed over."""
        prefix = f"{board.index}/"
        subjects = [one for one in self.facts if isinstance(one, str) and one.startswith(prefix)]
        slots = [one for one in subjects if not self._is_empty_slot(one)]
        for at, subject in enumerate(sorted(slots, key=_slot)):
            about = self._about(subject)
            whole = self._failure(board.index)  # an instance may answer where its board does not
            yield board.replace(
                index=first + at,
                name=_printable(about.get("name")) or (board.name and f"{board.name} MIG"),
                uuid=_printable(about.get("uuid")),
                mig=MigInstance(
                    board.index, about.get("gpu_instance"), about.get("compute_instance")
                ),
                mig_enabled=False,
                utilization_percent=None,
                unavailable=whole or self._failure(subject) or self._unfinished(subject),
                **{"memory_total_mib": None, "memory_free_mib": None, "memory_reserved_mib": None}
                | _memory(about),
            )

    def _is_empty_slot(self, subject: str) -> bool:
        refused = self._about(subject)["refused"]
        return any(call == MIG_HANDLE and code in EMPTY_SLOT for call, code in refused)

    def _told_as_reason(self, subject: object) -> bool:
        """Whether what was refused is why it cannot be used, and need not be remarked on."""
        split = self._about(subject).get("mig") == 1
        return bool(self._failure(subject)) or (
            split and self._why_no_instance(subject) != NO_INSTANCE
        )

    def _why_no_instance(self, board: object) -> str:
        for call, code in self._about(board)["refused"]:
            if call == "nvmlDeviceGetMaxMigDeviceCount":
                return f"{phrase(code)} ({call})"
        return NO_INSTANCE

    def _failure(self, subject: object) -> str | None:
        """Why a GPU cannot be used by what was read of it, the plainest sign first."""
        about = self._about(subject)
        for call, code in about["refused"]:
            if code in LOST:
                return phrase(code)
            memory = call == "nvmlDeviceGetMemoryInfo" and "memory" not in about
            if call in OPENING or (memory and code not in {*HARMLESS, NO_PERMISSION}):
                return f"{phrase(code)} ({call})"
        if about.get("recovery") in FATAL_RECOVERIES:
            return FATAL_RECOVERIES[about["recovery"]]
        return ROW_FAILED if about.get("remapped", (0, 0, 0, 0))[3] else None

    def _unfinished(self, subject: object) -> str | None:
        """Why a GPU was not read to its end; None when it was."""
        about = self._about(subject)
        if "done" in about:
            return None
        if self.ending is None or self.late:
            pending = f" (in {about['asking']})" if "asking" in about else ""
            wrong = [f"{call}: {code}" for call, code in about["refused"] if isinstance(code, str)]
            return f"{self.ending or ', '.join(wrong) or 'it was not read'}{pending}"
        return self.ending  # which call ended the process is in the remarks

    def _connections(self) -> Iterator[Connection]:
        for subject, about in self.facts.items():
            if not isinstance(subject, str) or "-" not in subject:
                continue
            link = Link.NVLINK if "nvlink" in about else ANCESTORS.get(about.get("ancestor", -1))
            if link is not None:
                one, other = map(int, subject.split("-"))
                yield Connection((one, other), link)

    def _remarks(self) -> Iterator[str]:
        """What was refused for no good reason, once for all it was refused of; what is pending."""
        refusals: dict[tuple[str, object], list[object]] = {}
        pending: dict[str, list[object]] = {}
        for subject, about in self.facts.items():
            if subject is None or self._is_empty_slot(str(subject)):
                continue
            if "done" not in about and "asking" in about:
                pending.setdefault(about["asking"], []).append(subject)
            if "-" not in str(subject) and self._told_as_reason(subject):
                continue
            for call, code in dict.fromkeys(about["refused"]):
                answered = call == "nvmlDeviceGetMemoryInfo" and "memory" in about
                if code not in HARMLESS and not answered:
                    refusals.setdefault((call, code), []).append(subject)
        for (call, code), subjects in sorted(refusals.items(), key=str):
            yield f"{_called(subjects)}: {call}: {phrase(code)}"
        if self.ending is not None:
            calls = [f"{call} of {_called(pending[call])}" for call in sorted(pending)]
            where = f"; it was in {', '.join(calls)}" if calls else ""
            yield f"the reading was cut short: {self.ending}{where}"


def _called(subjects: list[object]) -> str:
    """`GPUs 0-3, slot 0 of GPU 1`, `28 pairs of GPUs 0-7`."""
    boards = tuple(subject for subject in subjects if isinstance(subject, int))
    slots = sorted(str(subject) for subject in subjects if "/" in str(subject))
    pairs = [str(subject) for subject in subjects if "-" in str(subject)]
    names = [format_gpus(boards)] if boards else []
    names += ["slot {1} of GPU {0}".format(*slot.split("/")) for slot in slots]
    if pairs:
        joined = {int(index) for pair in pairs for index in pair.split("-")}
        names.append(f"{len(pairs)} pair{'s' * (len(pairs) > 1)} of {format_gpus(tuple(joined))}")
    return ", ".join(names)


def _placed(boards: list[Gpu], host: Host) -> list[Gpu]:
    """Give GPUs that tell nothing the place and product which the bus has for them.

    NVML counts in the order of the bus. Only where it counts as many GPUs as there are on the bus,
    and those that do tell agree with it, is anything taken from there.
    """
    if all(board.device_id and board.pci_bus_id for board in boards):
        return boards  # nothing to ask the bus for
    on_bus = host.gpus()
    if len(on_bus) != len(boards) or any(
        board.device_id not in (None, device)
        for board, (_, device) in zip(boards, on_bus, strict=True)
    ):
        return boards
    return [
        board.replace(device_id=device, pci_bus_id=board.pci_bus_id or bus)
        for board, (bus, device) in zip(boards, on_bus, strict=True)
    ]


def _slot(subject: object) -> int:
    return int(str(subject).partition("/")[2])


def _blocked(minor: int | None, host: Host) -> str | None:
    if minor is None or not host.blocks(minor):
        return None
    return f"its device node /dev/nvidia{minor} cannot be opened"


def _health_issues(about: dict[str, Any]) -> Iterator[str]:
    if about.get("recovery") in MILD_RECOVERIES:
        yield MILD_RECOVERIES[about["recovery"]]
    if about.get("remapped", (0, 0, 0, 0))[2]:
        yield ROW_PENDING
    if about.get("retired"):
        yield PAGE_PENDING
    if errors := about.get("ecc"):
        yield f"{errors} {ECC_ERRORS}"
    state, status = about.get("fabric", (0, 0))
    if state in FABRIC_STATES:
        yield FABRIC_STATES[state]
    elif state == FABRIC_READY and status:
        yield f"{FABRIC_FAILED}{phrase(status)}"


def _memory(about: dict[str, Any]) -> dict[str, Any]:
    """The memory figures that are told; a total of 0 is what some drivers say of none at all."""
    total, free, reserved = about.get("memory", (0, 0, None))
    if not total:
        return {}
    return {
        "memory_total_mib": total // MIB,
        "memory_free_mib": min(free, total) // MIB,
        "memory_reserved_mib": None if reserved is None else min(reserved, total) // MIB,
    }


def _capability(pair: list[int] | None) -> ComputeCapability | None:
    if pair is None or not all(0 <= part < 100 for part in pair):
        return None
    major, minor = pair
    return ComputeCapability((major, minor))


def _percent(rate: int | None) -> int | None:
    return rate if rate is not None and 0 <= rate <= 100 else None


def _printable(text: str | None) -> str | None:
    if not text:
        return None
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _version(text: str | None) -> str | None:
    return text if text and is_version(text) else None
