"""What would have to change for one reason, and for several, to go."""

import re

import pytest

from nimprofile import load_manifest, mock_inventory, select
from nimprofile.base.units import ComputeCapability
from nimprofile.engines.memory.need import MemoryNeed
from nimprofile.selection.reasons import (
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    DriverTooOld,
    GpuNotEmpty,
    LoraMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongGpu,
)
from nimprofile.selection.remedies import remedies, remedy
from nimprofile.selection.verdict import Verdict
from tests.support.builders import gib, make_profile
from tests.support.worded_reasons import IDS, WORDED

CC = ComputeCapability.parse


@pytest.mark.parametrize(("reason", "text", "change"), WORDED, ids=IDS)
def test_what_would_have_to_change_is_said_with_its_own_numbers(reason, text, change):
    del text
    assert change == remedy(reason)


@pytest.mark.parametrize("total", [15360, 24564, 32607, 81559, 143771])
def test_freeing_what_the_gate_asks_for_passes_the_gate(total):
    # In MiB: the remedy of a GPU one MiB short asks for one.
    enough = next(free for free in range(total) if free >= 0.95 * total)
    short = GpuNotEmpty(enough - 1, total, 0.95, gpus=(0,))
    assert "free 1 MiB on GPU 0, or --no-empty-gpu-gate" == remedy(short)


# Several reasons.


def changes(reasons, needed, need=None, **tags):
    """The remedies of a profile on so many GPUs, made for the GPUs that the reasons name."""
    made_for = [reason.wanted[0] for reason in reasons if isinstance(reason, WrongGpu)]
    profile = make_profile(tp=str(needed), **({"gpu": made_for[0]} if made_for else {}), **tags)
    return remedies(Verdict(profile, tuple(reasons), (), need=need))


def test_each_change_is_named_once():
    reasons = (
        DriverTooOld(">=550", "535.1"),
        DriverTooOld(">=550", "535.2"),
        CudaTooOld(">=12.4", "12.2"),
    )
    assert ("a driver >=550", "a driver that serves CUDA >=12.4") == changes(reasons, 1)


def test_no_reason_takes_no_change():
    assert () == changes((), 1)


def test_on_the_wrong_product_the_right_one_is_counted_and_the_memory_of_this_one_is_moot():
    reasons = (
        WrongGpu(("h100",), "Tesla T4", (0,)),
        TooLittleMemory(gib(33), gib(15), "estimated", gpus=(0,)),
        ContextTooLong(gib(33), gib(15), 512, source="estimated", gpus=(0,)),
        TooLittleFree(gib(14), gib(1), "estimated", gpus=(0,)),
        TooFewGpus(4, 1, "Tesla T4"),
        GpuNotEmpty(0, 15360, 0.95, gpus=(0,)),
        DriverTooOld(">=550", "535.1"),
        LoraMismatch(False),
    )
    assert (
        "4 GPUs of product h100",
        "a driver >=550",
        "ask for adapters (--lora, NIM_PEFT_SOURCE)",
    ) == changes(reasons, 4)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (
            CapabilityTooLow("bf16", CC("8.0"), CC("7.5"), gpus=(0,)),
            "compute capability 8.0 or higher",
        ),
        (CapabilityUnmet(">=8.9", CC("7.5"), (0,)), "compute capability >=8.9"),
    ],
)
def test_a_product_that_is_too_old_is_not_asked_for_more_of(reason, change):
    reasons = (reason, TooFewGpus(4, 1, "Tesla T4"), GpuNotEmpty(0, 15360, 0.95, gpus=(0,)))
    assert (f"4 GPUs of {change}",) == changes(reasons, 4)


def test_a_newer_product_must_also_have_the_memory_that_this_one_lacks_in_total():
    reasons = (
        CapabilityUnmet(">=8.0", CC("7.5"), (0,)),
        TooLittleMemory(gib(131.9), gib(15), "estimated", gpus=(0,)),
        TooLittleFree(gib(14), gib(1), "estimated", gpus=(0,)),
    )
    assert ("a GPU of compute capability >=8.0, with 131.9 GiB of memory or more",) == changes(
        reasons, 1
    )


