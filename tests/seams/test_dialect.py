"""A dialect that is added to `DIALECTS`, and nowhere else, is read by every command."""

import json
import re

import pytest

from nimprofile import ManifestError, load_manifest, mock_inventory, parse_manifest, select
from nimprofile.cli.main import main
from nimprofile.manifest.dialects import registry
from nimprofile.manifest.dialects.spec import TextDialect, TreeDialect, listed_entries
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile_tags import profile_from_tags
from tests.support.dialect_samples import LISTING, METADATA, V1, V2

FIELDS = {"server": "llm_engine", "cards": "tp", "numbers": "precision"}

ACME = TreeDialect(
    "acme",
    matches=lambda root: "acme_profiles" in root,
    entries=lambda root, problems: listed_entries(
        root, problems, list_key="acme_profiles", id_key="uid"
    ),
    list_key="acme_profiles",
    tags=lambda entry: {FIELDS[key]: entry.fields[key] for key in FIELDS if key in entry.fields},
    place_of_tag=lambda tag: (next(field for field in FIELDS if FIELDS[field] == tag),),
    tags_are_fields=True,
    conversion_notes=lambda entries: (f"{len(entries)} cards were converted",),
)

LINES = TextDialect(
    "lines",
    lines_in=lambda text: text.removeprefix("ACME\n") if text.startswith("ACME\n") else None,
    read=lambda lines, source: Manifest(
        tuple(
            profile_from_tags(line, {"llm_engine": "vllm", "tp": "1"}, name=f"line {line}")
            for line in lines.split()
        ),
        "lines",
        source=source,
    ),
    not_convertible="lines say too little",
)

DOCUMENT = {
    "model": "acme/model",
    "acme_profiles": [
        {"uid": "one", "server": "vllm", "cards": 1, "numbers": "bf16"},
        {"uid": "two", "server": "vllm", "cards": 2, "numbers": "fp8"},
    ],
}


@pytest.fixture(autouse=True)
def _added(monkeypatch):
    monkeypatch.setattr(registry, "DIALECTS", (LINES, ACME, *registry.DIALECTS))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    def run(*argv):
        code = main(list(argv))
        return code, *capsys.readouterr()

    return run


def test_a_manifest_of_the_dialect_is_loaded(path):
    manifest = load_manifest(path)
    assert ("acme", "acme/model", ["one", "two"]) == (
        manifest.dialect,
        manifest.model,
        [profile.id for profile in manifest.profiles],
    )
    assert ("vllm", 2, "fp8", True) == (
        (second := manifest.profiles[1]).engine,
        second.tp,
        second.precision,
        second.tags_from_name,
    )


def test_a_profile_of_the_dialect_is_selected(path):
    chosen = select(load_manifest(path), mock_inventory("1xh100")).selected
    assert "one" == chosen.profile.id


def test_the_command_select_takes_the_dialect(run, path):
    code, out, _ = run("select", "--manifest", path, "--gpus", "2xh100", "--format", "id")
    assert (0, "two\n") == (code, out)


def test_the_command_list_takes_the_dialect(run, path):
    code, out, _ = run("list", "--manifest", path, "--gpus", "1xt4")
    assert (0, ["one", "two"]) == (code, sorted(line.split("\t")[1] for line in out.splitlines()))


def test_the_command_manifest_show_names_the_dialect(run, path):
    code, out, _ = run("manifest", "show", path)
    assert (0, "dialect\tacme") == (code, out.splitlines()[2])


def test_the_command_manifest_check_takes_its_fields_for_no_slips(run, path):
    assert (0, "") == run("manifest", "check", path)[:2]


def test_the_command_manifest_convert_writes_the_dialect_as_schema_v2(run, path):
    code, out, err = run("manifest", "convert", path, "--to", "v2")
    assert (0, True) == (code, err.endswith("note: 2 cards were converted\n"))
    converted = parse_manifest(out)
    assert "v2" == converted.dialect
    assert load_manifest(path).profiles == tuple(
        profile.replace(tags_from_name=True) for profile in converted.profiles
    )


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        ({"cards": "many"}, "acme_profiles[1].cards", "'many' is not a number of GPUs"),
        ({"uid": None}, "acme_profiles[1]", "this profile has no uid"),
        ({"uid": "one"}, "acme_profiles[1].id", "the id one is that of acme_profiles[0] too"),
        ({"name": ["x"]}, "acme_profiles[1].name", "expected a text, this is a list"),
    ],
)
def test_an_error_inside_names_its_place(run, path, change, place, problem):
    document = json.loads(json.dumps(DOCUMENT))
    document["acme_profiles"][1] |= change
    text = json.dumps(document, indent=1)
    with pytest.raises(ManifestError, match=re.escape(problem)) as caught:
        parse_manifest(text)
    assert place == caught.value.place
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    code, out, _ = run("manifest", "check", path)
    assert 3 == code
    assert f"error: {place}: {problem}" in out


def test_an_empty_list_is_refused_at_its_key():
    with pytest.raises(ManifestError) as caught:
        parse_manifest('{"acme_profiles": []}', "m.json")
    assert "m.json:1: acme_profiles: no profiles in it" == str(caught.value)


def test_a_dialect_that_is_no_yaml_is_added_the_same_way(run, tmp_path):
    path = tmp_path / "acme.txt"
    path.write_text("ACME\nred green\n", encoding="utf-8")
    assert ("lines", ["red", "green"]) == (
        (manifest := load_manifest(path)).dialect,
        [profile.id for profile in manifest.profiles],
    )
    assert 0 == run("manifest", "check", str(path))[0]
    code, _, err = run("manifest", "convert", str(path), "--to", "v2")
    assert (3, True) == (code, err.endswith("lines say too little\n"))


@pytest.mark.parametrize(
    ("text", "dialect"),
    [(V1, "v1"), (V2, "v2"), (json.dumps(METADATA), "metadata-api"), (LISTING, "listing")],
)
def test_the_other_dialects_are_read_as_before(text, dialect):
    assert dialect == parse_manifest(text).dialect


def test_a_text_that_no_dialect_recognises_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "DIALECTS", (ACME,))
    with pytest.raises(ManifestError, match=r"m\.yaml: a manifest of no known dialect"):
        parse_manifest(V2, "m.yaml")


def test_a_part_that_is_missing_is_refused_when_the_dialect_is_written_down():
    with pytest.raises(TypeError, match="TreeDialect is missing entries, list_key"):
        TreeDialect("half", matches=lambda root: "half" in root)
