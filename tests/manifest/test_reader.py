"""A text of any origin is read safely, and a hostile one refused with one clear error."""

import io
import json
import os
import re
import sys

import pytest

from nimprofile import ManifestError, bundled_manifests, load_manifest
from nimprofile.manifest import reader as manifest_module
from nimprofile.manifest.reader import parse_manifest, shadowed
from tests.support.dialect_samples import V1, V2, error_of

# JSON.


def test_json_surrogate_pairs_are_one_character():
    text = json.dumps({"profiles": [{"id": "a", "tags": {"name": "\N{GRINNING FACE}"}}]})
    assert r"\ud83d\ude00" in text
    assert "\N{GRINNING FACE}" == parse_manifest(text).profiles[0].tags["name"]


@pytest.mark.parametrize("place", ["id", "value", "key"])
def test_half_of_a_surrogate_pair_is_refused(place):
    parts = {"id": "a", "key": "k", "value": "v"} | {place: r"\ud83d"}
    profile = f'{{"id": "{parts["id"]}", "tags": {{"{parts["key"]}": "{parts["value"]}"}}}}'
    text = f'{{"profiles": [{profile}]}}'
    error = error_of(text)
    assert ("not YAML: found invalid Unicode character escape code", 1) == (
        error.problem,
        error.line,
    )


def test_half_a_character_in_a_text_is_refused():
    assert "not a text: it holds half a character" == error_of("profiles: [\ud800]").problem


def test_a_v2_manifest_may_be_json():
    text = '{"profiles": [{"id": "a", "tags": {"tp": 2, "feat_lora": true, "gpu": null}}]}'
    (profile,) = parse_manifest(text).profiles
    assert ({"tp": "2", "feat_lora": "true"}, 2, True) == (profile.tags, profile.tp, profile.lora)


def test_yaml_in_flow_style_is_not_taken_for_json():
    assert "v2" == parse_manifest("{profiles: [{id: a, tags: {tp: '1'}}]}").dialect


def test_a_json_key_that_stands_twice_is_refused_with_its_line():
    error = error_of('{\n "profiles": [],\n "profiles": []\n}')
    assert ("this key stands twice in one mapping", 3) == (error.problem, error.line)


def test_json_indented_with_tabs_has_its_place_too():
    error = error_of('{\n\t"profiles": [\n\t\t{"id": "a", "tags": {"tp": "x"}}]}')
    assert ("profiles[0].tags.tp", 3) == (error.place, error.line)


# Hostile YAML.

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nprofiles: [*b]\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        pytest.param(BOMB, 2, "YAML aliases are not read", id="a bomb of aliases"),
        pytest.param("profiles: &x\n- *x", 2, "YAML aliases are not read", id="itself"),
        pytest.param("x: &k a\n*k : b", 2, "YAML aliases are not read", id="as a key"),
        pytest.param(
            "profiles:\n- {id: &i a, tags: {}, workspace: [*i]}",
            2,
            "YAML aliases are not read",
            id="in what is skipped",
        ),
        pytest.param("a: {tags: {}}\na: {tags: {}}", 2, "this key stands twice", id="twice"),
        pytest.param(
            "profiles:\n- id: a\n  tags:\n    tp: 1\n    tp: 2",
            5,
            "this key stands twice",
            id="tag",
        ),
        pytest.param(
            "a: " + "[" * 100 + "]" * 100, 1, "nested more than 64 levels deep", id="deep"
        ),
        pytest.param("{a: " * 100 + "}" * 100, 1, "nested more than 64 levels deep", id="mappings"),
        pytest.param(
            "x: {workspace: " + "[" * 100 + "]" * 100 + "}",
            1,
            "nested more than 64 levels deep",
            id="deep in what is skipped",
        ),
        pytest.param("a: 1\n---\nb: 2", 2, "a second document starts here", id="two documents"),
        pytest.param("? [a]\n: b", 1, "a key must be a text", id="a list as a key"),
        pytest.param("a: [1, 2\nb: 3", 2, "not YAML:", id="broken"),
        pytest.param(
            "a: 1\nb: '\x07'", 2, "not YAML: control characters", id="a control character"
        ),
        pytest.param("\ta: 1", 1, "not YAML:", id="a tab"),
        pytest.param('{"a": 1,\n]', 2, "not YAML:", id="broken JSON"),
        pytest.param("%YAML 9.9\n---\na: 1", 1, "not YAML:", id="a version of the future"),
        pytest.param("a: !nope!x 1", 1, "not YAML:", id="an undeclared tag handle"),
    ],
)
def test_hostile_yaml_is_one_clear_error(text, line, problem):
    error = error_of(text)
    assert line == error.line
    assert problem in error.problem


