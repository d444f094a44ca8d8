"""Laws of a driver that crashes: one bad GPU costs one GPU, always the same, and nothing is left."""

import json
import os
import time

from hypothesis import given, settings, strategies as st

from nimprofile import Host, NoGpuError, discover, parse_inventory
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.testing import FakeNvml, Fault, nvml_inventories
from nimprofile.testing.fake_functions import SYMBOLS, about_a_gpu
from tests.support.nvml.forks import forked

NOWHERE = Host("/nonexistent")
ABOUT_A_GPU = sorted(symbol for symbol in SYMBOLS if about_a_gpu(symbol))
OF_A_PAIR = {"nvmlDeviceGetP2PStatus", "nvmlDeviceGetTopologyCommonAncestor"}
OF_ALL = sorted(SYMBOLS.keys() - set(ABOUT_A_GPU))
LONG = 120
"""Seconds that no machine is so busy as to need."""


def found(machine, *faults, timeout=LONG):
    with FakeNvml(machine, *faults), forked():
        return discover(timeout=timeout, environ={}, host=NOWHERE)


def others(inventory, bad):
    """All that is known of the other boards and of their connections; instances by their place."""
    gpus = {
        (gpu.mig.board, at) if gpu.mig else gpu.index: gpu.replace(index=0)
        for at, gpu in enumerate(inventory.gpus)
    }
    instances = [gpu.replace(index=0) for gpu in inventory.gpus if gpu.mig and gpu.mig.board != bad]
    boards = {at: gpu for at, gpu in gpus.items() if isinstance(at, int) and at != bad}
    links = [link for link in inventory.connections if bad not in link.gpus]
    return boards, instances, links


