import json

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.errors import ResultsError
from nimprofile.verify.load.plausible import impossible
from nimprofile.verify.load.results.reader import read_results
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"
FILES = sorted(path.name for path in LOADS.iterdir() if path.name != "README.md")


def _written(tmp_path, text):
    path = tmp_path / "results"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
def test_no_recorded_measurement_is_called_impossible(name):
    assert [()] == list({impossible(report) for report in read_results(LOADS / name)})


def test_the_page_of_the_corpus_names_every_file():
    page = (LOADS / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in FILES if f"`{name}`" not in page]


def test_each_line_of_a_file_is_a_run():
    assert [4, 1] == [report.concurrency for report in read_results(LOADS / "sglang.jsonl")]


def test_a_wrong_line_is_named(tmp_path):
    good = (LOADS / "sglang.jsonl").read_text(encoding="utf-8")
    with pytest.raises(ResultsError, match=r"results:3: not JSON"):
        read_results(_written(tmp_path, f"{good}nonsense\n"))
    with pytest.raises(ResultsError, match=r"results:3: no results that are known"):
        read_results(_written(tmp_path, good + '{"a": 1}\n'))


def test_a_wrong_figure_of_a_line_is_named_with_the_line(tmp_path):
    lines = (LOADS / "sglang.jsonl").read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace('"mean_ttft_ms": 21.59', '"mean_ttft_ms": "fast"')
    with pytest.raises(ResultsError, match=r"results:2: mean_ttft_ms: 'fast' is no number"):
        read_results(_written(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize(
    "text", ["[]", "{}", '"text"', "3", '{"benchmarks": []}', '{"benchmarks": [{"metrics": 1}]}']
)
def test_json_that_is_no_results_says_what_is_read(tmp_path, text):
    with pytest.raises(ResultsError, match=r"AIPerf.*GuideLLM.*vllm bench serve.*sglang"):
        read_results(_written(tmp_path, text))


@pytest.mark.parametrize("text", ["{", "[" * 100, "not json"])
def test_what_is_no_json_is_refused(tmp_path, text):
    with pytest.raises(ResultsError, match=r"results(:1)?: (not JSON|nested)"):
        read_results(_written(tmp_path, text))


def test_a_file_that_is_not_there_is_an_error_of_results(tmp_path):
    with pytest.raises(ResultsError, match="no such file"):
        read_results(tmp_path / "none.json")


def test_a_file_has_a_thousand_runs_at_most(tmp_path):
    line = json.dumps({"completed": 1, "output_throughput": 1.0})
    with pytest.raises(ResultsError, match=r"results:1001: more than 1000 runs"):
        read_results(_written(tmp_path, f"{line}\n" * 1001))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.sampled_from(["", "ms", "sec", "\x1b[2J", "x" * 3000, [], {}, [[]], [{}], {"avg": "x"}]),
)


def _places(value, path=()):
    """Every place in a document."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from _places(value[key], (*path, key))


@given(name=st.sampled_from([name for name in FILES if name.endswith(".json")]), data=st.data())
def test_a_damaged_file_is_read_or_refused_with_words(tmp_path_factory, name, data):
    value = json.loads((LOADS / name).read_text(encoding="utf-8"))
    for place in data.draw(st.lists(st.sampled_from([*_places(value)]), max_size=3)):
        holder = value
        try:
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = data.draw(ODD)
        except (KeyError, IndexError, TypeError):  # what was damaged before
            continue
    path = tmp_path_factory.getbasetemp() / name
    path.write_text(json.dumps(value), encoding="utf-8")
    assert _is_sound(path)


def _is_sound(path):
    """Whether a file is read into figures that can be printed, or refused with a few words."""
    try:
        reports = read_results(path)
    except ResultsError as error:
        return str(error).isprintable() and len(str(error)) < 2000
    json.dumps([report.to_dict() for report in reports], allow_nan=False)
    return all(problem.isprintable() for report in reports for problem in impossible(report))
