import json

import jsonschema
import pytest

from nimprofile.report.blocks import plain_text
from nimprofile.report.production.load import load_blocks, load_to_dict
from nimprofile.report.schemas.load import load_schema
from nimprofile.verify.load.goals import Goals, judge_load
from nimprofile.verify.load.load_report import Failures, GpuMemory, LoadReport, Spread
from nimprofile.verify.load.results.reader import read_results
from tests.support.paths import ROOT

LOADS = ROOT / "tests/corpus/loads"
OURS = LoadReport(
    "nimprofile",
    "http://127.0.0.1:8000",
    "meta/llama-3.1-8b-instruct",
    interface="chat completions",
    concurrency=4,
    requests=32,
    completed=29,
    failed=2,
    seconds=10.0,
    ttft_ms=Spread(29, 51.5, least=40.0, p50=50.0, p90=60.0, p95=70.0, p99=80.0, most=81.0),
    latency_ms=Spread(29, 1000.0),
    prompt_tokens=29 * 256,
    output_tokens=2900,
    tokens_from="usage",
    requests_per_second=2.9,
    output_tokens_per_second=290.0,
    failures=(Failures("HTTP 429", 2, "slow down"),),
    gpus=(GpuMemory(0, "NVIDIA H100", total=81559, idle=70000, peak=70100),),
    kv_cache_idle=0.0,
    kv_cache_peak=0.125,
    notes=("the first request tried how the server is asked, and is not among the figures",),
)


_UNKNOWN = (
    "not observable\ttime per output token: p95 at most 20 ms\t"
    "no time per output token was measured"
)


def _text(report, goals=None):
    return plain_text(load_blocks(judge_load(report, goals or Goals())))


def test_a_load_of_ours_in_words():
    assert _text(OURS, Goals(75.0, 20.0)).split("\n") == [
        "load of http://127.0.0.1:8000 by nimprofile, meta/llama-3.1-8b-instruct, chat completions",
        "29 requests answered, 2 failed, 4 at once at most, in 10.0 s",
        "ms\tmean\tp50\tp90\tp95\tp99\thighest",
        "time to first token\t51.50\t50.00\t60.00\t70.00\t80.00\t81.00",
        "latency\t1000\t-\t-\t-\t-\t-",
        "290.0 output tokens per second, counted by the server",
        "2.90 requests per second; by Little's law 2.90 were in flight on average",
        "256 tokens in a prompt on average",
        "GPU\tname\tMiB\tidle\tpeak",
        "0\tNVIDIA H100\t81559\t70000\t70100",
        "KV cache in use: 0.0% idle, 12.5% at its peak",
        "failed: 2 × HTTP 429: slow down",
        "contradicted\trequests are answered: all\t2 failed, HTTP 429 first of all",
        "proven\ttime to first token: p95 at most 75 ms\tp95 70 ms is not over 75 ms",
        _UNKNOWN,
        "note: the first request tried how the server is asked, and is not among the figures",
    ]


def test_an_impossible_measurement_is_called_that():
    text = _text(OURS.replace(concurrency=1))
    assert "impossible: Little's law: 2.9 requests per second of 1000 ms are 2.9 in flight" in text


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("time", "ended when its time was up"),
        ("interrupted", "ended by a signal"),
        ("error", "ended because nothing was answered"),
    ],
)
def test_why_a_run_ended_is_said(ended, words):
    assert words in _text(OURS.replace(ended=ended)).split("\n")[1]


def test_parts_of_streams_are_not_called_tokens_of_the_server():
    text = _text(OURS.replace(tokens_from="chunks"))
    assert "290.0 output tokens per second, counted in parts of the streams" in text


@pytest.mark.parametrize("name", ["", "\x1b[2J\u202e", "x" * 10_000])
def test_names_of_others_are_short_and_printable(name):
    text = _text(OURS.replace(model=name, source=name, failures=(Failures(name, 1, name),)))
    assert text.replace("\n", "").replace("\t", "").isprintable()
    assert len(text) < 4000


def _schema():
    made, definitions = load_schema()
    return made | {"$defs": definitions}


@pytest.mark.parametrize("name", sorted(path.name for path in LOADS.glob("*.json*")))
def test_json_is_as_its_schema_says(name):
    for report in read_results(LOADS / name):
        load = load_to_dict(judge_load(report, Goals(50.0, 16.0, 100.0)))
        jsonschema.validate(json.loads(json.dumps(load)), _schema())


def test_json_says_whether_it_holds():
    load = judge_load(OURS.replace(failed=0), Goals(max_tpot_ms=5.0))
    assert [True, False] == [load_to_dict(load, strict=strict)["holds"] for strict in (False, True)]
    jsonschema.validate(load_to_dict(load), _schema())


def test_every_key_of_the_schema_says_what_it_means():
    made = _schema()
    parts = [made, *made["$defs"].values()]
    properties = [each for part in parts for each in part["properties"].values()]
    assert [] == [each for each in properties if not each.get("description")]