def test_deep_json_is_one_clear_error():
    error = error_of('{"a":' * 100_000 + "1" + "}" * 100_000)
    assert "nested more than 64 levels deep" == error.problem


def test_nothing_is_constructed_from_a_tag(tmp_path):
    mark = tmp_path / "mark"
    text = f"profiles:\n- id: a\n  tags: {{name: !!python/object/apply:os.mkdir ['{mark}']}}"
    assert str(mark) == parse_manifest(text).profiles[0].tags["name"]
    assert not mark.exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object:os.system", "!!python/name:os.system", "!!binary", "!!int", "!local"]
)
def test_a_tagged_scalar_is_its_text(tag):
    text = f"profiles: [{{id: a, tags: {{name: {tag} 'id'}}}}]"
    assert "id" == parse_manifest(text).profiles[0].tags["name"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (r'{"profiles": [{"id": "a", "tags": {"mode": "\u0000"}}]}', "profiles[0].tags.mode"),
        (r'profiles: [{id: a, tags: {mode: "\e[2J"}}]', "profiles[0].tags.mode"),
        (r'profiles: [{id: "a\tb", tags: {}}]', "profiles[0].id"),
        (r'profiles: [{id: a, name: "b\rc", tags: {}}]', "profiles[0].name"),
        (r'{model: "\e]0;title\a", profiles: [{id: a, tags: {}}]}', "model"),
    ],
    ids=["NUL", "escape", "in an id", "in a name", "in the model"],
)
def test_a_text_with_control_characters_is_refused(text, place):
    error = error_of(text)
    assert place == error.place
    assert "control characters" in error.problem


def test_a_list_in_a_tag_with_control_characters_is_refused():
    error = error_of(r'profiles: [{id: a, tags: {mode: [a, "\n"]}}]')
    assert "profiles[0].tags.mode" == error.place


def test_a_v1_id_with_control_characters_is_refused():
    assert "a text with control characters" in error_of(r'"a\e[2J": {tags: {}}').problem


# Files.


def load_error(path):
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    return str(caught.value)


def test_a_file_is_read_by_any_kind_of_path(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(V2, encoding="utf-8")
    assert load_manifest(path) == load_manifest(str(path))
    assert str(path) == load_manifest(path).source


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + V1.encode())
    assert "v1" == load_manifest(path).dialect


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    path = tmp_path / "none.yaml"
    assert f"{path}: no such file" == load_error(path)


def test_a_missing_bare_name_lists_near_bundled_ones():
    message = load_error("llama-3.1-8b")
    assert message.startswith("llama-3.1-8b: no such file, and no bundled manifest of that name")
    assert message.endswith("?")
    assert "did you mean llama-3.1-8b-instruct" in message


def test_an_empty_path_is_said_to_be_one():
    assert load_error("").startswith("an empty path names no manifest; ")


def test_a_bare_name_near_to_nothing_is_told_where_the_bundled_ones_are():
    assert load_error("zzz").endswith("of that name; `nimprofile manifest list` has them")


def test_a_bundled_name_is_found():
    manifest = load_manifest("llama-3.1-8b-instruct")
    assert bundled_manifests()["llama-3.1-8b-instruct"] == manifest.source


def test_a_file_beats_a_bundled_name(tmp_path, monkeypatch):
    (tmp_path / "llama-3.1-8b-instruct").write_text(V1, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "v1" == load_manifest("llama-3.1-8b-instruct").dialect


@pytest.mark.parametrize("name", ["meta/llama-3.1-8b-instruct", "Meta/Llama-3.1-8B-Instruct"])
def test_a_bundled_manifest_is_found_by_the_name_of_its_model(name):
    assert bundled_manifests()["llama-3.1-8b-instruct"] == load_manifest(name).source


@pytest.mark.parametrize("name", bundled_manifests())
def test_every_bundled_manifest_is_found_by_the_name_of_its_model(name):
    manifest = load_manifest(name)
    assert manifest.source == load_manifest(manifest.model).source


def test_a_model_whose_manifest_is_not_bundled_is_answered_with_near_ones():
    message = load_error("meta/llama-3.1-8b")
    assert message.startswith("meta/llama-3.1-8b: no such file, and no bundled manifest of that")
    assert "llama-3.1-8b-instruct" in message


@pytest.mark.parametrize("name", ["a/zzz", "a/llama-3.1-8b.yaml", "a/b/llama-3.1-8b"])
def test_what_is_written_as_a_path_is_a_missing_file(name):
    assert f"{name}: no such file" == load_error(name)


def test_a_folder_of_a_bundled_name_is_no_manifest_and_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "llama-3.1-8b-instruct").mkdir()
    monkeypatch.chdir(tmp_path)
    manifest = load_manifest("llama-3.1-8b-instruct")
    assert bundled_manifests()["llama-3.1-8b-instruct"] == manifest.source
    assert (
        "llama-3.1-8b-instruct is the bundled manifest; ./llama-3.1-8b-instruct is the folder here",
    ) == shadowed("llama-3.1-8b-instruct")


