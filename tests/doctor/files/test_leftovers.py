"""What earlier starts left in a cache is found, and only that."""

import errno
import fcntl
import os
import time

from nimprofile import Setup
from nimprofile.doctor.files import walk
from nimprofile.doctor.files.leftovers import leftovers
from nimprofile.doctor.files.walk import entries_below
from tests.support.doctor.subjects import host, served, told


def found(folder, **fields):
    return [*leftovers(host(setup=Setup(cache=str(folder)), **fields))]


def put(folder, name, text="x", age=0.0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_cache_that_is_whole_has_none(tmp_path):
    put(tmp_path, "models--a--b/blobs/abc")
    put(tmp_path, ".locks/models--a--b/abc.lock")
    expected = f"nothing in {tmp_path} is left of an earlier start"
    assert [("ok", expected)] == told(found(tmp_path))


def test_a_download_that_stopped_is_told_with_its_size_and_age(tmp_path):
    first = put(tmp_path, "models--a--b/blobs/abc.incomplete", "x" * 1000, age=7 * 86400)
    (finding,) = found(tmp_path)
    assert "warning" == finding.status
    assert (
        f"1 file is a part of a download, 0.0 GiB, of which {first} is one; it stopped 7 days ago"
        == finding.finding
    )
    assert finding.fix.startswith("start the download again")


def test_a_download_that_goes_on_is_to_be_waited_for(tmp_path):
    put(tmp_path, "a.incomplete", age=3600)
    put(tmp_path, "b.incomplete", age=5)
    (finding,) = found(tmp_path)
    assert finding.finding.startswith("2 files are a part of a download")
    assert finding.finding.endswith("; it goes on")
    assert "wait for its end" == finding.fix


def test_a_lock_that_a_process_holds_is_told(tmp_path):
    path = put(tmp_path, ".locks/models--a--b/abc.lock")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (finding,) = found(tmp_path)
    assert "warning" == finding.status
    expected = f"a process holds {path}: whatever downloads the same waits for it"
    assert expected == finding.finding


def test_a_manifest_that_lacks_the_profile_is_stale(tmp_path):
    path = put(tmp_path, "nim_runtime_manifest.yaml", "profiles: []\n", age=86400)
    subject = served("nim", cache=str(tmp_path))
    (finding,) = leftovers(subject)
    assert "warning" == finding.status
    assert f"has no {subject.job.profile.id}: a NIM of 2.0 would not find that profile" in (
        finding.finding
    )
    assert "delete it before the start, unless the start is offline" == finding.fix
    path.write_text(f"- id: {subject.job.profile.id}\n", encoding="utf-8")
    assert ["ok"] == [each.status for each in leftovers(subject)]


def test_without_a_profile_a_pin_is_looked_for(tmp_path):
    path = put(tmp_path, "ngc/nim_runtime_manifest.yaml", "- id: abc\n")
    subject = host({"NIM_CACHE_PATH": str(tmp_path), "NIM_MODEL_PROFILE": "abc"})
    assert ["ok"] == [each.status for each in leftovers(subject)]
    (finding,) = found(tmp_path)
    assert "warning" == finding.status
    assert finding.finding.endswith(", and one of 2.0 takes its profiles from it")
    assert str(path) in finding.finding


def test_a_manifest_that_cannot_be_read_leaves_it_unknown(tmp_path):
    os.mkfifo(tmp_path / "nim_runtime_manifest.yaml")
    (finding,) = found(tmp_path)
    assert "unknown" == finding.status
    assert finding.finding.endswith("this is a named pipe, and only regular files are read")


def test_a_cache_that_is_not_there_yet_has_none(tmp_path):
    folder = tmp_path / "none"
    assert [("ok", f"{folder} is not there yet")] == told(found(folder))


def test_links_are_not_followed_out_of_a_cache(tmp_path):
    outside, cache = tmp_path / "outside", tmp_path / "cache"
    put(outside, "a.incomplete", age=3600)
    cache.mkdir()
    (cache / "link").symlink_to(outside)
    assert ["ok"] == [each.status for each in found(cache)]


def test_a_walk_is_bounded_in_number_and_depth(tmp_path, monkeypatch):
    for number in range(20):
        put(tmp_path, f"{number}/a")
    monkeypatch.setattr(walk, "MOST_ENTRIES", 30)
    assert 30 == len([*entries_below(str(tmp_path))])
    monkeypatch.setattr(walk, "MOST_DEPTH", 1)
    assert 20 == len([*entries_below(str(tmp_path))])
    assert [] == [*entries_below(str(tmp_path / "none"))]


def test_without_a_cache_it_is_skipped(tmp_path):
    (finding,) = leftovers(host(root=str(tmp_path)))
    assert "skipped" == finding.status


def test_a_lock_on_a_file_system_without_locks_is_taken_for_held(tmp_path, monkeypatch):
    def none(file, how):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    path = put(tmp_path, ".locks/a.lock")
    monkeypatch.setattr(fcntl, "flock", none)
    (finding,) = found(tmp_path)
    assert "warning" == finding.status
    assert f"the file system has no flock, and {path} is there" in finding.finding
    assert "delete it where nothing is being downloaded" == finding.fix
