"""Warnings of a decision: their kinds and figures, and the sentences made of them."""

import pickle
from typing import get_args

import pytest

from nimprofile import (
    Engine,
    Gpu,
    Precision,
    Request,
    Serving,
    decision_to_dict,
    mock_inventory,
    plain_shape,
    select,
    shape_from_config,
)
from nimprofile.manifest.profile import Stated
from nimprofile.selection.reasons import Doubt, GpuNotEmpty
from nimprofile.selection.warnings import (
    ContextBeyondModel,
    DecisionWarning,
    Emulated,
    EstimateIsMore,
    GpuAiling,
    GpusUnavailable,
    NewerEngine,
    NoRoomForCache,
    NotChecked,
    NotCounted,
    Overridden,
    PrecisionUnavailable,
    ProductUnknown,
    SelectedIfAnswered,
    ServedInHalf,
    missing_warnings,
)
from tests.support.builders import (
    H100_MIB,
    decide,
    gib,
    make_gpu,
    make_h100,
    make_inventory,
    make_manifest,
    make_profile,
    warnings_of,
)
from tests.support.model_configs import LLAMA_8B

ONE = make_profile("one", name="one", llm_engine="vllm", precision="bf16", tp="1")
TWO = make_profile("two", name="two", llm_engine="vllm", precision="bf16", tp="2")
KNOWN = make_profile("known", memory=Stated(gib(1), gib(1), "the test"), tp="1")
LOST = Gpu(1, unavailable="GPU is lost")


def only(kind, decision):
    (warning,) = (warning for warning in decision.warnings if isinstance(warning, kind))
    return warning


def test_a_reason_that_a_switch_sets_aside():
    busy = make_inventory(make_h100(free=10))
    warning = only(Overridden, decide([ONE], busy, Request(relax_memory=True)))
    assert Overridden(GpuNotEmpty(10, H100_MIB, 0.95, gpus=(0,)), by_pin=False) == warning
    assert str(warning).startswith("--relax-memory (NIM_RELAX_MEM_CONSTRAINTS) overrides: GPU 0")


@pytest.mark.parametrize(
    ("request_", "by_pin"),
    [(Request(), True), (Request(relax_memory=True), False), (Request(allow_unsafe=True), True)],
)
def test_low_memory_is_set_aside_by_the_pin_unless_memory_is_relaxed(request_, by_pin):
    busy = make_inventory(make_h100(free=10))
    assert by_pin is only(Overridden, decide([ONE], busy, request_.pinned("one"))).by_pin


def test_what_the_pin_does_not_set_aside_is_not_said_to_be():
    request = Request(allow_unsafe=True).pinned("a")
    warning = only(Overridden, decide([make_profile("a", gpu="h100")], "1xt4", request))
    assert ("gpu", False) == (warning.reason.kind, warning.by_pin)


def test_a_figure_that_is_unknown_on_several_kinds_of_gpu_is_one_warning():
    gpus = make_inventory(make_gpu(0, capability=None), make_gpu(1, capability=None, total=10_000))
    profile = KNOWN.replace(tp=2, precision=ONE.precision)
    doubt = Doubt("compute_capability", "the compute capability", "bf16 needs 8.0", gpus=(0, 1))
    warning = only(NotChecked, decide([profile], gpus))
    assert NotChecked(doubt) == warning
    assert "the compute capability of GPUs 0-1 is unknown: not checked (bf16 needs 8.0)" == str(
        warning
    )


def test_a_precision_that_is_emulated():
    profile = make_profile("a", precision="nvfp4", tp="1")
    decision = decide([profile], "1xh100", Request(allow_nvfp4_emulation=True))
    assert Emulated("nvfp4") == only(Emulated, decision)


@pytest.mark.parametrize(("spec", "warned"), [("1xt4", 1), ("1xa100", 0)])
def test_a_bf16_profile_that_is_served_in_fp16(spec, warned):
    decision = decide([make_profile("a", llm_engine="vllm", precision="bf16", tp="1")], spec)
    assert warned == decision.warnings.count(ServedInHalf())


@pytest.mark.parametrize(
    ("version", "warned"), [("99.0", 1), ("0.33.0", 0), ("0.19.0", 0), (None, 0)]
)
def test_an_engine_that_is_newer_than_any_that_is_known(version, warned):
    request = Request(serving=Serving(engine_version=version))
    decision = decide([ONE], "1xh100", request)
    newer = NewerEngine(Engine.VLLM, "99.0", "0.33.0")
    assert warned == decision.warnings.count(newer)
    assert "vllm 99.0 is newer than any that is known: it is judged as 0.33.0 would be" == str(
        newer
    )


SHAPE = plain_shape(8_030_261_248, 32, 8, 128, 131072)


def test_weights_that_leave_no_room_for_the_cache():
    stated = ONE.replace(memory=Stated(gib(1), gib(1), "the test"))
    decision = decide([stated], make_inventory(make_gpu(total=15_000)), shape=SHAPE)
    warning = only(NoRoomForCache, decision)
    assert warning.budget.starved
    assert " of weights leave 0.0 GiB for the KV cache: " in str(warning)


@pytest.mark.parametrize(("stated", "warned"), [(20, True), (60, False)])
def test_an_estimate_that_is_more_than_the_manifest_states(stated, warned):
    size = gib(stated)
    decision = decide([ONE.replace(memory=Stated(size, size, "the test"))], "1xh100", shape=SHAPE)
    warnings = [warning for warning in decision.warnings if isinstance(warning, EstimateIsMore)]
    assert warned is bool(warnings)
    for warning in warnings:
        assert warning.need.estimated_bytes > warning.need.full_bytes == size
        assert str(warning).startswith(f"the test says {stated}.0 GiB per GPU, and counts; ")