def test_a_file_of_a_bundled_name_is_read_and_told_of(tmp_path, monkeypatch):
    (tmp_path / "llama-3.1-8b-instruct").write_text(V1, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert (
        "llama-3.1-8b-instruct is the file here, and not the bundled manifest of that name",
    ) == shadowed("llama-3.1-8b-instruct")


def test_a_name_that_means_one_thing_is_not_told_of(tmp_path, monkeypatch):
    (tmp_path / "my.yaml").write_text(V1, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert ((), (), ()) == (shadowed("my.yaml"), shadowed("llama-3.1-8b-instruct"), shadowed("no"))


def test_without_bundled_manifests_a_bare_name_is_a_missing_file(monkeypatch):
    monkeypatch.setattr(manifest_module, "__file__", "/nowhere/at/all/manifest.py")
    assert {} == bundled_manifests()
    assert load_error("zzz").startswith("zzz: no such file")


def test_bundled_manifests_are_found_inside_an_installed_package(tmp_path, monkeypatch):
    folder = tmp_path / "nimprofile" / "manifests"
    folder.mkdir(parents=True)
    (folder / "b.yaml").write_text(V2, encoding="utf-8")
    (folder / "a.yaml").write_text(V1, encoding="utf-8")
    (folder / "notes.txt").write_text("no", encoding="utf-8")
    monkeypatch.setattr(
        manifest_module, "__file__", str(tmp_path / "nimprofile" / "manifest" / "reader.py")
    )
    assert {"a": str(folder / "a.yaml"), "b": str(folder / "b.yaml")} == bundled_manifests()


def test_a_directory_is_refused(tmp_path):
    assert f"{tmp_path}: this is a directory; name the manifest file in it" == load_error(tmp_path)


def test_a_path_that_cannot_be_one_is_refused():
    assert r"a\x00b: cannot be read: a path has no NUL character" == load_error("a\0b")


def test_a_path_that_is_no_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text(V2, encoding="utf-8")
    assert f"{path}/x: cannot be read: Not a directory" == load_error(path / "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", ": the file is empty", id="empty"),
        pytest.param(b" \n\n", ": the file is empty", id="blank"),
        pytest.param(b"a: 1\nb: \xff", ":2: not a text file: byte 8 is not UTF-8", id="binary"),
        pytest.param("a: 1".encode("utf-16"), ":1: not a text file: byte 0 is not", id="UTF-16"),
        pytest.param(b"a: \0", ": not a text file: it holds a NUL byte", id="a NUL byte"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, data, message):
    path = tmp_path / "m.yaml"
    path.write_bytes(data)
    assert load_error(path).startswith(f"{path}{message}")


def stdin_of(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_dash_is_standard_input(monkeypatch):
    stdin_of(monkeypatch, V2.encode())
    assert ("v2", "<stdin>") == ((m := load_manifest("-")).dialect, m.source)


def test_an_error_in_standard_input_says_so(monkeypatch):
    stdin_of(monkeypatch, b"profiles: []")
    assert "<stdin>:1: profiles: no profiles in it" == load_error("-")


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "m.yaml").write_text(V1, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "m.yaml" == load_manifest(os.path.join("m.yaml")).source


def test_every_error_of_a_manifest_is_a_value_error():
    with pytest.raises(ValueError, match=re.escape("<string>: the file is empty")):
        parse_manifest("")


@pytest.mark.parametrize(
    "text", ["profiles: [{id: a, tags: {workspace: x}}]", "a: {tags: {workspace: x}}"]
)
def test_a_tag_may_be_called_workspace(text):
    (profile,) = parse_manifest(text).profiles
    assert {"workspace": "x"} == profile.tags
