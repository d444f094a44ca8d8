"""With `--json`, what a command says when it fails is one JSON value on standard output."""

import json
import os

import pytest

from nimprofile import NimProfileError
from nimprofile.base.errors import NoGpuError, UnknownGpuError
from nimprofile.cli.parsing.failures import wants_json
from nimprofile.report.schemas.errors import kind_of
from nimprofile.testing import NO_LIBRARY, FakeNvml
from tests.support.command_line import shell
from tests.support.model_configs import LLAMA_8B

BUNDLED = "--manifest llama-3.1-8b-instruct"
ENDINGS = {
    "select --json --gpu 1xt4": (2, "usage"),
    "select --json --prefer speed --manifest x --gpus 1xt4": (2, "usage"),
    "selct --json": (2, "usage"),
    "launch --json -x": (2, "usage"),
    f"list --nim --json {BUNDLED} --gpus 1xt4": (2, "usage"),
    "select --json --manifest nope --gpus 1xt4": (3, "manifest"),
    f"select --format json {BUNDLED} --gpus 1xh1000": (3, "unknown_gpu"),
    f"list --format=json {BUNDLED} --gpus 1xh100 --profile nope": (3, "pin"),
    f"explain --json {BUNDLED} --gpus 1xh100 nope": (3, "pin"),
    "manifest show --json nope": (3, "manifest"),
    "memory nope --json --gpus 1xt4": (3, "manifest"),
    f"launch --json {BUNDLED} --gpus 1xt600": (1, "nothing_runs"),
    f"render k8s --json {BUNDLED} --gpus 1xt600": (1, "nothing_runs"),
    f"launch --json {BUNDLED} --gpus 1xt600 --profile vllm-bf16-tp1-pp1": (3, "pin"),
    f"launch --json {BUNDLED} --gpus 1xl40s --require tp=2": (5, "not_as_required"),
    f"select --json {BUNDLED}": (4, "no_gpu"),
    f"select --json {BUNDLED} --gpus 1xt4 --expect-gpus 2": (5, "gpu_missing"),
}


@pytest.mark.parametrize(("line", "ending"), ENDINGS.items())
def test_an_error_is_an_object_on_standard_output_and_a_sentence_on_standard_error(
    run, line, ending
):
    with FakeNvml("1xt4", NO_LIBRARY):
        code, out, err = run(*line.split())
    error = json.loads(out)["error"]
    assert (ending[0], ending[1], ending[0]) == (code, error["kind"], error["exit_code"])
    assert {"kind", "message", "source", "place", "line", "hint", "exit_code"} == error.keys()
    assert error["message"] in err


def test_the_place_of_an_error_is_in_fields_of_its_own(run, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("profiles:\n  - id: a\n    tags: {tp: two}\n", encoding="utf-8")
    error = json.loads(run("manifest", "show", path, "--json")[1])["error"]
    assert (str(path), "profiles[0].tags.tp", 3, None) == tuple(
        error[key] for key in ("source", "place", "line", "hint")
    )


def test_the_command_whose_help_bears_on_it_is_the_hint(run):
    out = run("manifest", "build", "--json", "--colour")[1]
    assert "nimprofile manifest build --help" == json.loads(out)["error"]["hint"]


def test_a_file_that_cannot_be_written_is_an_error_too(run, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(LLAMA_8B), encoding="utf-8")
    for where, ending in (("/no/where", (74, "output")), (str(config), (3, "overwrite"))):
        code, out, err = run("manifest", "build", config, "--json", "-o", where)
        error = json.loads(out)["error"]
        assert (ending, code) == ((code, error["kind"]), error["exit_code"])
        assert error["message"] in err
    assert LLAMA_8B == json.loads(config.read_text(encoding="utf-8"))


def test_what_is_there_is_overwritten_only_with_force(run, tmp_path):
    output = tmp_path / "there.yaml"
    output.write_text("mine", encoding="utf-8")
    code = run("manifest", "convert", "gpt-oss-120b", "--to", "v2", "-o", output)[0]
    assert (3, "mine") == (code, output.read_text(encoding="utf-8"))
    words = ("manifest", "convert", "gpt-oss-120b", "--to", "v2", "-o", output)
    assert (0, "") == run(*words, "--force")[:2]
    assert output.read_text(encoding="utf-8").startswith("schema_version")


def test_a_device_is_no_file_to_keep(run):
    assert 0 == run("manifest", "convert", "gpt-oss-120b", "--to", "v2", "-o", os.devnull)[0]


def test_an_interruption_prints_no_json(run, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("nimprofile.manifest.reader.load_manifest", interrupt)
    assert (130, "", "") == run("select", "--json", "--manifest", "x", "--gpus", "1xt4")


def test_an_output_that_cannot_be_written_has_no_json():
    script = '"$0" -m nimprofile select --json --manifest nope --gpus 1xt4 > /dev/full'
    done = shell(script)
    assert (74, b"") == (done.returncode, done.stdout)
    assert b"cannot write the output" in done.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        *(("select --json", True), ("select --format json", True), ("select --format=json", True)),
        *(("select", False), ("", False), ("select --format", False), ("explain json", False)),
        *(("launch -- --json", False), ("launch --json -- --seed 7", True), ("json", False)),
    ],
)
def test_json_is_wanted_where_the_words_before_two_dashes_ask_for_it(words, wanted):
    assert wanted is wants_json(words.split())


def test_the_kind_is_the_name_of_the_class():
    assert ("unknown_gpu", "no_gpu", "nim_profile") == (
        kind_of(UnknownGpuError("x")),
        kind_of(NoGpuError("x")),
        kind_of(NimProfileError("x")),
    )
