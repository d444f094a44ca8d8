"""Which manifest and machine are meant, and how flags and NIM's variables decide it."""

import io
import json
import sys

import pytest

from nimprofile import Objective
from nimprofile.cli import inputs
from nimprofile.cli.main import main
from tests.support.command_line import BUSY, ID_BF16, ID_FP8, ID_LORA, MANIFEST, Terminal

# Which manifest.


def test_without_a_manifest_the_ways_to_name_one_are_told(run, monkeypatch):
    monkeypatch.setattr(inputs, "CONTAINER_MANIFESTS", ("/nowhere/m.yaml",))
    code, _, err = run("select", "--gpus", "1xh100")
    assert 2 == code
    first, second = err.splitlines()
    assert first.startswith(
        "nimprofile: no manifest: name one with --manifest or NIM_MANIFEST_PATH"
    )
    assert first.endswith("`nimprofile manifest list` shows; or a model's directory with --model")
    assert "help: nimprofile select --help" == second


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


@pytest.mark.parametrize(
    "options",
    [
        ("--tags", "precision=bf16", "--tags", "tp=1"),
        ("--tags", "PRECISION=bf16"),
        ("--precision", "bf16"),
        ("--tp", "1"),
        ("--tp", "1", "--pp", "1", "--tags", "precision=bf16"),
        ("--require", "precision=bf16"),
        ("--require", "tp<2", "--require", "engine=vllm"),
        ("--require", "name=vllm-bf16-*"),
    ],
)
def test_conditions_add_up(select_id, options):
    assert ID_BF16 == select_id(*options)


@pytest.mark.parametrize("variable", ["tp=1", "TP=1,precision=fp8"])
def test_of_a_flag_and_a_variable_about_one_tag_the_flag_holds(select_id, monkeypatch, variable):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", variable)
    assert ID_FP8 == select_id("--tp", "2")


def test_a_flag_and_a_variable_about_two_tags_both_hold(select_id, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "precision=bf16")
    assert ID_BF16 == select_id("--pp", "1")


def test_a_condition_that_is_said_twice_is_one(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--tags", "tp=4", "--tp", "4", "--json")
    rejected = json.loads(run("select", *options)[1])["rejected"]
    assert {1} == {[r["kind"] for r in profile["reasons"]].count("tags") for profile in rejected}


def test_an_objective_is_a_condition(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--objective", "latency")
    assert 1 == run("select", *options)[0]


@pytest.mark.parametrize(
    "options",
    [
        ("--objective", "throughput"),
        ("--require", "objective=throughput"),
        ("--tags", "objective=throughput"),
        ("--tags", "profile=throughput-lora"),
    ],
)
def test_the_objective_of_a_profile_that_serves_adapters_is_its_objective(run, options):
    machine = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "2xh100", "--lora")
    code, out, _ = run("select", *machine, *options, "--format", "name")
    assert (0, "tensorrt_llm-h100-bf16-tp1-pp1-throughput-lora-lora\n") == (code, out)


def test_a_flag_of_the_objective_holds_before_the_variable(run, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "profile=latency")
    machine = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "2xh100")
    out = run("select", *machine, "--objective", "throughput", "--format", "name")[1]
    assert out.endswith("-throughput\n")


@pytest.mark.parametrize("objective", Objective)
def test_every_objective_can_be_asked_for(run, objective):
    machine = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "2xh100")
    code, _, err = run("select", *machine, "--objective", str(objective))
    assert (code, "no profile of this manifest has objective" in err) == (
        (1, True) if objective is Objective.BALANCED else (0, False)
    )


def test_gpus_add_up(run):
    out = run("gpus", "--gpus", "2xl40s", "--gpus", "t4:1")[1]
    assert ["NVIDIA L40S", "NVIDIA L40S", "Tesla T4"] == [
        line.split("\t")[1] for line in out.splitlines()
    ]


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


def test_a_large_manifest_is_announced_on_a_terminal(manifest, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(inputs, "SLOW_BYTES", 10)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "500")  # the path is in one line
    main(["select", "--manifest", manifest, "--gpus", "1xh100"])
    assert f"reading {manifest}, 0 MiB …\n" == terminal.getvalue()


def test_a_large_manifest_is_not_announced_in_a_pipe(run, manifest, monkeypatch):
    monkeypatch.setattr(inputs, "SLOW_BYTES", 10)
    assert "" == run("select", "--manifest", manifest, "--gpus", "1xh100")[2]


# NIM's variables, in the commands.


