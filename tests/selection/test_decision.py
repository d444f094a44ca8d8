"""Is the best candidate selected, and a pin honoured or refused but never replaced?"""

import pytest

from nimprofile import (
    Decision,
    Inventory,
    Manifest,
    PinError,
    Precision,
    Request,
    RequestError,
    Requires,
    load_manifest,
    mock_inventory,
    plain_shape,
    select,
)
from nimprofile.manifest.profile import Stated
from nimprofile.selection.remedies import remedies
from nimprofile.selection.request import Pin
from nimprofile.selection.verdict import gpus_lacking
from tests.support.builders import (
    decide,
    gib,
    make_gpu,
    make_h100,
    make_inventory,
    make_manifest,
    make_profile,
    warnings_of,
)

FP8_ID = "c4789f7a" + "0" * 56
BF16_ID = "092ed421" + "1" * 56
FP8 = make_profile(FP8_ID, name="vllm-fp8-tp1-pp1", llm_engine="vllm", precision="fp8", tp="1")
BF16 = make_profile(BF16_ID, name="vllm-bf16-tp1-pp1", llm_engine="vllm", precision="bf16", tp="1")
BUSY = make_inventory(make_h100(free=10))


def pinned(value, profiles=(FP8, BF16), inventory="1xh100", **request):
    return decide(profiles, inventory, Request(**request).pinned(value))


def refusal_of(value, profiles=(FP8, BF16)):
    with pytest.raises(PinError) as caught:
        pinned(value, profiles)
    return str(caught.value)


# Automatic selection.


def test_the_best_candidate_is_selected():
    decision = decide([BF16, FP8], "1xh100")
    assert FP8 == decision.selected.profile
    assert [FP8_ID, BF16_ID] == [verdict.profile.id for verdict in decision.ranked]


def test_the_decision_names_the_criterion_and_the_runner_up():
    decision = decide([BF16, FP8], "1xh100")
    assert ("precision", BF16) == (decision.deciding.name, decision.runner_up.profile)


def test_the_only_candidate_needs_no_criterion():
    decision = decide([BF16, FP8], "1xa100")
    assert BF16 == decision.selected.profile
    assert (None, None) == (decision.deciding, decision.runner_up)


def test_every_other_profile_is_rejected_with_its_reasons():
    (rejected,) = decide([BF16, FP8], "1xa100").rejected
    assert (FP8, ["compute_capability"]) == (
        rejected.profile,
        [reason.kind for reason in rejected.reasons],
    )


def test_when_nothing_runs_nothing_is_selected():
    decision = decide([BF16, FP8], "1xgtx1080")
    assert (None, (), None) == (decision.selected, decision.ranked, decision.deciding)
    assert [FP8_ID, BF16_ID] == [verdict.profile.id for verdict in decision.rejected]


def test_no_gpu_is_an_answer_and_not_an_error():
    decision = decide([BF16], Inventory())
    assert (None, 1) == (decision.selected, len(decision.rejected))


def test_the_order_of_the_manifest_does_not_matter():
    assert decide([BF16, FP8], "1xh100") == decide([FP8, BF16], "1xh100")


def test_a_policy_may_be_named():
    assert "nim-2.0" == decide([FP8], "1xh100", policy="nim-2.0").policy.name


def test_an_unknown_policy_is_an_error():
    with pytest.raises(RequestError, match="is not a policy"):
        decide([FP8], "1xh100", policy="best")


def test_the_decision_keeps_what_was_asked_and_what_it_was_judged_on():
    request, inventory = Request(lora=True), mock_inventory("1xh100")
    decision = decide([FP8], inventory, request)
    assert (request, inventory) == (decision.request, decision.inventory)


def test_a_request_may_be_left_out():
    assert Request() == select(make_manifest(FP8), mock_inventory("1xh100")).request


def test_the_verdict_on_one_profile_is_found_whether_it_fits_or_not():
    decision = decide([BF16, FP8], "1xa100")
    assert (True, False) == (decision.verdict(BF16).fits, decision.verdict(FP8).fits)


def test_a_profile_that_was_not_judged_has_no_verdict():
    with pytest.raises(KeyError, match=FP8_ID):
        decide([BF16], "1xh100").verdict(FP8)


