"""`advisories` lists the known issues; `select` warns of those of its choice, or passes over it."""

import json

import pytest

from nimprofile.cli.main import main
from nimprofile.selection.advisories.advisory import known_advisories
from tests.support.cases import PATHS, load
from tests.support.schemas import check

BAD_PICK = "nim-1.13-vllm-before-tensorrt-llm"
NVL = ("--gpus", "1xh100_nvl")


@pytest.fixture
def manifest(tmp_path):
    """What a NIM 1.13 of Nemotron Super 49B v1.5 listed on an H100 NVL, as its manifest."""
    (path,) = (path for path in PATHS if path.name.startswith("016-"))
    rows = [row for row in load(path)["profiles"] if row.get("tags", {}).get("precision")]
    profiles = [{"id": row["id"], "name": row["name"], "tags": row["tags"]} for row in rows]
    head = {"model": "nvidia/llama-3.3-nemotron-super-49b-v1.5", "release": "1.13.1"}
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(head | {"profiles": profiles}), encoding="utf-8")
    return ("--manifest", str(file))


def run(capsys, *argv, code=0):
    """What a command prints on both streams."""
    assert code == main([*argv])
    return capsys.readouterr()


def run_json(capsys, schema, *argv, code=0):
    value = json.loads(run(capsys, *argv, "--json", code=code).out)
    check(schema, value)
    return value


# The bad pick.


def test_the_choice_of_nim_1_13_is_made_with_a_warning(capsys, manifest):
    out, err = run(capsys, "select", *manifest, *NVL, "--format", "name")
    assert out.startswith("vllm-bf16-tp1-pp1")
    assert (
        "warning: known issue, slow: this NIM takes vLLM before TensorRT-LLM; pin a tensorrt_llm "
        f"profile where one runs, or take NIM 1.14 (advisory {BAD_PICK})\n"
    ) in err


def test_the_profile_with_the_issue_is_passed_over_where_that_is_asked_for(capsys, manifest):
    out, err = run(capsys, "select", *manifest, *NVL, "--avoid-advised", "--format", "name")
    assert out.startswith("tensorrt_llm-h100_nvl-fp8-tp1-pp1-throughput")
    assert "known issue" not in err


def test_a_pin_beats_it_with_a_warning(capsys, manifest):
    name = run(capsys, "select", *manifest, *NVL, "--format", "name").out.strip()
    pin = ("--profile", name)
    out, err = run(capsys, "select", *manifest, *NVL, "--avoid-advised", *pin, "--format", "name")
    assert name == out.strip()
    assert "the pin overrides: known issue: this NIM takes vLLM" in err


def test_where_nothing_else_runs_it_is_said_what_keeps_it(capsys, manifest):
    out, err = run(capsys, "select", *manifest, *NVL, "--avoid-advised", "--engine", "vllm", code=1)
    assert out == ""
    assert "1 more is not wanted" in err
    assert "an issue of it is known" in err
    assert "leave out --avoid-advised" in err


def test_the_list_warns_of_the_choice_and_names_the_reason(capsys, manifest):
    assert f"(advisory {BAD_PICK})" in run(capsys, "list", *manifest, *NVL).err
    out = run(capsys, "list", *manifest, *NVL, "--avoid-advised").out
    assert f"(advisory {BAD_PICK}); such profiles are to be avoided" in out


def test_another_version_of_the_nim_has_no_such_issue(capsys, manifest, monkeypatch):
    monkeypatch.setenv("INFERENCE_MICROSERVICE_LLM_NIM_VERSION", "1.14.0")
    assert "known issue" not in run(capsys, "select", *manifest, *NVL).err


def test_the_decision_has_it_for_programs(capsys, manifest):
    chosen = run_json(capsys, "decision", "select", *manifest, *NVL)["selected"]
    assert [BAD_PICK] == [known["id"] for known in chosen["advisories"]]
    rejected = run_json(capsys, "decision", "select", *manifest, *NVL, "--avoid-advised")[
        "rejected"
    ]
    kinds = [reason["kind"] for verdict in rejected for reason in verdict["reasons"]]
    assert ["advised"] == kinds


# Explained.


def test_the_whole_decision_has_the_warning(capsys, manifest):
    assert f"(advisory {BAD_PICK})" in run(capsys, "explain", *manifest, *NVL).out


def test_a_profile_is_explained_with_its_issues_and_their_sources(capsys, manifest):
    name = run(capsys, "select", *manifest, *NVL, "--format", "name").out.strip()
    lines = run(capsys, "explain", *manifest, *NVL, name).out.splitlines()
    known = next(one for one in known_advisories() if one.id == BAD_PICK)
    at = lines.index(f"  ! known issue, slow: {known.title} (advisory {BAD_PICK})")
    assert [known.symptom, f"to do: {known.remedy}", *known.sources] == [
        line.strip() for line in lines[at + 1 : at + 5]
    ]
    value = run_json(capsys, "explanation", "explain", *manifest, *NVL, name)
    assert [BAD_PICK] == [known["id"] for known in value["advisories"]]


def test_what_may_apply_is_told_with_what_is_not_known(capsys):
    words = ("explain", "--manifest", "gpt-oss-120b", "--gpus", "1xgb200")
    name = run(capsys, "select", *words[1:], "--format", "name").out.strip()
    out = run(capsys, *words, name).out
    assert "may apply (advisories)" in out
    value = run_json(capsys, "explanation", *words, name)
    assert value["advisories"] == []
    assert all(one["unknown"] for one in value["possible_advisories"])
    assert value["possible_advisories"]


# The command.


def test_every_one_is_listed(capsys):
    lines = run(capsys, "advisories").out.splitlines()
    assert [known.id for known in known_advisories()] == [line.split("\t")[0] for line in lines]


def test_they_are_listed_for_programs(capsys):
    value = run_json(capsys, "advisories", "advisories")
    assert [known.id for known in known_advisories()] == [one["id"] for one in value["advisories"]]


@pytest.mark.parametrize("name", [BAD_PICK, BAD_PICK.upper()])
def test_one_is_printed_with_all_that_is_known_of_it(capsys, name):
    (known,) = (one for one in known_advisories() if one.id == BAD_PICK)
    out = run(capsys, "advisories", name).out
    assert all(one in out for one in (known.date, known.symptom, known.remedy, *known.sources))
    (value,) = run_json(capsys, "advisories", "advisories", name)["advisories"]
    assert known.id == value["id"]


def test_a_misspelt_one_is_answered_with_near_ones(capsys):
    err = run(capsys, "advisories", BAD_PICK[:-1], code=2).err
    assert f"is not an advisory; did you mean {BAD_PICK} or " in err


def test_what_is_near_none_is_answered_with_the_command_that_lists_all(capsys):
    err = run(capsys, "advisories", "zz\x1b[2J", code=2).err
    assert "'zz\\x1b[2J' is not an advisory; `nimprofile advisories` lists all" in err
