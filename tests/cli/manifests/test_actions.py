"""`nimprofile manifest` keeps its promises: results, messages, files and exit codes."""

import io
import json
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from nimprofile import bundled_manifests
from nimprofile.cli.console import counted
from nimprofile.cli.main import main
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, LISTING, METADATA, V1, V2
from tests.support.model_configs import LLAMA_8B
from tests.support.paths import DOCS

ACTIONS = ("build", "check", "show", "convert", "schema", "diff")
GENERIC = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1", "feat_lora": "false"}
FP8_BLOCKS = {"quant_method": "fp8", "weight_block_size": [128, 128]}
BUNDLED = "llama-3.1-8b-instruct"


@pytest.fixture
def run(capsys):
    """Run a command line; its exit code, what it printed and what it said."""

    def run(*argv):
        try:
            code = main([str(word) for word in argv])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def say(monkeypatch):
    """Put a text on standard input."""

    def say(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return say


@pytest.fixture
def model(tmp_path):
    """A directory with a model's config.json."""
    return folder(tmp_path / "llama")


@pytest.fixture
def eight(tmp_path):
    """The same model, stored in eight bits."""
    return folder(tmp_path / "eight", quantization_config=FP8_BLOCKS)


def folder(path, **changes):
    path.mkdir()
    (path / "config.json").write_text(json.dumps(LLAMA_8B | changes), encoding="utf-8")
    return path


@pytest.fixture
def write(tmp_path):
    """Write a text, or a document, to a file of that name."""

    def write(name, content):
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def profile(id="a", **changes):
    return {"id": id, "tags": GENERIC | changes}


def manifest(*profiles, **head):
    return {"schema_version": "2.0", **head, "profiles": [*profiles] or [profile()]}


SOUND = manifest()
WARNED = manifest(profile(gpu="l4Os"))
WRONG = manifest(profile(gpu="L40S", gpu_device="26b5:10de"))
UNREADABLE = manifest(profile(tp="two"))


# build


def test_build_prints_the_manifest_and_says_how_many_profiles(run, model):
    code, out, err = run("manifest", "build", model, "--engine", "vllm", "--max-tp", 2)
    made = parse_manifest(out)
    assert (0, "v2", "llama") == (code, made.dialect, made.model)
    assert f"nimprofile: {len(made.profiles)} profiles of llama\n" == err
    assert {(each.engine, each.tp) for each in made.profiles} == {("vllm", 1), ("vllm", 2)}


def test_build_takes_a_config_of_its_own(run, model):
    assert run("manifest", "build", model) == run("manifest", "build", model / "config.json")


def test_build_writes_a_file_and_prints_nothing(run, model, tmp_path):
    _, printed, _ = run("manifest", "build", model)
    code, out, err = run("manifest", "build", model, "-o", tmp_path / "m.yaml")
    assert (0, "") == (code, out)
    assert err.endswith(" profiles of llama\n")
    assert printed == (tmp_path / "m.yaml").read_text(encoding="utf-8")
    assert (0, printed) == run("manifest", "build", model, "-o", "-")[:2]


def test_build_prints_the_same_as_json(run, model):
    _, text, _ = run("manifest", "build", model)
    code, out, _ = run("manifest", "build", model, "--json")
    assert (0, yaml.safe_load(text)) == (code, json.loads(out))
    assert out == run("manifest", "build", model, "--format", "json")[1]


def test_what_is_built_passes_the_check_and_the_schema(run, model, eight, tmp_path):
    schema = json.loads(run("manifest", "schema")[1])
    for models in ((model,), (model, eight)):
        path = tmp_path / "m.yaml"
        assert 0 == run("manifest", "build", *models, "-o", path, "--force")[0]
        assert (0, "") == run("manifest", "check", path)[:2]
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize(
    ("options", "what", "expected"),
    [
        (["--engine", "sglang"], "llm_engine", {"sglang"}),
        (["--engine", "vllm", "--engine", "sglang"], "llm_engine", {"vllm", "sglang"}),
        (["--engine", "trtllm"], "llm_engine", {"tensorrt_llm"}),
        (["--precision", "fp8"], "precision", {"fp8"}),
        (["--precision", "fp8", "--precision", "FP16"], "precision", {"fp8", "fp16"}),
        (["--max-tp", "2"], "tp", {"1", "2"}),
        (["--max-tp", "1", "--max-nodes", "2"], "pp", {"1", "2"}),
        (["--lora"], "feat_lora", {"true", "false"}),
    ],
)
def test_an_option_of_build_is_in_the_profiles(run, model, options, what, expected):
    code, out, _ = run("manifest", "build", model, *options, "--json")
    assert (0, expected) == (code, {each["tags"][what] for each in json.loads(out)["profiles"]})


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        (["--name", "org/m"], "model", "org/m"),
        (["--engine", "vllm", "--engine-version", "0.19.0"], "engine_version", "0.19.0"),
    ],
)
def test_an_option_of_build_is_in_the_head(run, model, options, key, expected):
    assert expected == json.loads(run("manifest", "build", model, *options, "--json")[1])[key]


