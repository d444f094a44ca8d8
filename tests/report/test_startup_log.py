"""Are the lines of a start-up log NIM's own, and is each one line?"""

import io
import json
import logging
import sys

import pytest

from nimprofile import RequestError, select
from nimprofile.base.units import GIB
from nimprofile.report.startup_log import decision_lines, logger_of, wants_json
from tests.support.builders import H100_MIB, make_h100, make_inventory, make_manifest, needing


def messages(decision):
    return [message for _, message in decision_lines(decision)]


POLICY = "Policy nim (the documented chain: nothing tells the NIM's version)."


def test_profiles_that_wait_for_memory_are_counted_apart():
    profiles = [needing(GIB, name="small"), needing(60 * GIB, name="large")]
    profiles = [profile.replace(id=f"{at}" * 8) for at, profile in enumerate(profiles)]
    busy = make_inventory(make_h100(free=H100_MIB // 2))
    found = messages(select(make_manifest(*profiles), busy))
    assert [
        "Detected 0 compatible profile(s).",
        (
            "Detected additional 2 compatible profile(s) that are currently not runnable due to "
            "low free GPU memory."
        ),
        POLICY,
    ] == found


def test_what_is_incompatible_is_not_said_to_wait_for_memory():
    manifest = make_manifest(needing(200 * GIB))
    assert ["Detected 0 compatible profile(s).", POLICY] == messages(
        select(manifest, make_inventory(make_h100()))
    )


def test_a_warning_of_the_decision_is_a_warning_of_the_log():
    gpu = make_h100().replace(health_issues=("it is hot",))
    decision = select(make_manifest(needing(GIB)), make_inventory(gpu))
    assert (logging.WARNING, "GPU 0: it is hot") in list(decision_lines(decision))


def test_the_lines_come_in_nims_order():
    decision = select(make_manifest(needing(GIB)), make_inventory(make_h100()))
    words = [message.split()[0] for message in messages(decision)]
    assert ["Detected", "Valid", "Policy", "Selected", "Profile", "Profile"] == words


@pytest.mark.parametrize("text", ["a\nb", "a\r\nERROR b", "\x1b[31m", "a\u2028b"])
@pytest.mark.parametrize("jsonl", ["0", "1"])
def test_a_message_is_one_line_whatever_it_quotes(capsys, text, jsonl):
    logger_of({"NIM_JSONL_LOGGING": jsonl}).warning("%s", text)
    (line,) = capsys.readouterr().err.splitlines()
    if jsonl == "1":
        assert text == json.loads(line)["message"]
    else:
        assert line.startswith("WARNING ")
        assert line.isprintable()


@pytest.mark.parametrize("value", ["2", "maybe", "y"])
def test_a_switch_that_is_neither_is_said(value):
    with pytest.raises(RequestError, match=r"NIM_JSONL_LOGGING='.*' is neither 0 nor 1"):
        wants_json({"NIM_JSONL_LOGGING": value})


@pytest.mark.parametrize(("value", "lines"), [("yes", True), ("ON", True), ("off", False)])
def test_the_log_takes_the_words_of_every_switch(value, lines):
    assert lines is wants_json({"NIM_JSONL_LOGGING": value})


def test_a_stream_that_fails_loses_its_records_and_nothing_else(monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Full())
        logger_of({}).warning("lost")
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize(
    ("value", "level"),
    [("", 20), ("DEFAULT", 20), ("None", 20), ("trace", 10), ("Warning", 30), ("CRITICAL", 50)],
)
def test_a_level_is_that_of_either_generation(value, level):
    assert level == logger_of({"NIM_LOG_LEVEL": value}).level
