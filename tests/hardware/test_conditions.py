"""Conditions: texts with a kind and figures, worded and read back by the form of the kind."""

import copy
import json
import pickle

import pytest
from hypothesis import given, strategies as st

from nimprofile import Gpu, Inventory, dump_inventory, parse_inventory
from nimprofile.hardware.conditions import Condition, Kind, names_of, with_condition
from nimprofile.hardware.nvml.codes import (
    FABRIC_STATES,
    FATAL_RECOVERIES,
    LOST,
    MILD_RECOVERIES,
    NVML_ERRORS,
)

CALLS = st.sampled_from(["nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo", "nvmlInit"])
CODES = st.one_of(st.sampled_from(sorted(NVML_ERRORS)), st.just(77), st.just("OSError: gone"))
GPUS = st.sets(st.integers(0, 130), max_size=9).map(lambda indices: tuple(sorted(indices)))
TEXTS = st.sampled_from(["Segmentation fault", "exit code 1", "x (y)", "0,1 hides GPU 3", "a: b"])
CAPABILITIES = st.sampled_from(["8.9", "10.0", "12.10"])
FIGURES = {
    Kind.LOST: {"code": st.sampled_from(sorted(LOST))},
    Kind.REFUSED: {"code": CODES, "call": CALLS},
    Kind.NO_ANSWER: {
        "seconds": st.sampled_from([0.6, 2, 15.0, 3600]),
        "call": st.none() | CALLS,
    },
    Kind.ENDED: {"how": TEXTS, "call": st.none() | CALLS},
    Kind.UNREADABLE: {"problem": TEXTS, "call": CALLS},
    Kind.NOT_READ: {},
    Kind.ROW_FAILED: {},
    Kind.NO_INSTANCE: {},
    Kind.NODE_BLOCKED: {"minor": st.integers(0, 200)},
    Kind.RECOVERY: {"action": st.sampled_from([1, 3, 4, 5, 6, 7])},
    Kind.ROW_PENDING: {},
    Kind.PAGE_PENDING: {},
    Kind.ECC_ERRORS: {"count": st.integers(1, 1 << 60)},
    Kind.FABRIC_STATE: {"state": st.sampled_from(sorted(FABRIC_STATES))},
    Kind.FABRIC_FAILED: {"code": CODES},
    Kind.HOST_MEMORY: {"gpus": GPUS.filter(bool)},
    Kind.CONTRADICTION: {
        "gpus": GPUS.filter(bool),
        "by_id": st.sampled_from(["NVIDIA L40", "NVIDIA H100 80GB HBM3"]),
        "by_name": st.sampled_from(["NVIDIA L40S", "NVIDIA GB200"]),
        "counts": st.sampled_from(["id", "name"]),
        "capability": st.none() | CAPABILITIES,
    },
    Kind.CAPABILITY: {
        "gpus": GPUS.filter(bool),
        "capability": CAPABILITIES,
        "product": st.sampled_from(["NVIDIA L40", "NVIDIA H100 80GB HBM3"]),
        "known": CAPABILITIES,
    },
    Kind.SHARED_UUID: {
        "gpus": GPUS.filter(bool),
        "uuid": st.sampled_from(["gpu-1111", "mig-1-2"]),
    },
    Kind.HIDDEN: {
        "variable": st.sampled_from(["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"]),
        "value": st.none() | TEXTS | st.just(""),
        "gpus": GPUS,
        "doubt": st.none() | st.just("'x' names no GPU here"),
    },
}
"""Figures to draw for every kind that JSON gives back; of two actions with one text, the last."""

NOT_READ_BACK = {Kind.CALL_REFUSED, Kind.CUT_SHORT}
"""Remarks whose subjects are worded in short, so that their text does not tell them."""

conditions = st.sampled_from(sorted(FIGURES)).flatmap(
    lambda kind: st.fixed_dictionaries(FIGURES[kind]).map(lambda drawn: Condition(kind, **drawn))
)


def test_every_kind_is_drawn_here_or_is_not_read_back():
    assert set(Kind) == FIGURES.keys() | NOT_READ_BACK


@given(conditions)
def test_a_text_read_back_is_the_condition_that_it_was_made_from(condition):
    read = with_condition(str(condition))

    assert condition == read
    assert (condition.kind, condition.figures) == (read.kind, read.figures)


@given(st.text() | conditions.map(str) | conditions.flatmap(lambda text: st.just(f"{text} x")))
def test_reading_never_changes_a_text(text):
    assert text == with_condition(text)


@given(conditions)
def test_the_conditions_of_a_machine_survive_json(condition):
    inventory = Inventory(
        (Gpu(0, health_issues=(condition,)), Gpu(1, unavailable=condition)), remarks=(condition,)
    )
    saved = parse_inventory(json.dumps(dump_inventory(inventory)))

    assert inventory == saved
    for text in (*saved.gpus[0].health_issues, saved.gpus[1].unavailable, *saved.remarks):
        assert (condition.kind, condition.figures) == (text.kind, text.figures)


