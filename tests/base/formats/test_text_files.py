"""Texts are decoded as UTF-8 within bounds, and errors name their source."""

import contextlib
import errno
import io
import json
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from nimprofile import ManifestError, dump_inventory, load_manifest, mock_inventory
from nimprofile.base.formats import text_files
from nimprofile.base.formats.text_files import (
    OpenFile,
    decode,
    file_size,
    names_in,
    read_stdin,
    read_text,
)
from tests.support.command_line import shell
from tests.support.dialect_samples import V2
from tests.support.hostile.files import (
    bound_socket,
    dangling_link,
    directory,
    endless_device,
    loop,
    named_pipe,
    without_waiting,
)


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


def test_a_file_that_is_larger_than_is_read_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    message = error_of(read_text, str(path), what="adapter", most=100)
    assert f"{path}: larger than 100 bytes, which no adapter is" == message


@pytest.mark.parametrize(
    ("put", "problem"),
    [
        (named_pipe, "this is a named pipe, and only regular files are read"),
        (bound_socket, "this is a socket, and only regular files are read"),
        (endless_device, "this is a device, and only regular files are read"),
        (directory, "this is a directory; name the model file in it"),
        (dangling_link, "no such file"),
        (loop, f"cannot be read: {os.strerror(errno.ELOOP)}"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, put, problem):
    path = str(tmp_path / "there")
    put(path)
    with without_waiting():
        assert f"{path}: {problem}" == error_of(read_text, path, what="model")


def test_what_is_opened_is_looked_at_again(tmp_path, monkeypatch):
    """The file at a path may be another one by then."""
    path, plain = str(tmp_path / "there"), tmp_path / "plain"
    named_pipe(path)
    plain.touch()
    seen = plain.stat()
    with without_waiting(), monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path: seen)
        message = error_of(OpenFile, path)
    assert f"{path}: this is a named pipe, and only regular files are read" == message


def test_a_file_that_vanishes_before_it_is_opened_is_not_there(tmp_path, monkeypatch):
    path = tmp_path / "m"
    path.write_text("a")
    seen = path.stat()
    path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path: seen)
        message = error_of(read_text, str(path), what="manifest")
    assert f"{path}: no such file" == message


def test_what_is_not_there_has_no_size_and_no_names(tmp_path):
    (tmp_path / "b").write_text("123")
    (tmp_path / "a").mkdir()
    assert (3, 0, 0) == (file_size(str(tmp_path / "b")), file_size(str(tmp_path)), file_size("/no"))
    assert (["a", "b"], []) == (names_in(str(tmp_path)), names_in(str(tmp_path / "b")))


def test_no_file_stays_open(tmp_path):
    path = tmp_path / "m"
    path.write_text("a")
    before = os.listdir("/proc/self/fd")
    for name in (path, tmp_path, "/dev/null", "/none"):
        with contextlib.suppress(ManifestError):
            read_text(str(name), what="model")
    assert before == os.listdir("/proc/self/fd")


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
@pytest.mark.parametrize("waits", [True, False])
def test_a_descriptor_that_the_operator_names_may_be_a_pipe(folder, waits):
    read, write = os.pipe()
    os.set_blocking(read, waits)
    with without_waiting():
        child = threading.Timer(0.02, lambda: (os.write(write, b"a: 1"), os.close(write)))
        child.start()
        assert "a: 1" == read_text(f"{folder}/{read}", what="manifest")
        child.join()
    os.close(read)


def test_a_directory_found_in_a_folder_is_no_file_either(tmp_path):
    message = error_of(read_text, str(tmp_path), what="model", named=False)
    assert f"{tmp_path}: this is a directory, and only regular files are read" == message


def test_a_descriptor_found_in_a_folder_is_no_file():
    read, write = os.pipe()
    with without_waiting():
        message = error_of(read_text, f"/dev/fd/{read}", what="model", named=False)
    assert f"/dev/fd/{read}: this is a named pipe, and only regular files are read" == message
    os.close(read)
    os.close(write)


