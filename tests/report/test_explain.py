"""The story of a decision, and of one profile: every gate, and what would change it."""

import pytest

from nimprofile import Request, Requires, mock_inventory, plain_shape
from nimprofile.manifest.profile import Stated
from nimprofile.report.blocks import plain_text
from nimprofile.report.explain import explain_decision, explain_profile
from tests.support.builders import decide, gib, judge, make_gpu, make_inventory, make_profile
from tests.support.report_cases import BF16, BUSY, FP8, TWO, in_colour


def test_the_story_of_a_decision_names_every_profile():
    text = plain_text(explain_decision(decide([TWO, BF16, FP8], "1xh100")))
    assert [
        "Machine: 1 × NVIDIA H100 80GB HBM3",
        (
            "Policy: nim: custom > unpacked > engine > prebuilt > precision > objective > tp > "
            "gpu_specific > pp > variant > name > id"
        ),
        "",
        "profile  vllm-fp8",
        f"id       {'f' * 64}",
        "gpus     0 (1 × NVIDIA H100 80GB HBM3)",
        "cuda     CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0",
        "because  precision: fp8 before bf16; the next is vllm-bf16",
        "policy   nim",
        "warning: what memory the profile needs is unknown: not checked (total and free memory)",
        "",
        "Candidates (2), best first",
        "  vllm-fp8",
        "  vllm-bf16  behind the one above on precision",
        "",
        "Rejected (1)",
        "  vllm-two: incompatible",
        "    needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
        "    to change: 1 more NVIDIA H100 80GB HBM3",
    ] == text.splitlines()


def test_the_story_of_no_choice_is_the_histogram():
    text = plain_text(explain_decision(decide([TWO, FP8], "1xt4")))
    assert "\n\nNo profile found for the detected hardware: 0 of 2 profiles run on" in text
    assert "Candidates" not in text
    assert "Rejected (2)" in text


def test_the_story_of_one_candidate_needs_no_list():
    text = plain_text(explain_decision(decide([BF16], "1xh100")))
    assert "Candidates" not in text
    assert "Rejected" not in text


def test_the_story_of_a_pin_still_names_the_candidates():
    decision = decide([FP8, BF16], "1xh100", Request().pinned("vllm-bf16"))
    assert "Candidates (2), best first\n  vllm-fp8\n" in plain_text(explain_decision(decision))


def test_a_refused_pin_still_names_the_one_candidate():
    decision = decide([FP8, BF16], "1xa100", Request().pinned("vllm-fp8"))
    assert "Candidates (1), best first\n  vllm-bf16\n" in plain_text(explain_decision(decision))


def test_on_a_mixed_machine_what_holds_elsewhere_is_said():
    decision = decide([TWO], "1xh100,1xl4")
    line = "    elsewhere: needs 2 GPUs of one product; there is 1 × NVIDIA L4"
    assert line in plain_text(explain_decision(decision)).splitlines()
    story = plain_text(explain_profile(decision, decision.verdict(TWO)))
    assert "And on the other GPUs of this machine:\n  needs 2 GPUs of one product" in story


def story(profile, profiles, inventory, request=None, *, shape=None, style=plain_text):
    decision = decide(profiles, inventory, request, shape=shape)
    return style(explain_profile(decision, decision.verdict(profile)))


def gates(text):
    """The lines of the gates, with their columns' spaces folded."""
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("  ")]


def test_every_gate_is_named_when_all_are_passed():
    inventory = mock_inventory("2xh100").replace(driver_version="570.1", cuda_version="12.8")
    profile = make_profile(
        "a",
        name="mine",
        llm_engine="vllm",
        gpu="h100",
        gpu_device="2330",
        precision="fp8",
        tp="2",
        pp="1",
        feat_lora="true",
        memory=Stated(gib(10), gib(10), "here"),
        requires=Requires(driver=">=550", cuda=">=12.4"),
    )
    request = Request(lora=True, tags=(("tp", "2"), ("precision", "fp8")))
    assert [
        "yes engine vllm",
        "yes GPU made for h100 / 2330:10de",
        "yes GPU count tp 2 × pp 1: 2 of one product",
        "yes capability fp8",
        "yes total memory 10.0 GiB per GPU, here",
        "yes free memory 79.6 GiB free on each",
        "yes driver driver >=550, CUDA >=12.4",
        "yes LoRA serves adapters",
        "yes tags tp=2, precision=fp8",
    ] == gates(story(profile, [profile], inventory, request))


def test_every_gate_says_when_it_asks_for_nothing():
    profile = make_profile("a", name="mine")
    gpu = make_gpu().replace(memory_free_mib=None)
    assert [
        "yes engine no engine named",
        "yes GPU made for any GPU",
        "yes GPU count tp ? × pp ?: 1 of one product",
        "yes capability no precision named",
        "yes total memory no need known",
        "yes free memory nothing against it",
        "yes driver nothing required",
        "yes LoRA none wanted, none served",
        "yes tags no selector",
    ] == gates(story(profile, [profile], make_inventory(gpu)))


def test_a_gate_that_is_closed_says_no_and_why():
    text = story(TWO, [TWO], "1xgtx1080", Request(tags=(("tp", "1"),)))
    assert (
        "no GPU count needs 2 GPUs of one product; there is 1 × NVIDIA GeForce GTX 1080"
        in gates(text)
    )
    assert "no capability bf16 needs compute capability 7.0; GPU 0 has 6.1" in gates(text)
    assert "not wanted tags the selector wants tp=1; the profile has tp=2" in gates(text)
    assert [
        "To make it run:",
        "  2 GPUs of compute capability 7.0 or higher",
        "  take tp=1 out of the selector (--tags, NIM_TAGS_SELECTOR)",
    ] == text.splitlines()[-3:]


