"""Whether the cache can be written is tried, as the user of the server; each fault is a real one."""

import errno
import os

import pytest

from nimprofile import Setup
from nimprofile.doctor.files import cache as module
from nimprofile.doctor.files.cache import cache
from tests.support.doctor.subjects import host, served, told

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can become another user")


def found(folder, **fields):
    return [*cache(host(setup=Setup(cache=str(folder)), **fields))]


def statuses(findings):
    return [str(each.status) for each in findings if "FUSE" not in each.finding]


def test_a_directory_that_can_be_written_is_well_and_left_as_it_was(tmp_path):
    first, *_ = found(tmp_path)
    assert "ok" == first.status
    assert f"user {os.geteuid()} wrote, synced, renamed and deleted a file in {tmp_path} (" in (
        first.finding
    )
    assert [] == [*tmp_path.iterdir()]


@needs_root
def test_a_directory_of_root_is_none_for_user_1000(tmp_path):
    tmp_path.chmod(0o755)
    (failed, *_) = found(tmp_path, uid=1000, gid=1000)
    assert "failed" == failed.status
    assert f"user 1000 cannot write in {tmp_path} (0:0, drwxr-xr-x, " in failed.finding, (
        failed.finding
    )
    assert failed.finding.endswith(": making a directory: Permission denied")
    assert f"chown 1000:1000 {tmp_path}" == failed.fix


@needs_root
def test_a_directory_of_another_can_be_served_as_that_one(tmp_path):
    os.chown(tmp_path, 1234, 1234)
    (failed, *_) = found(tmp_path, uid=1000, gid=1000)
    assert failed.fix.endswith("or run the server as its owner, 1234:1234")
    assert "ok" == found(tmp_path, uid=1234, gid=1234)[0].status


@needs_root
def test_the_folders_above_are_not_seen_in_a_container_and_may_be_closed(tmp_path):
    inner = tmp_path / "closed" / "cache"
    inner.mkdir(parents=True)
    os.chown(inner, 1000, 1000)
    inner.parent.chmod(0o700)
    assert "ok" == found(inner, uid=1000, gid=1000)[0].status


@needs_root
def test_a_group_may_write(tmp_path):
    os.chown(tmp_path, 0, 2000)
    tmp_path.chmod(0o775)
    assert "ok" == found(tmp_path, uid=1000, gid=2000)[0].status
    assert "failed" == found(tmp_path, uid=1000, gid=2001)[0].status


@pytest.mark.skipif(ROOT, reason="root writes everywhere")
def test_a_directory_that_is_closed_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    assert "failed" == found(tmp_path)[0].status
    tmp_path.chmod(0o700)


def as_user(monkeypatch, uid):
    monkeypatch.setattr(os, "geteuid", lambda: uid)


@pytest.mark.parametrize(
    ("mode", "status", "says"),
    [
        (0o755, "failed", "by its owner and mode user 4242 cannot write in"),
        (0o777, "unknown", "by its owner and mode user 4242 can write in"),
    ],
)
def test_who_can_become_nobody_judges_by_owner_and_mode_and_says_so(
    tmp_path, monkeypatch, mode, status, says
):
    as_user(monkeypatch, 501)
    tmp_path.chmod(mode)
    first = found(tmp_path, uid=4242, gid=4242)[0]
    assert status == first.status
    assert first.finding.startswith(says)
    assert first.fix


@pytest.mark.parametrize("step", ["mkdir", "fsync", "rename", "unlink", "rmdir"])
def test_each_step_that_fails_is_named_and_what_was_made_is_taken_away(tmp_path, monkeypatch, step):
    def refused(*args, **kwargs):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, step, refused)
    first = found(tmp_path)[0]
    monkeypatch.undo()
    words = {"mkdir": "making a directory", "fsync": "syncing a file", "rename": "renaming a file"}
    words |= {"unlink": "deleting a file", "rmdir": "deleting a directory"}
    assert first.finding.endswith(f": {words[step]}: Input/output error")


def test_a_cache_that_is_a_file_cannot_be_used(tmp_path):
    path = tmp_path / "cache"
    path.write_text("x", encoding="utf-8")
    assert [("failed", f"{path} is a file")] == told(found(path))


def test_a_cache_that_is_not_there_would_be_made_for_root_by_docker(tmp_path):
    folder, root = tmp_path / "none", str(tmp_path)
    (failed,) = found(folder, uid=1000, gid=1000, root=root)
    assert "failed" == failed.status
    assert f"mkdir -p {folder} && chown 1000:1000 {folder}" == failed.fix
    assert ["ok"] == statuses(found(folder, uid=0, root=root))


