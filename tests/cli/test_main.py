"""Does the command line keep its promises: output, exit codes, variables and flags?"""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import nimprofile
from nimprofile import (
    Inventory,
    ManifestError,
    bundled_manifests,
    parse_inventory,
    parse_manifest as parse,
)
from nimprofile.cli import inputs, main as cli
from nimprofile.testing import NO_LIBRARY, FakeNvml
from tests.support.builders import H100_MIB, make_h100

ID_FP8 = "f" * 64
ID_BF16 = "b" * 64
ID_LORA = "a" * 64
MANIFEST = f"""\
schema_version: 2.0.0
profiles:
  - id: {ID_FP8}
    tags: {{llm_engine: vllm, precision: fp8, tp: "2", pp: "1", feat_lora: "false",
           min_vram_per_device_gb: "10.0"}}
  - id: {ID_BF16}
    tags: {{llm_engine: vllm, precision: bf16, tp: "1", pp: "1", feat_lora: "false",
           min_vram_per_device_gb: "16.0"}}
  - id: {ID_LORA}
    tags: {{llm_engine: vllm, precision: bf16, tp: "1", pp: "1", feat_lora: "true",
           min_vram_per_device_gb: "17.0"}}
"""
BUSY = json.dumps(Inventory((make_h100(free=H100_MIB // 2),)).to_dict())


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    return str(path)


@pytest.fixture
def busy(tmp_path):
    path = tmp_path / "busy.json"
    path.write_text(BUSY, encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    """Run a command line; its exit code, what it printed and what it said."""

    def run(*argv):
        try:
            code = cli.main([str(word) for word in argv])
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def select_id(run, manifest):
    """The id that `select` prints with these options more."""

    def select_id(*options, gpus="2xh100"):
        code, out, err = run(
            "select", "--manifest", manifest, "--gpus", gpus, "--format", "id", *options
        )
        assert 0 == code, err
        return out.strip()

    return select_id


@pytest.fixture
def select_with(run, manifest, monkeypatch):
    """The exit code of `select` with these variables set, but for those that are None."""

    def select_with(variables, *options):
        for name, value in ({"NIM_MANIFEST_PATH": manifest} | variables).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return run("select", *options)[0]

    return select_with


# select


def test_select_prints_the_choice_the_gpus_and_the_reason(run, manifest):
    code, out, err = run("select", "--manifest", manifest, "--gpus", "2xh100")
    assert (0, "") == (code, err)
    assert [
        "profile  vllm-fp8-tp2-pp1-10.0",
        f"id       {ID_FP8}",
        "gpus     0-1 (2 × NVIDIA H100 80GB HBM3)",
        "memory   10.0 GiB per GPU, tag min_vram_per_device_gb",
        "cuda     CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0,1",
        "because  precision: fp8 before bf16; the next is vllm-bf16-tp1-pp1-16.0",
        "policy   nim",
    ] == out.splitlines()


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("id", ID_FP8),
        ("name", "vllm-fp8-tp2-pp1-10.0"),
        ("env", f"export NIM_MODEL_PROFILE={ID_FP8}"),
    ],
)
def test_select_prints_one_line_for_a_script(run, manifest, format, expected):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--format", format)
    assert (0, f"{expected}\n", "") == run("select", *options)


@pytest.mark.parametrize("id", ["a b", "a'b", "$(reboot)", "`x`", "a;b", 'a"b', "-n"])
def test_env_is_quoted_for_a_shell(run, tmp_path, id):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"profiles": [{"id": id, "tags": {}}]}), encoding="utf-8")
    code, out, _ = run("select", "--manifest", path, "--gpus", "1xt4", "--format", "env")
    assert (0, ["export", f"NIM_MODEL_PROFILE={id}"]) == (code, shlex.split(out))


def test_a_shell_reads_env_back(run, tmp_path):
    path = tmp_path / "m.json"
    id = "it's $HOME; `x`"
    path.write_text(json.dumps({"profiles": [{"id": id, "tags": {}}]}), encoding="utf-8")
    _, out, _ = run("select", "--manifest", path, "--gpus", "1xt4", "--format", "env")
    script = f'{out}printf %s "$NIM_MODEL_PROFILE"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert id == done.stdout


