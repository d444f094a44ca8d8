"""Select, list, explain, gpus and policies print what was decided."""

import json
import shlex
import subprocess

import pytest

import nimprofile
from nimprofile import parse_inventory
from nimprofile.base.variables.table import VARIABLES
from tests.support.command_line import ID_BF16, ID_FP8, ID_LORA

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
        "policy   nim-2.0, from the tag min_vram_per_device_gb",
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
    assert (0, ID_FP8, "nim-2.0", ID_BF16) == (
        code,
        data["selected"]["id"],
        data["policy"],
        data["deciding"]["over"],
    )
    assert data["policy_origin"] == {
        "kind": "told",
        "source": "the tag min_vram_per_device_gb",
        "message": "policy nim-2.0, from the tag min_vram_per_device_gb",
    }


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


# list


@pytest.mark.parametrize("command", ["select", "launch", "render docker", "exec"])
@pytest.mark.parametrize("pin", [(), ("--profile", ID_BF16)])
def test_what_is_not_as_required_ends_in_5_with_nothing_printed(run, manifest, command, pin):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--require", "tp>=2", *pin)
    code, out, err = run(*command.split(), *options)
    assert (5, "") == (code, out)
    assert "Nothing that runs here is as required: tp>=2" in err
    assert "Without that, vllm-bf16-tp1-pp1-16.0 would run on GPU 0" in err


@pytest.mark.parametrize("form", ["text", "env", "json"])
@pytest.mark.parametrize("pin", [(), ("--profile", ID_BF16)])
def test_a_variable_of_arguments_that_breaks_what_is_required_is_refused(
    run, manifest, monkeypatch, form, pin
):
    monkeypatch.setenv("NIM_PASSTHROUGH_ARGS", "--tensor-parallel-size 4")
    options = ("--manifest", manifest, "--gpus", "1xh100", "--require", "tp=1", "--format", form)
    code, out, err = run("select", *options, *pin)
    assert 5 == code
    assert "not with your --tensor-parallel-size 4: tp=1 is required, and it would be 4" in err
    assert ("" if form != "json" else "requirement") == (out and json.loads(out)["error"]["kind"])