def test_build_says_what_is_left_out(run, tmp_path):
    _, out, err = run("manifest", "build", folder(tmp_path / "m", model_type="smollm3"), "--json")
    assert {"vllm"} == {each["tags"]["llm_engine"] for each in json.loads(out)["profiles"]}
    assert "note: tensorrt_llm: its sources do not list model_type 'smollm3'\n" in err


def test_checkpoints_have_the_paths_they_are_given(run, model, eight):
    paths = ["--path", "/models/a", "--path", "/models/b"]
    found = json.loads(run("manifest", "build", model, eight, *paths, "--json")[1])["checkpoints"]
    assert [("eight", "/models/b"), ("llama", "/models/a")] == [
        (each["name"], each["path"]) for each in found
    ]
    found = json.loads(run("manifest", "build", model, eight, "--json")[1])["checkpoints"]
    assert [str(eight), str(model)] == [each["path"] for each in found]


def test_build_begins_with_the_profiles_of_another_manifest(run, model, write):
    tuned = {"id": "tuned", "tags": {"llm_engine": "vllm", "gpu": "h100", "tp": "1"}}
    base = write("base.yaml", {"model": "org/m", "sources": ["here"], "profiles": [tuned]})
    code, out, _ = run("manifest", "build", model, "--profiles", base, "--json")
    made = json.loads(out)
    assert (0, tuned, "org/m", ["here"]) == (
        code,
        made["profiles"][0],
        made["model"],
        made["sources"],
    )
    assert 1 < len(made["profiles"])


@pytest.mark.parametrize(
    ("config", "place"),
    [
        pytest.param('{\n"model_type": }', "config.json:2: not JSON", id="not JSON"),
        pytest.param("[]", "config.json: expected a mapping", id="a list"),
        pytest.param("", "config.json: the file is empty", id="empty"),
        pytest.param(
            json.dumps(LLAMA_8B | {"hidden_size": "wide"}),
            "config.json: hidden_size: ",
            id="a size that is none",
        ),
    ],
)
def test_a_config_that_cannot_be_read_is_bad_input(run, tmp_path, config, place):
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    code, out, err = run("manifest", "build", tmp_path)
    assert (3, "") == (code, out)
    assert err.startswith(f"nimprofile: {tmp_path}/{place}")


def test_what_nobody_serves_is_bad_input_with_the_reasons(run, model):
    code, out, err = run("manifest", "build", model, "--precision", "nvfp4")
    assert (3, "") == (code, out)
    assert "vllm: serves this in bf16, fp16, fp8, not in nvfp4" in err


def test_checkpoints_of_two_models_are_bad_input(run, model, tmp_path):
    other = folder(tmp_path / "other", hidden_size=2048)
    code, out, err = run("manifest", "build", model, other)
    assert (3, "", True) == (code, out, f"not of the same model as {model}: hidden_size" in err)


