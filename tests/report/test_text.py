"""A decision on a terminal and in a pipe, with nothing left out."""

from typing import get_args

import pytest

from nimprofile import Inventory, Request, mock_inventory
from nimprofile.manifest.profile import Stated
from nimprofile.report import explain, text as render
from nimprofile.report.blocks import plain_text
from nimprofile.report.text import (
    describe_machine,
    histogram,
    list_blocks,
    nothing_runs,
    select_blocks,
)
from nimprofile.selection.reasons import Reason
from tests.support.builders import decide, gib, make_h100, make_inventory, make_profile
from tests.support.report_cases import BF16, BUSY, FP8, TWO, in_colour, on_terminal


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
        "No profile found for the detected hardware: 0 of 3 profiles run on 1 × NVIDIA GeForce GTX 1080.",
        "How many profiles each reason is held against (one can have several):",
        "     3 × compute capability too low for the precision",
        "     1 × too few GPUs",
        "     1 × LoRA not as wanted",
        "Nearest: vllm-bf16, which would take:",
        "  a GPU of compute capability 7.0 or higher",
    ] == nothing_runs(decide([lora, TWO, BF16], "1xgtx1080")).splitlines()


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
    assert any(kind.kind in kinds for _, kinds in explain._GATES)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("8xh100", "8 × NVIDIA H100 80GB HBM3"),
        ("1xt4,2xl4,1xt4", "2 × Tesla T4 + 2 × NVIDIA L4"),
    ],
)
def test_a_machine_is_described_by_its_products(spec, text):
    assert text == describe_machine(mock_inventory(spec))


def test_the_list_has_every_profile_by_grade():
    rows = plain_text(list_blocks(decide([TWO, BF16, FP8], "1xh100"))).splitlines()
    assert [
        f"runnable\t{'f' * 64}\tvllm-fp8\tselected: GPU 0",
        f"runnable\t{'b' * 64}\tvllm-bf16\tGPU 0",
        (
            f"incompatible\t{'c' * 64}\tvllm-two\t"
            "needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3"
        ),
    ] == rows


def test_a_terminal_gets_headings_and_short_ids():
    text = on_terminal(list_blocks(decide([TWO, BF16], "1xh100")))
    assert [
        "runnable (1)",
        "  bbbbbbbbbbbb  vllm-bf16  selected: GPU 0",
        "low memory (0)",
        "incompatible (1)",
        "  cccccccccccc  vllm-two  needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
        "policy nim",
    ] == text.splitlines()


def test_what_is_not_wanted_is_no_candidate_and_counted_apart():
    lora = make_profile("l", name="lora", llm_engine="vllm", feat_lora="true", precision="bf16")
    unwanted = decide([BF16, lora, FP8], "1xh100", Request(tags=(("precision", "bf16"),)))
    assert [
        "runnable (1)",
        "  bbbbbbbbbbbb  vllm-bf16  selected: GPU 0",
        "not wanted (2)",
        "  ffffffffffff  vllm-fp8  the selector wants precision=bf16; the profile has precision=fp8",
        "  l             lora      serves LoRA adapters, and none are wanted",
        "low memory (0)",
        "incompatible (0)",
        "policy nim",
    ] == on_terminal(list_blocks(unwanted)).splitlines()
    grades = [line.split("\t")[0] for line in plain_text(list_blocks(unwanted)).splitlines()]
    assert ["runnable", "not wanted", "not wanted"] == grades


def test_a_pin_that_starts_is_marked_in_the_list():
    pinned = decide([FP8, BF16], "1xh100", Request().pinned("vllm-bf16"))
    (marked,) = [
        line for line in plain_text(list_blocks(pinned)).splitlines() if "selected" in line
    ]
    assert f"runnable\t{'b' * 64}\tvllm-bf16\tselected: GPU 0" == marked


def test_a_pin_that_waives_a_reason_is_marked_with_it():
    pinned = decide([FP8, BF16], BUSY, Request().pinned("vllm-bf16"))
    (marked,) = [
        line for line in plain_text(list_blocks(pinned)).splitlines() if "selected" in line
    ]
    assert marked.startswith(f"low memory\t{'b' * 64}\tvllm-bf16\tselected: GPU 0; GPU 0 is not")
    assert marked.endswith(" (waived)")


def test_where_nothing_runs_nothing_is_marked():
    assert "selected" not in plain_text(list_blocks(decide([FP8], "1xt4")))


def test_grades_have_their_colours():
    text = in_colour(list_blocks(decide([TWO, BF16], "1xh100")))
    for heading in (
        "\x1b[32mrunnable (1)\x1b[0m",
        "\x1b[33mlow memory (0)\x1b[0m",
        "\x1b[31mincompatible (1)\x1b[0m",
    ):
        assert heading in text


def test_more_reasons_are_counted():
    profile = make_profile("x", llm_engine="vllm", precision="fp8", tp="2", feat_lora="true")
    text = plain_text(list_blocks(decide([profile], "1xt4")))
    assert text.endswith("fp8 needs compute capability 8.9; GPU 0 has 7.5 (+2 more)")


def test_a_waived_reason_is_shown_as_such():
    text = plain_text(list_blocks(decide([BF16], BUSY, Request(relax_memory=True))))
    assert text.startswith("low memory\t")
    assert text.endswith("0.0 %; 95 % must be (waived)")


def test_what_is_not_selected_cannot_be_printed_as_a_choice():
    with pytest.raises(AssertionError, match="there is something to show"):
        plain_text(select_blocks(decide([FP8], "1xt4")))
