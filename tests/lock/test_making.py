"""What of a decision is put on record."""

import pytest

from nimprofile import (
    Engine,
    Inventory,
    LockError,
    Request,
    Serving,
    Setup,
    load_manifest,
    lock_of,
    mock_inventory,
    select,
)
from nimprofile.lock.making import locked_machine, wishes_of
from tests.support.builders import decide, make_h100, make_manifest, make_profile

MANIFEST = load_manifest("llama-3.1-70b-instruct")
BOX = mock_inventory("8xh100")


def _lock(*, request=None, setup=None, gpus="8xh100", **options):
    decision = select(MANIFEST, mock_inventory(gpus), request or Request())
    return lock_of(decision, MANIFEST, setup or Setup(), **options)


def test_the_choice_has_what_is_started_and_why_it_goes_before_the_next():
    choice = _lock().choice
    assert ("tensorrt_llm-h100-fp8-tp8-pp1-latency", 8, 8, 1) == (
        choice.name,
        choice.gpus,
        choice.tp,
        choice.pp,
    )
    assert ("objective", "latency", "throughput") == (
        choice.deciding.name,
        choice.deciding.better,
        choice.deciding.worse,
    )
    assert ("GPU count", "tp 8 × pp 1: 8 of one product") in [
        (gate.gate, gate.passed) for gate in choice.gates
    ]
    assert (None, "tensorrt_llm") == (choice.engine_version, choice.server)


def test_free_memory_is_of_the_moment_and_not_on_record():
    manifest, request = make_manifest(make_profile(llm_engine="vllm", tp="1")), Request()
    boxes = [Inventory((make_h100(free=free),)) for free in (79_000, 81_000)]
    busy, idle = (lock_of(select(manifest, box, request), manifest) for box in boxes)
    assert busy == idle


def test_a_pin_is_on_record_with_what_pinned_it():
    lock = _lock(request=Request().pinned("tensorrt_llm-h100-fp8-tp4-pp1-throughput", "--profile"))
    assert ("--profile", None) == (lock.choice.pinned_by, lock.choice.deciding)
    assert {"pin": "tensorrt_llm-h100-fp8-tp4-pp1-throughput"} == lock.wishes


def test_what_is_expected_is_the_budget_of_the_profile():
    decision = select(MANIFEST, BOX)
    budget = decision.selected.need.budget
    expected = lock_of(decision, MANIFEST).expected
    assert budget.weights.bytes == expected.weights_bytes
    assert budget.kv_cache.bytes == expected.kv_cache_bytes
    assert budget.printed_tokens == expected.kv_cache_tokens
    assert decision.selected.need.full_bytes == expected.memory_bytes


def test_without_any_figure_nothing_is_expected():
    profile = make_profile(llm_engine="vllm", tp="1")
    assert None is lock_of(decide([profile], "1xh100"), make_manifest(profile)).expected


def test_the_installed_version_is_that_of_the_choice_and_of_what_is_expected():
    request = Request(engines=(Engine.VLLM,), serving=Serving(max_model_len=8192))
    setups = [Setup(installed=((Engine.VLLM, version),)) for version in ("0.8.0", "0.26.0")]
    old, new = (_lock(request=request, setup=setup) for setup in setups)
    assert ("0.8.0", "0.26.0") == (old.choice.engine_version, new.choice.engine_version)
    assert old.expected != new.expected


def test_an_image_is_divided_from_its_digest():
    lock = _lock(setup=Setup(server="nim", image="nvcr.io/nim/meta/m:1.8.4@sha256:" + "a" * 64))
    assert ("nvcr.io/nim/meta/m:1.8.4", "sha256:" + "a" * 64) == (lock.image, lock.image_digest)
    assert "nim" == lock.choice.server
    assert (None, None) == (_lock().image, _lock().image_digest)


def test_a_bundled_manifest_has_its_name_wherever_the_package_lies():
    manifest = _lock().manifest
    assert ("llama-3.1-70b-instruct", "meta/llama-3.1-70b-instruct", len(MANIFEST.profiles)) == (
        manifest.source,
        manifest.model,
        manifest.profiles,
    )


def test_uuids_are_on_record_only_where_they_are_asked_for():
    box = mock_inventory("2xh100")
    box = box.replace(gpus=tuple(gpu.replace(uuid=f"GPU-{gpu.index}") for gpu in box.gpus))
    assert () == locked_machine(box).gpus[0].uuids
    assert ("GPU-0", "GPU-1") == locked_machine(box, uuids=True).gpus[0].uuids


def test_gpus_are_counted_by_product_and_those_that_cannot_be_used_apart():
    box = mock_inventory("2xh100,1xl4")
    lost = box.gpus[0].replace(unavailable="it does not answer")
    machine = locked_machine(box.replace(gpus=(lost, *box.gpus[1:])))
    assert [("NVIDIA H100 80GB HBM3", 1), ("NVIDIA L4", 1)] == [
        (gpu.name, gpu.count) for gpu in machine.gpus
    ]
    assert 1 == machine.unavailable


@pytest.mark.parametrize(
    ("request_", "wishes"),
    [
        (Request(), {}),
        (Request(manifest_path="m.yaml", nim="2.0.6"), {}),
        (Request(tags={"precision": "fp8", "tp": "2"}), {"tags": "precision=fp8,tp=2"}),
        (Request(engines=(Engine.VLLM, Engine.SGLANG)), {"engines": "vllm,sglang"}),
        (Request(require="tp>=2"), {"require": "tp>=2"}),
        (Request(lora=True, empty_gpu_gate=False), {"empty_gpu_gate": "no", "lora": "yes"}),
        (
            Request(serving=Serving(max_model_len=8192, memory_fraction=0.5)),
            {"max_model_len": "8192", "memory_fraction": "0.5"},
        ),
    ],
)
def test_wishes_are_texts_and_only_those_that_were_made(request_, wishes):
    assert wishes == wishes_of(request_)


def test_there_is_no_lock_of_nothing():
    decision = select(MANIFEST, mock_inventory("1xt4"))
    with pytest.raises(LockError, match="no profile was selected, so there is nothing to lock"):
        lock_of(decision, MANIFEST)
