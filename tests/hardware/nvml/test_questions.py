"""The questions about a GPU: every answer is handed on, whatever the library does."""

import json

import pynvml
import pytest

from nimprofile.hardware.nvml import reader
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.nvml.codes import LOST
from nimprofile.testing import FakeNvml, Fault, lost
from tests.support.builders import make_inventory
from tests.support.nvml.reading import BOARD, PART, StubHost, only_gpu, read_here


def told(machine, *faults):
    """What is written of a machine, as subject, key and value."""
    lines = []
    with FakeNvml(machine, *faults):
        reader.read(pynvml, lambda *line: lines.append(line))
    return lines


def test_a_name_that_is_no_utf8_is_read_all_the_same():
    lines = []
    fake = FakeNvml("1xt4")
    fake.plan = fake.plan.replace("Tesla T4", "Bad \\udcff name")
    with fake:
        reader.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    assert "Bad \ufffd name" == only_gpu(Answers(lines).inventory(StubHost())).name


def test_an_answer_nobody_can_read_is_told(monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPciInfo", lambda handle: object())
    gpu = only_gpu(read_here("1xt4"))
    assert "an answer: AttributeError" in gpu.unavailable


def test_an_error_that_is_not_nvmls_is_told(monkeypatch):
    def nvmlDeviceGetUtilizationRates(handle):  # noqa: N802 - it stands for it
        raise OSError("access violation")

    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", nvmlDeviceGetUtilizationRates)
    said = "GPU 0: nvmlDeviceGetUtilizationRates: OSError: access violation"
    assert (said,) == read_here("1xt4").remarks


def test_after_every_question_comes_a_line_that_it_was_answered():
    asking = {}
    for subject, key, value in told("3xh100"):
        assert not (key == "asking" and asking.get(subject)), (subject, value)
        asking[subject] = key == "asking"
    assert not any(asking.values())


@pytest.mark.parametrize("code", sorted(LOST))
def test_nothing_is_asked_about_the_connections_of_a_gpu_that_is_lost(code):
    lines = told("4xh100", Fault("nvmlDeviceGetUUID", code, gpu=2))
    pairs = {subject for subject, _, _ in lines if "-" in str(subject)}
    assert {"0-1", "0-3", "1-3"} == pairs


def test_a_gpu_that_is_lost_is_no_remark_on_every_pair():
    machine = read_here("8xh100", lost(5, after=1))
    assert ["GPU is lost"] == [gpu.unavailable for gpu in machine.unavailable]
    assert () == machine.remarks


def test_a_pair_of_which_one_is_lost_is_not_asked_about_a_second_time():
    machine = read_here("4xh100", Fault("nvmlDeviceGetP2PStatus", 15, gpu=0))
    assert (
        "3 pairs of GPU 0 with GPUs 1-3: nvmlDeviceGetP2PStatus: GPU is lost",
    ) == machine.remarks


def test_more_slots_of_instances_than_a_board_has_are_not_asked_about():
    lines = []
    fake = FakeNvml(make_inventory(BOARD, PART))
    fake.plan = json.dumps(json.loads(fake.plan) | {"slots": (1 << 32) - 1})
    with fake:
        reader.read(pynvml, lambda *event: lines.append(json.dumps(event).encode()))
    (board,) = Answers(lines).inventory(StubHost()).gpus
    said = "4294967295 slots, which no GPU has (nvmlDeviceGetMaxMigDeviceCount)"
    assert said == board.unavailable