def test_a_variable_of_arguments_that_keeps_what_is_required_selects(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_PASSTHROUGH_ARGS", "--seed 7")
    options = ("--manifest", manifest, "--gpus", "1xh100", "--require", "tp=1")
    assert 0 == run("select", *options)[0]


def test_what_is_not_as_required_is_in_json(run, manifest):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--require", "tp>=2", "--json")
    code, out, _ = run("select", *options)
    decision = json.loads(out)
    assert (5, None, ID_BF16) == (code, decision["selected"], decision["otherwise"]["id"])
    reasons = [r for p in decision["rejected"] for r in p["reasons"] if p["id"] == ID_BF16]
    assert {
        "kind": "requirement",
        "tag": "tp",
        "relation": ">=",
        "wanted": "2",
        "have": "1",
        "message": "tp>=2 is required; the profile has tp=1",
    } in reasons


@pytest.mark.parametrize("command", ["select", "list", "explain vllm-bf16-tp1-pp1-16.0"])
def test_a_tag_that_no_profile_has_is_told_as_such(run, manifest, command):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--tags", "presicion=fp8")
    code, out, err = run(*command.split(), *options)
    assert "warning: no profile has a tag presicion; did you mean precision?\n" in err
    assert code is (1 if command == "select" else 0)
    assert "detected hardware" not in out + err


def test_a_profile_is_named_by_its_id_as_a_terminal_shows_it(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--format", "id")
    assert (0, f"{ID_BF16}\n") == run("select", *options, "--profile", ID_BF16[:12])[:2]


@pytest.mark.parametrize("command", [("select", "--manifest"), ("memory",)])
def test_a_folder_of_a_bundled_name_does_not_hide_the_manifest(run, tmp_path, monkeypatch, command):
    folder = tmp_path / "nemotron-3-nano"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*command, "nemotron-3-nano", "--gpus", "1xl40s")
    assert (0, True) == (code, "vllm-fp8-tp1-pp1" in out)
    assert "note: nemotron-3-nano is the bundled manifest; ./nemotron-3-nano is the folder" in err


L4 = ("--manifest", "llama-3.1-8b-instruct", "--engine", "vllm", "--precision", "bf16")
"""Options with which one GPU of 22.5 GiB lacks the memory of the full context alone."""


def test_the_longest_context_that_fits_is_selected_with_and_shown(run):
    assert 1 == run("select", *L4, "--gpus", "l4")[0]
    code, out, _ = run("select", *L4, "--gpus", "l4", "--max-model-len", "auto")
    assert 0 == code
    assert "context  31,232 tokens of 131,072, the longest that fits" in out.splitlines()


def test_the_longest_context_that_fits_is_in_json(run):
    out = run("select", *L4, "--gpus", "l4", "--max-model-len", "auto", "--json")[1]
    assert 31_232 == json.loads(out)["selected"]["memory"]["max_model_len"]


def test_the_longest_context_that_fits_is_in_the_list(run):
    lines = run("list", *L4, "--gpus", "l4", "--max-model-len", "auto")[1].splitlines()
    (line,) = (line for line in lines if "\tvllm-bf16-tp1-pp1\t" in line)
    assert line.endswith("GPU 0; 31,232 tokens of 131,072, the longest that fits")


def test_the_longest_context_that_fits_is_told_to_the_engine(run):
    options = (*L4, "--gpus", "l4", "--max-model-len", "auto", "--format", "argv")
    code, out, err = run("launch", *options)
    assert (0, True) == (code, out.endswith(" --max-model-len 31232\n"))
    assert "note: the longest context that fits is 31,232 tokens of 131,072\n" in err


def test_a_full_context_that_fits_is_told_to_the_engine_too(run):
    shown = run("select", *L4, "--gpus", "h100", "--max-model-len", "auto")[1]
    assert "context  131,072 tokens, all of it" in shown.splitlines()
    options = (*L4, "--gpus", "h100", "--max-model-len", "auto", "--format", "argv")
    assert " --max-model-len 131072 " in run("launch", *options)[1].replace("\n", " ")


@pytest.mark.parametrize(("context", "code"), [("31232", 0), ("31k", 0), ("32K", 5)])
def test_the_context_may_be_required(run, context, code):
    options = ("--max-model-len", "auto", "--require", f"max-model-len>={context}")
    assert code == run("select", *L4, "--gpus", "l4", *options)[0]


def test_memory_says_how_much_of_the_context_fits(run):
    options = ("--gpus", "l4", "--profile", "vllm-bf16-tp1-pp1", "--max-model-len", "auto")
    code, out, _ = run("memory", "llama-3.1-8b-instruct", *options)
    assert (0, True) == (code, "longest context: 31,232 tokens of 131,072\n" in out)


def test_a_context_that_nobody_knows_is_warned_of(run, manifest):
    options = ("--manifest", manifest, "--gpus", "2xh100", "--max-model-len", "auto")
    code, _, err = run("select", *options)
    assert (0, True) == (code, "which context fits is not known without the model's shape" in err)


def test_list_prints_every_profile_with_its_grade_in_a_pipe(run, manifest):
    code, out, _ = run("list", "--manifest", manifest, "--gpus", "1xh100")
    rows = [line.split("\t") for line in out.splitlines()]
    assert 0 == code
    assert [
        ["runnable", ID_BF16, "vllm-bf16-tp1-pp1-16.0", "selected: GPU 0"],
        [
            "not wanted",
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
    assert f"--profile={ID_FP8} is refused: vllm-fp8-tp2-pp1-10.0 does not run here" in err


def test_list_says_on_stderr_which_policy_ordered_it_unless_it_was_named(run, manifest):
    line = ("list", "--manifest", manifest, "--gpus", "1xh100")
    note = "note: policy nim-2.0, from the tag min_vram_per_device_gb\n"
    assert note == run(*line)[2] == run(*line, "--nim")[2]
    assert "" == run(*line, "--policy", "nim-2.0")[2] == run(*line, "--json")[2]


def test_a_variable_of_the_image_tells_the_policy(run, manifest, monkeypatch):
    monkeypatch.setenv("INFERENCE_MICROSERVICE_LLM_NIM_VERSION", "2.1.4")
    _, out, err = run("select", "--manifest", manifest, "--gpus", "1xh100")
    told = "INFERENCE_MICROSERVICE_LLM_NIM_VERSION=2.1.4"
    assert f"policy   nim-2.0, from {told}" in out.splitlines()
    assert f"warning: {told} is newer than any NIM whose choice is known here" in err


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
    assert out.startswith(
        "Machine: 1 × NVIDIA H100 80GB HBM3\nPolicy: nim-2.0, from the tag "
        "min_vram_per_device_gb: prebuilt > precision"
    )


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
    assert ["auto", *nimprofile.POLICIES] == names


def test_policies_lists_every_policy_as_json(run):
    _, out, _ = run("policies", "--json")
    assert ["auto", *nimprofile.POLICIES] == [policy["name"] for policy in json.loads(out)]


# variables


def test_variables_prints_what_becomes_of_those_that_are_set_and_no_value(run, monkeypatch):
    for name in ("NIM_SERVED_MODEL_NAME", "NIM_SSL_MODE", "NIM_CPU_ONLY", "NIM_MAX_MODEL_LENGHT"):
        monkeypatch.setenv(name, "hunter2")
    code, out, err = run("variables")
    rows = [line.split("\t")[:2] for line in out.splitlines()]
    assert (0, "") == (code, err)
    assert [
        ["NIM_CPU_ONLY", "not used"],
        ["NIM_MAX_MODEL_LENGHT", "not known"],
        ["NIM_SERVED_MODEL_NAME", "honoured"],
        ["NIM_SSL_MODE", "handed on"],
    ] == sorted(rows)
    assert "did you mean NIM_MAX_MODEL_LEN?" in out
    assert "hunter2" not in out


def test_of_variables_that_say_the_same_thing_the_one_that_counts_is_named(run, monkeypatch):
    monkeypatch.setenv("NIM_KVCACHE_PERCENT", "0.5")
    monkeypatch.setenv("NIM_GPU_MEM_FRACTION", "0.6")
    _, out, _ = run("variables")
    said = "NIM_KVCACHE_PERCENT\tnot used\tNIM_GPU_MEM_FRACTION is set too, and counts"
    assert said in out.splitlines()


def test_without_a_variable_set_variables_says_so_and_all_prints_every_one(run):
    assert "no variable of NIM's is set; --all prints those there are\n" == run("variables")[1]
    _, out, _ = run("variables", "--all")
    assert [*VARIABLES] == [line.split("\t")[0] for line in out.splitlines()]


def test_variables_in_json_have_what_the_table_has(run, monkeypatch):
    monkeypatch.setenv("NIM_QUUX", "hunter2")
    rows = {row["name"]: row for row in json.loads(run("variables", "--all", "--json")[1])}
    assert [*VARIABLES, "NIM_QUUX"] == [*rows]
    assert ["NIM_QUUX"] == [name for name, row in rows.items() if row["set"]]
    row, variable = rows["NIM_SERVER_PORT"], VARIABLES["NIM_SERVER_PORT"]
    assert (variable.meaning, variable.generations, variable.source, "honoured") == (
        row["meaning"],
        row["generations"],
        row["source"],
        row["use"],
    )


def test_of_many_notes_a_dozen_is_told_and_where_all_are(run, manifest, monkeypatch):
    for at in range(100):
        monkeypatch.setenv(f"NIM_MAX_MODEL_LE{at}", "1")
    code, _, err = run("select", "--manifest", manifest, "--gpus", "1xh100")
    assert (0, 12) == (code, err.count("note: NIM_MAX_MODEL_LE"))
    assert "note: and 88 more; `nimprofile variables` prints all" in err.splitlines()


def test_of_many_lost_gpus_a_dozen_is_told_and_where_all_are(run, manifest, tmp_path):
    lost = [{"index": at, "unavailable": f"cause {at}"} for at in range(1, 101)]
    first = {"index": 0, "name": "NVIDIA H100 80GB HBM3", "device_id": "2330:10de"}
    first |= {"memory_total_mib": 81559, "compute_capability": "9.0"}
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"gpus": [first, *lost]}), encoding="utf-8")
    _, _, err = run("list", "--manifest", manifest, "--inventory", path)
    assert 12 == err.count("unavailable: cause")
    assert "warning: and 86 more; `nimprofile gpus` prints all" in err.splitlines()
