"""Is our printout NIM's own, and does it read back as what it was?"""

import re

import pytest

from nimprofile import (
    POLICIES,
    Request,
    load_manifest,
    mock_inventory,
    parse_inventory,
    parse_manifest,
    plain_shape,
    prefer,
    select,
    shape_from_config,
)
from nimprofile.base.formats.nim_printout import read_listing
from nimprofile.manifest.profile import Stated
from nimprofile.report.nim_listing import LAYOUTS, layout_of, nim_listing
from tests.support.builders import decide, gib, make_gpu, make_h100, make_inventory, make_profile
from tests.support.model_configs import LLAMA_8B

A, B, C, D, E = (letter * 64 for letter in "abcde")

RUNS = make_profile(A, llm_engine="tensorrt_llm", gpu="h100", precision="fp8", tp="1", pp="1")
LORA = make_profile(B, llm_engine="vllm", precision="bf16", tp="1", pp="1", feat_lora="true")
TOO_WIDE = make_profile(C, llm_engine="vllm", precision="bf16", tp="8", pp="1")
BUILD = make_profile(
    D, llm_engine="tensorrt_llm", trtllm_buildable="true", precision="bf16", tp="1", pp="1"
)
WIDE_LORA = make_profile(E, llm_engine="vllm", precision="bf16", tp="8", pp="1", feat_lora="true")
EVERY = [RUNS, LORA, TOO_WIDE, BUILD, WIDE_LORA]
BUSY = make_inventory(make_h100(free=40_000))

COMPILABLE = (
    "- Compilable to TRT-LLM using just-in-time compilation of HF models to TRTLLM engines:"
)


def listed(profiles, inventory, layout, request=None, shape=None):
    """The lines under MODEL PROFILES."""
    text = nim_listing(decide(profiles, inventory, request, shape=shape), layout)
    return text.partition("MODEL PROFILES\n")[2].splitlines()


# The layouts, line by line.


def test_the_layout_of_1_0():
    assert [
        "- Compatible with system and runnable:",
        f"  - {A} (tensorrt_llm-h100-fp8-tp1-pp1)",
        f"  - {D} (tensorrt_llm-trtllm_buildable-bf16-tp1-pp1)",
        "  - With LoRA support:",
        f"    - {B} (vllm-bf16-tp1-pp1-lora)",
        "- Incompatible with system:",
        f"  - {C} (vllm-bf16-tp8-pp1)",
        f"  - {E} (vllm-bf16-tp8-pp1-lora)",
    ] == listed(EVERY, "1xh100", "1.0")


def test_the_layout_of_1_3():
    assert [
        "- Compatible with system and runnable:",
        f"  - {A} (tensorrt_llm-h100-fp8-tp1-pp1)",
        "  - With LoRA support:",
        f"    - {B} (vllm-bf16-tp1-pp1-lora)",
        COMPILABLE,
        f"  - {D} (tensorrt_llm-trtllm_buildable-bf16-tp1-pp1)",
        "- Incompatible with system:",
        f"  - {C} (vllm-bf16-tp8-pp1)",
        f"  - {E} (vllm-bf16-tp8-pp1-lora)",
    ] == listed(EVERY, "1xh100", "1.3")


def test_the_layout_of_2_0():
    assert [
        "- Compatible with system and runnable:",
        f"  - {A} (tensorrt_llm-h100-fp8-tp1-pp1)",
        f"  - {D} (tensorrt_llm-trtllm_buildable-bf16-tp1-pp1)",
        "  - With LoRA support:",
        f"    - {B} (vllm-bf16-tp1-pp1-lora)",
        "- Compatible with system but low memory: <None>",
        f"{COMPILABLE} <None>",
        "  - With LoRA support: <None>",
        "- Incompatible with system:",
        f"    - {C} (vllm-bf16-tp8-pp1)",
        f"    - {E} (vllm-bf16-tp8-pp1-lora)",
    ] == listed(EVERY, "1xh100", "2.0")


def test_low_memory_in_1_0_has_a_heading_without_a_colon_and_nests_lora():
    assert [
        "- Compatible with system and runnable: <None>",
        "- Compatible with system but not runnable due to low GPU free memory",
        f"  - {A} (tensorrt_llm-h100-fp8-tp1-pp1)",
        "  - With LoRA support:",
        f"    - {B} (vllm-bf16-tp1-pp1-lora)",
        "- Incompatible with system:",
    ] == listed([RUNS, LORA], BUSY, "1.0")


