"""What is demanded of a server, by `--require` and by a lock."""

import pytest

from nimprofile.lock.record import (
    Expected,
    Lock,
    LockedChoice,
    LockedMachine,
    LockedManifest,
    LockedProduct,
)
from nimprofile.manifest.profile_conditions import parse_conditions
from nimprofile.verify.expectation import (
    expectation_of_conditions,
    expectation_of_lock,
    fact_of,
)
from nimprofile.verify.observation import Fact

LOCK = Lock(
    LockedManifest("llama", "0" * 64, model="llama", release=None, profiles=9),
    LockedMachine(
        (LockedProduct("NVIDIA H100 80GB HBM3", 8, 81559),),
        0,
        driver=None,
        cuda=None,
        cpu_architecture=None,
    ),
    LockedChoice(
        "a" * 64,
        "vllm-fp8-tp8-pp1",
        {},
        engine="vllm",
        engine_version="0.33.0",
        precision="fp8",
        objective=None,
        tp=8,
        pp=1,
        lora=False,
        gpus=8,
        max_model_len=None,
        kv_cache_dtype="auto",
        pinned_by=None,
        deciding=None,
        gates=(),
    ),
    words=(),
    wishes={},
    policy="nim",
    policy_origin="",
    written_by="0",
    expected=Expected(
        weights_bytes=9 << 30,
        kv_cache_bytes=None,
        kv_cache_tokens=4_000_000,
        memory_bytes=None,
        source="estimated from the model's shape",
    ),
)


@pytest.mark.parametrize(
    ("condition", "fact"),
    [
        ("tp=8", Fact.TP),
        ("engine=vllm", Fact.ENGINE),
        ("lora=true", Fact.LORA),
        ("id=abc*", Fact.PROFILE_ID),
        ("name=vllm-*", Fact.PROFILE_NAME),
        ("max-model-len>=32K", Fact.MAX_MODEL_LEN),
        ("kv_cache_tokens>=200000", Fact.KV_CACHE_TOKENS),
        ("engine_version=0.33.0", Fact.ENGINE_VERSION),
        ("gpu_device=2330:10de", Fact.TAG),
        ("ready=true", Fact.TAG),
    ],
)
def test_a_condition_is_about_the_fact_that_servers_tell_of_it(condition, fact):
    (demand,) = expectation_of_conditions(parse_conditions(condition)).demands
    assert fact == demand.fact


def test_a_demand_reads_as_the_condition_does():
    (demand,) = expectation_of_conditions(parse_conditions("engine = vllm")).demands
    assert "engine=vllm" == str(demand)


def test_a_lock_demands_what_was_chosen_and_passes_over_what_it_left_open():
    demands = expectation_of_lock(LOCK).demands
    assert [
        f"id={'a' * 64}",
        *("engine=vllm", "engine_version=0.33.0", "precision=fp8", "tp=8", "pp=1"),
    ] == [str(demand) for demand in demands if not demand.optional]
    assert ["lora=false", "kv_cache_dtype=auto", "gpu_name=NVIDIA H100 80GB HBM3"] == [
        str(demand) for demand in demands if demand.optional
    ]


def test_a_lock_predicts_the_figures_that_it_knows():
    predictions = expectation_of_lock(LOCK).predictions
    assert [(Fact.WEIGHTS_BYTES, 9 << 30), (Fact.KV_CACHE_TOKENS, 4_000_000)] == [
        (prediction.fact, prediction.value) for prediction in predictions
    ]


def test_a_lock_without_figures_predicts_none():
    assert () == expectation_of_lock(LOCK.replace(expected=None)).predictions


def test_no_condition_is_about_whether_the_server_started():
    assert Fact.TAG is fact_of("failure")
