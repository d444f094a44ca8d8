"""Laws of logs: any text is read, in bounded memory, and what surrounds a message changes nothing."""

import itertools
import json
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from nimprofile import select
from nimprofile.base.printable import shown
from nimprofile.report.startup_log import decision_lines, record_of
from nimprofile.testing import situations
from nimprofile.verify.logs.last_start import last_start
from nimprofile.verify.logs.lines import MOST_OF_LINE, lines_of, log_lines
from nimprofile.verify.logs.patterns import COUNTS, FRACTIONS, SIZES, SWITCHES
from nimprofile.verify.logs.reader import MOST_TEXT, MOST_TOLD, observations
from nimprofile.verify.observation import Fact
from tests.support.paths import CORPUS

LOGS = [
    json.loads(line)["log"]
    for name in ("nim.jsonl", "engines.jsonl")
    for line in (CORPUS / "logs" / name).read_text("utf-8").splitlines()
]
LINES = sorted({line for log in LOGS for line in log})


@st.composite
def damaged(draw):
    """A line of a real log with pieces of it deleted, doubled, or of other lines put in."""
    line = draw(st.sampled_from(LINES))
    for _ in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(line))] * 2)))
        piece = draw(
            st.sampled_from(["", line[start:end] * 2, draw(st.text(max_size=9)), "9" * 40, "\x1b["])
        )
        line = line[:start] + piece + line[end:]
    return line


LOG = st.lists(st.one_of(damaged(), st.text(max_size=300)), max_size=12)


def facts(lines):
    return {(each.fact, each.value) for each in observations(lines, "")}


@given(LOG)
def test_any_log_is_read_and_every_value_is_one_of_its_fact(log):
    seen = [*observations(log, "a.log")]
    for each in seen:
        assert 1 <= int(each.place.removeprefix("line ")) <= len(log)
        assert len(each.text) <= MOST_TEXT + 1
        if each.fact in COUNTS | SIZES:
            assert type(each.value) is int
            assert each.value >= 0
        elif each.fact in FRACTIONS:
            assert isinstance(each.value, float)
        elif each.fact in SWITCHES | {Fact.START}:
            assert isinstance(each.value, bool)
        else:
            assert isinstance(each.value, str)
            assert each.value
    assert {each.fact for each in seen} >= last_start(seen).keys()


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data, cuts):
    parts = [data[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(data)])]
    lines = [*lines_of([data])]
    assert lines == [*lines_of(parts)]
    assert data.decode("utf-8", "replace").split("\n") == [
        *lines,
        *[""][: not data or data[-1:] == b"\n"],
    ]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda line: json.dumps({"log": f"{line}\n", "stream": "stdout", "time": "2026-01-01"}),
        lambda line: json.dumps({"level": "INFO", "message": line}, ensure_ascii=False),
        lambda line: f"2026-04-22T00:46:45.123456789Z {line}",
        lambda line: f"2026-04-22T00:46:45.123456789Z stderr F {line}",
        lambda line: f"server-1  | {line}",
        lambda line: f"[pod/llama-0/server] {line}",
        lambda line: f"\x1b[32m{line}\x1b[0m",
    ],
)
def test_what_is_put_around_a_line_changes_nothing_that_it_tells(wrap):
    for log in LOGS:
        # A line that begins with blanks is a part of a block, or of a picture of letters.
        plain = [line for line in log if line[:1] not in " |"]
        assert facts(plain) == facts(map(wrap, plain))


@given(situations(), st.booleans())
def test_our_own_start_up_log_tells_the_profile_that_is_selected(situation, as_json):
    decision = select(*situation)
    log = [
        record_of(f"note: {message}")
        if as_json
        else f"INFO 2026-04-22 00:46:45.123 plan.py:1] {message}"
        for _, message in decision_lines(decision)
    ]
    told = last_start(observations(log, ""))
    chosen = decision.selected
    wanted = [] if chosen is None else [chosen.profile.id]
    assert wanted == [each.value for each in told.get(Fact.PROFILE_ID, ())]
    if chosen is not None:
        tags = {shown(f"{tag}={value}") for tag, value in chosen.profile.tags.items()}
        assert {shown(each.value) for each in told.get(Fact.TAG, ())} <= tags


@given(LOG, LOG)
def test_what_was_told_is_never_taken_back_by_what_follows(one, two):
    first, both = [*observations(one, "")], [*observations([*one, *two], "")]
    assert first == both[: len(first)]


@pytest.mark.parametrize(
    "unit", ["a", "INFO:     ", "{", "[", "(", "'", "a=1, ", "\\u0000", "\x1b[", "#"]
)
def test_a_line_of_any_length_is_cut(unit):
    (told,) = log_lines([f"x{unit * 200_000}"])
    assert len(told.message) <= MOST_OF_LINE


def _without_end(count):
    for number in range(count):
        yield f"(Worker pid={number}) INFO 04-22 00:46:45 [a.py:1] Model loading took {number}.5 GiB"
        yield f"(Core{number} pid=1) INFO 04-22 00:46:45 [a.py:1] vLLM API server version 0.8.5"


def test_a_log_without_end_takes_bounded_memory():
    tracemalloc.start()
    for _ in observations(_without_end(1500), ""):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_of_one_start_only_so_much_is_told():
    assert MOST_TOLD == sum(1 for _ in observations(_without_end(MOST_TOLD + 99), ""))
