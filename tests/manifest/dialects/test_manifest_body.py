"""The answer at `/v1/manifest` is read as the manifest whose text it holds."""

import io
import json

import pytest

from nimprofile import load_manifest
from nimprofile.authoring.lint import check_manifest
from nimprofile.manifest.dialects.manifest_body import unwrapped
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, LISTING, V1, V2, error_of


def body(text, **fields):
    return json.dumps({"manifest_file": text, "repository_override": None, **fields})


@pytest.mark.parametrize(("text", "dialect"), [(V1, "v1"), (V2, "v2"), (LISTING, "listing")])
def test_the_manifest_in_an_answer_is_read_in_its_dialect(text, dialect):
    manifest = parse_manifest(body(text), "answer.json")
    assert (dialect, "answer.json (manifest_file)") == (manifest.dialect, manifest.source)
    assert parse_manifest(text).profiles == manifest.profiles


def test_an_answer_is_read_from_a_file_and_from_standard_input(tmp_path, monkeypatch):
    path = tmp_path / "answer.json"
    path.write_text(body(V2))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body(V2).encode())))
    assert parse_manifest(V2).profiles == load_manifest(path).profiles
    assert parse_manifest(V2).profiles == load_manifest("-").profiles


def test_what_is_wrong_in_it_is_named_with_the_line_of_the_manifest():
    text = f"{ID_1}:\n  tags:\n    tp: two\n"
    error = error_of(body(text))
    assert ("m.yaml (manifest_file)", 3) == (error.source, error.line)


def test_an_answer_is_checked_as_the_manifest_in_it():
    assert check_manifest(V2) == check_manifest(body(V2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        V2,
        '{"manifest_file": 7}',
        '{"manifest_file": {"profiles": []}}',
        '{"manifest_file": "cut short',
        '["manifest_file"]',
        '{"manifest_file":' * 10_000,
    ],
    ids=["empty", "yaml", "a number", "an object", "cut short", "a list", "deep"],
)
def test_any_other_text_stays_as_it_is(text):
    assert ("m", text) == unwrapped("m", text)


def test_an_answer_without_a_manifest_is_refused():
    assert error_of(body("")).problem == "the file is empty"
