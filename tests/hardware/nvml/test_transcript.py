"""What processes wrote is sorted by its subject, and lines that are none are left out."""

import pytest

from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.nvml.codes import MOST_GPUS
from nimprofile.hardware.nvml.transcript import MOST_OF_TEXT, Transcript, driver_text

ENDED = Condition(Kind.ENDED, how="Killed", call=None)


def test_answers_refusals_and_the_last_call_are_sorted_by_subject():
    lines = [
        b'[null,"asking","nvmlInit"]',
        b'[0,"asking","nvmlA"]',
        b'[0,"name","X"]',
        b'[0,"asking","nvmlB"]',
        b'[0,"refused",["nvmlB",3]]',
        b'[0,"asking","nvmlC"]',
    ]
    read = Transcript(lines)
    assert {"refused": [], "asking": "nvmlInit", "asked": "nvmlInit"} == read.about(None)
    expected = {"refused": [("nvmlB", 3)], "name": "X", "asking": "nvmlC", "asked": "nvmlC"}
    assert expected == read.about(0)
    assert {"refused": []} == read.about(7)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[",
        b"null",
        b"[0]",
        b'[0,"name"]',
        b'[0,"name",7]',
        b'[0,"nonsense",7]',
        b"[0,[],7]",
        b'["x","name","X"]',
        b'["0-","name","X"]',
        b'[-1,"name","X"]',
        b'[true,"name","X"]',
        b'[0,"memory",[1,2]]',
        b'[0,"memory",[1,2,"x"]]',
        b'[0,"remapped",[0,0,0,-1]]',
        b'[0,"mig",true]',
        b'[0,"refused",["nvmlA",[]]]',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_line_that_no_process_of_ours_writes_is_left_out(line):
    assert {} == Transcript([line]).by_subject


def test_texts_are_printable_and_of_bounded_length():
    read = Transcript([b'[0,"name","\\u001b]0;x\\u0007\\ud800"]', b'[0,"refused",["a","\\n"]]'])
    assert "\ufffd]0;x\ufffd\ufffd" == read.about(0)["name"]
    assert [("a", "\ufffd")] == read.about(0)["refused"]
    assert MOST_OF_TEXT + 1 == len(driver_text("x" * 100_000))


def test_what_was_not_read_to_its_end_is_told_apart():
    lines = [b'[null,"count",3]', b'[0,"done",true]', b'[1,"name","X"]', b'[2,"done",false]']
    assert [1] == Transcript(lines).unread()
    assert [] == Transcript([]).unread()
    many = Transcript([f'[null,"count",{MOST_GPUS + 1}]'.encode()])
    assert (0, []) == (many.count, many.unread())


def test_another_process_replaces_all_that_is_known_of_its_gpu_and_nothing_else():
    first = Transcript(
        [b'[1,"name","X"]', b'[1,"uuid","U"]', b'["1/0","name","M"]', b'[11,"mig",0]']
    )
    other = Transcript([b'[1,"name","Y"]', b'["1/2","name","N"]', b'[null,"count",9]'], ENDED)
    first.take(1, other)
    expected = {
        1: {"refused": [], "name": "Y", "asking_slot": None, "ending": ENDED},
        11: {"refused": [], "mig": 0},
        "1/2": {"refused": [], "name": "N"},
    }
    assert expected == first.by_subject


@pytest.mark.parametrize(
    ("code", "ending"),
    [(0, None), (-11, "Segmentation fault"), (3, "exit code 3"), (None, "Killed")],
)
def test_the_end_of_a_process_that_was_asked_about_one_gpu_is_that_gpus(code, ending):
    lines = [b'[0,"asking","nvmlA"]'] + ([] if code is None else [f'[0,"ended",{code}]'.encode()])
    first = Transcript([b'[null,"count",1]'], ENDED)
    first.take(0, Transcript(lines))
    told = first.about(0)
    assert "nvmlA" == told["asking"]
    assert ending == (told["ending"] and told["ending"].figures["how"])


LINKED = [
    b'[null,"count",5]',
    *(f'[{at},"done",true]'.encode() for at in (0, 1, 2, 3)),
    b'[3,"refused",["nvmlA",15]]',
    b'[4,"done",false]',
    b'["0-1","nvlink",true]',
    b'["0-1","done",true]',
    b'["0-2","asking","nvmlP"]',
]


def test_only_gpus_that_answered_have_connections_to_read():
    read = Transcript(LINKED)
    assert [(0, 2), (1, 2)] == read.unlinked()
    assert ((0, 2), "nvmlP") == read.pending_link()
    assert None is Transcript([]).pending_link()


def test_of_a_process_that_crashed_only_connections_that_it_read_are_taken():
    lines = [b'["1-2","ancestor",50]', b'["1-2","done",true]', b'["0-2","asking","nvmlQ"]']
    read = Transcript(LINKED)
    read.take_links(Transcript(lines, ENDED))
    assert {"refused": [], "ancestor": 50, "done": True} == read.about("1-2")
    assert "nvmlP" == read.about("0-2")["asking"]
    late = Condition(Kind.NO_ANSWER, seconds=2.0, call=None)
    read.take_links(Transcript(lines, late))
    assert "nvmlQ" == read.about("0-2")["asking"]


def test_a_connection_that_is_given_up_is_not_asked_for_again():
    read = Transcript(LINKED)
    read.refuse_link((0, 2), "nvmlP", "Segmentation fault")
    assert [(1, 2)] == read.unlinked()
    assert [("nvmlP", "Segmentation fault")] == read.about("0-2")["refused"]
