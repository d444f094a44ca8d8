"""The bundled manifests are sound, and select what the public sources say."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from nimprofile import bundled_manifests, load_manifest, mock_inventory, select
from nimprofile.authoring.lint import check_manifest
from tests.support.paths import ROOT

FOLDER = ROOT / "manifests"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_the_models_of_the_issue_are_there():
    assert {
        "llama-3.1-8b-instruct",
        "llama-3.1-70b-instruct",
        "llama-3.1-405b-instruct",
        "llama-3.3-70b-instruct",
        "mistral-7b-instruct-v0.3",
        "mixtral-8x7b-instruct-v0.1",
        "nemotron-3-nano",
        "gpt-oss-120b",
        "llama-nemotron-embed-300m-v2",
    } <= set(NAMES)


def test_every_manifest_of_the_folder_is_bundled():
    assert NAMES == list(bundled_manifests())


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_manifest_is_that_of_the_folder(name):
    bundled = Path(bundled_manifests()[name]).read_bytes()
    assert (FOLDER / f"{name}.yaml").read_bytes() == bundled


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_manifest_is_schema_v2_with_a_model(name):
    manifest = load_manifest(name)
    assert "v2" == manifest.dialect
    assert "/" in manifest.model
    assert manifest.profiles


@pytest.mark.parametrize("name", NAMES)
def test_every_id_is_the_hash_of_its_tags(name):
    profiles = load_manifest(name).profiles
    assert {profile.name: profile.computed_id for profile in profiles} == {
        profile.name: profile.id for profile in profiles
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_has_a_name_of_its_own(name):
    names = [profile.name for profile in load_manifest(name).profiles]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_and_precision_is_known(name):
    for profile in load_manifest(name).profiles:
        assert (None, None) == (profile.unknown_engine, profile.unknown_precision)


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_names_its_sources(name):
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    comments = "".join(line for line in text.splitlines() if line.startswith("#"))
    said = comments or " ".join(yaml.safe_load(text)["sources"])
    sources = ("docs.nvidia.com", "github.com", "list-model-profiles printout")
    assert any(source in said for source in sources)


def test_the_manifests_of_public_shapes_are_what_the_command_builds(tmp_path):
    scripts = sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]
    subprocess.run(
        ["bash", FOLDER / "rebuild.sh", tmp_path],
        env={**os.environ, "PATH": scripts},
        check=True,
        capture_output=True,
    )
    built = sorted(path.name for path in tmp_path.iterdir())
    assert built == sorted(f"{path.name}.yaml" for path in (FOLDER / "sources").iterdir())
    for name in built:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_manifest_passes_the_check(name):
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert [] == [found for found in check_manifest(text) if found.severity == "error"]


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_manifest_runs_somewhere(name):
    assert any(
        select(load_manifest(name), mock_inventory(spec)).selected
        for spec in ("8xh100", "8xh200", "8xb200")
    )


@pytest.mark.parametrize(
    ("name", "spec", "selected"),
    [
        ("llama-3.1-70b-instruct", "8xh100", "tensorrt_llm-h100-fp8-tp8-pp1-latency"),
        ("llama-3.1-70b-instruct", "4xh100", "tensorrt_llm-h100-fp8-tp4-pp1-throughput"),
        ("llama-3.1-70b-instruct", "8xa100", "tensorrt_llm-a100-bf16-tp8-pp1-latency"),
        ("llama-3.1-70b-instruct", "1xt4", None),
        ("llama-3.1-8b-instruct", "1xh100", "tensorrt_llm-h100-fp8-tp1-pp1-throughput"),
        ("llama-3.1-8b-instruct", "2xh100", "tensorrt_llm-h100-fp8-tp2-pp1-latency"),
        ("llama-3.1-8b-instruct", "1xa100", "tensorrt_llm-a100-bf16-tp1-pp1-throughput"),
        ("llama-3.1-8b-instruct", "1xt600", None),
    ],
)
def test_the_selection_is_that_of_the_support_matrix(name, spec, selected):
    decision = select(load_manifest(name), mock_inventory(spec))
    assert selected == (decision.selected and decision.selected.profile.name)


def test_llama_70b_on_eight_h100_selects_fp8_tp8_latency():
    profile = select(load_manifest("llama-3.1-70b-instruct"), mock_inventory("8xh100")).selected
    assert ("fp8", 8, "latency", tuple(range(8))) == (
        profile.profile.precision,
        profile.profile.tp,
        profile.profile.objective,
        profile.gpus,
    )