# check


@pytest.mark.parametrize(
    ("document", "code", "counts"),
    [
        pytest.param(SOUND, 0, (0, 0), id="sound"),
        pytest.param(WARNED, 0, (0, 1), id="a warning"),
        pytest.param(WRONG, 3, (1, 0), id="an error"),
        pytest.param(UNREADABLE, 3, (1, 0), id="unreadable"),
        pytest.param("a: [", 3, (1, 0), id="not YAML"),
        pytest.param("- a\n", 3, (1, 0), id="no manifest"),
    ],
)
def test_check_counts_on_stderr_and_exits_by_the_errors(run, write, document, code, counts):
    path = write("m.yaml", document)
    got, out, err = run("manifest", "check", path)
    told = f"{counted(counts[0], 'error')}, {counted(counts[1], 'warning')}"
    assert (code, f"{path}: {told}\n") == (got, err)
    assert sum(counts) == len(out.splitlines())


def test_a_finding_is_a_line_with_its_place(run, write):
    path = write("m.yaml", WRONG)
    line = path.read_text(encoding="utf-8").splitlines().index("    gpu_device: 26b5:10de") + 1
    assert (
        f"{path}:{line}: error: profiles[0].tags.gpu_device: 26b5:10de is the NVIDIA L40, but gpu "
        "says l40s; l40s has 26b9:10de\n"
    ) == run("manifest", "check", path)[1]


def test_check_prints_json(run, write):
    path = write("m.yaml", WARNED)
    code, out, err = run("manifest", "check", path, "--json")
    assert (0, "") == (code, err)
    assert {
        "source": str(path),
        "errors": 0,
        "warnings": 1,
        "findings": [
            {
                "severity": "warning",
                "rule": "unknown_gpus",
                "place": "profiles[0].tags.gpu",
                "problem": "no known GPU is called 'l4Os'",
                "suggestion": "did you mean l40s?",
                "line": 10,
            }
        ],
    } == json.loads(out)


def test_check_prints_the_errors_as_json_too(run, write):
    code, out, _ = run("manifest", "check", write("m.yaml", "a: ["), "--json")
    assert (3, 1, "unreadable") == (
        code,
        (report := json.loads(out))["errors"],
        report["findings"][0]["rule"],
    )


def test_check_takes_several_files(run, write):
    paths = [write("a.yaml", SOUND), write("b.yaml", WRONG), write("c.yaml", WARNED)]
    code, out, err = run("manifest", "check", *paths)
    assert 3 == code
    assert [str(paths[1]), str(paths[2])] == [line.split(":")[0] for line in out.splitlines()]
    assert [str(each) for each in paths] == [line.split(":")[0] for line in err.splitlines()]
    reports = json.loads(run("manifest", "check", *paths, "--json")[1])
    assert [(0, 0), (1, 0), (0, 1)] == [(each["errors"], each["warnings"]) for each in reports]
    assert 0 == run("manifest", "check", paths[0], paths[2])[0]


def test_check_takes_bundled_names(run):
    code, _, err = run("manifest", "check", *bundled_manifests())
    assert (0, len(bundled_manifests())) == (code, err.count(": 0 errors, "))


def test_check_reads_standard_input(run, say):
    say(yaml.safe_dump(WRONG))
    code, out, _ = run("manifest", "check", "-")
    assert 3 == code
    assert out.startswith("<stdin>:")


@pytest.mark.parametrize("text", [V1, V2, json.dumps(METADATA), LISTING], ids=range(4))
def test_check_takes_every_dialect(run, write, text):
    code, out, _ = run("manifest", "check", write("m", text))
    assert (3 if text == V1 else 0) == code
    assert "unreadable" not in out


# show


