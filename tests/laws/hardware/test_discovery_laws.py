"""Laws of discovery: what is there is found, whatever goes wrong ends well, and hidden is gone."""

from __future__ import annotations

import json
import re
import time

import pynvml
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from nimprofile import Host, NoGpuError, discover, parse_inventory, scrubbed, select
from nimprofile.hardware.nvml import reader as nvml
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.visible_devices import cuda_devices, visible
from nimprofile.report.tables import gpus_blocks
from nimprofile.report.terminal import terminal_text
from nimprofile.testing import FakeNvml, Fault, manifests, nvml_inventories

NOWHERE = Host("/nonexistent")
CALLS = [
    "*",
    "dlopen",
    "nvmlInit",
    "nvmlSystemGetDriverVersion",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetName",
    "nvmlDeviceGetPciInfo",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetP2PStatus",
    "nvmlDeviceGetTopologyCommonAncestor",
]
CODES = [1, 2, 3, 4, 6, 9, 10, 13, 15, 16, 18, 25, 28, 999, 12345]


@st.composite
def faults(draw, outcomes):
    """Something that may go wrong in the driver's library, soon or later."""
    call, outcome = draw(st.sampled_from(CALLS)), draw(outcomes)
    if call == "dlopen" or outcome == "missing":
        return Fault(call, "missing")
    about_gpu = call == "*" or (call.startswith("nvmlDevice") and call != "nvmlDeviceGetCount")
    return Fault(
        call,
        outcome,
        draw(st.sampled_from([None, 0])) if about_gpu else None,
        after=draw(st.sampled_from([0, 0, 1, 5, 30])),
        times=draw(st.sampled_from([None, 1, 3])),
    )


FAILURES = st.one_of(st.sampled_from(CODES), st.just("missing"))
STOPS = st.sampled_from(["hang", "crash"])


def read(inventory, *planned):
    """The machine read in this very process; NoGpuError as `discover` raises it."""
    lines = []
    with FakeNvml(inventory, *planned):
        nvml.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    return Answers(lines).inventory(NOWHERE)


@given(nvml_inventories())
def test_inventory_to_driver_to_inventory_is_the_identity(inventory):
    assert inventory == read(inventory)


@settings(max_examples=15)
@given(nvml_inventories())
def test_and_so_it_is_through_another_process(inventory):
    with FakeNvml(inventory):
        assert inventory == discover(environ={}, host=NOWHERE)


@given(nvml_inventories())
def test_what_is_discovered_can_be_saved(inventory):
    found = read(inventory)
    assert found == parse_inventory(json.dumps(found.to_dict()))


def assert_it_ends_well(inventory, reading):
    """As an inventory with every board, or as an error that says what and what to do."""
    try:
        found = reading()
    except NoGpuError as error:
        told = str(error)
    else:
        boards = [gpu for gpu in inventory.gpus if gpu.mig is None]
        assert len(boards) == sum(gpu.mig is None for gpu in found.gpus)
        return
    assert told.startswith("no GPU could be read: ")
    assert "--gpus 8xh100" in told


@given(nvml_inventories(), st.lists(faults(FAILURES), min_size=1, max_size=3))
def test_whatever_fails_ends_in_an_inventory_or_a_documented_error(inventory, planned):
    assert_it_ends_well(inventory, lambda: read(inventory, *planned))


@settings(max_examples=25)
@given(nvml_inventories(max_gpus=4), faults(STOPS), st.lists(faults(FAILURES), max_size=1))
def test_and_so_it_does_within_the_deadline_when_it_hangs_or_crashes(inventory, stop, others):
    begun = time.monotonic()
    with FakeNvml(inventory, *others, stop):
        assert_it_ends_well(inventory, lambda: discover(timeout=0.4, environ={}, host=NOWHERE))
    assert time.monotonic() - begun < 30  # a busy machine; it is 0.4 s and one for the kill


@given(nvml_inventories(), st.data())
def test_a_gpu_that_does_not_answer_is_never_gone(inventory, data):
    boards = [gpu.index for gpu in inventory.gpus if gpu.mig is None]
    chosen = data.draw(st.sets(st.sampled_from(boards)))
    found = read(inventory, *(Fault("*", 15, gpu=index) for index in sorted(chosen)))
    named = {gpu.index: gpu for gpu in found.gpus if gpu.mig is None}
    assert boards == sorted(named)
    assert all(named[index].unavailable is not None for index in chosen)