def test_what_rules_a_product_out_twice_is_one_change():
    reasons = (
        WrongGpu(("h100",), "Tesla T4", (0,)),
        CapabilityTooLow("fp8", CC("8.9"), CC("7.5"), gpus=(0,)),
        CapabilityUnmet("==9.0", CC("7.5"), (0,)),
    )
    assert (
        "2 GPUs of product h100, of compute capability 8.9 or higher, of compute capability ==9.0",
    ) == changes(reasons, 2)


def test_a_single_gpu_of_the_right_product_is_a_gpu():
    assert ("a GPU of product h100",) == changes((WrongGpu(("h100",), "Tesla T4", (0,)),), 1)


def test_enough_gpus_of_the_wrong_product_do_not_hide_how_many_are_needed():
    reasons = (WrongGpu(("h100",), "Tesla T4", (0, 1, 2)),)
    assert ("2 GPUs of product h100",) == changes(reasons, 2)


# The GPUs that a profile takes.


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (79, "a GPU of product h100"),
        (80, "a GPU of product h100, with 80.0 GiB of memory or more"),
    ],
)
def test_memory_is_named_unless_the_product_is_known_to_have_it(size, text):
    lacking = TooLittleMemory(gib(size), gib(15), "estimated", gpus=(0,))
    assert (text,) == changes((WrongGpu(("h100",), "Tesla T4", (0,)), lacking), 1)


def test_what_passed_here_is_named_of_other_gpus_too():
    need = MemoryNeed(gib(40), gib(30), "estimated")
    old = CapabilityTooLow("fp8", CC("8.9"), CC("8.0"), gpus=(0,))
    assert ("2 GPUs of compute capability 8.9 or higher, with 40.0 GiB of memory or more",) == (
        changes((old,), 2, need)
    )
    assert (
        "2 GPUs of product l40s, of compute capability 8.9 or higher",
        "a driver >=550",
    ) == changes((old, DriverTooOld(">=550", "535.1")), 2, need, gpu="l40s")


def test_a_capability_that_the_product_is_not_known_to_have_is_named():
    wrong = WrongGpu(("acme",), "Tesla T4", (0,))
    expected = "a GPU of product acme, of compute capability 8.9 or higher"
    assert (expected,) == changes((wrong,), 1, precision="fp8")
    expected = "a GPU of product acme, of compute capability 8.9 or higher, of compute capability "
    assert (f"{expected}==9.0",) == changes((wrong,), 1, precision="fp8", compute_capability="9.0")


@pytest.mark.parametrize(
    ("tags", "missing", "text"),
    [
        ({}, (), "1 GPU"),
        ({"precision": "fp8"}, (), "a GPU of compute capability 8.9 or higher"),
        ({"gpu": "h100", "precision": "fp8"}, (), "a GPU of product h100"),
        ({"gpu": "h100"}, (3,), "GPU 3 to answer again, or a GPU of product h100"),
        ({"gpu": "h100", "ampereplus": "enabled"}, (), "a GPU of compute capability 8.0 or higher"),
    ],
)
def test_where_there_is_no_gpu_it_is_said_which_would_do(tags, missing, text):
    assert (text,) == changes((TooFewGpus(1, 0, "GPU", missing=missing),), 1, **tags)


def test_more_memory_is_as_much_as_a_larger_gpu_needs_with_the_whole_and_with_a_short_context():
    decision = select(load_manifest("llama-3.1-70b-instruct"), mock_inventory("1xt4"))
    (change,) = remedies(decision.nearest)
    assert re.fullmatch(
        r"[0-9.]+ GiB more memory per GPU \([0-9.]+ GiB with a short context\); "
        "or another profile, of higher tp or lower precision",
        change,
    )