@pytest.mark.parametrize(
    ("kind", "figures", "text"),
    [
        (Kind.LOST, {"code": 15}, "GPU is lost"),
        (
            Kind.REFUSED,
            {"code": 77, "call": "nvmlDeviceGetHandleByIndex"},
            "NVML error 77 (nvmlDeviceGetHandleByIndex)",
        ),
        (Kind.NO_ANSWER, {"seconds": 15.0, "call": None}, "no answer within 15 s"),
        (
            Kind.NO_ANSWER,
            {"seconds": 0.6, "call": "nvmlInit"},
            "no answer within 0.6 s (in nvmlInit)",
        ),
        (Kind.ENDED, {"how": "Killed", "call": None}, "the process that reads it ended: Killed"),
        (
            Kind.ENDED,
            {"how": "Killed", "call": "nvmlInit"},
            "the process that reads it ended: Killed (in nvmlInit)",
        ),
        (
            Kind.HIDDEN,
            {"variable": "CUDA_VISIBLE_DEVICES", "value": "", "gpus": (0, 1), "doubt": None},
            "CUDA_VISIBLE_DEVICES= hides GPUs 0-1",
        ),
        (
            Kind.CALL_REFUSED,
            {"subjects": (0, 2, "1/0", "0-1", "0-2"), "call": "nvmlX", "code": 27},
            "GPUs 0,2, slot 0 of GPU 1, 2 pairs of GPU 0 with GPUs 1-2: nvmlX: not ready",
        ),
        (
            Kind.CUT_SHORT,
            {"ending": "it stopped", "pending": None},
            "the reading was cut short: it stopped",
        ),
        (
            Kind.CUT_SHORT,
            {"ending": "it stopped", "pending": {"nvmlB": (1,), "nvmlA": (0, 2)}},
            "the reading was cut short: it stopped; it was in nvmlA of GPUs 0,2, nvmlB of GPU 1",
        ),
    ],
    ids=str,
)
def test_a_condition_is_worded_from_its_figures(kind, figures, text):
    assert text == Condition(kind, **figures)


@pytest.mark.parametrize("table", [FATAL_RECOVERIES, MILD_RECOVERIES])
def test_what_the_driver_asks_for_is_worded_by_its_number(table):
    for action, text in table.items():
        condition = Condition(Kind.RECOVERY, action=action)
        assert text == condition
        assert action == condition.figures["action"]


@pytest.mark.parametrize(
    "text",
    [
        "tired",
        "",
        "gpu is lost",
        "0 uncorrected ECC errors since the driver was loaded",
        "no answer within 15.0 s",
        "no answer within 1e3 s",
        "CUDA_VISIBLE_DEVICES=0 hides GPUs 0-99999999999",
        "CUDA_VISIBLE_DEVICES=0 hides GPUs 3-1",
    ],
)
def test_a_text_that_is_not_quite_ours_has_no_kind(text):
    assert type(with_condition(text)) is str


def test_a_condition_is_a_text_to_everything_else():
    condition = Condition(Kind.LOST, code=15)
    assert "GPU is lost" == condition
    assert {"GPU is lost": 1} == {condition: 1}
    assert '"GPU is lost"' == json.dumps(condition)
    assert "'GPU is lost'" == repr(condition)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_keeps_kind_and_figures(copied):
    condition = Condition(Kind.NO_ANSWER, seconds=2, call="nvmlInit")
    again = copied(condition)
    assert (condition, condition.kind, condition.figures) == (again, again.kind, again.figures)


def test_a_condition_cannot_be_changed():
    condition = Condition(Kind.LOST, code=15)
    with pytest.raises(AttributeError, match="a condition is frozen: cannot set 'kind'"):
        condition.kind = Kind.ENDED
    with pytest.raises(TypeError):
        condition.figures["code"] = 16
    assert "GPU requires a reset" == condition.with_figures(code=16)
    assert "GPU is lost" == condition


@pytest.mark.parametrize("figures", [{}, {"cod": 15}, {"code": 15, "call": "nvmlInit"}])
def test_figures_that_a_kind_does_not_have_are_refused(figures):
    with pytest.raises(TypeError, match=r"lost has the figures \['code'\], not"):
        Condition(Kind.LOST, **figures)


def test_subjects_are_named_in_short():
    assert "GPU 3" == names_of([3])
    assert "slot 0 of GPU 1, slot 2 of GPU 1" == names_of(["1/2", "1/0"])
    assert "1 pair of GPUs 0-1" == names_of(["0-1"])
    assert "2 pairs of GPUs 0-3" == names_of(["0-1", "2-3"])
    assert "3 pairs of GPU 2 with GPUs 0-1,3" == names_of(["0-2", "1-2", "2-3"])
