"""The host's memory is held against what an engine's building takes, and that of the ranks."""

import os
from types import SimpleNamespace

import pytest

from nimprofile.doctor.memory import host_memory, shared_memory
from tests.support.doctor.subjects import host, served, told

BUILT = {"trtllm_buildable": "true"}


def with_memory(tmp_path, gib):
    (tmp_path / "proc").mkdir()
    text = f"MemTotal: {gib << 20} kB\nMemAvailable: {gib << 20} kB\n"
    (tmp_path / "proc" / "meminfo").write_text(text.replace(": ", ":      "), encoding="utf-8")
    return str(tmp_path)


@pytest.mark.parametrize(("gib", "status"), [(8, "warning"), (2000, "ok")])
def test_building_an_engine_takes_about_what_the_gpus_use(tmp_path, gib, status):
    root = with_memory(tmp_path, gib)
    (finding,) = host_memory(served("nim", engine="tensorrt_llm", tags=BUILT, root=root))
    assert status == finding.status
    assert finding.finding.startswith(f"{gib}.0 GiB of {gib}.0 GiB can be had, and building the")
    assert bool(finding.fix) == (status == "warning")


def test_where_no_need_is_known_the_memory_of_the_gpus_counts(tmp_path):
    root = with_memory(tmp_path, 8)
    subject = served("nim", machine="2xh100", engine="tensorrt_llm", tags=BUILT, root=root)
    (finding,) = host_memory(subject.replace(decision=None))
    assert finding.finding.endswith("159.3 GiB (all of it)")


def test_a_host_that_does_not_tell_leaves_it_unknown(tmp_path):
    subject = served("nim", engine="tensorrt_llm", tags=BUILT, root=str(tmp_path))
    assert ["unknown"] == [each.status for each in host_memory(subject)]


def test_an_engine_that_is_there_needs_none():
    assert [("skipped", "the profile's engine is not built here")] == told(host_memory(served()))


@pytest.mark.parametrize(("mib", "status"), [(64, "warning"), (16 << 10, "ok")])
def test_the_ranks_of_an_engine_need_shared_memory(monkeypatch, mib, status):
    subject = served(machine="2xh100")
    size = SimpleNamespace(f_frsize=1 << 20, f_blocks=mib)
    monkeypatch.setattr(os, "statvfs", lambda path: size)
    (finding,) = shared_memory(subject)
    assert status == finding.status


@pytest.mark.parametrize("subject", [host(), served(), served("nim", machine="2xh100")])
def test_where_there_are_no_ranks_of_ours_it_is_skipped(subject):
    assert ["skipped"] == [each.status for each in shared_memory(subject)]


def test_without_a_profile_nothing_is_built():
    assert ["skipped"] == [each.status for each in host_memory(host())]