@pytest.mark.parametrize(
    ("request_", "by"),
    [
        pytest.param(
            Request(relax_memory=True), "--relax-memory (NIM_RELAX_MEM_CONSTRAINTS)", id="switch"
        ),
        pytest.param(Request(pin="vllm-bf16"), "the pin", id="pin"),
        pytest.param(
            Request(pin="vllm-bf16", relax_memory=True),
            "--relax-memory (NIM_RELAX_MEM_CONSTRAINTS)",
            id="pin and switch",
        ),
    ],
)
def test_a_gate_that_was_set_aside_says_by_what(request_, by):
    decision = decide([BF16], BUSY, request_)
    lines = gates(plain_text(explain_profile(decision, decision.selected)))
    (line,) = [line for line in lines if line.startswith("waived free memory")]
    assert line.startswith(f"waived free memory {by} overrides: GPU 0 is not empty: ")


def test_emulation_is_said_at_its_gate():
    profile = make_profile("a", precision="nvfp4", tp="1")
    request = Request(allow_nvfp4_emulation=True)
    text = story(profile, [profile], "1xh100", request)
    assert "yes capability nvfp4, emulated" in gates(text)


def test_doubts_are_marked():
    text = story(BF16, [BF16], "1xh100")
    assert (
        "  ? what memory the profile needs is unknown: not checked (total and free memory)"
        in text.splitlines()
    )


def test_a_gate_whose_figure_is_unknown_is_marked_too():
    profile = make_profile(
        "a",
        precision="fp8",
        tp="1",
        memory=Stated(gib(1), gib(1), "here"),
        requires=Requires(driver=">=550", cuda=">=12.4"),
    )
    gpu = make_gpu(capability=None).replace(memory_free_mib=None)
    lines = gates(story(profile, [profile], make_inventory(gpu)))
    assert [
        "? capability fp8, emulated",
        "? free memory nothing against it",
        "? driver driver >=550, CUDA >=12.4",
    ] == [line for line in lines if line.startswith("? ") and "unknown" not in line]
    total = make_gpu().replace(memory_total_mib=None, memory_free_mib=None)
    assert "? total memory 1.0 GiB per GPU, here" in gates(
        story(profile, [profile], make_inventory(total))
    )


@pytest.mark.parametrize(("inventory", "outcome"), [("1xh100", "starts"), ("1xa100", "is refused")])
def test_the_story_of_a_pinned_profile_says_so(inventory, outcome):
    request = Request().pinned("vllm-fp8", "--profile")
    decision = decide([FP8, BF16], inventory, request)
    story = plain_text(explain_profile(decision, decision.pinned))
    assert f"It is pinned by --profile, and {outcome}." in story.splitlines()


@pytest.mark.parametrize(
    ("profile", "profiles", "standing"),
    [
        pytest.param(BF16, [BF16], ["It is the only candidate."], id="alone"),
        pytest.param(
            FP8,
            [FP8, BF16],
            [
                "It is the best of the candidates.",
                (
                    "precision puts it before vllm-bf16: the fewest bits of what the GPUs compute "
                    "natively, then what they unpack."
                ),
            ],
            id="best",
        ),
        pytest.param(
            BF16,
            [FP8, BF16],
            [
                "It is candidate 2 of 2.",
                (
                    "vllm-fp8 beats it on precision: the fewest bits of what the GPUs compute "
                    "natively, then what they unpack."
                ),
            ],
            id="second",
        ),
        pytest.param(TWO, [FP8, TWO], ["It is not a candidate."], id="none"),
    ],
)
def test_its_standing_among_the_candidates_is_said(profile, profiles, standing):
    lines = story(profile, profiles, "1xh100").splitlines()
    at = lines.index(standing[0])
    assert standing == lines[at : at + len(standing)]


def test_the_head_is_name_grade_and_id():
    text = story(TWO, [TWO], "1xh100", style=in_colour)
    assert f"\x1b[1mvllm-two\x1b[0m: \x1b[31mincompatible\x1b[0m\nid {'c' * 64}\n" in text


def test_an_id_that_disagrees_with_its_tags_is_noted():
    text = story(BF16, [BF16], "1xh100")
    assert f"note: its tags hash to {BF16.computed_id}; either the tags were edited" in text


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(BF16.replace(id=BF16.computed_id), id="agrees"),
        pytest.param(BF16.replace(id="short"), id="no hash"),
        pytest.param(BF16.replace(tags_from_name=True), id="tags read off a name"),
    ],
)
def test_an_id_that_agrees_or_cannot_be_checked_is_not_noted(profile):
    assert "note:" not in story(profile, [profile], "1xh100")


def test_the_context_that_fits_is_in_the_story():
    shape = plain_shape(8_030_261_248, 32, 8, 128, 131072)
    text = story(BF16, [BF16], "1xrtx5090", shape=shape)
    assert "tokens fit" in text
    assert "tokens or less (--max-model-len " in text


def test_a_verdict_of_another_decision_can_still_be_told():
    decision = decide([FP8], "1xh100")
    assert "It is not a candidate." in plain_text(explain_profile(decision, judge(BF16, "1xh100")))