def test_low_memory_in_2_0_is_indented_by_four_and_does_not_nest_lora():
    assert [
        "- Compatible with system and runnable: <None>",
        "  - With LoRA support: <None>",
        "- Compatible with system but low memory:",
        f"    - {A} (tensorrt_llm-h100-fp8-tp1-pp1)",
        f"    - {B} (vllm-bf16-tp1-pp1-lora)",
        f"{COMPILABLE} <None>",
        "  - With LoRA support: <None>",
        "- Incompatible with system:",
    ] == listed([RUNS, LORA], BUSY, "2.0")


def test_nothing_is_none_in_1_3():
    assert [
        "- Compatible with system and runnable: <None>",
        f"{COMPILABLE} <None>",
        "- Incompatible with system:",
        f"  - {C} (vllm-bf16-tp8-pp1)",
    ] == listed([TOO_WIDE], "1xh100", "1.3")


def test_only_lora_profiles_leave_the_plain_list_empty():
    expected = ["- Compatible with system and runnable:", "  - With LoRA support:"]
    assert expected == listed([LORA], "1xh100", "1.0")[:2]
    expected = ["- Compatible with system and runnable: <None>", "  - With LoRA support:"]
    assert expected == listed([LORA], "1xh100", "2.0")[:2]


def test_a_buildable_profile_that_does_not_run_is_incompatible_in_1_3():
    wide = BUILD.replace(tp=8)
    assert (
        f"  - {D} (tensorrt_llm-trtllm_buildable-bf16-tp1-pp1)"
        == listed([wide], "1xh100", "1.3")[-1]
    )


def test_every_line_is_ended():
    for layout in LAYOUTS:
        assert nim_listing(decide(EVERY, "1xh100"), layout).endswith(")\n")


# Requirements.

SHAPE = plain_shape(8_030_261_248, 32, 8, 128, 131072)


def requirement(profile, inventory, shape=None):
    (line,) = [line for line in listed([profile], inventory, "2.0", shape=shape) if A in line]
    return line.partition(") ")[2]


def stated(**memory):
    return make_profile(A, llm_engine="vllm", precision="bf16", tp="1", **memory)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        pytest.param(stated(), "", id="unknown"),
        pytest.param(stated(min_vram_per_device_gb="33.0"), "[requires >=33 GB/gpu]", id="tag"),
        pytest.param(stated(min_vram_per_device_gb="32.1"), "[requires >=33 GB/gpu]", id="up"),
        pytest.param(stated(min_vram_per_device_gb="80"), "[requires >=80 GB/gpu]", id="board"),
        pytest.param(
            stated(memory=Stated(gib(20) + 1, gib(20), "x")), "[requires >=21 GB/gpu]", id="bytes"
        ),
    ],
)
def test_a_requirement_is_printed_in_gib_rounded_up(profile, expected):
    assert expected == requirement(profile, "1xh100")


def test_an_estimate_that_fits_has_no_hint():
    assert "[requires >=33 GB/gpu]" == requirement(stated(), "1xh100", SHAPE)


def test_an_estimate_that_does_not_fit_has_the_context_that_does():
    hint = requirement(stated(), "1xrtx5090", SHAPE)
    match = re.fullmatch(
        r"\[requires >=33 GB/gpu, try --max-model-len=(\d+) to reduce to >=(\d+) GB/gpu\]", hint
    )
    assert (0, "30") == (int(match[1]) % 256, match[2])


@pytest.mark.parametrize(
    ("lora", "bracket"),
    [
        ("false", "[requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]"),
        ("true", "[requires >=34 GB/gpu, try --max-model-len=77824 to reduce to >=28 GB/gpu]"),
    ],
)
def test_what_nim_2_0_12_printed_is_printed_to_the_letter(lora, bracket):
    # Corpus, 015: an RTX 5090 of which 29,846 MiB are free.
    profile = make_profile(A, llm_engine="vllm", precision="bf16", tp="1", feat_lora=lora)
    gpu = make_gpu(total=32_607, free=29_846, name="NVIDIA GeForce RTX 5090", capability="12.0")
    shape = shape_from_config(LLAMA_8B)
    request = Request(lora=lora == "true")
    decision = decide([profile], make_inventory(gpu), request, "nim-2.0", shape)
    assert bracket in nim_listing(decision)


