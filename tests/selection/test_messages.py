"""Has every reason a sentence and a remedy, with its own numbers and the right grammar?"""

from typing import get_args

import pytest

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.selection.messages import doubt_message, message, waiver_message
from nimprofile.selection.reasons import (
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    Doubt,
    DriverTooOld,
    Effect,
    EngineUnavailable,
    EngineVersionUnmet,
    GpuNotEmpty,
    LoraMismatch,
    MigAlone,
    MixedGpus,
    NotDivisible,
    PrecisionUnknown,
    Reason,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    Waiver,
    WrongGpu,
)
from nimprofile.selection.remedies import remedies, remedy
from tests.support.builders import gib

CC = ComputeCapability.parse

WORDS = [
    (
        EngineUnavailable("sglang", ("vllm", "tensorrt_llm")),
        "engine sglang is not here; here: vllm, tensorrt_llm",
        "a container that has sglang (see --engine)",
    ),
    (
        EngineUnavailable("vllm", ()),
        "engine vllm is not here; here: none",
        "a container that has vllm (see --engine)",
    ),
    (
        EngineUnavailable("llama.cpp", ("vllm",)),
        f"engine llama.cpp is not known; known: {', '.join(Engine)}",
        "correct the tag llm_engine=llama.cpp",
    ),
    (
        PrecisionUnknown("fp6"),
        f"precision fp6 is not known; known: {', '.join(Precision)}",
        "correct the tag precision=fp6, or pin the profile with --allow-unsafe",
    ),
    (
        WrongGpu(("h100", "2330:10de"), "Tesla T4", (0,)),
        "made for h100 / 2330:10de; GPU 0 is Tesla T4",
        "GPUs of product h100 / 2330:10de",
    ),
    (
        WrongGpu(("h100",), "Tesla T4", (0, 1, 3)),
        "made for h100; GPUs 0-1,3 are Tesla T4",
        "GPUs of product h100",
    ),
    (TooFewGpus(1, 0, "GPU"), "needs 1 GPU; there is none", "1 GPU"),
    (TooFewGpus(4, 0, "GPU"), "needs 4 GPUs; there is none", "4 GPUs"),
    (
        TooFewGpus(2, 1, "Tesla T4"),
        "needs 2 GPUs of one product; there is 1 × Tesla T4",
        "1 more Tesla T4",
    ),
    (
        TooFewGpus(8, 2, "Tesla T4"),
        "needs 8 GPUs of one product; there are 2 × Tesla T4",
        "6 more Tesla T4",
    ),
    (
        MixedGpus(("NVIDIA L40S", "Tesla T4")),
        "GPUs of 2 products are visible: NVIDIA L40S, Tesla T4",
        "hide all but one product from the container (NVIDIA L40S, Tesla T4), or --no-uniform-gpus",
    ),
    (
        CapabilityTooLow("fp8", CC("8.9"), CC("8.6"), gpus=(1,)),
        "fp8 needs compute capability 8.9; GPU 1 has 8.6",
        "GPUs of compute capability 8.9 or higher",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("9.0"), gpus=(0, 1)),
        "nvfp4 needs compute capability 10.0; GPUs 0-1 have 9.0",
        "GPUs of compute capability 10.0 or higher (or --allow-nvfp4-emulation)",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("8.0"), gpus=(0,)),
        "nvfp4 needs compute capability 10.0; GPU 0 has 8.0",
        "GPUs of compute capability 10.0 or higher (or --allow-nvfp4-emulation)",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("7.5"), gpus=(0,)),
        "nvfp4 needs compute capability 10.0; GPU 0 has 7.5",
        "GPUs of compute capability 10.0 or higher",
    ),
    (
        CapabilityUnmet(">=8.9,<12", CC("12.0"), (2,)),
        "requires compute capability >=8.9,<12; GPU 2 has 12.0",
        "GPUs of compute capability >=8.9,<12",
    ),
    (
        TooLittleMemory(gib(33), gib(24), "tag min_vram_per_device_gb", gpus=(0,)),
        (
            "needs at least 33.0 GiB per GPU (tag min_vram_per_device_gb); "
            "GPU 0 has 24.0 GiB in total, 9.0 GiB too little"
        ),
        "9.0 GiB more memory per GPU; or another profile, of higher tp or lower precision",
    ),
    (
        ContextTooLong(gib(33), gib(31), 84992, source="estimated", gpus=(0, 1)),
        (
            "the full context needs 33.0 GiB per GPU (estimated); "
            "GPUs 0-1 have 31.0 GiB each in total, 2.0 GiB too little; 84992 tokens fit"
        ),
        (
            "a context of 84992 tokens or less (--max-model-len 84992), "
            "or 2.0 GiB more memory per GPU"
        ),
    ),
    (
        NotDivisible("attention heads", 40, "tp", divisor=16),
        "40 attention heads cannot be divided by tp 16",
        "another tp: one that divides 40 attention heads",
    ),
    (
        ContextTooLong(gib(33), gib(31), None, source="the listing", gpus=(0,)),
        (
            "the full context needs 33.0 GiB per GPU (the listing); "
            "GPU 0 has 31.0 GiB in total, 2.0 GiB too little"
        ),
        "2.0 GiB more memory per GPU",
    ),
    (
        TooLittleFree(gib(20), gib(15.5), "estimated", gpus=(0,)),
        "needs 20.0 GiB free per GPU (estimated); GPU 0 has 15.5 GiB free, 4.5 GiB too little",
        "free 4.5 GiB on GPU 0",
    ),
    (
        TooLittleFree(1000 * MIB, 999 * MIB, "estimated", gpus=(0, 2)),
        "needs 1.0 GiB free per GPU (estimated); GPUs 0,2 have 1.0 GiB each free, 1 MiB too little",
        "free 1 MiB on each of GPUs 0,2",
    ),
    (
        TooLittleMemory(1000 * MIB + 1, 1000 * MIB, "estimated", gpus=(0,)),
        "needs at least 1.0 GiB per GPU (estimated); GPU 0 has 1.0 GiB in total, 1 MiB too little",
        "1 MiB more memory per GPU; or another profile, of higher tp or lower precision",
    ),
    (
        GpuNotEmpty(29846, 32607, 0.95, gpus=(0,)),
        "GPU 0 is not empty: 29846 of 32607 MiB free, 91.5 %; 95 % must be",
        "free 1.1 GiB on GPU 0, or --no-empty-gpu-gate",
    ),
    (
        GpuNotEmpty(949, 1000, 0.95, gpus=(0, 1)),
        "GPUs 0-1 are not empty: 949 of 1000 MiB each free, 94.9 %; 95 % must be",
        "free 1 MiB on each of GPUs 0-1, or --no-empty-gpu-gate",
    ),
    (
        MigAlone(2, (1,)),
        "needs 2 GPUs together; GPU 1 is a MIG instance, which work alone",
        "2 whole GPUs (MIG mode off), or a profile of tp 1 and pp 1",
    ),
    (
        MigAlone(4, (0, 1)),
        "needs 4 GPUs together; GPUs 0-1 are MIG instances, which work alone",
        "4 whole GPUs (MIG mode off), or a profile of tp 1 and pp 1",
    ),
    (
        DriverTooOld(">=550", "535.104.05"),
        "requires driver >=550; this one is 535.104.05",
        "a driver >=550",
    ),
    (
        CudaTooOld(">=12.4", "12.2"),
        "requires CUDA >=12.4; this driver serves 12.2",
        "a driver that serves CUDA >=12.4",
    ),
    (
        EngineVersionUnmet("vllm>=0.10.1", "0.9.2"),
        "requires vllm>=0.10.1; this one is 0.9.2",
        "vllm>=0.10.1 (see --engine-version)",
    ),
    (
        LoraMismatch(True),
        "is not known to serve LoRA adapters, and adapters are wanted",
        "take the adapters away (NIM_PEFT_SOURCE, --lora)",
    ),
    (
        LoraMismatch(False),
        "serves LoRA adapters, and none are wanted",
        "ask for adapters (--lora, NIM_PEFT_SOURCE)",
    ),
    (
        TagMismatch("precision", "fp8", "bf16"),
        "the selector wants precision=fp8; the profile has precision=bf16",
        "take precision=fp8 out of the selector (--tags, NIM_TAGS_SELECTOR)",
    ),
    (
        TagMismatch("mode", "str", None),
        "the selector wants mode=str; the profile has no tag mode",
        "take mode=str out of the selector (--tags, NIM_TAGS_SELECTOR)",
    ),
]
IDS = [f"{type(reason).__name__}-{at}" for at, (reason, _, _) in enumerate(WORDS)]
ALL = get_args(Reason)


