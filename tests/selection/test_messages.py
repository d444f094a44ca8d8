"""Every reason, waiver and doubt has a sentence, with its own figures and the right grammar."""

from typing import get_args

import pytest

from nimprofile.selection.messages import doubt_message, message, waiver_message
from nimprofile.selection.reasons import (
    Doubt,
    GpuNotEmpty,
    LoraMismatch,
    Reason,
    TagMismatch,
    WrongGpu,
)
from nimprofile.selection.remedies import remedy
from tests.support.worded_reasons import IDS, WORDED


@pytest.mark.parametrize(("reason", "text", "change"), WORDED, ids=IDS)
def test_a_reason_is_said_with_its_own_numbers(reason, text, change):
    del change
    assert text == message(reason)


@pytest.mark.parametrize("kind", get_args(Reason), ids=lambda kind: kind.__name__)
def test_every_kind_of_reason_has_words_here(kind):
    assert kind in {type(reason) for reason, _, _ in WORDED}


@pytest.mark.parametrize("say", [message, remedy])
def test_what_is_no_reason_has_no_words(say):
    with pytest.raises(TypeError, match="no words for 'nonsense': it is no reason"):
        say("nonsense")


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
