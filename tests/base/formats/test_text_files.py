"""Texts are decoded as UTF-8 within bounds, and errors name their source."""

import io
import sys

import pytest

from nimprofile import ManifestError, load_manifest
from nimprofile.base.formats import text_files
from nimprofile.base.formats.text_files import decode, is_json, read_stdin, read_text
from tests.support.dialect_samples import V2


def error_of(read, *arguments, **named):
    with pytest.raises(ManifestError) as caught:
        read(*arguments, **named)
    return str(caught.value)


def test_a_byte_order_mark_is_left_out():
    assert "a: 1\n" == decode(b"\xef\xbb\xbfa: 1\n", "m")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "m: the file is empty"),
        (b" \n\t", "m: the file is empty"),
        (b"a\0", "m: not a text file: it holds a NUL byte"),
        (b"a\nb\n\xff", "m:3: not a text file: byte 4 is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(data, message):
    assert message == error_of(decode, data, "m")


def test_the_largest_text_is_read_and_one_byte_more_is_not(monkeypatch):
    monkeypatch.setattr(text_files, "MAX_BYTES", 4)
    assert "abcd" == decode(b"abcd", "m")
    assert error_of(decode, b"abcde", "m").startswith("m: larger than")


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_BYTES", 2 << 20)
    path = tmp_path / "m.yaml"
    path.write_bytes(b"#" * ((2 << 20) + 1))
    assert f"{path}: larger than 2 MiB, which no manifest is" == error_of(load_manifest, path)


def test_a_file_of_exactly_the_largest_size_is_read(tmp_path, monkeypatch):
    path = tmp_path / "m.yaml"
    path.write_text(V2, encoding="utf-8")
    monkeypatch.setattr(text_files, "MAX_BYTES", path.stat().st_size)
    assert 2 == len(load_manifest(path).profiles)


def test_the_largest_size_is_64_mib():
    assert text_files.MAX_BYTES == 64 * 1024 * 1024


def test_a_missing_file_is_said_with_its_hint():
    message = error_of(read_text, "/none", what="model", hint=lambda: ", but there is another")
    assert "/none: no such file, but there is another" == message
    assert "/none: no such file" == error_of(read_text, "/none", what="model")


def test_a_directory_is_refused_by_what_was_expected(tmp_path):
    message = error_of(read_text, str(tmp_path), what="inventory")
    assert f"{tmp_path}: this is a directory; name the inventory file in it" == message


def test_standard_input_is_read_as_a_file_is(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))
    assert "a: 1" == read_stdin()


def test_a_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "<stdin>: standard input is closed" == error_of(read_stdin)


@pytest.mark.parametrize(
    ("text", "json"),
    [('{"a": 1}', True), (" [1]", True), ("[1/4] Checking", False), ("a: 1", False), ("1", False)],
)
def test_json_begins_with_a_bracket_and_is_well_formed(text, json):
    assert json is is_json(text)


def test_what_is_nested_too_deep_is_not_json():
    assert not is_json("[" * 100_000 + "]" * 100_000)
