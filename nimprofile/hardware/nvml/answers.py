"""What NVML answered about a machine, and the Inventory that follows from it.

A GPU that did not answer stays in it, with the reason, and what was not read is None.
"""

from __future__ import annotations

from nimprofile.base.units import MIB, ComputeCapability, shared_mib
from nimprofile.base.versions import is_release
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.identity import implied_cpu, product_of, remarks_on
from nimprofile.hardware.inventory import (
    MAX_MIB,
    Connection,
    Gpu,
    Inventory,
    Link,
    MigInstance,
    shared_uuids,
)
from nimprofile.hardware.nvml import failures, health
from nimprofile.hardware.nvml.codes import (
    ARCHITECTURES,
    HARMLESS,
    MEMORY,
    MOST_GPUS,
    VIRTUALIZATIONS,
)
from nimprofile.hardware.nvml.transcript import Transcript, driver_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from nimprofile.base.errors import NoGpuError
    from nimprofile.hardware.host import Host

ANCESTORS = {
    0: Link.INTERNAL,
    10: Link.PIX,
    20: Link.PXB,
    30: Link.PHB,
    40: Link.NODE,
    50: Link.SYS,
}
"""nvmlGpuTopologyLevel_t."""


class Answers(Transcript):
    """What the processes that read NVML wrote, as the machine that follows from it."""

    def inventory(self, host: Host) -> Inventory:
        """The machine as far as it was read; NoGpuError when not even its GPUs were counted."""
        machine = self.about(None)
        if (error := self._no_count(machine, host)) is not None:
            raise error
        boards = _placed([self._board(index, host) for index in range(machine["count"])], host)
        gpus = list(boards)
        for board in boards:
            instances = list(self._instances(board, len(gpus)))
            if instances:
                gpus[board.index] = board.replace(mig_enabled=True)
            elif board.mig_enabled:
                why = board.unavailable or health.no_instance(self.about(board.index))
                gpus[board.index] = board.replace(unavailable=why)
            gpus += instances
        gpus, doubled = _without_shared_uuids(gpus)
        cuda = machine.get("cuda")
        shared = tuple(gpu.index for gpu in boards if gpu.unified_memory)
        soft = [Condition(Kind.HOST_MEMORY, gpus=shared)] if shared else []
        return Inventory(
            tuple(gpus),
            _version(machine.get("driver")),
            _version(None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}"),
            connections=tuple(self._connections()),
            remarks=(*soft, *remarks_on(boards), *doubled, *self._remarks(boards)),
            cpu_architecture=implied_cpu(boards) or host.cpu_architecture(),
        )

    def _no_count(self, machine: health.ByKey, host: Host) -> NoGpuError | None:
        """Why the GPUs could not be counted; None when they were."""
        if "no pynvml" in machine:
            return failures.no_pynvml(machine["no pynvml"])
        if "foreign pynvml" in machine:
            return failures.foreign_pynvml(machine["foreign pynvml"])
        refused = dict(machine["refused"])
        if "nvmlInit" in refused:
            if machine.get("unloadable"):
                return failures.cannot_load(machine["unloadable"])
            return failures.cannot_initialise(refused["nvmlInit"], machine.get("library"), host)
        if "nvmlDeviceGetCount" in refused:
            return failures.cannot_count(refused["nvmlDeviceGetCount"])
        if "count" in machine:
            count = machine["count"]
            return failures.absurd_count(count) if count > MOST_GPUS else None
        if self.ending is not None and self.ending.kind is Kind.NO_ANSWER:
            return failures.no_answer(self.ending.figures["seconds"], machine.get("asking"))
        how = "it said nothing" if self.ending is None else self.ending.figures["how"]
        return failures.crashed(how, machine.get("asking"))

    def _board(self, index: int, host: Host) -> Gpu:
        answers = self.about(index)
        device, bus = answers.get("pci", (None, None))
        gpu = Gpu(
            index,
            answers.get("name") or None,
            answers.get("uuid") or None,
            device_id=f"{device >> 16:04x}:10de" if device and device & 0xFFFF == 0x10DE else None,
            compute_capability=_capability(answers.get("capability")),
            architecture=ARCHITECTURES.get(answers.get("architecture", -1)),
            pci_bus_id=driver_text(bus) if bus else None,
            utilization_percent=_percent(answers.get("utilization")),
            virtualization=VIRTUALIZATIONS.get(answers.get("virtualization", -1)),
            mig_enabled=answers.get("mig") == 1,
            health_issues=tuple(health.health_issues(answers)),
            unavailable=health.failure(answers)
            or health.unfinished(answers, self.ending)
            or health.node_blocked(answers, host),
        )
        memory = _memory(answers)
        product = product_of(gpu)
        if (product and product.unified_memory) or (not memory and host.is_tegra()):
            memory = {"unified_memory": True}
            if (of_host := host.memory()) is not None:
                total = shared_mib(of_host.total)
                free = min(total, of_host.available // MIB)
                memory |= {"memory_total_mib": total, "memory_free_mib": free}
        return gpu.replace(**memory)

    def _instances(self, board: Gpu, first: int) -> Iterator[Gpu]:
        """The MIG instances in the slots of a board; only an empty slot is passed over."""
        prefix = f"{board.index}/"
        slots = {
            int(subject.removeprefix(prefix)): answers
            for subject, answers in self.by_subject.items()
            if isinstance(subject, str) and subject.startswith(prefix)
            if not health.is_empty_slot(answers)
        }
        # An instance may answer where its board does not.
        about_board = self.about(board.index)
        failed_board = health.failure(about_board)
        ending = about_board.get("ending", self.ending)
        for at, slot in enumerate(sorted(slots)):
            answers = slots[slot]
            yield board.replace(
                index=first + at,
                name=answers.get("name") or (board.name and f"{board.name} MIG"),
                uuid=answers.get("uuid") or None,
                mig=MigInstance(
                    board.index, answers.get("gpu_instance"), answers.get("compute_instance")
                ),
                mig_enabled=False,
                utilization_percent=None,
                unavailable=failed_board
                or health.failure(answers)
                or health.unfinished(answers, ending),
                **{"memory_total_mib": None, "memory_free_mib": None, "memory_reserved_mib": None}
                | _memory(answers),
            )

    def _connections(self) -> Iterator[Connection]:
        for pair, answers in self.pairs():
            ancestor = ANCESTORS.get(answers.get("ancestor", -1))
            link = Link.NVLINK if "nvlink" in answers else ancestor
            if link is not None and max(pair) < self.count:
                yield Connection(pair, link)

    def _remarks(self, boards: Sequence[Gpu]) -> Iterator[Condition]:
        """What was refused for no good reason, once for all it was refused of; what is pending."""
        refusals: dict[tuple[str, object], list[object]] = {}
        pending: dict[str, list[object]] = {}
        gone = {board.index for board in boards if board.unavailable}
        pairs = {f"{one}-{other}": {one, other} for (one, other), _ in self.pairs()}
        for subject in self.subjects():
            answers = self.about(subject)
            if health.is_empty_slot(answers):
                continue
            if "done" not in answers and "asking" in answers:
                pending.setdefault(answers["asking"], []).append(subject)
            if pairs[subject] & gone if subject in pairs else health.explained(answers):
                continue
            for call, code in dict.fromkeys(answers["refused"]):
                answered = call == MEMORY and "memory" in answers
                if code not in HARMLESS and not answered:
                    refusals.setdefault((call, code), []).append(subject)
        for (call, code), subjects in sorted(refusals.items(), key=str):
            yield Condition(Kind.CALL_REFUSED, subjects=tuple(subjects), call=call, code=code)
        if self.ending is not None:
            calls = {call: tuple(subjects) for call, subjects in pending.items()}
            yield Condition(Kind.CUT_SHORT, ending=self.ending, pending=calls or None)


def _placed(boards: list[Gpu], host: Host) -> list[Gpu]:
    """Give GPUs that answer nothing the place and product which the bus has for them.

    NVML counts in the order of the bus. Only where it counts as many GPUs as there are on the bus,
    and those that do answer agree with it, is anything taken from there.
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


def _without_shared_uuids(gpus: list[Gpu]) -> tuple[list[Gpu], list[Condition]]:
    """The GPUs without the UUIDs that several have, and a remark on each of these."""
    shared = shared_uuids(gpus)
    remarks = [Condition(Kind.SHARED_UUID, gpus=at, uuid=uuid) for uuid, at in shared.items()]
    unnamed = {index for indices in shared.values() for index in indices}
    return [gpu.replace(uuid=None) if gpu.index in unnamed else gpu for gpu in gpus], remarks


def _memory(answers: health.ByKey) -> dict[str, Any]:
    """The memory figures that were read; a total of 0 is what some drivers say of none at all.

    What no memory can be is as good as no answer.
    """
    total, free, reserved = answers.get("memory", (0, 0, None))
    if not MIB <= total < MAX_MIB * MIB:
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


def _version(text: str | None) -> str | None:
    return text if text and is_release(text) else None