def test_the_memory_of_the_manifests_model_is_counted():
    shape_needs = make_profile("a", llm_engine="vllm", precision="bf16", tp="1", pp="1")
    shape = plain_shape(70_553_706_496, 80, 8, 128, 131072)
    decision = decide([shape_needs], "1xh100", shape=shape)
    assert ["memory_total"] == [reason.kind for reason in decision.rejected[0].reasons]


# Mixed machines.


@pytest.mark.parametrize(
    ("policy", "uniform", "selected"),
    [
        pytest.param("nim", None, True, id="nim takes a mixed machine"),
        pytest.param("nim-2.0", None, True, id="nim-2.0 too"),
        pytest.param("nim-1.3", None, False, id="nim-1.3 does not"),
        pytest.param("nim-1.3", False, True, id="unless told to"),
        pytest.param("nim", True, False, id="nim does not when told not to"),
    ],
)
def test_a_mixed_machine_is_refused_by_policy_or_by_wish(policy, uniform, selected):
    request = Request(uniform_gpus=uniform)
    decision = decide([BF16], "1xh100,1xt4", request, policy)
    assert selected is (decision.selected is not None)


# A GPU in use.


@pytest.mark.parametrize(
    ("policy", "asked", "grade"),
    [
        pytest.param("nim", None, "low memory", id="nim wants a GPU nearly empty"),
        pytest.param("nim-2.0", None, "low memory", id="nim-2.0 too"),
        pytest.param("nim-1.13", None, "runnable", id="nim-1.13 does not"),
        pytest.param("nim-1.13", True, "low memory", id="unless told to"),
        pytest.param("nim-2.0", False, "runnable", id="nim-2.0 does not when told not to"),
    ],
)
def test_a_gpu_in_use_is_refused_by_policy_or_by_wish(policy, asked, grade):
    decision = decide(
        [BF16], make_inventory(make_h100(free=70)), Request(empty_gpu_gate=asked), policy
    )
    assert grade == decision.verdict(BF16).grade


# Which profile a pin names.


@pytest.mark.parametrize("value", [BF16_ID, "vllm-bf16-tp1-pp1", "VLLM-BF16-TP1-PP1"])
def test_a_pin_names_a_profile_by_id_or_by_name_in_any_case(value):
    decision = pinned(value)
    assert BF16 == decision.selected.profile
    assert BF16 == decision.pinned.profile


@pytest.mark.parametrize("value", ["", "  ", "default", "Default", None])
def test_an_empty_pin_and_default_select_automatically(value):
    decision = pinned(value)
    assert (None, None, FP8) == (
        decision.request.pin,
        decision.pinned,
        decision.selected.profile,
    )


def test_an_id_wins_over_a_name_that_looks_like_it():
    other = make_profile("x", name=FP8_ID)
    assert FP8 == pinned(FP8_ID, (other, FP8)).selected.profile


def test_a_uuid_is_an_id_like_any_other():
    profile = make_profile("420b5bb2-cd51-4dac-be21-759f3df4e441", precision="fp16")
    assert profile == pinned(profile.id, (profile,)).selected.profile


def test_an_ambiguous_name_lists_the_ids():
    twins = (make_profile("id-1", name="vllm"), make_profile("id-2", name="VLLM"))
    assert (
        "NIM_MODEL_PROFILE: 'vllm' is the name of 2 profiles; use an id:\n  id-1\n  id-2"
    ) == refusal_of("vllm", twins)


@pytest.mark.parametrize("value", ["auto", "AUTO"])
def test_auto_is_answered_with_how_to_select_automatically(value):
    assert (
        "NIM_MODEL_PROFILE: 'auto' is not a profile; "
        "leave it empty or write default for automatic selection"
    ) == refusal_of(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"{BF16_ID} (vllm-bf16-tp1-pp1)", id="as a listing prints it"),
        pytest.param(f"{BF16_ID} (anything)", id="with another name"),
        pytest.param(BF16_ID.upper(), id="in capitals"),
    ],
)
def test_a_pasted_line_is_answered_with_the_bare_id(value):
    message = refusal_of(value)
    assert message.endswith(f"is not an id or a name; write the bare id {BF16_ID}")


