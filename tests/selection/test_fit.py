"""Verdicts: all rules, on the right GPUs, with the right reasons set aside."""

import pytest

from nimprofile import Inventory, Request, Requires, Serving, plain_shape
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.hardware.catalog import mock_inventory
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.selection.fit import Judge
from nimprofile.selection.reasons import (
    Doubt,
    GpuNotEmpty,
    MixedGpus,
    NotDivisible,
    TooFewGpus,
    WrongGpu,
)
from tests.support.builders import (
    H100_MIB,
    gib,
    judge,
    kinds,
    make_gpu,
    make_h100,
    make_inventory,
    make_profile,
    needing,
)

CC = ComputeCapability.parse
VLLM = make_profile(llm_engine="vllm", tp="1", pp="1")


def test_a_profile_without_any_condition_fits_any_gpu():
    verdict = judge(make_profile(), make_inventory(make_gpu()))
    assert (True, (), "runnable", (0,)) == (
        verdict.fits,
        verdict.reasons,
        verdict.grade,
        verdict.gpus,
    )


# How many GPUs, and which.


def test_tp_times_pp_gpus_are_needed():
    profile = make_profile(llm_engine="vllm", tp="2", pp="2")
    assert (0, 1, 2, 3) == judge(profile, "4xh100").gpus
    assert (TooFewGpus(4, 3, "NVIDIA H100 80GB HBM3"),) == judge(profile, "3xh100").reasons


def test_an_unknown_tp_of_what_is_no_llm_counts_as_one():
    assert (0,) == judge(make_profile(model_type="onnx"), "4xh100").gpus


def test_a_model_free_llm_profile_spreads_over_every_gpu():
    assert (0, 1, 2) == judge(make_profile(llm_engine="vllm"), "3xh100").gpus


def test_a_model_free_profile_leaves_out_the_gpus_that_are_not_ready():
    gpus = make_inventory(make_h100(0), make_h100(1, free=0), make_h100(2))
    assert (0, 2) == judge(make_profile(llm_engine="vllm"), gpus).gpus


def test_no_gpu_at_all_is_too_few():
    verdict = judge(VLLM, Inventory())
    assert (TooFewGpus(1, 0, "GPU"),) == verdict.reasons
    assert ((), "incompatible") == (verdict.gpus, verdict.grade)


def test_the_lowest_indices_are_taken():
    gpus = make_inventory(*(make_h100(index) for index in (7, 5, 3, 2)))
    assert (2, 3) == judge(make_profile(tp="2"), gpus).gpus


def test_gpus_that_are_ready_are_taken_before_lower_ones_that_are_not():
    gpus = make_inventory(make_h100(0, free=10), make_h100(1), make_h100(2, free=20), make_h100(3))
    verdict = judge(make_profile(llm_engine="vllm", tp="2"), gpus)
    assert ((), (1, 3)) == (verdict.reasons, verdict.gpus)


def test_when_too_few_are_ready_the_verdict_names_those_that_must_be_freed():
    gpus = make_inventory(make_h100(0, free=10), make_h100(1), make_h100(2, free=20))
    verdict = judge(make_profile(llm_engine="vllm", tp="2"), gpus)
    assert (0, 1) == verdict.gpus
    assert "low memory" == verdict.grade
    assert (GpuNotEmpty(10, H100_MIB, 0.95, gpus=(0,)),) == verdict.reasons


def test_gpus_of_one_kind_with_equal_free_memory_share_one_reason():
    gpus = make_inventory(*(make_h100(index, free=10) for index in range(4)))
    verdict = judge(make_profile(llm_engine="vllm", tp="4"), gpus)
    assert (GpuNotEmpty(10, H100_MIB, 0.95, gpus=(0, 1, 2, 3)),) == verdict.reasons


def test_unused_gpus_say_nothing():
    gpus = make_inventory(make_h100(0), make_h100(1, free=10))
    verdict = judge(make_profile(llm_engine="vllm", tp="1"), gpus)
    assert ((), (0,)) == (verdict.reasons, verdict.gpus)