@pytest.mark.parametrize(("reason", "text", "change"), WORDS, ids=IDS)
def test_a_reason_is_said_with_its_own_numbers(reason, text, change):
    del change
    assert text == message(reason)


@pytest.mark.parametrize(("reason", "text", "change"), WORDS, ids=IDS)
def test_what_would_have_to_change_is_said_with_its_own_numbers(reason, text, change):
    del text
    assert change == remedy(reason)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_kind_of_reason_has_words_here(kind):
    assert kind in {type(reason) for reason, _, _ in WORDS}


def test_kinds_are_told_apart_by_their_names_in_json():
    assert len(ALL) == len({kind.kind for kind in ALL})


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_kind_has_an_effect_and_perhaps_a_waiver(kind):
    assert isinstance(kind.effect, Effect)
    assert kind.waived_by is None or isinstance(kind.waived_by, Waiver)


@pytest.mark.parametrize("say", [message, remedy])
def test_what_is_no_reason_has_no_words(say):
    with pytest.raises(TypeError, match="no words for 'nonsense': it is no reason"):
        say("nonsense")


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


# Waivers.


@pytest.mark.parametrize(
    ("reason", "by_pin", "by"),
    [
        (GpuNotEmpty(10, 15360, 0.95, gpus=(0,)), True, "the pin"),
        (
            GpuNotEmpty(10, 15360, 0.95, gpus=(0,)),
            False,
            "--relax-memory (NIM_RELAX_MEM_CONSTRAINTS)",
        ),
        (
            WrongGpu(("h100",), "Tesla T4", (0,)),
            False,
            "--allow-unsafe (NIM_MANIFEST_ALLOW_UNSAFE)",
        ),
        (LoraMismatch(False), False, "the pin"),
        (TagMismatch("tp", "2", "1"), False, "the pin"),
    ],
)
def test_a_waived_reason_says_what_overrides_it(reason, by_pin, by):
    assert f"{by} overrides: {message(reason)}" == waiver_message(reason, by_pin=by_pin)


# Doubts.


@pytest.mark.parametrize(
    ("doubt", "text"),
    [
        (
            Doubt("driver", "the driver version", "driver >=550"),
            "the driver version is unknown: not checked (driver >=550)",
        ),
        (
            Doubt("compute_capability", "the compute capability", "fp8 needs 8.9", gpus=(0,)),
            "the compute capability of GPU 0 is unknown: not checked (fp8 needs 8.9)",
        ),
        (
            Doubt("memory_free", "the free memory", "estimated", gpus=(2, 0, 1)),
            "the free memory of GPUs 0-2 is unknown: not checked (estimated)",
        ),
        (
            Doubt(
                "memory_total", "what memory the profile needs", "total and free memory", gpus=(0,)
            ),
            "what memory the profile needs is unknown: not checked (total and free memory)",
        ),
    ],
)
def test_a_doubt_says_what_is_unknown_and_what_was_not_checked(doubt, text):
    assert text == doubt_message(doubt)
