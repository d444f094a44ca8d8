"""Is memory judged by the shape of the weights that are named beside a manifest, or lie in the cache?"""

import json

import pytest

from tests.support.model_configs import LLAMA_8B

MANIFEST = """\
model: meta/llama-3.1-8b-instruct
profiles:
  - id: plain
    tags: {llm_engine: vllm, precision: bf16, tp: "1", pp: "1", min_vram_per_device_gb: "33.0"}
"""
SHORT = ("--gpus", "1xrtx5090", "--policy", "nim-2.0", "--max-model-len", "8192", "--format", "id")


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    return str(path)


def folder(path, config=LLAMA_8B):
    path.mkdir(parents=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (path / "config.json").write_text(text, encoding="utf-8")
    return str(path)


def test_without_a_shape_nobody_knows_what_a_shorter_context_needs(run, manifest):
    code, out, _ = run("select", "--manifest", manifest, *SHORT)
    assert (1, "") == (code, out)


@pytest.mark.parametrize("file", ["", "/config.json"], ids=["directory", "config.json"])
def test_beside_a_manifest_the_model_is_what_memory_is_judged_by(run, manifest, tmp_path, file):
    model = folder(tmp_path / "m") + file
    assert (0, "plain\n") == run("select", "--manifest", manifest, "--model", model, *SHORT)[:2]


@pytest.mark.parametrize("variable", ["NIM_MODEL_PATH", "NIM_MODEL_NAME"])
def test_so_is_the_model_of_a_variable(run, manifest, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, folder(tmp_path / "m"))
    assert (0, "plain\n") == run("select", "--manifest", manifest, *SHORT)[:2]


@pytest.mark.parametrize("command", ["list", "explain"])
def test_list_and_explain_judge_as_select_does(run, manifest, tmp_path, command):
    asked = (command, "--manifest", manifest, "--gpus", "1xrtx5090", "--policy", "nim-2.0")
    model = folder(tmp_path / "m")
    assert "tokens fit" not in run(*asked)[1]
    assert "tokens fit" in run(*asked, "--model", model)[1]


def test_what_the_weights_alone_exceed_is_incompatible(run, manifest, tmp_path):
    asked = ("list", "--manifest", manifest, "--gpus", "1xl4,1xt4", "--policy", "nim-2.0", "--json")
    t4 = ("list", "--manifest", manifest, "--gpus", "1xgtx1660ti", "--policy", "nim-2.0", "--json")
    model = folder(tmp_path / "m")
    grades = [
        json.loads(run(*line)[1])["rejected"][0]["grade"]
        for line in (asked, t4, (*asked, "--model", model), (*t4, "--model", model))
    ]
    assert ["low memory", "low memory", "low memory", "incompatible"] == grades


def test_a_model_that_is_not_here_says_nothing_of_memory(run, manifest):
    model = ("--model", "meta-llama/Llama-3.1-8B")
    assert 1 == run("select", "--manifest", manifest, *model, *SHORT)[0]


def test_several_models_beside_a_manifest_are_a_wrong_command_line(run, manifest, tmp_path):
    models = ("--model", folder(tmp_path / "a"), "--model", folder(tmp_path / "b"))
    code, _, err = run("select", "--manifest", manifest, *models, *SHORT)
    assert (2, True) == (code, "name one" in err)


def test_a_shape_of_the_manifests_own_wins(run, tmp_path):
    asked = ("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xl4", "--json")
    model = folder(tmp_path / "m", LLAMA_8B | {"num_hidden_layers": 1})
    assert run(*asked)[:2] == run(*asked, "--model", model)[:2]


# The cache.

NIMS = "ngc/hub/models--nim--meta--llama-3.1-8b-instruct/snapshots"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setenv("NIM_CACHE_PATH", str(path))
    return path


@pytest.mark.parametrize(
    "place",
    [
        f"{NIMS}/hf-bf16",
        "huggingface/hub/models--meta--Llama-3.1-8B-Instruct/snapshots/0e9e39f",
        "models--meta--llama-3.1-8b-instruct/snapshots/0e9e39f",
    ],
)
def test_the_shape_is_that_of_the_model_in_the_cache(run, manifest, cache, place):
    folder(
        cache / "ngc/hub/models--nim--meta--llama-3.2-1b-instruct/snapshots/hf", {"model_type": "x"}
    )
    path = folder(cache / place)
    code, out, err = run("select", "--manifest", manifest, *SHORT)
    assert (0, "plain\n", True) == (
        code,
        out,
        f"note: the shape of the model is that of {path}" in err,
    )


def test_of_several_checkpoints_that_of_16_bits_is_taken(run, manifest, cache):
    folder(cache / NIMS / "hf-fp8", LLAMA_8B | {"quantization_config": {"quant_method": "fp8"}})
    path = folder(cache / NIMS / "hf-plain")
    assert path in run("select", "--manifest", manifest, *SHORT)[2]


def test_which_of_two_checkpoints_is_meant_is_not_guessed(run, manifest, cache):
    for name in ("a", "b"):
        folder(cache / NIMS / name)
    code, _, err = run("select", "--manifest", manifest, *SHORT)
    assert (1, False) == (code, "in the cache" in err)


def test_without_a_models_name_the_only_one_in_the_cache_is_meant(run, tmp_path, cache):
    path = tmp_path / "nameless.yaml"
    path.write_text(MANIFEST.partition("\n")[2], encoding="utf-8")
    folder(cache / NIMS / "hf")
    assert 0 == run("select", "--manifest", path, *SHORT)[0]
    folder(cache / "hub/models--acme--other/snapshots/1")
    assert 1 == run("select", "--manifest", path, *SHORT)[0]


def test_the_cache_makes_no_profile_stricter_that_states_no_memory(run, tmp_path, cache):
    path = tmp_path / "nim-1.yaml"
    path.write_text(MANIFEST.replace(', min_vram_per_device_gb: "33.0"', ""), encoding="utf-8")
    folder(cache / NIMS / "hf")
    asked = ("select", "--manifest", path, "--gpus", "1xl4", "--format", "id")
    code, out, err = run(*asked)
    assert (0, "plain\n", False) == (code, out, "in the cache" in err)


def test_a_config_in_the_cache_that_cannot_be_read_is_a_note(run, manifest, cache):
    folder(cache / NIMS / "hf", "{")
    code, _, err = run("select", "--manifest", manifest, *SHORT)
    assert (1, True) == (code, "note: in the cache, " in err)


def test_a_folder_without_snapshots_is_no_model(run, manifest, cache):
    (cache / NIMS).parent.mkdir(parents=True)
    assert 1 == run("select", "--manifest", manifest, *SHORT)[0]