@pytest.mark.parametrize(
    "value",
    ["092e", "092ed421...", "092ed421…", "092ED421", f"{BF16_ID[:20]}… (vllm-bf16-tp1-pp1)"],
)
def test_an_id_cut_short_is_answered_with_all_of_it(value):
    assert (
        f"NIM_MODEL_PROFILE: {value!r} is an id cut short; write all of it:\n"
        f"  {BF16_ID} (vllm-bf16-tp1-pp1)"
    ) == refusal_of(value)


@pytest.mark.parametrize("source", ["--profile", "pin", "PROFILE"])
@pytest.mark.parametrize("value", ["092e", BF16_ID[:12], "092ED421", "092ed421…", BF16_ID[:63]])
def test_the_only_id_that_begins_so_is_meant_where_it_is_not_nims_own_variable(value, source):
    decision = decide((FP8, BF16), "1xh100", Request().pinned(value, source))
    assert BF16 == decision.selected.profile


def test_a_beginning_of_several_ids_is_answered_with_them():
    twins = (make_profile("abcd1", name="one"), make_profile("abcd2", name="two"))
    with pytest.raises(PinError) as caught:
        decide(twins, "1xh100", Request("abcd"))
    assert (
        "pin: 2 ids begin with 'abcd'; write more of one:\n  abcd1 (one)\n  abcd2 (two)"
    ) == str(caught.value)


def test_a_name_wins_over_the_beginning_of_an_id():
    other = make_profile("x", name=BF16_ID[:12])
    assert other == decide((other, BF16), "1xh100", Request(BF16_ID[:12])).selected.profile


def test_three_characters_are_too_few_to_be_an_id_cut_short():
    assert "is not a profile of this manifest" in refusal_of("092")


def test_an_unknown_name_is_answered_with_the_nearest():
    assert (
        "NIM_MODEL_PROFILE: 'vllm-bf16-tp1' is not a profile of this manifest; nearest:\n"
        f"  {BF16_ID} (vllm-bf16-tp1-pp1)\n  {FP8_ID} (vllm-fp8-tp1-pp1)"
    ) == refusal_of("vllm-bf16-tp1")


def test_a_value_near_to_nothing_is_answered_with_some_of_the_manifest():
    many = [make_profile(f"id{at}", name=f"profile-{at}") for at in range(9)]
    message = refusal_of("Ωμέγα", many)
    assert "the manifest has 9, such as:\n  id0 (profile-0)" in message
    assert 5 == message.count("\n")


def test_the_error_names_what_set_the_pin():
    request = Request().pinned("nope", "--profile")
    with pytest.raises(PinError, match=r"^--profile: 'nope'"):
        decide([FP8], "1xh100", request)


# Honoured or refused.


def test_a_pin_that_fits_is_honoured():
    decision = pinned(BF16_ID)
    assert (BF16, ()) == (decision.selected.profile, decision.selected.waived)


def test_a_pin_does_not_change_the_ranking():
    assert decide([FP8, BF16], "1xh100").ranked == pinned(BF16_ID).ranked


def test_a_pin_leaves_no_deciding_criterion():
    decision = pinned(BF16_ID)
    assert (None, None) == (decision.deciding, decision.runner_up)


def test_a_pin_that_is_short_of_free_memory_starts_with_a_warning():
    decision = pinned(BF16_ID, inventory=BUSY)
    assert BF16 == decision.selected.profile
    assert (
        "the pin overrides: GPU 0 is not empty: 10 of 81559 MiB free, 0.0 %; 95 % must be"
    ) == warnings_of(decision)[0]


def test_a_pin_that_does_not_fit_is_refused_and_not_replaced():
    decision = pinned(FP8_ID, inventory="1xa100")
    assert (None, FP8) == (decision.selected, decision.pinned.profile)
    assert [BF16] == [verdict.profile for verdict in decision.ranked]
    assert ["compute_capability"] == [reason.kind for reason in decision.pinned.reasons]


def test_a_refused_pin_warns_of_nothing():
    assert () == warnings_of(pinned(FP8_ID, inventory="1xa100"))