def test_gpus_of_two_products_do_not_serve_one_profile_together():
    verdict = judge(make_profile(llm_engine="vllm", tp="2"), "1xh100,1xt4")
    assert (TooFewGpus(2, 1, "NVIDIA H100 80GB HBM3"),) == verdict.reasons
    assert (TooFewGpus(2, 1, "Tesla T4"),) == verdict.elsewhere


def test_a_mixed_machine_is_several_groups():
    verdict = judge(make_profile(gpu="t4", tp="2"), "4xh100,2xt4")
    assert ((), (4, 5)) == (verdict.reasons, verdict.gpus)


def test_a_group_that_is_ready_comes_before_one_that_must_be_freed():
    gpus = make_inventory(make_h100(0, free=10), make_gpu(1))
    verdict = judge(VLLM, gpus)
    assert ((), (1,)) == (verdict.reasons, verdict.gpus)


def test_one_product_in_two_memory_states_is_one_group():
    gpus = make_inventory(make_h100(0), make_h100(1, free=80_000))
    assert (0, 1) == judge(make_profile(llm_engine="vllm", tp="2"), gpus).gpus


def test_a_gpu_that_cannot_run_it_does_not_spoil_its_product():
    # The driver hides the capability of one board: nothing says it is another product.
    gpus = make_inventory(make_gpu(0, total=8_000), make_gpu(1, total=40_000))
    verdict = judge(needing(20_000 * MIB), gpus)
    assert ((), (1,)) == (verdict.reasons, verdict.gpus)


def test_the_product_that_comes_nearest_gives_the_reasons_and_the_others_stand_beside():
    verdict = judge(make_profile(gpu="h100", tp="2"), "2xt4,1xh100")
    assert (WrongGpu(("h100",), "Tesla T4", (0, 1)),) == verdict.reasons
    assert (TooFewGpus(2, 1, "NVIDIA H100 80GB HBM3"),) == verdict.elsewhere


def test_the_product_with_fewer_reasons_comes_nearer():
    verdict = judge(make_profile(gpu="h100", precision="fp8", tp="2"), "2xt4,1xh100")
    assert ["gpu_count"] == kinds(verdict)
    assert ["gpu", "compute_capability"] == [reason.kind for reason in verdict.elsewhere]


def test_a_profile_that_runs_has_nothing_against_the_other_products():
    assert () == judge(make_profile(gpu="h100"), "1xt4,1xh100").elsewhere


def test_doubts_about_another_product_are_not_reasons_against_it():
    gpus = make_inventory(make_gpu(0), make_gpu(1, name="Acme X2", total=None))
    verdict = judge(needing(gib(1), tp="2"), gpus)
    assert (TooFewGpus(2, 1, "Acme X1"),) == verdict.reasons
    assert (TooFewGpus(2, 1, "Acme X2"),) == verdict.elsewhere


def test_that_gpus_nobody_can_name_are_alike_is_a_doubt():
    gpus = make_inventory(make_gpu(0, name=None), make_gpu(1, name=None))
    verdict = judge(needing(gib(1), tp="2"), gpus)
    assert ((), (Doubt("gpu_count", "the product", "2 GPUs alike", gpus=(0, 1)),)) == (
        verdict.reasons,
        verdict.doubts,
    )


def test_one_gpu_that_nobody_can_name_is_alike_itself():
    gpus = make_inventory(make_gpu(0, name=None), make_gpu(1, name=None))
    assert () == judge(needing(gib(1)), gpus).doubts


# Which GPUs come first.


def test_a_gpu_whose_figures_are_known_comes_before_one_in_doubt():
    gpus = make_inventory(make_gpu(0).replace(memory_free_mib=None), make_gpu(1))
    verdict = judge(needing(gib(1)), gpus)
    assert ((), (), (1,)) == (verdict.reasons, verdict.doubts, verdict.gpus)


