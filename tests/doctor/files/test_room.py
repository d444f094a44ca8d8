"""Free bytes of the cache are held against those of the weights."""

import os
from types import SimpleNamespace

from nimprofile import Setup
from nimprofile.doctor.files.room import space
from tests.support.doctor.subjects import host, served, told


def disk(monkeypatch, free, inodes=1):
    answer = SimpleNamespace(
        f_frsize=1, f_blocks=free or 1, f_bavail=free, f_files=5, f_favail=inodes
    )
    monkeypatch.setattr(os, "statvfs", lambda path: answer)


def test_free_bytes_are_told_where_nothing_is_known_of_the_weights(tmp_path, monkeypatch):
    disk(monkeypatch, 5 << 30)
    subject = host(setup=Setup(cache=str(tmp_path)))
    expected = f"{tmp_path} has 5.0 GiB free; nothing tells how much is to be downloaded"
    assert [("ok", expected)] == told(space(subject))


def test_weights_that_do_not_fit_keep_an_engine_from_starting(tmp_path, monkeypatch):
    disk(monkeypatch, 5 << 30)
    (finding,) = space(served(environ={"HF_HOME": str(tmp_path)}))
    assert "failed" == finding.status
    hub = tmp_path / "hub"
    assert f"the cache {hub} has 5.0 GiB free, and 15.0 GiB of weights are to be downloaded" == (
        finding.finding
    )


def test_the_weights_of_a_nim_may_be_smaller_in_its_own_form(tmp_path, monkeypatch):
    disk(monkeypatch, 5 << 30)
    (finding,) = space(served("nim", cache=str(tmp_path)))
    assert "warning" == finding.status


def test_weights_that_fit_are_told_with_both_figures(tmp_path, monkeypatch):
    disk(monkeypatch, 50 << 30)
    hub = tmp_path / "hub"
    expected = f"{hub} has 50.0 GiB free, and 15.0 GiB are to be downloaded"
    assert [("ok", expected)] == told(space(served(environ={"HF_HOME": str(tmp_path)})))


def test_weights_that_are_there_need_no_room(tmp_path, monkeypatch):
    blobs = tmp_path / "hub" / "models--meta-llama--Llama-3.1-8B-Instruct" / "blobs"
    blobs.mkdir(parents=True)
    with open(blobs / "a", "wb") as file:
        file.truncate(40 << 30)  # of holes alone
    disk(monkeypatch, 5 << 30)
    (finding,) = space(served(environ={"HF_HOME": str(tmp_path)}))
    assert finding.finding.endswith("has 5.0 GiB free, and the weights are there")


def test_a_file_system_without_inodes_takes_no_file(tmp_path, monkeypatch):
    disk(monkeypatch, 50 << 30, inodes=0)
    first, *_ = space(host(setup=Setup(cache=str(tmp_path))))
    assert ("failed", f"{tmp_path} has no inode left") == (first.status, first.finding)


def test_a_file_system_that_does_not_say_leaves_it_unknown(tmp_path, monkeypatch):
    answer = SimpleNamespace(f_frsize=1, f_blocks=0, f_bavail=0, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda path: answer)
    (finding,) = space(host(setup=Setup(cache=str(tmp_path))))
    assert "unknown" == finding.status


def test_without_a_cache_it_is_skipped(tmp_path):
    (finding,) = space(host(root=str(tmp_path)))
    assert "skipped" == finding.status
