"""A decision on a terminal and in a pipe, with nothing left out."""

from typing import get_args

import pytest

from nimprofile import Inventory, Request, mock_inventory
from nimprofile.manifest.profile import Stated
from nimprofile.report import text as render
from nimprofile.report.blocks import plain_text
from nimprofile.report.text import (
    describe_machine,
    histogram,
    nothing_runs,
    select_blocks,
)
from nimprofile.selection.gates.outcomes import GATES
from nimprofile.selection.reasons import Reason
from tests.support.builders import decide, gib, make_h100, make_inventory, make_profile
from tests.support.report_cases import BF16, BUSY, FP8, TWO, in_colour


def test_the_choice_its_gpus_and_the_deciding_criterion_are_said():
    text = plain_text(select_blocks(decide([FP8, BF16], "2xh100")))
    assert [
        "profile  vllm-fp8",
        f"id       {'f' * 64}",
        "gpus     0 (1 × NVIDIA H100 80GB HBM3)",
        "cuda     CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0",
        "because  precision: fp8 before bf16; the next is vllm-bf16",
        "policy   nim",
    ] == text.splitlines()


def test_a_known_need_of_memory_is_said():
    profile = make_profile("m", tp="1", memory=Stated(gib(30.5), gib(20), "the listing"))
    text = plain_text(select_blocks(decide([profile], "1xh100")))
    assert "memory   30.5 GiB per GPU, the listing" == text.splitlines()[3]


def test_the_only_candidate_says_so():
    text = plain_text(select_blocks(decide([FP8, BF16], "1xa100")))
    assert "because  the only profile that runs here" in text.splitlines()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(require="precision=bf16"), " and is as required"),
        (Request(tags={"precision": "bf16"}), " and is as asked for"),
        (Request(), ""),
    ],
)
def test_the_only_candidate_among_others_that_are_not_as_wished_says_so(request_, said):
    profiles = [FP8, BF16] if said else [BF16]
    text = plain_text(select_blocks(decide(profiles, "1xh100", request_)))
    assert f"because  the only profile that runs here{said}" in text.splitlines()


def test_a_pin_is_the_reason():
    decision = decide([FP8, BF16], "1xh100", Request().pinned("vllm-bf16", "--profile"))
    assert (
        "because  pinned by --profile=vllm-bf16" in plain_text(select_blocks(decision)).splitlines()
    )


def test_the_name_is_bold_in_colour():
    assert "\x1b[1mvllm-fp8\x1b[0m" in in_colour(select_blocks(decide([FP8], "1xh100")))


def test_gpus_of_two_names_are_both_named():
    gpus = make_inventory(make_h100(0), make_h100(1).replace(name="NVIDIA H100"))
    text = plain_text(select_blocks(decide([TWO], gpus)))
    assert "gpus     0-1 (2 × NVIDIA H100 80GB HBM3, NVIDIA H100)" in text.splitlines()


def test_when_nothing_is_as_required_it_is_said_what_would_run_and_what_comes_nearest():
    decision = decide([FP8, TWO], "1xh100", Request(require="tp>=2"))
    assert [
        "Nothing that runs here is as required: tp>=2",
        "Without that, vllm-fp8 would run on GPU 0:",
        "  tp>=2 is required; the profile has tp=1",
        "Nearest of the profiles that meet it: vllm-two, which would take:",
        "  1 more NVIDIA H100 80GB HBM3",
    ] == nothing_runs(decision).splitlines()


def test_a_pin_that_is_not_as_required_is_told_with_what_is():
    decision = decide([FP8, BF16], "1xh100", Request("vllm-bf16", require="precision=fp8"))
    assert [
        "Nothing that runs here is as required: precision=fp8",
        "Without that, vllm-bf16 would run on GPU 0, pinned by pin:",
        "  precision=fp8 is required; the profile has precision=bf16",
        "vllm-fp8 meets it and runs here: take the pin away",
    ] == nothing_runs(decision).splitlines()


def test_a_requirement_that_no_profile_meets_is_told_as_such():
    decision = decide([FP8], "1xh100", Request(require="precision=fp4"))
    assert nothing_runs(decision).endswith("\nNo profile of this manifest meets it.")