@needs_root
def test_the_directory_above_a_cache_that_is_not_there_is_given_to_nobody(tmp_path):
    tmp_path.chmod(0o755)
    folder = tmp_path / "none" / "at" / "all"
    (tmp_path / ".dockerenv").touch()
    (failed, *_) = found(folder, uid=1000, gid=1000, root=str(tmp_path))
    assert "failed" == failed.status
    assert failed.finding.startswith(
        f"there is no directory {folder} yet, and user 1000 cannot write in {tmp_path} ("
    )
    assert f"mkdir -p {folder} && chown 1000:1000 {folder}" == failed.fix


def test_an_engine_makes_its_own_cache_below_what_is_there(tmp_path):
    subject = served(environ={"HF_HOME": str(tmp_path / "a" / "b")})
    first = next(iter(cache(subject)))
    assert "ok" == first.status
    assert f" in {tmp_path} (" in first.finding
    assert [] == [*tmp_path.iterdir()]


def test_a_filled_cache_of_a_nim_may_be_read_only(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "first_told", lambda *_: ("making a directory: no", True))
    subject = host({"NIM_CACHE_PATH": str(tmp_path)})
    assert "failed" == next(iter(cache(subject))).status
    (tmp_path / "ngc" / "hub").mkdir(parents=True)
    assert "warning" == next(iter(cache(subject))).status


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (host(), "no cache is named: name one with --cache or NIM_CACHE_PATH"),
        (served("nim"), "a volume of Docker's keeps the models: name a directory with --cache"),
        (served(environ={"HF_HUB_OFFLINE": "1"}), "nothing is downloaded: HF_HUB_OFFLINE is set"),
    ],
)
def test_where_there_is_no_cache_it_says_why(subject, why, tmp_path):
    assert [("skipped", why)] == told(cache(subject.replace(root=str(tmp_path))))


def test_in_the_container_of_a_nim_its_own_cache_is_looked_at(tmp_path):
    own = tmp_path / "opt" / "nim" / ".cache"
    own.mkdir(parents=True)
    assert f" in {own} (" in next(iter(cache(host(root=str(tmp_path))))).finding


def mounted(tmp_path, line, **fields):
    folder = tmp_path / "proc" / "self"
    folder.mkdir(parents=True)
    text = f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {tmp_path}/cache rw - {line} rw\n"
    (folder / "mountinfo").write_text(text, encoding="utf-8")
    (tmp_path / "cache").mkdir()
    return found(tmp_path / "cache", root=str(tmp_path), **fields)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nfs4 filer:/models", "is on filer:/models, by nfs4: a server that is slow or gone"),
        ("fuse.s3fs s3fs", "is on s3fs, through FUSE (fuse.s3fs): its program must answer"),
        ("tmpfs tmpfs", "is on tmpfs: weights would take the host's memory, and are lost with it"),
    ],
)
def test_where_a_cache_is_ill_placed_it_is_said(tmp_path, line, says):
    _, warning = mounted(tmp_path, line)
    assert "warning" == warning.status
    assert says in warning.finding
    assert "keep the cache on a disk of this host" == warning.fix


def test_a_cache_in_the_container_itself_is_lost_with_it(tmp_path):
    (tmp_path / ".dockerenv").touch()
    _, warning = mounted(tmp_path, "overlay overlay")
    assert "mount a directory or a volume there" == warning.fix


def test_a_layered_file_system_of_a_host_is_well(tmp_path):
    assert ["ok"] == statuses(mounted(tmp_path, "overlay overlay"))


def test_of_a_network_file_system_the_exports_are_to_be_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "first_told", lambda *_: ("making a directory: no", True))
    failed, _ = mounted(tmp_path, "nfs4 filer:/models")
    assert failed.fix.endswith(
        "look at the exports of filer:/models (root_squash, all_squash, the map of users)"
    )


def test_a_user_who_comes_to_no_end_leaves_it_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "first_told", lambda *_: ("there was no answer within 4 s", False))
    first = found(tmp_path)[0]
    assert "unknown" == first.status
    assert first.finding.endswith(": there was no answer within 4 s")


def test_inside_of_a_container_a_cache_is_made_by_the_nim_itself(tmp_path):
    (tmp_path / ".dockerenv").touch()
    first = found(tmp_path / "none", root=str(tmp_path))[0]
    assert "ok" == first.status
    assert f" in {tmp_path} (" in first.finding
