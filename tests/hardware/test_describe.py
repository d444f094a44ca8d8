"""Machines in words: causes why GPUs are unavailable, each with its GPUs."""

import pytest

from nimprofile import Gpu, Inventory, mock_inventory
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.describe import (
    causes_of,
    describe_machine,
    machine_messages,
    unavailable_messages,
)


def no_answer(call):
    return Condition(Kind.NO_ANSWER, seconds=15, call=call)


def gone(*causes):
    return tuple(Gpu(at, unavailable=cause) for at, cause in enumerate(causes))


def test_gpus_with_one_cause_are_named_together():
    gpus = gone("GPU is lost", no_answer("nvmlDeviceGetName"), "GPU is lost")
    assert {
        "GPU is lost": (0, 2),
        "no answer within 15 s (in nvmlDeviceGetName)": (1,),
    } == causes_of(gpus)


@pytest.mark.parametrize("by_text", [False, True])
def test_the_call_is_left_out_where_that_makes_fewer_causes(by_text):
    causes = (no_answer("nvmlDeviceGetName"), no_answer("nvmlDeviceGetUUID"), no_answer(None))
    gpus = gone(*(map(str, causes) if by_text else causes), "GPU is lost")
    assert {"no answer within 15 s": (0, 1, 2), "GPU is lost": (3,)} == causes_of(gpus)


def test_of_answers_that_cannot_be_read_the_problem_is_the_cause():
    gpus = gone(
        *(
            Condition(Kind.UNREADABLE, problem="it was not read", call=call)
            for call in ("nvmlDeviceGetName", "nvmlDeviceGetUUID")
        )
    )
    assert {"it was not read": (0, 1)} == causes_of(gpus)


def test_a_refused_call_stays_in_the_cause():
    causes = tuple(
        Condition(Kind.REFUSED, code=999, call=call)
        for call in ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo")
    )
    assert {str(cause): (at,) for at, cause in enumerate(causes)} == causes_of(gone(*causes))


def test_unavailable_gpus_are_one_sentence_a_cause():
    assert [
        "GPUs 0-1 are unavailable: GPU is lost",
        "GPU 2 is unavailable: it smokes",
    ] == list(unavailable_messages(gone("GPU is lost", "GPU is lost", "it smokes")))


def test_everything_wrong_with_a_machine_is_said():
    inventory = Inventory(
        (Gpu(0, unavailable="GPU is lost"), Gpu(1, health_issues=("it coughs", "it is hot"))),
        remarks=("a remark",),
    )
    assert [
        "GPU 0 is unavailable: GPU is lost",
        "GPU 1 is ailing: it coughs",
        "GPU 1 is ailing: it is hot",
        "note: a remark",
    ] == list(machine_messages(inventory))


def test_a_machine_is_described_by_its_products_and_what_is_missing():
    box = mock_inventory("2xh100,1xt4")
    assert "2 × NVIDIA H100 80GB HBM3 + 1 × Tesla T4" == describe_machine(box)
    ill = box.replace(gpus=(*box.gpus[:2], box.gpus[2].replace(unavailable="GPU is lost")))
    assert "2 × NVIDIA H100 80GB HBM3 (1 more unavailable)" == describe_machine(ill)
    assert "no GPUs" == describe_machine(Inventory())
