"""Do the GPUs, the catalogue and the policies read well on a terminal and in a pipe?"""

import pytest

from nimprofile import (
    POLICIES,
    Connection,
    Inventory,
    Link,
    MigInstance,
    Request,
    mock_inventory,
)
from nimprofile.hardware.catalog import products
from nimprofile.report.blocks import plain_text
from nimprofile.report.tables import gpus_blocks, list_blocks, policies_blocks, products_blocks
from tests.support.builders import decide, make_gpu, make_inventory, make_profile
from tests.support.report_cases import BF16, BUSY, FP8, TWO, in_colour, on_terminal

# GPUs, products and policies.


def test_unknown_figures_are_question_marks():
    gpu = make_gpu(total=None, capability=None, name=None)
    assert "0\t?\t?\t?\t?\t?\tok\t?" == plain_text(gpus_blocks(make_inventory(gpu)))


def test_a_terminal_gets_a_heading_and_the_versions():
    inventory = mock_inventory("1xt4").replace(driver_version="570.1")
    assert [
        (
            "GPU  name      device       MiB   free  in use  memory in use     busy  cc   bus  "
            "state  UUID"
        ),
        (
            "0    Tesla T4  1eb8:10de  15360  15360     0 %                       ?  7.5  ?    "
            "ok     ?"
        ),
        "driver 570.1, CUDA ?",
    ] == on_terminal(gpus_blocks(inventory)).splitlines()


def test_no_gpus_are_an_empty_text_in_a_pipe():
    assert "" == plain_text(gpus_blocks(Inventory()))


def row(inventory, at=1, style=on_terminal):
    return style(gpus_blocks(inventory)).splitlines()[at]


@pytest.mark.parametrize(
    ("free", "text"), [(0, "100 %  ████████████████"), (7680, "50 %  ████████  "), (None, "?  ?  ")]
)
def test_a_bar_is_as_long_as_what_is_in_use(free, text):
    gpu = mock_inventory("1xt4").gpus[0].replace(memory_free_mib=free)
    assert f" {text}" in row(make_inventory(gpu))


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (200, "GPU name device MiB free in use memory in use busy cc bus state UUID"),
        (110, "GPU name device MiB free in use memory in use busy cc bus state"),
        (90, "GPU name MiB free in use memory in use busy cc state"),
        (75, "GPU name MiB free in use memory in use state"),
        (60, "GPU name MiB free state"),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns(width, headings):
    box = mock_inventory("1xh100")
    gpus = (box.gpus[0].replace(uuid="GPU-" + 36 * "0", pci_bus_id="00000000:53:00.0"),)
    heading, _, *below = on_terminal(gpus_blocks(box.replace(gpus=gpus)), width).splitlines()
    assert (headings, ["driver ?, CUDA ?"]) == (" ".join(heading.split()), below)


def test_a_very_narrow_terminal_gets_each_gpu_in_two_lines():
    assert [
        "0  Tesla T4",
        "    MiB: 15360; free: 15360;",
        "      state: ok",
        "driver ?, CUDA ?",
    ] == on_terminal(gpus_blocks(mock_inventory("1xt4")), 30).splitlines()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "ok"),
        ({"unified_memory": True}, "ok, unified memory"),
        ({"health_issues": ("it coughs",)}, "ailing"),
        ({"unavailable": "GPU is lost"}, "unavailable"),
        ({"mig_enabled": True}, "split by MIG"),
        ({"mig": MigInstance(3, 7, 0)}, "ok, part of GPU 3"),
    ],
)
def test_the_state_is_one_or_two_words(changes, words):
    inventory = make_inventory(make_gpu(**changes))
    assert f"  {words}  " in row(inventory)
    assert f"\t{words}\t" in plain_text(gpus_blocks(inventory))


def test_what_is_wrong_and_what_is_hidden_is_said_below():
    gpus = (make_gpu(0, unavailable="GPU is lost"), make_gpu(1, health_issues=("it coughs",)))
    inventory = Inventory(gpus, remarks=("CUDA_VISIBLE_DEVICES=0,1 hides GPU 2",))
    assert [
        "driver ?, CUDA ?",
        "GPU 0 is unavailable: GPU is lost",
        "GPU 1 is ailing: it coughs",
        "note: CUDA_VISIBLE_DEVICES=0,1 hides GPU 2",
    ] == on_terminal(gpus_blocks(inventory)).splitlines()[3:]


def test_what_is_wrong_is_coloured():
    gpus = (make_gpu(0, unavailable="GPU is lost"), make_gpu(1, health_issues=("it coughs",)))
    inventory = Inventory((*gpus, make_gpu(2)))
    colours = [row(inventory, at, in_colour)[:5] for at in (1, 2, 3)]
    assert ["\x1b[31m", "\x1b[33m", "2    "] == colours


def joined(*links, count=3):
    pairs = [Connection((a, b), Link(link)) for a, b, link in links]
    gpus = tuple(make_gpu(at) for at in range(count))
    return on_terminal(gpus_blocks(Inventory(gpus, connections=tuple(pairs)))).splitlines()[
        count + 2 :
    ]


def test_links_that_are_all_alike_are_one_line():
    everything = ((0, 1, "nvlink"), (0, 2, "nvlink"), (1, 2, "nvlink"))
    assert ["GPUs 0-2: joined by nvlink"] == joined(*everything)


def test_links_that_differ_are_a_matrix():
    assert [
        "       0    1       2",
        "GPU 0  -    sys     ?",
        "GPU 1  sys  -       nvlink",
        "GPU 2  ?    nvlink  -",
    ] == joined((0, 1, "sys"), (1, 2, "nvlink"))


def test_unknown_links_are_not_worth_a_word():
    assert [] == joined()


def test_every_product_is_one_line():
    lines = plain_text(products_blocks(products())).splitlines()
    assert len(products()) == len(lines)
    assert "a100_pcie_40gb\tNVIDIA A100-PCIE-40GB\t20f1,20b1\t40960\t8.0" in lines
    assert "jetson_agx_orin\tOrin (nvgpu)\t-\t?\t8.7" in lines


def test_a_terminal_gets_a_heading_above_the_products():
    assert on_terminal(products_blocks(products())).startswith("name for --gpus")


def test_every_policy_is_printed_with_its_chain():
    text = plain_text(policies_blocks(POLICIES.values()))
    for policy in POLICIES.values():
        assert f"{policy.name}: {policy.about}\n" in text
    assert "  engine: TensorRT-LLM, then vLLM, then SGLang\n" in text
    strict = sum(policy.uniform_gpus for policy in POLICIES.values())
    assert strict == text.count("(rejects everything when GPUs of several products are visible)")
    lax = sum(not policy.empty_gpu_gate for policy in POLICIES.values())
    assert lax == text.count("(does not want a GPU nearly empty)")


# The profiles of a decision.


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