@pytest.mark.parametrize("flag", [("--json",), ("--format", "json")])
def test_select_prints_json(run, manifest, flag):
    code, out, _ = run("select", "--manifest", manifest, "--gpus", "2xh100", *flag)
    data = json.loads(out)
    assert (0, ID_FP8, "nim", ID_BF16) == (
        code,
        data["selected"]["id"],
        data["policy"],
        data["deciding"]["over"],
    )


def test_a_warning_goes_to_stderr(run, manifest, busy):
    options = ("--manifest", manifest, "--inventory", busy, "--format", "id")
    code, out, err = run("select", *options, "--profile", ID_BF16)
    assert (0, f"{ID_BF16}\n") == (code, out)
    assert err.startswith("warning: the pin overrides: GPU 0 is not empty")


def test_text_json_has_its_warnings_inside_too(run, manifest, busy):
    options = ("--manifest", manifest, "--inventory", busy, "--relax-memory", "--json")
    _, out, err = run("select", *options)
    (warning,) = json.loads(out)["warnings"]
    assert f"warning: {warning}\n" == err


# Exit codes.


def test_1_when_no_profile_runs_with_a_histogram_on_stderr(run, manifest):
    code, out, err = run("select", "--manifest", manifest, "--gpus", "1xt4")
    assert (1, "") == (code, out)
    assert err.startswith("No profile found for the detected hardware: 0 of 3 profiles run on")
    assert "3 × compute capability too low for the precision" in err


def test_json_is_printed_even_when_no_profile_runs(run, manifest):
    code, out, err = run("select", "--manifest", manifest, "--gpus", "1xt4", "--json")
    assert (1, None, 3) == (code, (data := json.loads(out))["selected"], len(data["rejected"]))
    assert err.startswith("No profile found")


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param((), id="no command"),
        pytest.param(("chose",), id="unknown command"),
        pytest.param(("select", "--colour"), id="unknown option"),
        pytest.param(("select", "--man", "x"), id="an option cut short"),
        pytest.param(("select", "--format", "xml"), id="unknown format"),
        pytest.param(("list", "--format", "id"), id="a format of another command"),
        pytest.param(("select", "--policy", "best"), id="unknown policy"),
        pytest.param(("select", "--engine", "triton"), id="unknown engine"),
        pytest.param(("select", "--tags", "fp8"), id="tags without ="),
        pytest.param(("select", "--gpus", "1xt4", "--inventory", "-"), id="two machines"),
        pytest.param(("list", "--nim", "1.9"), id="unknown layout"),
        pytest.param(("completion", "fish"), id="unknown shell"),
        pytest.param(("gpus", "--manifest", "x"), id="an option of another command"),
        pytest.param(("policies", "extra"), id="a word too many"),
    ],
)
def test_2_for_a_wrong_command_line(run, argv):
    code, out, err = run(*argv)
    assert (2, "") == (code, out)
    assert err.startswith("usage: nimprofile")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(
            ("select", "--manifest", "m", "--gpus", "1xt4", "--prefer", "speed"),
            "--prefer: 'speed' is not a criterion",
            id="prefer",
        ),
        pytest.param(
            ("select", "--manifest", "-", "--inventory", "-"),
            "only one of --manifest and --inventory can be standard input",
            id="standard input twice",
        ),
        pytest.param(
            ("list", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xt4", "--nim", "--json"),
            "--nim is a layout of its own; leave --json out",
            id="NIM's layout as JSON",
        ),
        pytest.param(
            ("gpus", "--known", "--gpus", "1xt4"),
            "--known prints the catalogue; leave --gpus, --inventory and --record out",
            id="catalogue and GPUs",
        ),
        pytest.param(
            ("gpus", "--known", "--inventory", "-"),
            "--known prints the catalogue; leave --gpus, --inventory and --record out",
            id="catalogue and inventory",
        ),
    ],
)
def test_2_for_options_that_do_not_go_together_or_cannot_be_read(run, argv, message):
    code, out, err = run(*argv)
    assert (2, "") == (code, out)
    assert err.startswith(f"nimprofile: {message}")


def test_an_unknown_policy_lists_the_known_ones(run):
    assert "'best' is not a policy; known: nim, nim-1.0" in run("select", "--policy", "best")[2]