def test_a_descriptor_of_a_file_is_read_from_its_beginning(tmp_path):
    (tmp_path / "m").write_text("abc")
    with open(tmp_path / "m", "rb") as file:
        file.read(2)
        assert "abc" == read_text(f"/dev/fd/{file.fileno()}", what="manifest")


@pytest.mark.parametrize("name", ["/dev/fd/987654321", "/dev/fd/99999999999", "/dev/fd/x"])
def test_a_descriptor_that_is_not_open_cannot_be_read(name):
    assert error_of(read_text, name, what="manifest").startswith(f"{name}: ")


@pytest.mark.skipif(not hasattr(os, "pipe2"), reason="process substitution is tried on Linux")
@pytest.mark.parametrize(
    "words",
    [
        "--manifest <(cat {0}) --gpus 1xh100",
        "--manifest /dev/stdin --gpus 1xh100 < {0}",
        "--manifest - --gpus 1xh100 < {0}",
        "--manifest {0} --inventory <(cat {1})",
        "--manifest <(cat {0}) --inventory <(cat {1})",
    ],
)
def test_a_command_in_place_of_a_file_is_read(tmp_path, words):
    (tmp_path / "m.yaml").write_text(V2)
    (tmp_path / "box.json").write_text(json.dumps(dump_inventory(mock_inventory("1xh100"))))
    line = words.format(tmp_path / "m.yaml", tmp_path / "box.json")
    done = shell(f'"$0" -m nimprofile select --format name {line}')
    assert (0, b"") == (done.returncode, done.stderr)


def test_a_standard_input_that_does_not_wait_is_waited_for(monkeypatch):
    read, write = os.pipe()
    os.set_blocking(read, False)
    with open(read, encoding="utf-8") as stdin, without_waiting():
        monkeypatch.setattr(sys, "stdin", stdin)
        child = threading.Timer(0.02, lambda: (os.write(write, b"a: 1"), os.close(write)))
        child.start()
        assert "a: 1" == read_stdin()
        child.join()


def test_a_standard_input_that_cannot_be_read_is_said(tmp_path):
    done = shell(f'"$0" -m nimprofile select --manifest - --gpus 1xt4 0> {tmp_path / "x"}')
    assert 3 == done.returncode
    assert done.stderr.startswith(b"nimprofile: <stdin>: cannot be read: ")


PACKAGE = Path(text_files.__file__).parents[2]
OWN_FILES = {
    "base/formats/text_files.py",
    "base/formats/written_files.py",
    "hardware/catalog.py",  # the catalogue of this package
    "hardware/nvml/reader.py",  # /proc/self/maps
    "manifest/reader.py",  # the manifests of this package
    "__main__.py",  # /proc/self/task
    "cli/console.py",  # /dev/null
    "base/web/client.py",  # no file: its exchanges
    "selection/advisories/advisory.py",  # the known issues of this package
    "doctor/bounded.py",  # /dev/null
    "doctor/files/cache.py",  # its own, in a directory that it has made
    "doctor/files/leftovers.py",  # locks that it asks for and does not read
    "doctor/files/reading.py",  # whether weights can be opened, by a directory that is open
    "doctor/files/speed.py",  # regular files, past the cache of the kernel
    "doctor/users.py",  # a directory, which a process enters as another user
    "verify/load/watch.py",  # /proc/net
}


def test_only_one_module_opens_files_that_others_wrote():
    """Any other way to open one waits for pipes, follows links or reads without an end."""
    opening = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(
            r"(?<![\w.])open\(|os\.open\(|\.read_(text|bytes)\(|\.write_(text|bytes)\(|json\.load\(",
            path.read_text(encoding="utf-8"),
        )
    }
    assert set() == {name for name in opening - OWN_FILES if not name.startswith("testing/")}
