"""Every layout of a printout, and a start-up log, is read line by line.

The file is long because it holds the lines of every layout seen.
"""

import pytest

from nimprofile import ManifestError
from nimprofile.base.formats.nim_printout import (
    ListedGpu,
    Row,
    is_listing,
    read_listing,
    unwrap_json_lines,
)

A, B, C = (letter * 64 for letter in "abc")


def rows(text):
    return read_listing(text, source="log")[0]


def gpus(text):
    return read_listing(text, source="log")[1]


def error_of(text):
    with pytest.raises(ManifestError) as caught:
        read_listing(text, source="log")
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "MODEL PROFILES",
        "SYSTEM INFO\n- Free GPUs:",
        "- Compatible with system and runnable:",
        "- Compatible with the system and runnable:",
        "- Compatible with system:",
        "- Compatible with system but not runnable due to low GPU free memory",
        "- Compatible with system but low memory: <None>",
        "- Compilable to TRT-LLM using just-in-time compilation of HF models to TRTLLM engines:",
        "- Incompatible with system:",
        "- All profiles:",
        "WARNING something\nMODEL PROFILES\n",
        f"INFO 2024 ngc_profile.py:222] Valid profile: {A} (vllm) on GPUs [0, 1]",
    ],
)
def test_a_printout_or_log_is_recognised_by_its_headings(text):
    assert is_listing(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "profiles: []",
        '{"a": "MODEL PROFILES"}',
        "# MODEL PROFILES",
        "- With LoRA support:",
        "about: Compatible with system",
        "Selected profile: abc (vllm)",
        "MODEL PROFILES " + "x" * 5000,
    ],
)
def test_other_texts_are_not(text):
    assert not is_listing(text)


def test_rows_are_read_in_the_order_printed_under_their_headings():
    text = (
        "MODEL PROFILES\n"
        "- Compatible with system and runnable:\n"
        f"  - {B} (tensorrt_llm-l40s-fp8-tp2-latency)\n"
        "  - With LoRA support:\n"
        f"    - {A} (vllm-bf16-tp1-lora)\n"
        "- Incompatible with system:\n"
        f"    - {C} (vllm-bf16-tp8)\n"
    )
    runnable = "compatible with system and runnable"
    assert (
        Row(
            B,
            "tensorrt_llm-l40s-fp8-tp2-latency",
            runnable,
            full_gb=None,
            least_gb=None,
            length=None,
            line=3,
        ),
        Row(A, "vllm-bf16-tp1-lora", runnable, full_gb=None, least_gb=None, length=None, line=5),
        Row(
            C,
            "vllm-bf16-tp8",
            "incompatible with system",
            full_gb=None,
            least_gb=None,
            length=None,
            line=7,
        ),
    ) == rows(text)


@pytest.mark.parametrize(
    ("line", "id", "name", "full", "least"),
    [
        pytest.param(f"  - {A} (vllm)", A, "vllm", None, None, id="plain"),
        pytest.param(f"- {A}", A, "", None, None, id="without a name"),
        pytest.param(
            f"- {A} (vllm-orin (nvgpu)-bf16) [requires >=9 GB/gpu]",
            A,
            "vllm-orin (nvgpu)-bf16",
            9.0,
            None,
            id="brackets in the name",
        ),
        pytest.param(f"- {A} (a)b()", A, "a)b(", None, None, id="brackets in disorder"),
        pytest.param(f"\t- {A}\t(vllm)", A, "vllm", None, None, id="tabs"),
        pytest.param("- 092ed421… (vllm)", "092ed421", "vllm", None, None, id="cut short"),
        pytest.param("- 092ed421... (vllm)", "092ed421", "vllm", None, None, id="three dots"),
        pytest.param(
            "  - 6c9d2a0d1721...e687029e9 - mode:all",
            *("6c9d2a0d1721", "mode:all", None, None),
            id="cut in its middle, as in the documents of speech NIMs",
        ),
        pytest.param("- 092e… (vllm)", "092e", "vllm", None, None, id="cut very short"),
        pytest.param(
            "- 420b5bb2-cd51-4dac-be21-759f3df4e441 (x)",
            "420b5bb2-cd51-4dac-be21-759f3df4e441",
            "x",
            None,
            None,
            id="UUID",
        ),
        pytest.param(
            f"  - {A} - batch_size:32|gpu:a100|name:magpie",
            A,
            "batch_size:32|gpu:a100|name:magpie",
            None,
            None,
            id="speech",
        ),
        pytest.param(f"- {A} - {{'bs': 'default'}}", A, "{'bs': 'default'}", None, None, id="dict"),
        pytest.param(f"    - {A} (v) [requires >=33 GB/gpu]", A, "v", 33.0, None, id="requirement"),
        pytest.param(
            f"- {A} (v) [requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]",
            A,
            "v",
            33.0,
            28.0,
            id="reduction",
        ),
        pytest.param(
            f"- {A} (v) [requires >=27 GB/gpu, try --max-model-len=131072]",
            A,
            "v",
            27.0,
            None,
            id="a length alone",
        ),
        pytest.param(
            f"- {A} (v) [requires >=18.5 GB/gpu per 2 GPUs]", A, "v", 18.5, None, id="per GPUs"
        ),
    ],
)
def test_a_row_is_read_in_every_form(line, id, name, full, least):
    (row,) = rows(f"- All profiles:\n{line}\n")
    assert (id, name, full, least) == (row.id, row.name, row.full_gb, row.least_gb)