@given(nvml_inventories(), manifests(), st.data())
def test_hiding_a_gpu_equals_removing_it(inventory, manifest, data):
    """By either variable, by index or by UUID, boards and instances; and so for what is selected."""
    boards = [gpu for gpu in inventory.gpus if gpu.mig is None]
    name = data.draw(st.sampled_from(["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"]))
    tokens, kept = data.draw(tokens_of(inventory, name, boards))
    environ = {name: ",".join(tokens), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    with FakeNvml(inventory):
        shown = visible(read(inventory), environ)
    removed = inventory.keeping(kept)
    assert removed == shown.replace(remarks=())
    one, other = select(manifest, removed), select(manifest, shown)
    assert one == other.replace(inventory=one.inventory)


@st.composite
def tokens_of(draw, inventory, name, boards):
    """Tokens for a variable, and the indices of the GPUs that they leave."""
    instances = [gpu for gpu in inventory.gpus if gpu.mig is not None]
    if instances and draw(st.booleans()):
        chosen = draw(st.sampled_from(instances))
        return [chosen.uuid], {chosen.index, chosen.mig.board}
    whole = [gpu for gpu in boards if not gpu.mig_enabled]
    assume(whole)
    chosen = draw(st.lists(st.sampled_from(whole), min_size=1, unique=True))
    if all(gpu.uuid for gpu in chosen):
        return [gpu.uuid for gpu in chosen], {gpu.index for gpu in chosen}
    # As many numbers as there are boards are the host's, and all are seen anyway.
    assume(name == "CUDA_VISIBLE_DEVICES" or len(chosen) < len(boards))
    return [str(gpu.index) for gpu in chosen], {gpu.index for gpu in chosen}


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(nvml_inventories(max_gpus=4), faults(FAILURES))
def test_a_gpu_all_of_whose_own_calls_are_answered_is_as_it_was(inventory, fault):
    """A fault about one GPU, or about how two are linked, is nobody else's."""
    links = ("nvmlDeviceGetP2PStatus", "nvmlDeviceGetTopologyCommonAncestor")
    assume(fault.call != "dlopen")
    assume(fault.call in links or (fault.gpu == 0 and fault.outcome != "missing"))
    found = {gpu.index: gpu for gpu in read(inventory, fault).gpus}
    for gpu in inventory.gpus:
        if fault.call in links or (gpu.index != 0 and gpu.mig is None):
            assert gpu == found[gpu.index]


@given(nvml_inventories(), st.data())
def test_the_variable_we_print_shows_just_the_chosen_gpus(inventory, data):
    offered = [gpu for gpu in inventory.offered if gpu.mig is None]
    if not offered:
        return
    chosen = data.draw(st.lists(st.sampled_from(offered), min_size=1, unique=True))
    indices = sorted(gpu.index for gpu in chosen)
    shown = visible(inventory, cuda_devices(inventory, indices).environ)
    assert indices == [gpu.index for gpu in shown.gpus]


@given(nvml_inventories())
def test_a_scrubbed_machine_is_the_same_but_for_its_uuids(inventory):
    clean = scrubbed(inventory)
    nameless = [
        one.replace(gpus=tuple(g.replace(uuid=None) for g in one.gpus))
        for one in (inventory, clean)
    ]
    assert nameless[0] == nameless[1]
    assert clean == scrubbed(clean)
    uuids = [gpu.uuid for gpu in clean.gpus if gpu.uuid]
    assert len(uuids) == len(set(uuids)) == sum(gpu.uuid is not None for gpu in inventory.gpus)
    assert clean == read(clean)


@given(nvml_inventories(), manifests())
def test_what_would_be_selected_if_all_answered_is_never_worse(inventory, manifest):
    decision = select(manifest, inventory)
    if decision.if_answered is None:
        return
    best = decision.ranked[0] if decision.ranked else None
    missed = decision.if_answered
    assert best is None or best.profile.id != missed.profile.id or len(best.gpus) < len(missed.gpus)
    assert any("would be selected if GPU" in str(warning) for warning in decision.warnings)
    lost = {gpu.index for gpu in inventory.unavailable}
    assert lost & set(decision.if_answered.gpus)


TOKENS = st.one_of(
    st.sampled_from(["0", "1", "7", "-1", "all", "none", "void", "", " ", "0:0", "GPU-", "MIG-"]),
    st.sampled_from(["GPU-00000001", "GPU-0", "MIG-GPU-00000000/7/0", "nvidia.com/gpu=0", "/dev"]),
    st.text(max_size=12),
)


@given(
    nvml_inventories(),
    st.sampled_from(["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"]),
    st.lists(TOKENS, max_size=6).map(",".join),
    st.sampled_from([None, "PCI_BUS_ID", "FASTEST_FIRST", "x"]),
)
def test_any_text_in_a_variable_leaves_a_part_of_the_machine(inventory, name, text, order):
    environ = {name: text} | ({} if order is None else {"CUDA_DEVICE_ORDER": order})
    shown = visible(inventory, environ)
    assert set(shown.gpus) <= set(inventory.gpus)
    assert set(shown.connections) <= set(inventory.connections)
    assert shown.remarks or shown == inventory
    boards = {gpu.index for gpu in shown.gpus if gpu.mig is None}
    assert {gpu.mig.board for gpu in shown.gpus if gpu.mig} <= boards
    if name == "NVIDIA_VISIBLE_DEVICES" and text == "none":
        assert () == shown.gpus


@given(nvml_inventories(), st.integers(60, 250), st.booleans())
def test_every_gpu_is_a_row_of_the_table(inventory, width, colour):
    text = terminal_text(gpus_blocks(inventory), width=width, colour=colour)
    words = [line.split() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    indices = [str(gpu.index) for gpu in inventory.gpus]
    assert indices == [line[0] for line in words if line and line[0] in indices][: len(indices)]
    together = " ".join(word for line in words for word in line)
    for gpu in inventory.unavailable:
        assert " ".join(gpu.unavailable.split()) in together