def test_an_unknown_engine_lists_the_known_ones(run):
    assert "known: tensorrt_llm, vllm, sglang" in run("select", "--engine", "triton")[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(("--manifest", "nope"), "nope: no such file, and no bundled", id="manifest"),
        pytest.param(("--gpus", "1xh1000"), "'h1000' is not a known GPU", id="GPU"),
        pytest.param(("--gpus", "0xt4"), "'0xt4': a machine has 1 to 1024 GPUs", id="no GPU"),
        pytest.param(("--profile", "nope"), "--profile: 'nope' is not a profile", id="pin"),
        pytest.param(("--profile", "auto"), "--profile: 'auto' is not a profile", id="auto"),
    ],
)
def test_3_for_a_bad_manifest_machine_or_override(run, manifest, options, message):
    defaults = {"--manifest": manifest, "--gpus": "1xh100"} | dict([options])
    code, out, err = run("select", *(word for pair in defaults.items() for word in pair))
    assert (3, "") == (code, out)
    assert err.startswith(f"nimprofile: {message}")


def test_3_for_a_bad_inventory(run, manifest, tmp_path):
    path = tmp_path / "box.json"
    path.write_text('{"gpus": [{"memory_total_mib": "much"}]}', encoding="utf-8")
    code, out, err = run("select", "--manifest", manifest, "--inventory", path)
    assert (3, "") == (code, out)
    assert f"nimprofile: {path}: gpus[0].memory_total_mib: " in err


def test_3_for_a_pin_that_is_refused_with_its_reasons(run, manifest):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--profile", ID_FP8)
    code, out, err = run("select", *options)
    assert (3, "") == (code, out)
    assert [
        f"--profile={ID_FP8} is refused: vllm-fp8-tp2-pp1-10.0 does not run here.",
        "  needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
        "  to change: 1 more NVIDIA H100 80GB HBM3",
    ] == err.splitlines()


def test_3_for_a_variable_that_cannot_be_read(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_RELAX_MEM_CONSTRAINTS", "maybe")
    code, _, err = run("select", "--manifest", manifest, "--gpus", "1xh100")
    assert (3, "nimprofile: NIM_RELAX_MEM_CONSTRAINTS='maybe' is neither 0 nor 1\n") == (code, err)


@pytest.mark.parametrize("command", ["select", "list", "explain"])
def test_4_when_there_is_no_gpu_to_read(run, manifest, command):
    with FakeNvml("1xt4", NO_LIBRARY):
        code, out, err = run(command, "--manifest", manifest)
    assert (4, "") == (code, out)
    assert err.startswith("nimprofile: no GPU could be read")


@pytest.mark.parametrize("command", ["select", "list", "explain"])
def test_4_when_the_inventory_has_no_gpu(run, manifest, tmp_path, command):
    path = tmp_path / "box.json"
    path.write_text('{"gpus": []}', encoding="utf-8")
    code, out, err = run(command, "--manifest", manifest, "--inventory", path)
    assert (4, "") == (code, out)
    assert "nimprofile: no GPU could be read: the inventory has none\n" == err


def test_4_from_gpus_too(run):
    with FakeNvml("1xt4", NO_LIBRARY):
        assert 4 == run("gpus")[0]


def test_130_when_interrupted(run, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("nimprofile.manifest.reader.load_manifest", interrupt)
    assert (130, "", "") == run("select", "--manifest", "x", "--gpus", "1xt4")


# Which manifest.


def test_without_a_manifest_the_bundled_ones_are_listed(run, monkeypatch):
    monkeypatch.setattr(inputs, "CONTAINER_MANIFESTS", ("/nowhere/m.yaml",))
    code, _, err = run("select", "--gpus", "1xh100")
    assert 2 == code
    assert err.startswith("nimprofile: no manifest: name one with --manifest or NIM_MANIFEST_PATH")
    assert [f"  {name}" for name in bundled_manifests()] == err.splitlines()[1:]


def test_in_a_container_the_manifest_is_where_nim_keeps_it(run, manifest, monkeypatch):
    monkeypatch.setattr(inputs, "CONTAINER_MANIFESTS", ("/nowhere/m.yaml", manifest))
    assert (0, f"{ID_BF16}\n", "") == run("select", "--gpus", "1xh100", "--format", "id")


def test_the_container_paths_are_nims_own():
    assert inputs.CONTAINER_MANIFESTS == (
        "/opt/nim/etc/default/model_manifest.yaml",
        "/etc/nim/config/model_manifest.yaml",
    )


def test_nim_manifest_path_names_the_manifest(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_MANIFEST_PATH", manifest)
    assert f"{ID_BF16}\n" == run("select", "--gpus", "1xh100", "--format", "id")[1]


def test_the_manifest_flag_beats_the_variable(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_MANIFEST_PATH", "/nowhere")
    options = ("--manifest", manifest, "--gpus", "1xh100", "--format", "id")
    assert f"{ID_BF16}\n" == run("select", *options)[1]


def test_a_manifest_comes_from_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MANIFEST.encode())))
    options = ("--manifest", "-", "--gpus", "1xh100", "--format", "id")
    assert (0, f"{ID_BF16}\n", "") == run("select", *options)


def test_an_inventory_comes_from_standard_input(run, manifest, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BUSY.encode())))
    code, _, err = run("select", "--manifest", manifest, "--inventory", "-")
    assert 1 == code
    assert "GPU not empty" in err


