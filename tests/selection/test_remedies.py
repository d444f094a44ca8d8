"""What would have to change for one reason, and for several, to go."""

import pytest

from nimprofile.base.units import ComputeCapability
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
from tests.support.builders import gib
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


def test_each_change_is_named_once():
    reasons = (
        DriverTooOld(">=550", "535.1"),
        DriverTooOld(">=550", "535.2"),
        CudaTooOld(">=12.4", "12.2"),
    )
    assert ("a driver >=550", "a driver that serves CUDA >=12.4") == remedies(reasons, 1)


def test_no_reason_takes_no_change():
    assert () == remedies((), 1)


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
    ) == remedies(reasons, 4)


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
    assert (f"4 GPUs of {change}",) == remedies(reasons, 4)


def test_a_newer_product_must_also_have_the_memory_that_this_one_lacks_in_total():
    reasons = (
        CapabilityUnmet(">=8.0", CC("7.5"), (0,)),
        TooLittleMemory(gib(131.9), gib(15), "estimated", gpus=(0,)),
        TooLittleFree(gib(14), gib(1), "estimated", gpus=(0,)),
    )
    assert ("a GPU of compute capability >=8.0, with 131.9 GiB of memory or more",) == remedies(
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
    ) == remedies(reasons, 2)


def test_a_single_gpu_of_the_right_product_is_a_gpu():
    assert ("a GPU of product h100",) == remedies((WrongGpu(("h100",), "Tesla T4", (0,)),), 1)


def test_enough_gpus_of_the_wrong_product_do_not_hide_how_many_are_needed():
    reasons = (WrongGpu(("h100",), "Tesla T4", (0, 1, 2)),)
    assert ("2 GPUs of product h100",) == remedies(reasons, 2)