def test_show_prints_the_head_and_the_profiles(run, write):
    path = write("m.yaml", manifest(model="org/m", engine_version="0.19.0", model_shape=LLAMA_8B))
    code, out, err = run("manifest", "show", path)
    assert (0, "") == (code, err)
    assert [
        "model\torg/m",
        f"source\t{path}",
        "dialect\tv2",
        "engine version\t0.19.0",
        "shape\tllama, 8,030,261,248 parameters, 131,072 tokens",
        "",
        "profile\tGPUs\tmade for\trequires\tmemory per GPU\tcheckpoint\tid",
        "vllm-bf16-tp1-pp1\t1\tany\t-\t-\t-\ta",
    ] == out.splitlines()


def test_show_prints_json(run, write):
    shape = {"model_shape": LLAMA_8B | {"checkpoint_bytes": 16_060_522_496}}
    path = write("m.yaml", manifest(profile() | {"requires": {"driver": ">=550"}}, **shape))
    code, out, err = run("manifest", "show", path, "--json")
    assert (0, "") == (code, err)
    assert {
        "model": None,
        "source": str(path),
        "dialect": "v2",
        "engine_version": None,
        "model_shape": {
            "model_type": "llama",
            "known": True,
            "parameters": 8_030_261_248,
            "layers": 32,
            "attention_heads": 32,
            "kv_heads": 8,
            "experts": 0,
            "max_position_embeddings": 131_072,
            "quantization": None,
            "checkpoint_bytes": 16_060_522_496,
        },
        "checkpoints": [],
        "profiles": [
            {
                "id": "a",
                "name": "vllm-bf16-tp1-pp1",
                "tags": GENERIC,
                "gpus": 1,
                "requires": {"driver": ">=550"},
                "memory_bytes_per_gpu": None,
                "memory_source": None,
            }
        ],
    } == json.loads(out)


def test_show_names_the_checkpoints(run, model, eight, tmp_path):
    run("manifest", "build", model, eight, "-o", tmp_path / "m.yaml")
    _, out, _ = run("manifest", "show", tmp_path / "m.yaml")
    assert "checkpoint llama\tllama, 8,030,261,248 parameters, 131,072 tokens" in out.splitlines()
    assert "checkpoint eight\tllama, 8,030,261,248 parameters, stored as fp8" in out
    shown = json.loads(run("manifest", "show", tmp_path / "m.yaml", "--json")[1])
    assert [("eight", str(eight)), ("llama", str(model))] == [
        (each["name"], each["path"]) for each in shown["checkpoints"]
    ]
    assert shown["model_shape"] is None


def test_show_takes_a_bundled_name_and_standard_input(run, say):
    _, by_name, _ = run("manifest", "show", BUNDLED, "--json")
    path = bundled_manifests()[BUNDLED]
    say(Path(path).read_text(encoding="utf-8"))
    code, by_stdin, _ = run("manifest", "show", "-", "--json")
    first, second = json.loads(by_name), json.loads(by_stdin)
    assert (0, path, "<stdin>") == (code, first.pop("source"), second.pop("source"))
    assert first == second


@pytest.mark.parametrize(
    ("text", "dialect"),
    [(V1, "v1"), (V2, "v2"), (json.dumps(METADATA), "metadata-api"), (LISTING, "listing")],
)
def test_show_takes_every_dialect(run, write, text, dialect):
    code, out, _ = run("manifest", "show", write("m", text))
    assert (0, True) == (code, f"dialect\t{dialect}" in out.splitlines())


# convert


@pytest.mark.parametrize(("to", "dialect"), [("v1", "v1"), ("v2", "v2"), ("json", "v2")])
def test_convert_writes_the_form_that_is_asked_for(run, write, tmp_path, to, dialect):
    path = write("m.yaml", V2)
    code, out, err = run("manifest", "convert", path, "--to", to)
    assert (0, "") == (code, err)
    assert parse_manifest(V2).replace(dialect=dialect) == parse_manifest(out)
    assert (to == "json") == out.startswith("{")
    written = run("manifest", "convert", path, "--to", to, "-o", tmp_path / "out")
    assert ((0, "", ""), out) == (written, (tmp_path / "out").read_text(encoding="utf-8"))
    assert (0, out, "") == run("manifest", "convert", path, "--to", to, "-o", "-")