def test_a_gpu_in_doubt_comes_before_one_that_a_switch_lets_through():
    gpus = make_inventory(
        make_h100(0, free=10), make_h100(1).replace(memory_free_mib=None), make_h100(2, free=20)
    )
    verdict = judge(needing(gib(1) // 1024), gpus, Request(relax_memory=True))
    assert ((1,), ()) == (verdict.gpus, verdict.waived)


def test_with_memory_relaxed_an_idle_gpu_still_comes_first():
    gpus = make_inventory(make_h100(0, free=10), make_h100(1))
    verdict = judge(VLLM, gpus, Request(relax_memory=True))
    assert ((1,), ()) == (verdict.gpus, verdict.waived)


EMULATE = Request(allow_nvfp4_emulation=True)


def test_a_product_that_computes_natively_comes_before_one_that_emulates():
    verdict = judge(make_profile(precision="nvfp4", tp="1"), "2xh100,1xb200", EMULATE)
    assert ((2,), False) == (verdict.gpus, verdict.emulated)


def test_a_product_that_emulates_comes_before_one_that_must_be_freed():
    b200 = mock_inventory("1xb200").gpus[0].replace(memory_free_mib=10)
    profile = make_profile(llm_engine="vllm", precision="nvfp4", tp="1")
    verdict = judge(profile, make_inventory(b200, make_h100(1)), EMULATE)
    assert ((1,), True) == (verdict.gpus, verdict.emulated)


def test_a_model_free_profile_spreads_over_gpus_in_doubt_too():
    gpus = make_inventory(make_gpu(0), make_gpu(1).replace(memory_free_mib=None))
    profile = needing(gib(1)).replace(tp=None)
    assert (0, 1) == judge(profile, gpus).gpus


def test_a_model_free_profile_does_not_spread_over_gpus_that_a_switch_lets_through():
    gpus = make_inventory(make_h100(0, free=10), make_h100(1))
    verdict = judge(make_profile(llm_engine="vllm"), gpus, Request(relax_memory=True))
    assert ((1,), ()) == (verdict.gpus, verdict.waived)


# Uniform machines.


def test_a_mixed_machine_can_be_refused_as_a_whole():
    verdict = judge(VLLM, "1xh100,1xt4", uniform_gpus=True)
    assert (MixedGpus(("NVIDIA H100 80GB HBM3", "Tesla T4")),) == verdict.reasons
    assert "incompatible" == verdict.grade


def test_a_uniform_machine_passes_the_same_rule():
    assert () == judge(VLLM, "2xh100", uniform_gpus=True).reasons


# What the switches set aside.

BUSY = make_inventory(make_h100(free=10))


def test_relaxing_memory_sets_low_memory_aside():
    verdict = judge(VLLM, BUSY, Request(relax_memory=True))
    assert (True, (GpuNotEmpty(10, H100_MIB, 0.95, gpus=(0,)),)) == (verdict.fits, verdict.waived)


def test_a_waived_reason_still_counts_in_the_grade():
    assert "low memory" == judge(VLLM, BUSY, Request(relax_memory=True)).grade


def test_relaxing_memory_alone_does_not_start_what_cannot_fit():
    verdict = judge(needing(gib(200)), "1xh100", Request(relax_memory=True))
    assert ["memory_total"] == kinds(verdict)


def test_a_pin_sets_low_memory_aside_without_any_switch():
    verdict = judge(VLLM, BUSY, pinned=True)
    assert (True, ["gpu_not_empty"]) == (verdict.fits, [r.kind for r in verdict.waived])


def test_a_pin_sets_wishes_aside():
    request = Request(tags=(("tp", "8"),))
    verdict = judge(make_profile(feat_lora="true", tp="1"), "1xh100", request, pinned=True)
    assert (True, ["lora", "tags"]) == (verdict.fits, [r.kind for r in verdict.waived])


def test_a_pin_alone_does_not_start_what_cannot_fit():
    assert ["memory_total"] == kinds(judge(needing(gib(200)), "1xh100", pinned=True))


def test_a_pin_and_relaxed_memory_together_do():
    verdict = judge(needing(gib(200)), "1xh100", Request(relax_memory=True), pinned=True)
    assert (True, "incompatible") == (verdict.fits, verdict.grade)
    assert (0,) == verdict.gpus


@pytest.mark.parametrize(
    ("tags", "inventory", "options"),
    [
        pytest.param({"gpu": "h100"}, "1xt4", {}, id="another GPU"),
        pytest.param({"precision": "fp8"}, "1xt4", {}, id="capability too low"),
        pytest.param({"precision": "fp6"}, "1xt4", {}, id="unknown precision"),
        pytest.param({"compute_capability": "12.0"}, "1xt4", {}, id="another capability"),
        pytest.param({}, "1xt4,1xh100", {"uniform_gpus": True}, id="mixed machine"),
    ],
)
def test_a_pin_may_ignore_a_mismatch_when_unsafe_is_allowed(tags, inventory, options):
    profile = make_profile(llm_engine="vllm", tp="1", **tags)
    refused = judge(profile, inventory, pinned=True, **options)
    started = judge(profile, inventory, Request(allow_unsafe=True), pinned=True, **options)
    assert (False, True) == (refused.fits, started.fits)
    assert refused.reasons == started.waived


def test_unsafe_covers_driver_and_cuda():
    requires = Requires(driver=">=580", cuda=">=13")
    inventory = make_inventory(make_gpu(), driver="550.1", cuda="12.4")
    verdict = judge(
        make_profile(requires=requires), inventory, Request(allow_unsafe=True), pinned=True
    )
    assert (True, ["driver", "cuda"]) == (verdict.fits, [r.kind for r in verdict.waived])


def test_unsafe_without_a_pin_changes_nothing():
    verdict = judge(make_profile(gpu="h100"), "1xt4", Request(allow_unsafe=True))
    assert ["gpu"] == kinds(verdict)


def test_unsafe_does_not_cover_memory():
    verdict = judge(needing(gib(200)), "1xh100", Request(allow_unsafe=True), pinned=True)
    assert ["memory_total"] == kinds(verdict)


@pytest.mark.parametrize(
    ("tags", "request_", "expected"),
    [
        pytest.param({"tp": "8"}, {}, ["gpu_count"], id="too few GPUs"),
        pytest.param(
            {"llm_engine": "vllm", "tp": "1"}, {"engines": ()}, ["engine"], id="no such engine"
        ),
    ],
)
def test_no_switch_conjures_up_gpus_or_engines(tags, request_, expected):
    request = Request(relax_memory=True, allow_unsafe=True, **request_)
    assert expected == kinds(judge(make_profile(**tags), "1xh100", request, pinned=True))


def test_every_reason_is_collected_and_not_only_the_first():
    profile = needing(
        gib(100), llm_engine="vllm", gpu="b200", precision="nvfp4", tp="2", feat_lora="true"
    ).replace(requires=Requires(driver=">=570"))
    request = Request(engines=(), tags=(("pp", "1"),))
    inventory = mock_inventory("1xt4").replace(driver_version="550.1")
    expected = [
        "engine",
        "driver",
        "gpu",
        "compute_capability",
        "memory_total",
        "gpu_count",
        "lora",
        "tags",
    ]
    assert expected == kinds(judge(profile, inventory, request))


def test_a_tag_and_a_condition_that_say_the_same_are_one_reason():
    profile = make_profile(compute_capability="9.0").replace(
        requires=Requires(compute_capability="==9.0")
    )
    (reason,) = judge(profile, "1xa100").reasons
    assert "==9.0" == reason.need


# Finer points, each found by a mutation that no other test noticed.


def test_what_blocks_a_gpu_comes_before_what_could_be_freed():
    machine = make_inventory(
        make_gpu(0, total=80_000, free=40_000), make_gpu(1, total=10_000, free=10_000)
    )
    verdict = judge(needing(gib(30), tp="2"), machine)
    assert kinds(verdict) == ["memory_total", "gpu_not_empty"]


def test_free_memory_is_measured_against_the_full_context_where_the_gpu_would_hold_it():
    machine = make_inventory(make_gpu(0, total=40 * 1024, free=39 * 1024))
    (reason,) = judge(needing(gib(40), gib(10)), machine).reasons
    assert (reason.kind, reason.need_bytes, reason.have_bytes) == ("memory_free", gib(40), gib(39))


def test_free_memory_is_measured_against_the_least_where_the_full_context_never_fits():
    machine = make_inventory(make_gpu(0, total=40 * 1024, free=39 * 1024))
    (reason,) = judge(needing(gib(41), gib(10)), machine).reasons
    assert reason.kind == "memory_context"


def test_on_a_machine_without_gpus_one_is_missing_and_nothing_is_emulated():
    verdict = judge(make_profile(llm_engine="vllm", precision="nvfp4", tp="2"), make_inventory())
    assert kinds(verdict) == ["gpu_count"]
    assert (verdict.gpus, verdict.emulated, verdict.elsewhere) == ((), False, ())


def test_the_need_of_a_profile_that_does_not_run_is_known_from_the_model_and_the_gpu():
    shape = plain_shape(8_030_261_248, 32, 8, 128, 131072)
    two = make_profile(llm_engine="vllm", precision="bf16", tp="2", pp="1")
    need = judge(two, "1xh100", shape=shape).need
    assert H100_MIB * MIB == need.budget.total


def test_a_model_that_the_engine_cannot_divide_is_rejected_with_what_does_not_divide():
    shape = plain_shape(8_030_261_248, 32, 8, 128, 131072)
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1", pp="64")
    reasons = judge(profile, "1xh100", shape=shape).reasons
    assert NotDivisible("layers", 32, "pp", divisor=64) in reasons


def test_gpus_that_do_not_answer_are_named_where_there_are_too_few():
    machine = make_inventory(make_h100(0), make_h100(1).replace(unavailable="GPU is lost"))
    (reason,) = judge(make_profile(llm_engine="vllm", tp="2"), machine).reasons
    assert TooFewGpus(2, 1, "NVIDIA H100 80GB HBM3", missing=(1,)) == reason


def test_a_profile_that_does_not_run_is_not_said_to_be_emulated():
    fp4 = make_profile(llm_engine="vllm", precision="nvfp4", tp="4")
    assert not judge(fp4, "2xh100").emulated
    assert not judge(fp4, "2xh100,1xl4").emulated


def test_reasons_are_in_the_order_of_the_gates():
    requires = Requires(">=12", ">=999", ">=99", memory_gib_per_gpu=1000.0)
    tags = {"llm_engine": "vllm", "gpu": "l4", "compute_capability": "8.9", "feat_lora": "true"}
    request = Request(engines=(), tags=(("tp", "4"),))
    machine = mock_inventory("1xh100").replace(driver_version="550", cuda_version="12.4")

    def rejected_for(precision):
        profile = make_profile(requires=requires, **tags, precision=precision)
        return [
            getattr(reason, "need", "") if "capability" in reason.kind else reason.kind
            for reason in judge(profile, machine, request).reasons
        ]

    assert rejected_for("fp6") == [
        *("engine", "precision", "driver", "cuda", "gpu", "==8.9", ">=12", "memory_total"),
        *("lora", "tags"),
    ]
    assert rejected_for("nvfp4") == [
        *("engine", "driver", "cuda", "gpu", "==8.9", ">=12", "memory_total"),
        *("lora", "tags"),
    ]


@pytest.mark.parametrize(
    ("name", "device_id", "in_doubt"),
    [
        ("Acme X1", None, False),
        (None, "fff0:10de", False),
        ("Acme X1", "fff0:10de", False),
        (None, None, True),
    ],
)
def test_whether_gpus_are_alike_is_in_doubt_only_where_nothing_names_them(
    name, device_id, in_doubt
):
    gpus = (make_gpu(at, name=name, device_id=device_id) for at in range(2))
    machine = make_inventory(*gpus)
    verdict = judge(needing(gib(30), tp="2"), machine)
    assert verdict.fits
    assert verdict.gpus == (0, 1)
    assert in_doubt is ("gpu_count" in {doubt.kind for doubt in verdict.doubts})
    assert not judge(needing(gib(30), tp="1"), machine).doubts


def test_a_profile_that_names_other_gpus_by_a_pattern_is_rejected_and_one_like_it_is_not():
    profiles = [needing(gib(30)), needing(gib(30), product_name_regex=".*T4.*")]
    for order in (profiles, profiles[::-1]):
        judge = Judge(Machine(make_inventory(make_gpu())), Request())
        fits = [judge.verdict(profile).fits for profile in order]
        assert fits == ["product_name_regex" not in profile.tags for profile in order]


def test_of_two_products_the_one_that_lacks_fewer_gpus_comes_nearer():
    tp8 = make_profile(llm_engine="vllm", tp="8")
    for machine in ("2xl4,6xa100", "6xa100,2xl4"):
        verdict = judge(tp8, machine)
        (reason,) = verdict.reasons
        (other,) = verdict.elsewhere
        assert (reason.have, other.have) == (6, 2)


def test_beside_gpus_that_could_be_freed_stand_the_reasons_against_the_others():
    machine = make_inventory(
        make_gpu(0, total=80_000, free=40_000, name="Acme X1"),
        make_gpu(1, total=10_000, free=10_000, name="Acme X2"),
    )
    verdict = judge(needing(gib(30)), machine)
    assert kinds(verdict) == ["gpu_not_empty"]
    assert [reason.kind for reason in verdict.elsewhere] == ["memory_total"]
    assert verdict.gpus == (0,)


# A context that is left to what fits.

LLAMA = plain_shape(
    parameters=8_030_261_248,
    num_hidden_layers=32,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=131_072,
)
VLLM = make_profile(llm_engine="vllm", precision="bf16", tp="1")
AUTO = Request(serving=Serving(max_model_len="auto"), empty_gpu_gate=False)


def gpus_of(*free):
    (gpu,) = mock_inventory("1xl4").gpus
    return Inventory(
        tuple(gpu.replace(index=at, memory_free_mib=mib) for at, mib in enumerate(free))
    )


def test_a_profile_that_lacks_context_alone_runs_with_the_longest_that_fits():
    whole = judge(VLLM, "1xl4", shape=LLAMA)
    left = judge(VLLM, "1xl4", AUTO, shape=LLAMA)
    (reason,) = whole.reasons
    assert ("memory_context", (), "runnable") == (reason.kind, left.reasons, left.grade)
    assert reason.max_model_len == left.need.max_model_len
    assert left.need.full_bytes <= mock_inventory("1xl4").gpus[0].memory_total_mib * MIB


def test_a_full_context_that_fits_is_not_cut():
    assert 131_072 == judge(VLLM, "1xh100", AUTO, shape=LLAMA).need.max_model_len


def test_the_context_is_cut_to_the_most_that_is_asked_for():
    serving = Serving(max_model_len=8192, fit_context=True)
    assert 8192 == judge(VLLM, "1xl4", Request(serving=serving), shape=LLAMA).need.max_model_len


def test_of_gpus_alike_those_are_taken_on_which_the_longest_context_fits():
    verdict = judge(VLLM, gpus_of(18_000, 21_000, 22_900), AUTO, shape=LLAMA)
    alone = judge(VLLM, gpus_of(22_900), AUTO, shape=LLAMA)
    assert ((2,), alone.need.max_model_len) == (verdict.gpus, verdict.need.max_model_len)


def test_gpus_that_serve_together_have_the_context_of_the_one_with_the_least():
    two = VLLM.replace(tp=2, tags={**VLLM.tags, "tp": "2"})
    uneven = judge(two, gpus_of(12_000, 11_000), AUTO, shape=LLAMA)
    even = judge(two, gpus_of(11_000, 11_000), AUTO, shape=LLAMA)
    assert uneven.fits
    assert uneven.need.max_model_len == even.need.max_model_len


@pytest.mark.parametrize("gpus", ["1xt4", "1xrtx4060_laptop"])
def test_where_no_context_fits_the_reasons_are_those_of_the_full_one(gpus):
    whole = judge(VLLM, gpus, Request(empty_gpu_gate=False), shape=LLAMA)
    assert whole.reasons == judge(VLLM, gpus, AUTO, shape=LLAMA).reasons


def test_auto_is_a_field_of_its_own():
    assert Serving(fit_context=True) == Serving(max_model_len="auto")
    assert (None, True) == (AUTO.serving.max_model_len, AUTO.serving.fit_context)