# NIM's variables, and flags that beat them.


@pytest.mark.parametrize("value", [ID_BF16, "vllm-bf16-tp1-pp1-16.0"])
def test_nim_model_profile_pins(select_id, monkeypatch, value):
    monkeypatch.setenv("NIM_MODEL_PROFILE", value)
    assert ID_BF16 == select_id()


@pytest.mark.parametrize("value", ["", "default", "Default"])
def test_an_empty_or_default_pin_variable_selects(select_id, monkeypatch, value):
    monkeypatch.setenv("NIM_MODEL_PROFILE", value)
    assert ID_FP8 == select_id()


def test_the_error_names_the_variable(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_MODEL_PROFILE", "nope")
    code, _, err = run("select", "--manifest", manifest, "--gpus", "1xh100")
    assert 3 == code
    assert err.startswith("nimprofile: NIM_MODEL_PROFILE: 'nope'")


@pytest.mark.parametrize("value", ["nope", ID_FP8])
def test_the_profile_flag_beats_the_variable(select_id, monkeypatch, value):
    monkeypatch.setenv("NIM_MODEL_PROFILE", value)
    assert ID_BF16 == select_id("--profile", ID_BF16)


@pytest.mark.parametrize("value", ["", "default"])
def test_the_profile_flag_can_take_a_pin_away(select_id, monkeypatch, value):
    monkeypatch.setenv("NIM_MODEL_PROFILE", ID_BF16)
    assert ID_FP8 == select_id("--profile", value)


def test_nim_tags_selector_selects(select_id, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "precision=bf16,tp=1")
    assert ID_BF16 == select_id()


def test_the_tags_flag_beats_the_variable(select_id, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "nonsense")
    assert ID_FP8 == select_id("--tags", "precision=fp8")


def test_the_tags_flag_can_take_the_selector_away(select_id, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "precision=bf16")
    assert ID_FP8 == select_id("--tags", "")


def test_nim_peft_source_turns_to_lora_profiles(select_id, monkeypatch):
    monkeypatch.setenv("NIM_PEFT_SOURCE", "/adapters")
    assert ID_LORA == select_id()


def test_no_lora_beats_the_variable(select_id, monkeypatch):
    monkeypatch.setenv("NIM_PEFT_SOURCE", "/adapters")
    assert ID_FP8 == select_id("--no-lora")


def test_lora_turns_to_lora_profiles(select_id):
    assert ID_LORA == select_id("--lora")


@pytest.mark.parametrize(
    ("variable", "options", "expected"),
    [
        pytest.param(None, (), 1, id="neither"),
        pytest.param("1", (), 0, id="variable"),
        pytest.param("0", (), 1, id="variable off"),
        pytest.param(None, ("--relax-memory",), 0, id="flag"),
        pytest.param("1", ("--no-relax-memory",), 1, id="flag beats variable"),
        pytest.param("junk", ("--relax-memory",), 0, id="flag beats a bad variable"),
        pytest.param(None, ("--no-empty-gpu-gate",), 0, id="gate off"),
        pytest.param(None, ("--empty-gpu-gate",), 1, id="gate on"),
    ],
)
def test_a_busy_gpu_and_its_switches(select_with, busy, variable, options, expected):
    variables = {"NIM_RELAX_MEM_CONSTRAINTS": variable}
    assert expected == select_with(variables, "--inventory", busy, *options)


@pytest.mark.parametrize(
    ("variable", "options", "expected"),
    [
        pytest.param(None, (), 3, id="neither"),
        pytest.param("1", (), 0, id="variable"),
        pytest.param(None, ("--allow-unsafe",), 0, id="flag"),
        pytest.param("1", ("--no-allow-unsafe",), 3, id="flag beats variable"),
    ],
)
def test_a_mismatch_and_its_switches(select_with, variable, options, expected):
    variables = {"NIM_MANIFEST_ALLOW_UNSAFE": variable}
    machine = ("--gpus", "2xa100", "--profile", ID_FP8)
    assert expected == select_with(variables, *machine, *options)


@pytest.mark.parametrize(
    ("variable", "options", "expected"),
    [
        pytest.param(None, (), 1, id="neither"),
        pytest.param("1", (), 0, id="variable"),
        pytest.param(None, ("--allow-nvfp4-emulation",), 0, id="flag"),
        pytest.param("1", ("--no-allow-nvfp4-emulation",), 1, id="flag beats variable"),
    ],
)
def test_emulation_and_its_switches(select_with, tmp_path, variable, options, expected):
    path = tmp_path / "m.yaml"
    path.write_text("profiles: [{id: a, tags: {precision: nvfp4}}]", encoding="utf-8")
    variables = {"NIM_ALLOW_NVFP4_EMULATION": variable, "NIM_MANIFEST_PATH": str(path)}
    assert expected == select_with(variables, "--gpus", "1xh100", *options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), 0),
        (("--uniform-gpus",), 1),
        (("--policy", "nim-1.3"), 1),
        (("--policy", "nim-1.3", "--no-uniform-gpus"), 0),
    ],
)
def test_a_mixed_machine_and_its_switches(run, manifest, options, expected):
    machine = ("--gpus", "1xh100,1xt4")
    assert expected == run("select", "--manifest", manifest, *machine, *options)[0]