def test_convert_says_what_is_lost_on_stderr(run, write):
    path = write("m.yaml", manifest(release="1.0", extra="x"))
    code, out, err = run("manifest", "convert", path, "--to", "v1")
    assert (0, {"a"}) == (code, set(yaml.safe_load(out)))
    assert ["note: schema v1 has no place for extra: left out"] == err.splitlines()


def test_convert_says_that_fields_became_tags(run, write):
    code, out, err = run("manifest", "convert", write("m", json.dumps(METADATA)), "--to", "v2")
    assert (0, ID_1) == (code, parse_manifest(out).profiles[0].id)
    assert err.startswith("note: fields of the Metadata API became tags")


def test_convert_reads_standard_input_and_bundled_names(run, say):
    code, out, _ = run("manifest", "convert", BUNDLED, "--to", "json")
    assert (0, 2) == (code, int(json.loads(out)["schema_version"][0]))
    say(out)
    assert (0, out, "") == run("manifest", "convert", "-", "--to", "json")


def test_a_printout_cannot_be_converted(run, write):
    path = write("m", LISTING)
    code, out, err = run("manifest", "convert", path, "--to", "v2")
    assert (3, "") == (code, out)
    assert f"nimprofile: {path}: a printout has names and no tags" in err


# schema


@pytest.mark.parametrize(
    ("argv", "name"), [([], "manifest"), (["manifest"], "manifest"), (["inventory"], "inventory")]
)
def test_schema_prints_the_schema_in_docs(run, argv, name):
    code, out, err = run("manifest", "schema", *argv)
    kept = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert (0, json.loads(kept), "") == (code, json.loads(out), err)


# diff


OLD = manifest(profile("a"), profile("b", tp="2"), profile("c", tp="4"), model="org/m")
FEWEST_BITS = "the fewest bits of what the GPUs compute natively, then what they unpack"
NEW = manifest(profile("a"), profile("b", tp="2", gpu="h100"), profile("d", precision="fp8"))


def test_diff_prints_what_changed(run, write):
    code, out, err = run("manifest", "diff", write("old", OLD), write("new", NEW))
    assert (0, "") == (code, err)
    assert [
        "model: org/m → nothing",
        "+ vllm-fp8-tp1-pp1  d",
        "- vllm-bf16-tp4-pp1  c",
        "~ vllm-h100-bf16-tp2-pp1",
        "    name: vllm-bf16-tp2-pp1 → vllm-h100-bf16-tp2-pp1",
        "    tags.gpu: nothing → h100",
        "1 added, 1 gone, 1 changed, 1 the same",
    ] == out.splitlines()


def test_diff_prints_json(run, write):
    files = write("old", OLD), write("new", NEW)
    code, out, err = run("manifest", "diff", *files, "--json", "--gpus", "1xh100")
    assert (0, "") == (code, err)
    data = json.loads(out)
    selection = data.pop("selection")
    assert {
        "head": [{"what": "model", "old": "org/m", "new": None}],
        "added": [{"id": "d", "name": "vllm-fp8-tp1-pp1"}],
        "gone": [{"id": "c", "name": "vllm-bf16-tp4-pp1"}],
        "changed": [
            {
                "id": "b",
                "name": "vllm-h100-bf16-tp2-pp1",
                "edits": [
                    {
                        "what": "name",
                        "old": "vllm-bf16-tp2-pp1",
                        "new": "vllm-h100-bf16-tp2-pp1",
                    },
                    {"what": "tags.gpu", "old": None, "new": "h100"},
                ],
            }
        ],
        "same": 1,
    } == data
    assert (True, "a", "d") == (
        selection["changes"],
        selection["old"]["id"],
        selection["new"]["id"],
    )
    assert {"id": "d", "name": "vllm-fp8-tp1-pp1", "gpus": [0]} == selection["new"]
    assert selection["why"].startswith("comes behind on precision: ")
    assert json.loads(run("manifest", "diff", *files, "--json")[1])["selection"] is None