@pytest.mark.parametrize(
    "bracket",
    [
        "[requires >=33 GB/gpu]",
        "[requires >=80 GB/gpu]",
        "[requires >=27 GB/gpu, try --max-model-len=131072]",
        "[requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]",
        "[requires >=93 GB/gpu, try --max-model-len=84992 to reduce to >=80 GB/gpu]",
    ],
)
@pytest.mark.parametrize("shape", [None, SHAPE], ids=["no shape", "a shape"])
def test_a_requirement_that_was_printed_is_printed_again(bracket, shape):
    text = f"- All profiles:\n- {A} (vllm-bf16-tp1-pp1) {bracket}\n"
    (profile,) = parse_manifest(text).profiles
    assert bracket == requirement(profile, "1xh100", shape)


def test_layouts_of_1_x_print_no_requirements():
    for layout in ("1.0", "1.3"):
        assert "[requires" not in "\n".join(listed([stated()], "1xrtx5090", layout, shape=SHAPE))


# GPUs.


def system_info(inventory, layout):
    text = nim_listing(decide([TOO_WIDE], inventory), layout)
    return text.removeprefix("SYSTEM INFO\n").partition("MODEL PROFILES\n")[0].splitlines()


def test_the_gpus_of_1_x_have_their_short_names():
    assert [
        "- Free GPUs:",
        "  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 (H100 80GB) [current utilization: 0%]",
    ] == system_info(mock_inventory("1xh100"), "1.0")


def test_the_gpus_of_2_x_have_none():
    assert [
        "- Free GPUs:",
        "  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 [current utilization: 0%]",
    ] == system_info(mock_inventory("1xh100"), "2.0")


def test_busy_gpus_stand_apart():
    gpus = make_inventory(make_h100(0, free=0), make_h100(1), make_h100(2, free=75_000))
    assert [
        "- Free GPUs:",
        "  -  [2330:10de] (1) NVIDIA H100 80GB HBM3 [current utilization: 0%]",
        "- Non-free GPUs:",
        "  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 [current utilization: 100%]",
        "  -  [2330:10de] (2) NVIDIA H100 80GB HBM3 [current utilization: 8%]",
    ] == system_info(gpus, "2.0")


def test_no_free_gpu_is_none():
    assert "- Free GPUs: <None>" == system_info(BUSY, "2.0")[0]


@pytest.mark.parametrize(("free", "heading"), [(950, "- Free GPUs:"), (949, "- Free GPUs: <None>")])
def test_a_gpu_is_free_from_95_percent_on(free, heading):
    gpus = make_inventory(make_gpu(total=1000, free=free))
    assert heading == system_info(gpus, "2.0")[0]


def test_unknown_figures_are_printed_as_such():
    gpu = make_gpu(total=None, name=None)
    assert [
        "- Free GPUs:",
        "  -  [????:????] (0) GPU of unknown product [current utilization: N/A%]",
    ] == system_info(make_inventory(gpu), "2.0")


def test_unified_memory_has_no_utilization():
    assert system_info(mock_inventory("1xdgx_spark"), "2.0")[1].endswith(
        "NVIDIA GB10 [current utilization: N/A%]"
    )


# Which layout.


