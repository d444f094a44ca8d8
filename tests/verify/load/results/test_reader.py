import json

import pytest

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