def test_when_nothing_runs_there_is_a_histogram_and_the_nearest():
    lora = make_profile("l", name="lora", llm_engine="vllm", feat_lora="true", precision="fp8")
    assert [
        "No profile found for the detected hardware: 0 of 2 profiles run on 1 × NVIDIA GeForce GTX 1080; 1 more is not wanted.",
        "How many profiles each reason is held against (one can have several):",
        "     2 × compute capability too low for the precision",
        "     1 × too few GPUs",
        "Why 1 is not wanted:",
        "     1 × LoRA not as wanted",
        "Nearest: vllm-bf16, which would take:",
        "  a GPU of compute capability 7.0 or higher",
    ] == nothing_runs(decide([lora, TWO, BF16], "1xgtx1080")).splitlines()


def test_when_nothing_is_as_it_is_wanted_the_hardware_is_not_blamed():
    decision = decide([FP8, TWO], "1xh100", Request(lora=True))
    assert [
        "No profile found for what is asked: none of 2 profiles is as it is wanted.",
        "Why 2 are not wanted:",
        "     2 × LoRA not as wanted",
        "Nearest: vllm-fp8, which would take:",
        "  take the adapters away (NIM_PEFT_SOURCE, --lora)",
    ] == nothing_runs(decision).splitlines()


def test_a_wish_of_a_variable_is_counted_by_its_name():
    decision = decide([FP8, TWO], "1xh100", Request(tp=2, tags={"precision": "fp8"}))
    text = nothing_runs(decision)
    assert "tp is not as NIM_TENSOR_PARALLEL_SIZE says" in text


def test_the_nearest_is_of_the_best_grade():
    memory = make_profile("m", name="big", llm_engine="vllm", tp="4", precision="bf16")
    text = nothing_runs(decide([memory, BF16], BUSY))
    assert "Nearest: vllm-bf16, which would take:" in text
    assert "  free 75.7 GiB on GPU 0, or --no-empty-gpu-gate" in text


def test_without_gpus_that_is_what_is_said():
    text = nothing_runs(decide([BF16], Inventory()))
    assert "0 of 1 profiles run on no GPUs." in text
    assert "too few GPUs" in text


def test_a_manifest_without_profiles_has_no_nearest():
    expected = "No profile found for the detected hardware: 0 of 0 profiles run on 1 × Tesla T4."
    assert expected == nothing_runs(decide([], "1xt4"))


def test_a_refused_pin_says_why_and_what_to_change():
    decision = decide([FP8, BF16], "1xa100", Request().pinned("vllm-fp8"))
    assert [
        "NIM_MODEL_PROFILE=vllm-fp8 is refused: vllm-fp8 does not run here.",
        "  fp8 needs compute capability 8.9; GPU 0 has 8.0",
        "  to change: a GPU of compute capability 8.9 or higher",
        "  or start it all the same: NIM_MANIFEST_ALLOW_UNSAFE=1",
    ] == nothing_runs(decision).splitlines()


def test_both_switches_are_named_in_one_order():
    big = make_profile("x", name="big", precision="fp8", memory=Stated(gib(99), gib(99), "here"))
    text = nothing_runs(decide([big], "1xa100", Request().pinned("big")))
    expected = "all the same: NIM_MANIFEST_ALLOW_UNSAFE=1, NIM_RELAX_MEM_CONSTRAINTS=1"
    assert text.endswith(expected)


def test_no_switch_is_offered_when_none_would_help():
    text = nothing_runs(decide([TWO], "1xh100", Request().pinned("vllm-two")))
    assert "all the same" not in text


def test_the_histogram_counts_profiles_and_not_reasons():
    conditions = Request(tags=(("a", "1"), ("b", "2")))
    verdicts = decide([FP8, BF16], "1xh100", conditions).rejected
    assert [("tag selector does not match", 2)] == histogram(verdicts)


@pytest.mark.parametrize("kind", get_args(Reason), ids=lambda kind: kind.__name__)
def test_every_kind_of_reason_has_a_title_and_a_gate(kind):
    assert render._TITLES[kind.kind]
    assert any(kind.kind in kinds for _, kinds in GATES)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("8xh100", "8 × NVIDIA H100 80GB HBM3"),
        ("1xt4,2xl4,1xt4", "2 × Tesla T4 + 2 × NVIDIA L4"),
    ],
)
def test_a_machine_is_described_by_its_products(spec, text):
    assert text == describe_machine(mock_inventory(spec))


def test_what_is_not_selected_cannot_be_printed_as_a_choice():
    with pytest.raises(AssertionError, match="there is something to show"):
        plain_text(select_blocks(decide([FP8], "1xt4")))
