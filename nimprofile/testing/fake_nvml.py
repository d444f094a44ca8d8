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
import sys

from nimprofile.hardware.catalog import mock_inventory
from nimprofile.testing.fake_driver import install
from nimprofile.testing.fake_machine import plan_of
from nimprofile.testing.faults import Fault, check_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from nimprofile.hardware.inventory import Inventory

VARIABLE = "NIMPROFILE_FAKE_NVML"
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


class FakeNvml:
    """Puts a machine behind pynvml, as a context manager.

    Args:
        machine: an inventory, or a description such as `8xh100`, whose GPUs get UUIDs, bus ids and
            a driver. Boards are numbered from 0 in their order. What is None, NVML does not
            support. Of unified memory NVML says nothing: `discover` takes it from the host, as
            it does on the real board.
        faults: what goes wrong, in the order in which they are looked at.

    Raises:
        ValueError: the inventory has something that NVML never says, such as free memory without a
            total; a fault is about a function or a GPU that there is not.
    """

    def __init__(self, machine: Inventory | str, *faults: Fault):
        inventory = _described(machine) if isinstance(machine, str) else machine
        boards = sum(gpu.mig is None for gpu in inventory.gpus)
        for fault in faults:
            check_fault(fault, boards)
        self.plan = json.dumps(plan_of(inventory, faults))
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
    """The described machine, with what a catalogue does not have and a driver says."""
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


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