@pytest.mark.parametrize(
    ("gpus", "lines"),
    [
        (
            "1xh100",
            [
                "on 1 × NVIDIA H100 80GB HBM3: vllm-bf16-tp1-pp1 → vllm-fp8-tp1-pp1",
                f"  vllm-bf16-tp1-pp1 comes behind on precision: {FEWEST_BITS}",
            ],
        ),
        ("1xgtx1080", ["on 1 × NVIDIA GeForce GTX 1080: nothing runs, as before"]),
    ],
)
def test_diff_says_what_becomes_of_the_selection(run, write, gpus, lines):
    code, out, _ = run("manifest", "diff", write("old", OLD), write("new", NEW), "--gpus", gpus)
    assert (0, lines) == (code, out.splitlines()[7:])


def test_diff_hears_the_engine_and_the_policy(run, write):
    old = manifest(profile("a"), profile("s", llm_engine="sglang", precision="fp8"))
    new = manifest(profile("a"), profile("s", llm_engine="sglang", precision="fp8", gpu="b200"))
    files = write("old", old), write("new", new)
    asked = ["manifest", "diff", *files, "--gpus", "1xh100", "--json"]
    assert not json.loads(run(*asked)[1])["selection"]["changes"]
    assert json.loads(run(*asked, "--engine", "sglang")[1])["selection"]["changes"]
    assert 0 == run(*asked, "--policy", "nim-2.0")[0]


def test_diff_of_a_manifest_and_itself_is_nothing(run):
    code, out, _ = run("manifest", "diff", BUNDLED, BUNDLED, "--json", "--gpus", "1xl40s")
    data = json.loads(out)
    assert (0, [], [], [], []) == (code, *(data[k] for k in ("head", "added", "gone", "changed")))
    assert not data["selection"]["changes"]


def test_diff_reads_one_of_the_two_from_standard_input(run, write, say):
    path = write("old", OLD)
    _, expected, _ = run("manifest", "diff", path, write("new", NEW))
    say(yaml.safe_dump(NEW, sort_keys=False))
    assert (0, expected, "") == run("manifest", "diff", path, "-")


