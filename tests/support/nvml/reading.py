"""Machines read through the fake driver: in this process, and by `discover` when that must fail."""

import json

import pynvml
import pytest

from nimprofile import (
    Host,
    MigInstance,
    NoGpuError,
    discover,
)
from nimprofile.hardware.nvml import reader as nvml
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.testing import FakeNvml
from tests.support.builders import make_gpu

INSTEAD = "\n  Without a GPU, describe one: --gpus 8xh100, or --inventory FILE."

BOARD = make_gpu(0, mig_enabled=True, name="Acme", uuid="GPU-0")


PART = make_gpu(
    1, total=9984, free=9000, name="Acme MIG 1g.10gb", uuid="MIG-1", mig=MigInstance(0, 7, 0)
)


class StubHost(Host):
    """A host that knows nothing but what a test gives it."""

    def __init__(self, *, memory=None, driver=None, devices=0, tegra=False, blocked=(), box=False):
        super().__init__("/nonexistent")
        self.known = (memory, driver, devices, tegra, box)
        self.blocked = blocked

    def memory(self):
        return self.known[0]

    def kernel_driver(self):
        return self.known[1]

    def devices(self):
        return self.known[2]

    def gpus(self):
        return []

    def is_tegra(self):
        return self.known[3]

    def in_container(self):
        return self.known[4]

    def blocks(self, minor):
        return minor in self.blocked


def read_here(machine, *faults, host=None):
    """The machine as NVML answers for it, read in this process."""
    lines = []
    with FakeNvml(machine, *faults):
        nvml.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    return Answers(lines).inventory(host or StubHost())


def only_gpu(inventory):
    (gpu,) = inventory.gpus
    return gpu


def failure(machine="1xt4", *faults, timeout=5.0, host=None, environ=None):
    """The message of the error that reading a machine ends in."""
    with FakeNvml(machine, *faults), pytest.raises(NoGpuError) as caught:
        discover(timeout=timeout, host=host or StubHost(), environ=environ or {})
    return str(caught.value)