@pytest.mark.parametrize(
    ("policy", "layout"),
    [
        ("nim-1.0", "1.0"),
        ("nim-1.3", "1.3"),
        ("nim-1.13", "1.3"),
        ("nim-1.15", "1.3"),
        ("nim-2.0", "2.0"),
        ("nim", "1.3"),
        (prefer("tp=low", POLICIES["nim-1.0"]), "1.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_the_layout_is_that_of_the_policys_generation(policy, layout):
    assert layout == layout_of(decide([RUNS], "1xh100", policy=policy))


def test_profiles_that_state_memory_make_it_2_0():
    assert "2.0" == layout_of(decide([stated(min_vram_per_device_gb="33.0")], "1xh100"))


def test_without_a_layout_it_is_chosen():
    decision = decide([RUNS], "1xh100", policy="nim-2.0")
    assert nim_listing(decision, "2.0") == nim_listing(decision)


# There and back.

SECTIONS = {
    "compatible with system and runnable": "runnable",
    "compilable to trt-llm using just-in-time compilation of hf models to trtllm engines": "runnable",
    "compatible with system but not runnable due to low gpu free memory": "low memory",
    "compatible with system but low memory": "low memory",
    "incompatible with system": "incompatible",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("spec", ["1xh100", "8xh100", "1xrtx5090", "2xl40s", "1xt4", "1xdgx_spark"])
@pytest.mark.parametrize("name", ["llama-3.1-8b-instruct", "llama-3.1-70b-instruct"])
def test_a_printout_reads_back_with_its_ids_names_and_grades(name, spec, layout):
    decision = select(load_manifest(name), mock_inventory(spec), Request())
    text = nim_listing(decision, layout)
    expected = {
        verdict.profile.id: (verdict.profile.name, verdict.grade)
        for verdict in (*decision.ranked, *decision.rejected)
    }
    rows, _ = read_listing(text, source="ours")
    assert expected == {row.id: (row.name, SECTIONS[row.section]) for row in rows}
    again = parse_manifest(text)
    assert {id: name for id, (name, _) in expected.items()} == {
        profile.id: profile.name for profile in again.profiles
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gpus_of_a_printout_read_back(layout):
    gpus = make_inventory(make_h100(0), make_h100(1, free=40_000))
    again = parse_inventory(nim_listing(decide(EVERY, gpus), layout))
    assert [
        (0, "NVIDIA H100 80GB HBM3", 81559),
        (1, "NVIDIA H100 80GB HBM3", 39963),
    ] == [(gpu.index, gpu.name, gpu.memory_free_mib) for gpu in again.gpus]


def test_what_is_read_off_a_printout_is_judged_alike():
    decision = select(load_manifest("llama-3.1-8b-instruct"), mock_inventory("2xh100"))
    again = select(parse_manifest(nim_listing(decision)), mock_inventory("2xh100"))
    assert decision.selected.profile.id == again.selected.profile.id


# Speech.

SPOKEN = [
    make_profile(id=letter * 64, model_type=kind, batch_size=batch, **more)
    for letter, kind, batch, more in (
        ("a", "prebuilt", "8", {"gpu": "a100"}),
        ("b", "prebuilt", "32", {"gpu": "a100"}),
        ("c", "prebuilt", "8", {"gpu": "h100"}),
        ("d", "rmir", "8", {}),
    )
]


def test_the_layout_of_speech():
    a100 = mock_inventory("1xa100").gpus[0]
    busy = make_inventory(a100.replace(memory_free_mib=a100.memory_total_mib * 5 // 100))
    decision = decide(SPOKEN, busy, policy="nim-1.3")
    assert [
        "SYSTEM INFO",
        "- Free GPUs: <None>",
        "- Non-free GPUs:",
        "  -  [20b2:10de] (0) NVIDIA A100-SXM4-80GB (A100 80GB) [current utilization: 95%]",
        "MODEL PROFILES",
        "- Compatible with system:",
        f"    - {'a' * 64} - batch_size:8|gpu:a100|model_type:prebuilt",
        f"    - {'b' * 64} - batch_size:32|gpu:a100|model_type:prebuilt",
        "- Incompatible with system:",
        f"    - {'c' * 64} - batch_size:8|gpu:h100|model_type:prebuilt",
        f"    - {'d' * 64} - batch_size:8|model_type:rmir",
    ] == nim_listing(decision).splitlines()


def test_a_printout_of_speech_reads_back_and_is_judged_alike():
    decision = decide(SPOKEN, "1xa100")
    again = select(parse_manifest(nim_listing(decision)), mock_inventory("1xa100"))
    assert [v.profile.id for v in decision.ranked] == [v.profile.id for v in again.ranked]
    assert [v.profile.tags for v in decision.ranked] == [v.profile.tags for v in again.ranked]


@pytest.mark.parametrize("name", ["a [b]", " a", "b "])
def test_a_name_that_cannot_stand_alone_stands_in_brackets(name):
    text = nim_listing(decide([make_profile(id="a" * 64, name=name)], "1xa100"), "speech")
    assert name == parse_manifest(text).profiles[0].name