def test_unsafe_lets_a_pin_ignore_a_mismatch_and_says_so():
    decision = pinned(FP8_ID, inventory="1xa100", allow_unsafe=True)
    assert FP8 == decision.selected.profile
    assert warnings_of(decision)[0].startswith(
        "--allow-unsafe (NIM_MANIFEST_ALLOW_UNSAFE) overrides: fp8 needs compute capability 8.9"
    )


@pytest.mark.parametrize("relax", [False, True])
def test_relaxed_memory_covers_what_does_not_fit(relax):
    big = make_profile("big", llm_engine="vllm", tp="1", memory=Stated(gib(99), gib(99), "here"))
    decision = pinned("big", (big,), relax_memory=relax)
    assert relax is (decision.selected is not None)


def test_relaxed_memory_is_named_as_what_overrides_low_memory():
    decision = pinned(BF16_ID, inventory=BUSY, relax_memory=True)
    assert warnings_of(decision)[0].startswith(
        "--relax-memory (NIM_RELAX_MEM_CONSTRAINTS) overrides: GPU 0"
    )


def test_a_pinned_lora_profile_runs_without_adapters_being_asked_for():
    lora = make_profile("lora", llm_engine="vllm", feat_lora="true", tp="1")
    decision = pinned("lora", (lora, BF16))
    assert lora == decision.selected.profile
    assert (
        "the pin overrides: serves LoRA adapters, and none are wanted" == warnings_of(decision)[0]
    )


# Warnings.


def test_relaxed_memory_warns_of_an_automatic_choice_too():
    decision = decide([BF16], BUSY, Request(relax_memory=True))
    assert BF16 == decision.selected.profile
    assert warnings_of(decision)[0].startswith(
        "--relax-memory (NIM_RELAX_MEM_CONSTRAINTS) overrides: GPU 0"
    )


def test_what_could_not_be_judged_is_a_warning():
    known = make_profile("a", memory=Stated(gib(1), gib(1), "here"), tp="1")
    inventory = make_inventory(make_gpu(total=None))
    assert ("the total memory of GPU 0 is unknown: not checked (here)",) == (
        warnings_of(decide([known], inventory))
    )


def test_one_doubt_on_several_kinds_of_gpu_is_one_warning():
    profile = make_profile("a", requires=Requires(compute_capability=">=8"), tp="2")
    gpus = make_inventory(make_gpu(0, capability=None), make_gpu(1, capability=None, total=10_000))
    assert (
        "the compute capability of GPUs 0-1 is unknown: not checked (compute_capability >=8)",
    ) == warnings_of(decide([profile], gpus))


def test_emulation_is_a_warning():
    profile = make_profile("a", precision="nvfp4", tp="1")
    assert ("these GPUs are not known to compute in nvfp4: it is emulated",) == (
        warnings_of(decide([profile], "1xh100", Request(allow_nvfp4_emulation=True)))
    )


def test_a_choice_without_any_doubt_has_no_warning():
    profile = make_profile("a", precision="bf16", tp="1", min_vram_per_device_gb="8")
    assert () == warnings_of(decide([profile], "1xh100"))


# Invariants.


def test_a_decision_cannot_rank_a_profile_twice():
    decision = decide([FP8], "1xh100")
    with pytest.raises(AssertionError, match="ranked or rejected once"):
        decision.replace(ranked=decision.ranked * 2)


def test_a_decision_cannot_rank_what_does_not_fit():
    decision = decide([FP8], "1xt4")
    with pytest.raises(AssertionError, match="what is ranked fits"):
        decision.replace(ranked=decision.rejected, rejected=())


def test_a_decision_cannot_reject_without_reasons():
    decision = decide([FP8], "1xh100")
    with pytest.raises(AssertionError, match="what is rejected has reasons"):
        decision.replace(ranked=(), rejected=decision.ranked)


def test_a_decision_cannot_select_another_than_the_best():
    decision = decide([FP8, BF16], "1xh100")
    with pytest.raises(AssertionError, match="the best is selected"):
        decision.replace(selected=decision.ranked[1])


def test_a_decision_cannot_replace_a_pin():
    decision = pinned(BF16_ID)
    with pytest.raises(AssertionError, match="a pin is honoured or refused"):
        decision.replace(selected=decision.ranked[0])


def test_a_pin_is_a_value_and_its_source():
    assert Pin("x", "NIM_MODEL_PROFILE") == Pin("x")