@pytest.mark.parametrize(
    ("need", "length"),
    [
        pytest.param("", None, id="no requirement"),
        pytest.param(" [requires >=33 GB/gpu]", None, id="none to try"),
        pytest.param(" [requires >=27 GB/gpu, try --max-model-len=131072]", 131072, id="alone"),
        pytest.param(
            " [requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]",
            84992,
            id="with what it saves",
        ),
    ],
)
def test_the_length_to_try_is_read(need, length):
    (row,) = rows(f"- All profiles:\n- {A} (v){need}\n")
    assert length == row.length


@pytest.mark.parametrize(
    "line",
    [
        "- no id (vllm)",
        f"- {A} vllm",
        f"- {A} (vllm",
        "- ABCDEF01 (vllm)",
        "- abc (vllm)",
        f"- {A} (vl\x1b[31mlm)",
        f"- {A} (" + "v" * 5000 + ")",
        f"- {A} - " + " " * 3000 + "[",
    ],
    ids=["words", "no brackets", "open", "capitals", "short", "escape", "long", "spaces"],
)
def test_a_bullet_among_the_profiles_that_is_none_is_refused_with_its_line(line):
    error = error_of(f"MODEL PROFILES\n- All profiles:\n{line}\n")
    assert 3 == error.line
    assert error.problem.startswith("this line stands among the profiles but is not one: ")


def test_the_line_is_shown_cut_short():
    assert len(error_of("- All profiles:\n- " + "v" * 5000).problem) < 200


@pytest.mark.parametrize(
    ("need", "problem"),
    [
        ("a lot", "cannot read the requirement [requires a lot]"),
        (">=33 GB", "cannot read the requirement [requires >=33 GB]"),
        (">=0 GB/gpu", "'0' is not a size in GB"),
        (">=1.2.3 GB/gpu", "'1.2.3' is not a size in GB"),
        (">=9999999 GB/gpu", "'9999999' is not a size in GB"),
        (">=9 GB/gpu, try --max-model-len=5 to reduce to >=. GB/gpu", "'.' is not a size in GB"),
    ],
)
def test_a_requirement_that_cannot_be_read_is_refused_with_its_line(need, problem):
    error = error_of(f"- All profiles:\n- {A} (v) [requires {need}]\n")
    assert (problem, 2) == (error.problem, error.line)


def test_nothing_under_a_heading_is_nothing():
    text = (
        "- Compatible with system and runnable: <None>\n  - With LoRA support: <None>\n"
        "- Incompatible with system:\n  - <None>\n"
    )
    assert () == rows(text)


def test_a_row_may_stand_on_the_line_of_its_heading():
    assert ((A, "vllm"),) == tuple(
        (row.id, row.name) for row in rows(f"- Incompatible with system: {A} (vllm)")
    )


def test_other_lines_between_are_passed_over():
    text = (
        f"- All profiles:\nWARNING 2025 something\n- {A} (vllm)\n\n" + "x" * 5000 + f"\n- {B} (v)"
    )
    assert [A, B] == [row.id for row in rows(text)]