def test_engine_is_repeatable(run, manifest):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--engine", "sglang")
    assert 1 == run("select", *options)[0]
    assert 0 == run("select", *options, "--engine", "vllm")[0]


def test_prefer_is_the_chain_of_ones_own(select_id):
    assert ID_BF16 == select_id("--prefer", "tp=low")


def test_policy_is_reported(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--policy", "nim-2.0", "--json")
    assert "nim-2.0" == json.loads(run("select", *options)[1])["policy"]


# list


def test_list_prints_every_profile_with_its_grade_in_a_pipe(run, manifest):
    code, out, _ = run("list", "--manifest", manifest, "--gpus", "1xh100")
    rows = [line.split("\t") for line in out.splitlines()]
    assert 0 == code
    assert [
        ["runnable", ID_BF16, "vllm-bf16-tp1-pp1-16.0", "GPUs 0"],
        [
            "runnable",
            ID_LORA,
            "vllm-bf16-tp1-pp1-feat_lora-17.0",
            "serves LoRA adapters, and none are wanted",
        ],
        [
            "incompatible",
            ID_FP8,
            "vllm-fp8-tp2-pp1-10.0",
            "needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
        ],
    ] == rows


def test_list_succeeds_even_when_no_profile_runs(run, manifest):
    assert 0 == run("list", "--manifest", manifest, "--gpus", "1xt4")[0]


@pytest.mark.parametrize("layout", [(), ("--nim",), ("--json",)])
def test_list_says_on_stderr_that_a_pin_is_refused(run, manifest, layout):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--profile", ID_FP8)
    code, out, err = run("list", *options, *layout)
    assert 0 == code
    assert ID_BF16 in out
    assert err.startswith(f"--profile={ID_FP8} is refused: vllm-fp8-tp2-pp1-10.0 does not run here")


def test_list_prints_the_decision_as_json(run, manifest):
    _, out, _ = run("list", "--manifest", manifest, "--gpus", "1xh100", "--json")
    assert ID_BF16 == json.loads(out)["selected"]["id"]


@pytest.mark.parametrize(
    ("layout", "heading"),
    [
        (("--nim",), "- Compatible with system but low memory: <None>"),
        (("--nim", "2.0"), "- Compatible with system but low memory: <None>"),
        (("--nim", "1.3"), "- Compilable to TRT-LLM using just-in-time compilation"),
        (("--nim", "1.0"), "- Compatible with system and runnable:"),
    ],
)
def test_list_nim_prints_nims_own_layout(run, manifest, layout, heading):
    code, out, _ = run("list", "--manifest", manifest, "--gpus", "1xh100", *layout)
    assert 0 == code
    assert out.startswith("SYSTEM INFO\n- Free GPUs:\n  -  [2330:10de] (0) NVIDIA H100 80GB HBM3")
    assert heading in out


# explain


def test_explain_tells_the_whole_decision(run, manifest):
    code, out, _ = run("explain", "--manifest", manifest, "--gpus", "1xh100")
    assert 0 == code
    assert out.startswith("Machine: 1 × NVIDIA H100 80GB HBM3\nPolicy: nim: engine > precision")


@pytest.mark.parametrize("named", [ID_FP8, "vllm-fp8-tp2-pp1-10.0", "ffff"])
def test_explain_tells_of_one_profile_by_id_name_or_beginning(run, manifest, named):
    code, out, _ = run("explain", "--manifest", manifest, "--gpus", "1xh100", named)
    assert 0 == code
    assert out.startswith(f"vllm-fp8-tp2-pp1-10.0: incompatible\nid {ID_FP8}\n")


def test_explain_takes_the_profile_before_the_options(run, manifest):
    code, out, _ = run("explain", "ffff", "--manifest", manifest, "--gpus", "1xh100", "--json")
    assert (0, ID_FP8) == (code, json.loads(out)["id"])


def test_explain_refuses_a_profile_it_does_not_find(run, manifest):
    code, _, err = run("explain", "--manifest", manifest, "--gpus", "1xh100", "nope")
    assert 3 == code
    assert err.startswith("nimprofile: PROFILE: 'nope' is not a profile of this manifest")


@pytest.mark.parametrize(("gpus", "outcome"), [("2xh100", "starts"), ("1xh100", "is refused")])
def test_explain_of_the_pinned_profile_tells_what_becomes_of_the_pin(run, manifest, gpus, outcome):
    options = ("--manifest", manifest, "--gpus", gpus, "--profile", ID_FP8)
    code, out, _ = run("explain", *options, "ffff")
    assert 0 == code
    assert f"It is pinned by --profile, and {outcome}." in out.splitlines()


def test_explain_of_another_profile_than_the_pinned_one_is_of_that(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--profile", ID_FP8)
    assert "pinned" not in run("explain", *options, ID_BF16)[1]


def test_explain_of_the_pinned_profile_has_in_json_what_the_pin_overrides(run, manifest, busy):
    options = ("--manifest", manifest, "--inventory", busy, "--profile", ID_BF16, "--json")
    data = json.loads(run("explain", *options, ID_BF16)[1])
    assert ([], ["gpu_not_empty"]) == (data["reasons"], [one["kind"] for one in data["waived"]])


def test_explain_prints_the_decision_as_json(run, manifest):
    _, out, _ = run("explain", "--manifest", manifest, "--gpus", "1xh100", "--json")
    assert ID_BF16 == json.loads(out)["selected"]["id"]


# gpus, policies, completion


def test_gpus_prints_the_inventory(run):
    code, out, _ = run("gpus", "--gpus", "2xt4")
    assert 0 == code
    assert [
        ["0", "Tesla T4", "1eb8:10de", "15360", "15360", "7.5", "ok", "?"],
        ["1", "Tesla T4", "1eb8:10de", "15360", "15360", "7.5", "ok", "?"],
    ] == [line.split("\t") for line in out.splitlines()]


def test_gpus_json_is_an_inventory(run, tmp_path):
    _, out, _ = run("gpus", "--gpus", "4xl40s,1xdgx_spark", "--json")
    path = tmp_path / "box.json"
    path.write_text(out, encoding="utf-8")
    assert (0, out, "") == run("gpus", "--inventory", path, "--json")
    assert nimprofile.mock_inventory("4xl40s,1xdgx_spark") == parse_inventory(out)


def test_gpus_known_lists_the_catalogue(run):
    _, out, _ = run("gpus", "--known")
    assert "t4\tTesla T4\t1eb8\t15360\t7.5" in out.splitlines()


def test_gpus_known_lists_the_catalogue_as_json(run):
    _, out, _ = run("gpus", "--known", "--json")
    rows = {row["short"]: row for row in json.loads(out)}
    assert (["2330:10de"], 81559) == (rows["h100"]["device_ids"], rows["h100"]["memory_total_mib"])


def test_policies_lists_every_policy(run):
    _, out, _ = run("policies")
    names = [line.partition(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert list(nimprofile.POLICIES) == names


def test_policies_lists_every_policy_as_json(run):
    _, out, _ = run("policies", "--json")
    assert list(nimprofile.POLICIES) == [policy["name"] for policy in json.loads(out)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command_and_option(run, shell):
    code, out, _ = run("completion", shell)
    assert 0 == code
    for word in ("select", "explain", "relax-memory"):
        assert word in out


# Help.


def test_version_is_the_packages(run):
    assert (0, f"nimprofile {nimprofile.__version__}\n", "") == run("--version")


def test_help_lists_commands_examples_and_exit_codes(run):
    code, out, _ = run("--help")
    assert 0 == code
    for word in ("select", "explain", "examples:", "exit codes:", "4 no GPU could be read"):
        assert word in out


@pytest.mark.parametrize("command", ["select", "list", "explain", "gpus", "policies", "completion"])
def test_every_command_has_help_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert 0 == code
    assert f"usage: nimprofile {command}" in out
    assert f"example:\n  nimprofile {command}" in out


@pytest.mark.parametrize("command", ["select", "list", "explain", "gpus", "policies", "completion"])
def test_the_example_of_every_command_runs(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    help = run(command, "--help")[1]
    example = help.rpartition("example:\n  nimprofile ")[2].partition(" > ")[0]
    assert 0 == run(*shlex.split(example))[0]


def test_help_is_as_wide_as_the_terminal(run, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((60, 20)))
    assert max(map(len, run("policies", "--help")[1].splitlines())) <= 60


def test_a_parser_can_be_built_whole():
    args = cli.build_parser().parse_args(["list", "--nim", "--gpus", "1xt4"])
    assert ("auto", "1xt4") == (args.nim, args.gpus)


# Terminals.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_columns_and_colour(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    cli.main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(f"\x1b[32mrunnable (2)\x1b[0m\n  {ID_BF16[:12]}  vllm")


def test_no_color_takes_the_colour_away_and_leaves_the_columns(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    cli.main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(f"runnable (2)\n  {ID_BF16[:12]}  vllm")


def test_a_dumb_terminal_gets_no_colour(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    cli.main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert terminal.getvalue().startswith(f"runnable (2)\n  {ID_BF16[:12]}  vllm")


def test_an_empty_no_color_is_none(manifest, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "")
    cli.main(["list", "--manifest", manifest, "--gpus", "1xh100"])
    assert "\x1b[" in terminal.getvalue()


def test_a_large_manifest_is_announced_on_a_terminal(manifest, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(inputs, "SLOW_BYTES", 10)
    monkeypatch.setattr(sys, "stderr", terminal)
    cli.main(["select", "--manifest", manifest, "--gpus", "1xh100"])
    assert f"reading {manifest}, 0 MiB …\n" == terminal.getvalue()


def test_a_large_manifest_is_not_announced_in_a_pipe(run, manifest, monkeypatch):
    monkeypatch.setattr(inputs, "SLOW_BYTES", 10)
    assert "" == run("select", "--manifest", manifest, "--gpus", "1xh100")[2]


# Whole processes.


def process(*argv, stdin=b"", **environ):
    """`python -m nimprofile` as a shell runs it, from another directory."""
    package = Path(nimprofile.__file__).parents[1]
    env = {key: value for key, value in os.environ.items() if not key.startswith("NIM_")}
    env |= {"PYTHONPATH": str(package), "PYTHONIOENCODING": "utf-8"} | environ
    return subprocess.run(
        [sys.executable, "-m", "nimprofile", *map(str, argv)],
        input=stdin,
        capture_output=True,
        env=env,
        cwd="/",
        check=False,
    )


def test_the_module_runs_as_a_program():
    done = process("select", "--manifest", "llama-3.1-70b-instruct", "--gpus", "8xh100")
    assert (0, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(b"profile  tensorrt_llm-h100-fp8-tp8-pp1-latency\n")


def test_a_terminal_that_knows_only_ascii_gets_escapes():
    argv = ("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100")
    done = process(*argv, PYTHONIOENCODING="ascii")
    assert (0, b"") == (done.returncode, done.stderr)
    assert rb"gpus     0 (1 \xd7 NVIDIA H100 80GB HBM3)" in done.stdout


def test_help_for_a_terminal_that_knows_only_ascii_is_whole():
    done = process("select", "--help", PYTHONIOENCODING="ascii")
    assert (0, b"") == (done.returncode, done.stderr)
    assert rb"--tags TAG=VALUE,\u2026" in done.stdout


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xt600"), 1),
        (("select", "--nonsense"), 2),
        (("select", "--manifest", "nope", "--gpus", "1xt4"), 3),
        (("gpus",), 4),
    ],
)
def test_a_process_ends_with_its_exit_code_and_no_traceback(argv, code):
    done = process(*argv)
    assert (code, b"") == (done.returncode, done.stdout)
    assert b"Traceback" not in done.stderr


def test_a_process_reads_a_manifest_from_its_standard_input():
    argv = ("select", "--manifest", "-", "--gpus", "1xh100", "--format", "id")
    assert f"{ID_BF16}\n".encode() == process(*argv, stdin=MANIFEST.encode()).stdout


def test_a_process_obeys_nims_variables(manifest):
    argv = ("select", "--manifest", manifest, "--gpus", "2xh100", "--format", "id")
    assert f"{ID_BF16}\n".encode() == process(*argv, NIM_MODEL_PROFILE=ID_BF16).stdout


def shell(script):
    """`script` in bash, where "$0" is Python and can import the package."""
    package = Path(nimprofile.__file__).parents[1]
    env = {key: value for key, value in os.environ.items() if not key.startswith("NIM_")}
    return subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=env | {"PYTHONPATH": str(package)},
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["policies", "gpus --known --json", "completion bash"])
def test_74_when_the_output_cannot_be_written(command):
    done = shell(f'"$0" -m nimprofile {command} > /dev/full')
    assert 74 == done.returncode
    assert done.stderr.startswith(b"nimprofile: cannot write the output: ")
    assert 1 == done.stderr.count(b"\n")


@pytest.mark.parametrize(
    "command", ["policies", "select --manifest llama-3.1-8b-instruct --gpus 1xh100"]
)
def test_a_standard_output_that_is_closed_is_not_a_failure(command):
    done = shell(f'"$0" -m nimprofile {command} >&-')
    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)


def test_a_reader_that_goes_away_is_not_a_failure():
    done = shell('set -o pipefail; "$0" -m nimprofile gpus --known --json | true')
    assert (0, b"") == (done.returncode, done.stderr)


class Full(io.TextIOWrapper):
    """A file on a full disk."""

    full = True

    def flush(self):
        if self.full:
            raise OSError(28, "No space left on device")
        super().flush()


def test_a_full_disk_is_told_when_the_output_is_flushed(monkeypatch, capsys, tmp_path):
    with open(tmp_path / "out", "wb") as file:
        full = Full(file, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", full)
            code = cli.main(["policies"])
        full.full = False
        full.close()
    expected = "nimprofile: cannot write the output: No space left on device\n"
    assert (74, expected) == (code, capsys.readouterr().err)


def test_without_a_standard_output_nothing_is_printed(monkeypatch, manifest):
    monkeypatch.setattr(sys, "stdout", None)
    assert 0 == cli.main(["list", "--manifest", manifest, "--gpus", "1xh100"])


class Gone(io.TextIOWrapper):
    """A pipe whose reader has gone away."""

    broken = True

    def flush(self):
        if self.broken:
            raise BrokenPipeError
        super().flush()


def test_a_broken_pipe_is_caught_when_the_output_is_flushed(monkeypatch, tmp_path):
    with open(tmp_path / "out", "wb") as file:
        gone = Gone(file, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", gone)
            code = cli.main(["policies"])
        gone.broken = False
        gone.close()
    assert 0 == code


def test_an_error_of_ours_never_reaches_the_caller_as_a_traceback(run, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    code, out, err = run("select", "--manifest", path, "--gpus", "1xt4")
    assert (3, "") == (code, out)
    with pytest.raises(ManifestError):
        parse("[")
    assert err.startswith(f"nimprofile: {path}:1: not a text file")