def test_a_manifest_without_profiles_decides_nothing():
    decision = select(Manifest(()), mock_inventory("1xh100"))
    assert isinstance(decision, Decision)
    assert (None, (), ()) == (decision.selected, decision.ranked, decision.rejected)


def test_the_nearest_profile_is_the_one_that_lacks_least():
    far = make_profile(
        "far", memory=Stated(gib(60), gib(10), "the test"), llm_engine="vllm", tp="1"
    )
    near = make_profile(
        "near", memory=Stated(gib(41), gib(10), "the test"), llm_engine="vllm", tp="1"
    )
    decision = decide([far, near], make_inventory(make_gpu(total=40_000)))
    assert "near" == decision.nearest.profile.id


@pytest.mark.parametrize(
    ("manifest", "gpus", "more"),
    [
        ("llama-3.1-70b-instruct", "2xl40s", 2),
        ("llama-3.1-70b-instruct", "1xh100", 3),
        ("gpt-oss-120b", "1xl40s", 1),
    ],
)
def test_the_nearest_profile_that_lacks_only_gpus_lacks_the_fewest(manifest, gpus, more):
    manifest = load_manifest(manifest)
    decision = select(manifest, mock_inventory(gpus))
    assert more == gpus_lacking(decision.nearest)
    assert ["gpu_count"] == [reason.kind for reason in decision.nearest.reasons]
    count, product = gpus.split("x", 1)
    assert select(manifest, mock_inventory(f"{int(count) + more}x{product}")).selected


# What is required.

TWO = make_profile("t" * 64, name="vllm-fp8-tp2-pp1", llm_engine="vllm", precision="fp8", tp="2")


def required(text, profiles=(FP8, BF16, TWO), inventory="1xh100", **request):
    return decide(profiles, inventory, Request(require=text, **request))


def test_what_is_required_selects_among_the_candidates():
    decision = required("precision=bf16")
    assert (BF16_ID, FP8_ID) == (decision.selected.profile.id, decision.otherwise.profile.id)
    assert not decision.required_in_vain


def test_what_would_be_selected_anyway_is_not_told_again():
    assert required("precision=fp8").otherwise is None


def test_when_nothing_that_runs_is_as_required_nothing_is_selected():
    decision = required("precision=fp8,tp>=2")
    assert (None, FP8_ID) == (decision.selected, decision.otherwise.profile.id)
    assert decision.required_in_vain


def test_when_nothing_runs_at_all_it_is_not_for_what_is_required():
    decision = required("tp>=2", profiles=(TWO,))
    assert (None, None) == (decision.selected, decision.otherwise)
    assert not decision.required_in_vain


@pytest.mark.parametrize("switches", [{}, {"relax_memory": True, "allow_unsafe": True}])
def test_what_is_required_binds_over_a_pin_whatever_the_switches(switches):
    decision = required("precision=fp8", pin=BF16_ID, **switches)
    assert (None, BF16_ID) == (decision.selected, decision.otherwise.profile.id)
    assert ["requirement"] == [reason.kind for reason in decision.pinned.reasons]
    assert decision.required_in_vain


def test_a_pin_that_is_as_required_is_honoured():
    decision = required("precision=bf16", pin=BF16_ID)
    assert (BF16_ID, None) == (decision.selected.profile.id, decision.otherwise)


def test_what_is_required_binds_over_the_tag_selector():
    decision = required("precision=fp8", tags={"precision": "bf16"})
    assert (None, BF16_ID) == (decision.selected, decision.otherwise.profile.id)


def test_a_tp_that_is_left_open_is_that_of_the_gpus():
    open_tp = make_profile("o", name="vllm", llm_engine="vllm")
    assert required("tp=2", profiles=(open_tp,), inventory="2xh100").selected is not None
    assert required("tp=1", profiles=(open_tp,), inventory="2xh100").selected is None


@pytest.mark.parametrize(("key", "value"), [("TP", "1"), ("Precision", "FP8"), ("ENGINE", "vllm")])
def test_the_case_of_a_tag_does_not_matter(key, value):
    decision = decide((FP8,), "1xh100", Request(tags={key: value}))
    assert FP8_ID == decision.selected.profile.id


# Parallel sizes and a precision that NIM's variables ask for.

