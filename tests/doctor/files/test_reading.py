"""Whether the user of the server can read the weights is tried, file by file."""

import os

import pytest

from nimprofile.doctor.files import reading as module
from nimprofile.doctor.files.reading import unreadable
from tests.support.doctor.subjects import host, served, told

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def found(folder, **fields):
    return told(unreadable("weights", str(folder), host(**fields)))


def weights(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in ("config.json", *names):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def test_weights_that_can_be_read_are_no_finding(tmp_path):
    assert [] == found(weights(tmp_path, "a.safetensors"))


@needs_root
def test_a_file_that_is_closed_to_the_user_is_named(tmp_path):
    weights(tmp_path, "a.safetensors")
    tmp_path.chmod(0o755)
    (tmp_path / "a.safetensors").chmod(0o600)
    user = {"uid": 1000, "gid": 1000}
    assert [("failed", "user 1000 cannot read a.safetensors: Permission denied")] == found(
        tmp_path, **user
    )
    (tmp_path / "a.safetensors").chmod(0o644)
    assert [] == found(tmp_path, **user)
    tmp_path.chmod(0o700)
    assert ["failed"] == [status for status, _ in found(tmp_path, **user)]


def test_a_link_to_nothing_cannot_be_read(tmp_path):
    (weights(tmp_path) / "a.safetensors").symlink_to("gone")
    (finding,) = found(tmp_path)
    assert finding[1].endswith("cannot read a.safetensors: No such file or directory")


def test_a_named_pipe_among_them_is_not_waited_for(tmp_path):
    os.mkfifo(weights(tmp_path) / "pipe")
    assert [] == found(tmp_path)


def test_a_directory_that_is_gone_is_said(tmp_path):
    assert ["failed"] == [status for status, _ in found(tmp_path / "none")]


def test_who_can_become_nobody_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    (finding,) = found(weights(tmp_path), uid=1000)
    assert ("unknown", f"whether user 1000 can read {tmp_path}, only he or root can try") == finding


def test_a_user_who_comes_to_no_end_leaves_it_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "first_told", lambda *_: ("there was no answer", False))
    assert ["unknown"] == [status for status, _ in found(weights(tmp_path))]


def test_links_out_of_the_directory_are_not_seen_by_a_container(tmp_path):
    blobs, snapshot = weights(tmp_path / "blobs", "abc"), weights(tmp_path / "snapshot")
    (snapshot / "a.safetensors").symlink_to("../blobs/abc")
    (snapshot / "b.json").symlink_to("config.json")
    nim, engine = served("nim"), served()
    (failed,) = unreadable("weights", str(snapshot), nim)
    assert "failed" == failed.status
    assert failed.finding.startswith(f"a.safetensors in {snapshot} is a link out of that directory")
    assert [] == [*unreadable("weights", str(snapshot), engine)]
    assert blobs.is_dir()
