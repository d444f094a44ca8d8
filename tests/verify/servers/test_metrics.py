"""Metrics in the text form of Prometheus."""

import pytest
from hypothesis import given, strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from nimprofile.verify.servers.metrics import engine_of, kv_usage, samples

VLLM = (
    "# TYPE vllm:kv_cache_usage_perc gauge\n"
    'vllm:kv_cache_usage_perc{engine="0",model_name="a \\"b\\" \\\\ c"} 0.25\n'
    'vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5 1395066363000\n'
    "vllm:kv_cache_usage_perc_total 9\n"
)


def test_the_series_of_a_name_are_read_with_their_labels():
    first, second = samples(VLLM, "vllm:kv_cache_usage_perc")
    assert {"engine": "0", "model_name": 'a "b" \\ c'} == first.labels
    assert (0.25, 0.5) == (first.value, second.value)


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (VLLM, 0.5),
        ('vllm:gpu_cache_usage_perc{model_name="m"} 1.0\n', 1.0),
        ('sglang:token_usage{tp_rank="0"} 0.28\n', 0.28),
        ('gpu_cache_usage_perc{model_name="m"} 0\n', 0.0),
        ('trtllm_kv_cache_utilization{model_name="m"} 0.5\n', 0.5),
        ("gpu_cache_usage_perc NaN\n", None),
        ("gpu_cache_usage_perc 25\n", None),
        ("gpu_cache_usage_perc\n", None),
        ('gpu_cache_usage_perc{a="b 1\n', None),
        ("other 1\n", None),
        ("", None),
    ],
)
def test_the_use_of_the_cache_is_that_of_the_fullest_rank(text, usage):
    assert usage == kv_usage(text)


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        (VLLM, "vllm"),
        ("sglang:token_usage 0.1", "sglang"),
        ("# about vllm: nothing\nprocess_cpu_seconds_total 1", None),
        ("vllm:a 1\nsglang:b 1", None),
    ],
)
def test_an_engine_is_known_by_the_names_of_its_metrics(text, engine):
    assert engine == engine_of(text)


def test_a_line_and_a_text_have_a_length_at_which_reading_ends():
    label = 'a="' + "x" * 20_000 + '"'
    assert [] == [*samples(f"gpu_cache_usage_perc{{{label}}} 1", "gpu_cache_usage_perc")]
    many = 'gpu_cache_usage_perc{a="b"} 1\n' * 20_000
    assert 3000 < len([*samples(many, "gpu_cache_usage_perc")]) < 6000


@given(
    labels=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), st.text(max_size=30), max_size=4
    ),
    value=st.floats(0, 1),
)
def test_what_the_client_library_of_prometheus_writes_is_read(labels, value):
    """vLLM and SGLang write their metrics with it."""
    registry = CollectorRegistry()
    gauge = Gauge("vllm:kv_cache_usage_perc", "", [*labels], registry=registry)
    (gauge.labels(**labels) if labels else gauge).set(value)
    text = generate_latest(registry).decode()
    (found,) = samples(text, "vllm:kv_cache_usage_perc")
    assert (labels, value) == (found.labels, found.value)