# Usage, bad input and output that fails.


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["build", "M", "--engine-version", "0.9"], "--engine-version is that of one engine"),
        (
            ["build", "M", *("--engine", "vllm", "--engine", "sglang", "--engine-version", "1")],
            "--engine-version is that of one engine",
        ),
        (
            ["build", "M", "--path", "a", "--path", "b"],
            "--path is one for each checkpoint: 1, not 2",
        ),
        (["build", "M", "E", "--path", "a"], "--path is one for each checkpoint: 2, not 1"),
        (["build"], "PATH_OR_CONFIG"),
        (["build", "M", "--max-tp", "0"], "'0' is no number of GPUs"),
        (["build", "M", "--precision", "fp7"], "'fp7' is not a precision"),
        (["build", "M", "--engine", "triton"], "triton"),
        (["build", "M", "--engine-version", "new", "--engine", "vllm"], "'new' is no version"),
        (["build", "M", "--format", "text"], "--format: 'text' is not known; known: yaml, json"),
        (["check"], "FILE"),
        (["show"], "FILE"),
        (["show", BUNDLED, BUNDLED], "has a word too many"),
        (["convert", BUNDLED], "--to"),
        (
            ["convert", BUNDLED, "--to", "v3"],
            "--to: 'v3' is not known; known: v1, v2, json",
        ),
        (["schema", "model"], "'model' is not known"),
        (["diff", BUNDLED], "NEW"),
        (["diff", "-", "-"], "only one of the manifests and --inventory can be standard input"),
        (["diff", "-", BUNDLED, "--inventory", "-"], "can be standard input"),
        (["check", "-", "-"], "only one of the manifests can be standard input"),
        (["diff", BUNDLED, BUNDLED, "--expect-gpus", "4"], "about a machine: add --gpus"),
        (["diff", BUNDLED, BUNDLED, "--policy", "nim"], "about a machine: add --gpus"),
        (["diff", BUNDLED, BUNDLED, "--gpus", "1xt4", "--inventory", "x"], "exclude each other"),
        (["diff", BUNDLED, BUNDLED, "--policy", "best"], "'best' is not a policy"),
        ([], "an action is missing; actions: list, build"),
        (["made"], "there is no action 'made'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_2_for_usage(run, model, eight, argv, said):
    paths = {"M": model, "E": eight}
    code, out, err = run("manifest", *(paths.get(word, word) for word in argv))
    assert (2, "") == (code, out)
    assert said in err


@pytest.mark.parametrize(
    "argv",
    [
        *(["show", "F"], ["convert", "F", "--to", "v2"], ["convert", "F", "--to", "v1"]),
        *(["diff", "F", BUNDLED], ["diff", BUNDLED, "F"]),
    ],
    ids=" ".join,
)
def test_3_for_bad_input_with_its_place(run, write, argv):
    path = write("m.yaml", UNREADABLE)
    code, out, err = run("manifest", *(path if word == "F" else word for word in argv))
    assert (3, "") == (code, out)
    assert (
        f"nimprofile: {path}:7: profiles[0].tags.tp: 'two' is not a number of GPUs; write 1 to 9999\n"
    ) == err


def test_check_tells_of_a_file_that_is_not_there_among_others(run, model, tmp_path):
    run("manifest", "build", model, "-o", tmp_path / "m.yaml")
    code, out, _ = run("manifest", "check", "nowhere", tmp_path / "m.yaml", "--json")
    first, second = json.loads(out)
    assert (3, 1, 0) == (code, first["errors"], second["errors"])
    assert first["findings"][0]["problem"].startswith("no such file")


def test_a_base_that_cannot_be_read_is_named_with_its_line(run, model, write):
    base = write("base.yaml", {"profiles": [{"id": "a"}]})
    code, _, err = run("manifest", "build", model, "--profiles", base)
    assert (3, True) == (code, err.startswith(f"nimprofile: {base}:"))
    twice = {"profiles": [{"id": "a", "tags": {}}, {"id": "a", "tags": {}}]}
    assert 3 == run("manifest", "build", model, "--profiles", write("twice.yaml", twice))[0]


def test_a_base_may_have_no_profiles(run, model, write):
    base = write("base.yaml", {"model": "org/m", "sources": ["here"], "profiles": []})
    code, out, _ = run("manifest", "build", model, "--profiles", base, "--json")
    found = json.loads(out)
    assert (0, "org/m", ["here"]) == (code, found["model"], found["sources"])


@pytest.mark.parametrize(
    "argv",
    [
        *(["build", "nowhere"], ["show", "nowhere"]),
        *(["convert", "nowhere", "--to", "v1"], ["diff", BUNDLED, "nowhere"]),
    ],
    ids=" ".join,
)
def test_3_for_a_file_that_is_not_there(run, argv):
    code, out, err = run("manifest", *argv)
    assert (3, "") == (code, out)
    assert err.startswith("nimprofile: nowhere: no such file")


def test_3_for_a_manifest_to_begin_with_that_cannot_be_read(run, model, write):
    path = write("base.yaml", "profiles: x\n")
    code, out, err = run("manifest", "build", model, "--profiles", path)
    assert (3, "", True) == (code, out, f"{path}" in err and "profiles is a list" in err)


@pytest.mark.parametrize("argv", [["build", "M"], ["convert", BUNDLED, "--to", "v1"]], ids=" ".join)
def test_74_for_a_file_that_cannot_be_written(run, model, tmp_path, argv):
    path = tmp_path / "nowhere" / "m.yaml"
    code, out, err = run("manifest", *(model if word == "M" else word for word in argv), "-o", path)
    assert (74, "") == (code, out)
    assert f"cannot write the output: {path}: No such file or directory\n" in err


# select, list and explain of a model.


@pytest.mark.parametrize("command", ["select", "list", "explain"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_model_is_the_manifest_that_is_built_of_it(run, tmp_path, command, count):
    blocks = [{}, {"quantization_config": FP8_BLOCKS}][:count]
    models = [folder(tmp_path / name, **block) for name, block in zip("ab", blocks, strict=False)]
    run("manifest", "build", *models, "-o", tmp_path / "m.yaml")
    asked = ["--gpus", "2xl40s", "--json"]
    named = [word for each in models for word in ("--model", each)]
    code, out, _ = run(command, *named, *asked)
    assert (0, out) == (code, run(command, "--manifest", tmp_path / "m.yaml", *asked)[1])
    assert json.loads(out)["selected"] is not None


def test_the_engine_and_its_version_are_those_of_the_model_that_is_built(run, model, tmp_path):
    of = ["--engine", "vllm", "--engine-version", "0.10.0"]
    run("manifest", "build", model, *of, "-o", tmp_path / "m.yaml")
    asked = ["--gpus", "1xl40s", "--json"]
    code, out, _ = run("list", "--model", model, *of, *asked)
    assert (0, out) == (code, run("list", "--manifest", tmp_path / "m.yaml", *of, *asked)[1])


def test_adapters_are_served_by_profiles_that_are_built_for_them(run, model):
    code, out, _ = run("select", "--model", model, "--lora", "--gpus", "1xh100", "--json")
    assert (0, "true") == (code, json.loads(out)["selected"]["tags"]["feat_lora"])


def test_what_a_model_is_not_served_as_is_said(run, tmp_path):
    path = folder(tmp_path / "m", model_type="smollm3")
    code, _, err = run("select", "--model", path, "--gpus", "1xh100")
    assert (0, True) == (code, "note: tensorrt_llm: its sources do not list" in err)


def test_a_model_beats_the_variable_of_a_manifest(run, model, monkeypatch):
    monkeypatch.setenv("NIM_MANIFEST_PATH", "nowhere")
    assert 0 == run("select", "--model", model, "--gpus", "1xh100")[0]


def test_the_version_of_no_engine_in_particular_is_refused(run, model):
    code, _, err = run("select", "--model", model, "--engine-version", "0.9", "--gpus", "1xh100")
    assert (2, True) == (code, "name it with --engine" in err)


def test_a_model_that_is_not_there_is_bad_input(run):
    code, out, err = run("select", "--model", "nowhere", "--gpus", "1xh100")
    assert (
        3,
        "",
        "nimprofile: nowhere: no such directory here; a model that is not here needs its --manifest\n",
    ) == (code, out, err)


# Help and completion.


@pytest.mark.parametrize("action", ACTIONS)
def test_the_help_of_an_action_has_an_example(run, action):
    code, out, err = run("manifest", action, "--help")
    assert (0, "") == (code, err)
    assert f"example:\n  nimprofile manifest {action}" in out


def test_the_help_lists_the_actions(run):
    code, out, _ = run("manifest", "--help")
    assert 0 == code
    assert all(f"\n    {action} " in out for action in ACTIONS)


def test_a_version_is_that_of_one_engine(run, model):
    argv = ["select", "--manifest", BUNDLED, "--gpus", "1xh100", "--engine-version", "0.9.0"]
    code, _, err = run(*argv)
    assert (2, True) == (code, "--engine-version is that of one engine" in err)
    assert 0 == run(*argv, "--engine", "vllm")[0]


def test_a_larger_box_has_larger_profiles(run, model):
    argv = ["select", "--model", model, "--gpus", "16xh100", "--engine", "vllm"]
    assert (0, "vllm-fp8-tp16-pp1\n") == run(*argv, "--format", "name")[:2]


def test_the_profiles_of_another_model_are_refused(run, model):
    argv = ["manifest", "build", model, "--profiles", "llama-3.1-70b-instruct"]
    code, out, err = run(*argv)
    assert (3, "") == (code, out)
    assert "not of the same model as" in err