def test_bullets_before_any_profile_heading_are_passed_over():
    assert [A] == [
        row.id for row in rows(f"- a note\nSYSTEM INFO\n- b\n- All profiles:\n- {A} (v)")
    ]


@pytest.mark.parametrize("bullet", ["- ", "-  ", " - \t", "- \x0b "])
def test_an_empty_bullet_outside_the_profiles_is_passed_over(bullet):
    assert () == rows(f"SYSTEM INFO\n{bullet}\nMODEL PROFILES\n")


def test_a_blank_line_ends_a_group():
    assert [A] == [row.id for row in rows(f"- All profiles:\n- {A} (v)\n\n- and that is all\n")]


def test_after_a_blank_line_a_full_id_is_still_a_profile():
    text = f"- All profiles:\n\n- {A} (v)\n- 092ed421 (w)\n"
    assert [A] == [row.id for row in rows(text)]


def test_a_full_id_in_a_line_that_is_none_is_refused():
    assert 3 == error_of(f"- All profiles:\n\n- {A} is nice\n").line


def test_a_profile_printed_twice_is_one_row():
    assert 1 == len(rows(f"- All profiles:\n- {A} (v)\n- Incompatible with system:\n- {A} (v)\n"))


def test_an_id_under_two_names_is_two_rows():
    assert 2 == len(rows(f"- All profiles:\n- {A} (v)\n- {A} (w)\n"))


# Logs.


def test_the_valid_profiles_of_a_log_are_rows():
    text = (
        "INFO 07-26 09:44:00.18 ngc_profile.py:222] Detected 2 compatible profile(s).\n"
        f"INFO 07-26 ngc_profile.py:222] Valid profile: {A} (vllm-fp16-tp2) on GPUs [0, 1]\n"
        f'{{"message": "Valid profile: {B} (vllm-fp16-tp1) on GPUs [0]"}}\n'
        f"Selected profile: {A} (vllm-fp16-tp2)\n"
    )
    assert [
        (A, "vllm-fp16-tp2", "valid profile", 2),
        (B, "vllm-fp16-tp1", "valid profile", 3),
    ] == [(row.id, row.name, row.section, row.line) for row in rows(text)]


@pytest.mark.parametrize("junk", ["\x1b[0m", "\ud800", "\u202e"], ids=["escape", "half", "bidi"])
def test_a_valid_profile_whose_name_cannot_be_printed_is_passed_over(junk):
    assert () == rows(f"Valid profile: {A} (vllm{junk}) on GPUs [0]")


def test_a_log_of_json_lines_is_read_as_the_messages_in_it():
    text = '{"level": "INFO", "message": "MODEL PROFILES"}\n{"message": "- All profiles:"}'
    assert "MODEL PROFILES\n- All profiles:" == unwrap_json_lines(text)


@pytest.mark.parametrize(
    "line",
    ["plain", '{"message": 7}', '{"level": "INFO"}', "[1]", "{", "[" * 100_000],
    ids=["words", "a number", "no message", "a list", "cut short", "deep"],
)
def test_a_line_without_a_message_stays_as_it_is(line):
    assert f"first\n{line}" == unwrap_json_lines(f'{{"message": "first"}}\n{line}')


@pytest.mark.parametrize("text", ["", "plain\n", '{"gpus": []}', ' {"message": "x"}'])
def test_a_text_that_is_no_such_log_stays_as_it_is(text):
    assert text == unwrap_json_lines(text)


def test_a_profile_that_a_log_tells_with_its_tags_is_a_row_with_them():
    text = (
        f"Valid profile: {A} (vllm-bf16-tp1) on GPUs [0]\nValid profile: {B} (vllm) on GPUs [0]\n"
        f"Matched profile_id in manifest from X {A} with tags: {{'tp': '1', 'gpu': 'l4'}}\n"
        f"Matched profile_id in manifest from X {C} with tags: {{'tp': '2'}}\n"
    )
    assert is_listing(text)
    assert [
        (A, "vllm-bf16-tp1", {"tp": "1", "gpu": "l4"}, 1),
        (B, "vllm", None, 2),
        (C, "", {"tp": "2"}, 4),
    ] == [(row.id, row.name, row.tags, row.line) for row in rows(text)]