def test_a_variable_that_changes_nothing_is_said_once_and_is_in_json(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_MAX_MODEL_LENGTH", "hunter2")
    code, out, err = run("select", "--manifest", manifest, "--gpus", "1xh100", "--json")
    said = "NIM_MAX_MODEL_LENGTH is set and not known as a variable of NIM's"
    assert (0, 1) == (code, err.count(said))
    assert "hunter2" not in out + err
    (note,) = json.loads(out)["notes"]
    assert ("variable_unknown", "NIM_MAX_MODEL_LENGTH") == (note["kind"], note["variable"])
    assert note["message"].startswith(said)


@pytest.mark.parametrize("command", ["select", "list", "launch --server nim --image a/b:1.8.0"])
def test_every_command_that_selects_says_so(run, manifest, monkeypatch, command):
    monkeypatch.setenv("NIM_CPU_ONLY", "1")
    _, _, err = run(*command.split(), "--manifest", manifest, "--gpus", "1xh100")
    assert 1 == err.count("note: NIM_CPU_ONLY is set and not used: profiles are chosen for GPUs")


def test_explain_says_so_where_it_says_everything(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_CPU_ONLY", "1")
    _, out, _ = run("explain", "--manifest", manifest, "--gpus", "1xh100")
    assert 1 == out.count("note: NIM_CPU_ONLY is set and not used")


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ({"NIM_GPU_MEM_FRACTION": "2"}, ("--gpu-memory-utilization", "0.5")),
        ({"NIM_KVCACHE_PERCENT": "2"}, ("--gpu-memory-utilization", "0.5")),
        ({"NIM_MAX_BATCH_SIZE": "x"}, ("--max-num-seqs", "8")),
        ({"NIM_TENSOR_PARALLEL_SIZE": "x"}, ("--tp", "1")),
        ({"NIM_ENGINE_PRECISION": "x"}, ("--precision", "bf16")),
        ({"NIM_USE_SGLANG": "x"}, ("--engine", "vllm")),
        ({"NIM_MANIFEST_PROFILE": "x"}, ("--profile", "vllm-bf16-tp1-pp1-16.0")),
    ],
)
def test_a_flag_beats_every_variable_of_its_meaning(run, manifest, monkeypatch, variables, flags):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, _, err = run("select", "--manifest", manifest, "--gpus", "1xh100", *flags)
    assert (0, False) == (code, "NIM_" in err)


def test_relaxing_by_a_flag_lets_the_number_of_sequences_take_effect(run, monkeypatch):
    monkeypatch.setenv("NIM_NUM_KV_CACHE_SEQ_LENS", "2")
    options = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100", "--engine", "vllm")
    code, out, err = run("select", *options, "--relax-memory", "--json")
    assert (0, "") == (code, err)
    assert json.loads(out)["selected"]["memory"]["source"].endswith("2 requests at once")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"NIM_PASSTHROUGH_ARGS": "--max-model-len 4096"}, ()),
        ({"NIM_PASSTHROUGH_ARGS": "--max-model-len 4096"}, ("--max-model-len", "8192")),
        ({"NIM_PASSTHROUGH_ARGS": "--max-model-len 4K", "NIM_MAX_MODEL_LEN": "8192"}, ()),
        ({"NIM_PASSTHROUGH_ARGS": "--max-model-len 8192"}, ("--", "--max-model-len=4096")),
        ({"NIM_MAX_MODEL_LEN": "8192"}, ("--", "--max_model_len", "4096")),
        ({}, ("--max-model-len", "8192", "--", "--max-model-len", "4096")),
    ],
)
def test_the_memory_is_judged_for_the_context_that_the_engine_is_given_last(
    run, monkeypatch, variables, words
):
    base = ("launch", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xl4", "--engine", "vllm")
    code, plain, _ = run(*base, "--max-model-len", "4096", "--format", "argv")
    assert (0, True) == (code, "--max-model-len 4096" in plain)
    assert 0 != run(*base, "--max-model-len", "131072")[0], "more would not fit"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, out, err = run(*base, "--format", "argv", *words)
    assert 0 == code, err
    assert any(f"--max{dash}model{dash}len{is_}4" in out for dash in "-_" for is_ in " =")


def test_a_context_that_does_not_fit_is_refused_though_only_the_arguments_ask_for_it(
    run, monkeypatch
):
    base = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "1xl4", "--engine", "vllm")
    assert 0 == run("select", *base, "--max-model-len", "4096")[0]
    monkeypatch.setenv("NIM_PASSTHROUGH_ARGS", "--max-model-len 131072")
    assert 1 == run("select", *base, "--max-model-len", "4096")[0]


def test_the_arguments_of_triton_itself_are_not_those_of_the_engine(run):
    base = ("launch", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xl4", "--max-model-len")
    code, _, err = run(*base, "4096", "--server", "triton", "--", "--max-model-len", "131072")
    assert 0 == code, err