TP1 = make_profile("1", llm_engine="vllm", precision="bf16", tp="1")
TP2 = make_profile("2", llm_engine="vllm", precision="bf16", tp="2")
OPEN = make_profile("0", llm_engine="vllm")
SPEECH = make_profile("5", model_type="prebuilt")


@pytest.mark.parametrize(("size", "chosen"), [(None, "2"), (1, "1"), (2, "2")])
def test_of_profiles_of_several_sizes_that_of_the_size_asked_for_is_selected(size, chosen):
    decision = decide([TP1, TP2], "2xh100", Request(tp=size))
    assert chosen == decision.selected.profile.id


def test_a_profile_that_leaves_its_size_open_gets_the_one_asked_for_and_as_many_gpus():
    decision = decide([OPEN], "2xh100", Request(tp=2))
    assert (2, None) == (decision.selected.profile.tp, decision.selected.profile.pp)
    assert ((0, 1), {"llm_engine": "vllm"}) == (
        decision.selected.gpus,
        decision.selected.profile.tags,
    )
    pinned = decide([OPEN], "2xh100", Request(pin="0", tp=1, pp=2))
    assert (1, 2, (0, 1)) == (
        pinned.selected.profile.tp,
        pinned.selected.profile.pp,
        pinned.selected.gpus,
    )


def test_a_profile_of_no_engine_has_no_parallel_size_to_be_given():
    assert SPEECH == decide([SPEECH], "2xh100", Request(tp=2)).selected.profile


def test_a_pin_of_another_size_starts_with_a_warning_that_names_the_variable():
    decision = decide([TP1, TP2], "2xh100", Request(pin="1", tp=2))
    assert TP1 == decision.selected.profile
    assert (
        "the pin overrides: NIM_TENSOR_PARALLEL_SIZE wants tp=2; the profile has tp=1"
        in warnings_of(decision)
    )


def test_what_size_is_not_wanted_says_which_variable_to_take_away():
    (verdict,) = decide([TP1], "2xh100", Request(tp=2)).rejected
    assert ("take NIM_TENSOR_PARALLEL_SIZE=2 away",) == remedies(verdict)


@pytest.mark.parametrize("size", [0, -1, 1.0, "2", True])
def test_a_parallel_size_is_a_whole_number(size):
    with pytest.raises((RequestError, TypeError), match="tp"):
        Request(tp=size)


def test_a_preferred_precision_is_chosen_where_it_runs():
    decision = decide([FP8, BF16], "1xh100", Request(preferred_precision=Precision.BF16))
    assert BF16 == decision.selected.profile
    assert not any("runs here" in warning for warning in warnings_of(decision))


def test_where_the_preferred_precision_does_not_run_another_does_with_a_warning():
    request = Request(preferred_precision=Precision.NVFP4)
    decision = decide([FP8, BF16], "1xh100", request)
    assert (FP8, request) == (decision.selected.profile, decision.request)
    assert "no profile in nvfp4 runs here, so one in fp8 is selected" in warnings_of(decision)


def test_a_preferred_precision_does_not_beat_a_pin():
    decision = decide(
        [FP8, BF16], "1xh100", Request(pin=FP8_ID, preferred_precision=Precision.BF16)
    )
    assert FP8 == decision.selected.profile


def test_where_nothing_runs_the_preferred_precision_is_among_the_reasons():
    decision = decide([FP8], "1xt4", Request(preferred_precision=Precision.BF16))
    assert decision.selected is None
    assert {"tags", "compute_capability"} <= {
        reason.kind for reason in decision.rejected[0].reasons
    }


def test_a_preferred_precision_is_one():
    with pytest.raises(TypeError, match="preferred_precision"):
        Request(preferred_precision="fp8")


def test_a_preferred_precision_that_is_not_known_is_refused_by_its_variable():
    with pytest.raises(RequestError, match=r"NIM_PRECISION: 'fp9' is not a precision"):
        Request.from_env({"NIM_PRECISION": "fp9"})


@pytest.mark.parametrize("value", ["auto", "default", "AUTO", " "])
def test_a_precision_left_to_the_nim_is_no_wish(value):
    assert Request() == Request.from_env({"NIM_ENGINE_PRECISION": value})