@settings(max_examples=settings().max_examples // 2)  # each is three discoveries
@given(nvml_inventories(max_gpus=4), st.sampled_from(ABOUT_A_GPU), st.data())
def test_a_gpu_that_crashes_the_library_costs_itself_and_no_other(inventory, call, data):
    boards = [gpu.index for gpu in inventory.gpus if gpu.mig is None]
    bad = data.draw(st.sampled_from(boards))
    crash = Fault(call, data.draw(st.sampled_from(["crash", "exit"])), bad)
    machine = found(inventory, crash)
    assert others(inventory, bad) == others(machine, bad)
    assert machine == found(inventory, crash)
    board = machine.gpus[bad]
    if board.unavailable is not None and board.unavailable != inventory.gpus[bad].unavailable:
        assert Kind.ENDED is board.unavailable.kind
        assert board.unavailable.figures["call"] in call
        assert call not in OF_A_PAIR


@settings(max_examples=20)
@given(nvml_inventories(max_gpus=4), st.data())
def test_a_machine_with_gpus_that_crash_is_read_back_as_it_is(inventory, data):
    """What was recorded of a crash crashes again, in the same call, and takes no other GPU along."""
    whole = [gpu.index for gpu in inventory.gpus if gpu.mig is None and not gpu.mig_enabled]
    bad = data.draw(st.sets(st.sampled_from(whole), max_size=2)) if whole else set()
    ended = Condition(Kind.ENDED, how="Segmentation fault", call="nvmlDeviceGetUUID")
    gpus = tuple(
        gpu.replace(unavailable=ended) if gpu.index in bad and gpu.offered else gpu
        for gpu in inventory.gpus
    )
    machine = found(inventory.replace(gpus=gpus))
    assert machine == found(machine)
    assert [gpu.unavailable for gpu in gpus] == [gpu.unavailable for gpu in machine.gpus]


CALLS = st.just("*") | st.sampled_from(sorted(SYMBOLS))
OUTCOMES = st.sampled_from(["hang", "crash", "exit", "slow", "missing", 1, 4, 9, 12, 15, 28, 999])


@st.composite
def faults(draw, boards):
    call, outcome = draw(CALLS), draw(OUTCOMES)
    if outcome == "missing":
        return Fault(call, outcome) if call != "*" else Fault("dlopen", draw(LOADING))
    about = call == "*" or about_a_gpu(call)
    return Fault(
        call,
        outcome,
        draw(st.none() | st.integers(0, boards - 1)) if about else None,
        after=draw(st.sampled_from([0, 0, 0, 1, 5, 30])),
        times=draw(st.sampled_from([None, None, 1, 3])),
        delay=draw(st.sampled_from([0, 0.01, 0.2])) if outcome == "slow" else 0,
    )


LOADING = st.sampled_from(["missing", "broken"])
NUMBERS = st.sampled_from([0, 1, 7, 0xFFFF, 1 << 20, (1 << 31) - 1, (1 << 32) - 1])
SIZES = NUMBERS | st.sampled_from([1 << 52, (1 << 63) - 1, (1 << 64) - 1])
TEXTS = st.text(st.characters(codec="latin-1"), max_size=30) | st.sampled_from(
    ["\x1b]0;x\x07", "\udcff\udc80", "NVIDIA H100 80GB HBM3", "x" * 90, "\u202e"]
)
READINGS = {
    "uuid": TEXTS,
    "name": TEXTS,
    "pci": st.tuples(NUMBERS, st.text(st.characters(codec="ascii", exclude_characters="\0"))),
    "memory": st.tuples(SIZES, SIZES, st.none() | SIZES),
    "capability": st.tuples(*[st.integers(0, (1 << 31) - 1)] * 2),
    "remapped": st.tuples(*[NUMBERS] * 4),
    "fabric": st.tuples(st.integers(0, 255), NUMBERS),
    "ecc": SIZES,
} | dict.fromkeys(
    ("architecture", "minor", "virtualization", "utilization", "mig", "recovery", "retired"),
    NUMBERS,
)


@st.composite
def faulty_plans(draw):
    """The plan of a driver that errs in any way, and how many boards it has."""
    inventory = draw(nvml_inventories(max_gpus=4))
    boards = sum(gpu.mig is None for gpu in inventory.gpus)
    fake = FakeNvml(inventory, *draw(st.lists(faults(boards), min_size=1, max_size=3)))
    plan = json.loads(fake.plan)
    for gpu in plan["gpus"]:
        for key in draw(st.sets(st.sampled_from(sorted(READINGS)), max_size=3)):
            gpu[key] = draw(READINGS[key])
    plan["cuda"] = draw(st.none() | st.just(12080) | st.integers(0, (1 << 31) - 1))
    plan["driver"] = draw(st.none() | st.just("570.124.06") | TEXTS)
    count = draw(st.none() | st.none() | st.sampled_from([0, 1, 1024, 1025, (1 << 32) - 1]))
    slots = draw(st.none() | st.none() | st.sampled_from([0, 64, 65, (1 << 32) - 1]))
    fake.plan = json.dumps(plan | {"count": count, "slots": slots})
    return fake, boards if count is None else count


@given(faulty_plans(), st.sampled_from([0.2, 0.4]))
def test_a_driver_may_err_in_any_way_and_a_machine_or_a_reason_comes_of_it(faulty, timeout):
    fake, count = faulty
    begun = time.monotonic()
    told, machine = "", None
    with fake, forked():
        try:
            machine = discover(timeout=timeout, environ={}, host=NOWHERE)
        except NoGpuError as error:
            told = str(error)
    assert time.monotonic() - begun < 30  # a busy machine; as a rule within a second of the timeout
    assert no_child_is_left()
    if machine is None:
        assert told.startswith("no GPU could be read: ")
        assert told.replace("\n", "").isprintable()
        return
    assert count == sum(gpu.mig is None for gpu in machine.gpus)
    assert machine == parse_inventory(json.dumps(machine.to_dict()))
    assert all(str(remark).isprintable() for remark in machine.remarks)


def no_child_is_left():
    try:
        return os.waitpid(-1, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return True