# GPUs.


@pytest.mark.parametrize(
    ("line", "gpu"),
    [
        pytest.param(
            "  -  [20b2:10de] (0) NVIDIA A100-SXM4-80GB (A100 80GB) [current utilization: 0%]",
            ListedGpu(
                0, "20b2:10de", "NVIDIA A100-SXM4-80GB (A100 80GB)", used_percent=0, free=True
            ),
            id="with a short name",
        ),
        pytest.param(
            "  -  [2321:10de] (1) NVIDIA H100 NVL [current utilization: 30%]",
            ListedGpu(1, "2321:10de", "NVIDIA H100 NVL", used_percent=30, free=True),
            id="without one",
        ),
        pytest.param(
            "  -  [1FB1:10DE] (2) NVIDIA T600[current utilization: 0%]",
            ListedGpu(2, "1fb1:10de", "NVIDIA T600", used_percent=0, free=True),
            id="without a space",
        ),
        pytest.param(
            "  -  [2e12:10de] (0) NVIDIA GB10 [current utilization: N/A%]",
            ListedGpu(0, "2e12:10de", "NVIDIA GB10", used_percent=None, free=True),
            id="not available",
        ),
        pytest.param(
            "  -  [2684:10de] (0) NVIDIA GeForce RTX 4090",
            ListedGpu(0, "2684:10de", "NVIDIA GeForce RTX 4090", used_percent=None, free=True),
            id="unsaid",
        ),
        pytest.param(
            "  -  [1eb8:10de] (0) Tesla T4 [current utilization: 2.5%]",
            ListedGpu(0, "1eb8:10de", "Tesla T4", used_percent=2.5, free=True),
            id="a fraction",
        ),
        pytest.param(
            "  -  [1eb8:10de] (0) Tesla T4 [current utilization: 130%]",
            ListedGpu(0, "1eb8:10de", "Tesla T4", used_percent=None, free=True),
            id="more than all",
        ),
        pytest.param(
            "  -  [1eb8:10de] (0) Tesla T4 [current utilization: -1%]",
            ListedGpu(0, "1eb8:10de", "Tesla T4", used_percent=None, free=True),
            id="less than nothing",
        ),
        pytest.param(
            "  -  [73A1:1002] (0) Radeon",
            ListedGpu(0, "73a1:1002", "Radeon", used_percent=None, free=True),
            id="foreign",
        ),
        pytest.param(
            "  -  [????:????] (0) Acme X1 [current utilization: 0%]",
            ListedGpu(0, None, "Acme X1", used_percent=0, free=True),
            id="no PCI id",
        ),
    ],
)
def test_a_gpu_is_read_in_every_form(line, gpu):
    assert (gpu,) == gpus(f"SYSTEM INFO\n- Free GPUs:\n{line}\n")


@pytest.mark.parametrize("heading", ["Free GPUs", "Non-free GPUs"])
@pytest.mark.parametrize(
    "line",
    [
        "- NVIDIA H100",
        "  -  [2330:10de] NVIDIA H100",
        "  -  [2330:10de] (" + "1" * 5000 + ") NVIDIA H100",
        "  -  [2330:10de] (0) NVIDIA H100 [current utilization: " + "1" * 5000 + "%]",
    ],
    ids=["a name", "no index", "index", "percentage"],
)
def test_a_bullet_among_the_gpus_that_is_none_is_refused_with_its_line(heading, line):
    error = error_of(f"SYSTEM INFO\n- {heading}:\n{line}\n")
    assert 3 == error.line
    assert error.problem.startswith("this line stands among the GPUs but is not one: ")
    assert len(error.problem) < 200


def test_free_and_busy_gpus_are_one_list_that_tells_them_apart():
    text = (
        "SYSTEM INFO\n- Free GPUs:\n  -  [1eb8:10de] (1) Tesla T4\n"
        "- Non-free GPUs:\n  -  [1eb8:10de] (0) Tesla T4 [current utilization: 9%]\n"
    )
    assert [(1, True), (0, False)] == [(gpu.index, gpu.free) for gpu in gpus(text)]