def test_a_chosen_gpu_that_is_ailing():
    machine = make_inventory(make_gpu(0, health_issues=("it coughs",)), make_gpu(1))
    assert GpuAiling(0, "it coughs") == only(GpuAiling, decide([KNOWN.replace(tp=2)], machine))
    assert () == decide([KNOWN], machine).warnings


def test_a_missing_gpu_that_another_profile_would_have_taken():
    decision = decide([ONE, TWO], make_inventory(make_h100(0), LOST))
    warning = only(SelectedIfAnswered, decision)
    assert ("two", (LOST,)) == (warning.profile, warning.gpus)
    assert {0: "NVIDIA H100 80GB HBM3", 1: "NVIDIA H100 80GB HBM3"} == {
        index: gpu.name for index, gpu in warning.taken_for.items()
    }
    assert warning == decision.warnings[0]
    assert (warning,) == tuple(missing_warnings(decision))


def test_missing_gpus_that_change_nothing_once_for_each_cause():
    gone = (LOST, Gpu(2, unavailable="GPU is lost"), Gpu(3, unavailable="no answer"))
    decision = decide([ONE], make_inventory(make_h100(0), *gone))
    expected = (GpusUnavailable((1, 2), "GPU is lost"), GpusUnavailable((3,), "no answer"))
    assert expected == decision.warnings[:2]
    assert "GPUs 1-2 are unavailable: GPU is lost" == str(expected[0])


def test_a_missing_gpu_of_unknown_product_beside_several_products():
    machine = make_inventory(make_h100(0), make_gpu(2), LOST)
    assert ProductUnknown((1,)) == only(ProductUnknown, decide([ONE], machine))


def test_each_kind_has_a_name_of_its_own():
    kinds = [warning.kind for warning in get_args(DecisionWarning)]
    assert len(kinds) == len(set(kinds))


def test_json_has_the_sentences():
    decision = decide([ONE, TWO], make_inventory(make_h100(0), LOST))
    assert decision.warnings
    assert list(warnings_of(decision)) == decision_to_dict(decision)["warnings"]


def test_a_decision_with_warnings_is_pickled_and_comes_back_the_same():
    decision = decide([ONE, TWO], make_inventory(make_h100(0), LOST))
    again = pickle.loads(pickle.dumps(decision))
    assert (decision, warnings_of(decision)) == (again, warnings_of(again))


# A longer context than the model's.


@pytest.mark.parametrize("machine", ["1xh200", "1xl4"])
def test_a_longer_context_than_the_models_is_a_warning_whether_a_profile_runs_or_not(machine):
    shape = shape_from_config(LLAMA_8B)
    request = Request(serving=Serving(max_model_len=400_000))
    decision = select(make_manifest(ONE, shape=shape), mock_inventory(machine), request)
    assert ("1xh200" == machine) is (decision.selected is not None)
    warning = only(ContextBeyondModel, decision)
    assert ContextBeyondModel(400_000, 131_072) == warning
    told = "the model's longest context is 131,072 tokens, and engines refuse 400,000"
    assert told == str(warning)


@pytest.mark.parametrize("tokens", [131_072, 4096, "auto", None])
def test_a_context_of_the_models_is_no_warning(tokens):
    shape = shape_from_config(LLAMA_8B)
    request = Request(serving=Serving(max_model_len=tokens))
    decision = select(make_manifest(ONE, shape=shape), mock_inventory("1xh200"), request)
    assert ContextBeyondModel not in [type(warning) for warning in decision.warnings]


def test_advice_on_a_context_is_never_longer_than_the_models():
    shape = shape_from_config(LLAMA_8B)
    request = Request(serving=Serving(max_model_len=10_000_000))
    decision = select(make_manifest(ONE, shape=shape), mock_inventory("1xh200"), request)
    (reason,) = decision.rejected[0].reasons
    assert 131_072 == reason.max_model_len


def test_a_preferred_precision_that_is_not_as_required_is_said_to_be_so():
    profiles = (ONE.replace(precision=Precision.BF16), TWO.replace(precision=Precision.FP8))
    request = Request(preferred_precision=Precision.BF16, require="tp=2")
    warning = only(PrecisionUnavailable, decide(profiles, "2xh100", request))
    assert "no profile in bf16 runs here and meets tp=2, so one in fp8 is selected" == str(warning)


# What was asked of the engine's start and does not count.

STARTED = Serving(
    memory_fraction=0.5, kv_cache_dtype="fp8", max_num_batched_tokens=512, concurrency=2
)


def not_counted(profile, serving, shape=None, policy="nim-1.15"):
    manifest = make_manifest(profile, shape=shape)
    decision = select(manifest, mock_inventory("1xh100"), Request(serving=serving), policy)
    assert decision.selected is not None
    return [str(each) for each in decision.warnings if isinstance(each, NotCounted)]


def test_a_figure_of_the_manifest_counts_nothing_of_the_engines_start():
    said = (
        "memory is judged by the test, which does not count the memory fraction and the KV cache's "
        "format and the tokens of a step and requests at once"
    )
    assert [said] == not_counted(KNOWN, STARTED)
    assert [] == not_counted(KNOWN, Serving(max_num_seqs=4, eager=True))


def test_the_arithmetic_of_an_engine_counts_all_of_it_and_that_of_nim_2_some():
    shape = shape_from_config(LLAMA_8B)
    serving = STARTED.replace(max_model_len=4096, memory_fraction=0.9)
    assert [] == not_counted(ONE, serving, shape)
    (said,) = not_counted(ONE, serving, shape, "nim-2.0")
    assert said.startswith("memory is judged by NIM 2.x's own arithmetic, which does not count")
    assert "the memory fraction" in said
    assert "requests at once" not in said
