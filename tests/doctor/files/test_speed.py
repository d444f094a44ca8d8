"""The cache is read for a moment, and a slow one is called slow."""

import os

import pytest

from nimprofile import Setup
from nimprofile.doctor.files import speed as module
from nimprofile.doctor.files.speed import read_speed
from tests.support.doctor.subjects import host, served


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "LEAST_BYTES", 1 << 10)
    monkeypatch.setattr(module, "BLOCK", 1 << 16)
    monkeypatch.setattr(module, "MOST_WRITTEN", 1 << 17)
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)


def one(folder, **fields):
    (finding,) = read_speed(host(setup=Setup(cache=str(folder)), **fields))
    return finding


def test_the_largest_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 2000)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "large").write_bytes(b"x" * 3000)
    (tmp_path / "link").symlink_to("/dev/zero")
    monkeypatch.setattr(module, "_read", lambda path: read.append(path) or (1 << 30, 0.5))
    read = []
    finding = one(tmp_path)
    assert [str(tmp_path / "b" / "large")] == read
    assert "ok" == finding.status
    assert finding.finding.endswith("gave 1024 MiB at 2.1 GB/s")


def test_a_file_is_measured_as_it_is(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 200_000)
    size, seconds = module._read(str(path))
    assert 200_000 == size
    assert seconds > 0


def test_no_more_is_read_than_is_wanted(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * (3 << 20))
    assert 1 << 20 == module._read(str(path))[0]


def test_an_empty_cache_is_written_to_and_left_empty(tmp_path):
    assert one(tmp_path).status in {"ok", "warning"}
    assert 1 << 17 == module._written_and_read(str(tmp_path))[0]
    assert [] == os.listdir(tmp_path)


def test_above_a_directory_that_is_yet_to_be_made_no_file_is_looked_for(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 2000)
    monkeypatch.setattr(module, "_written_and_read", lambda folder: (1 << 30, 0.5))
    finding = one(tmp_path / "none" / "hub")
    assert finding.finding.startswith(str(tmp_path))
    assert finding.finding.endswith("gave 1024 MiB at 2.1 GB/s")


def test_a_slow_one_is_said_with_the_time_that_the_weights_take(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_written_and_read", lambda folder: (64 << 20, 4.0))
    subject = served("nim", cache=str(tmp_path))
    shape = subject.job.shape.replace(checkpoint_bytes=70_000_000_000)
    (finding,) = read_speed(subject.replace(job=subject.job.replace(shape=shape)))
    assert "warning" == finding.status
    assert finding.finding.endswith(
        "gave 64 MiB at 16.8 MB/s; 65.2 GiB of weights take 70 minutes, which is slow"
    )
    assert finding.fix


def test_what_cannot_be_read_leaves_it_unknown(tmp_path, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_written_and_read", refused)
    finding = one(tmp_path)
    assert ("unknown", f"nothing could be read in {tmp_path}: Permission denied") == (
        finding.status,
        finding.finding,
    )


def test_a_named_pipe_among_the_files_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert one(tmp_path).status in {"ok", "warning"}


def test_without_a_directory_it_is_skipped(tmp_path):
    (finding,) = read_speed(host(root=str(tmp_path)))
    assert "skipped" == finding.status
