"""Is there room for what a server downloads, where that is known?"""

import os
from types import SimpleNamespace

import pytest

from nimprofile import Server, Setup, job_of, mock_inventory, select
from nimprofile.launch.downloads import existing, free_bytes, hub_cache, nim_cache, to_download
from nimprofile.launch.planning import plan_of
from nimprofile.launch.preflight import host_problems
from tests.support.launch.cases import manifest_of

GIB = 1 << 30
WEIGHTS = 16_060_522_496
"""Of Llama 3.1 8B in BF16, as its repository on Hugging Face has them."""


def job(server="vllm", **setup):
    manifest = manifest_of("vllm", {})
    return job_of(select(manifest, mock_inventory("1xh100")), manifest, Setup(server, **setup))


def blob(cache, size):
    folder = cache / f"models--{job().model.removeprefix('hf://').replace('/', '--')}" / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(size)).write_bytes(bytes(size))


def disk(monkeypatch, free):
    size = SimpleNamespace(f_frsize=1, f_bavail=free, f_blocks=1 << 50)
    monkeypatch.setattr(os, "statvfs", lambda path: size)


def found(served, **environ):
    problems = host_problems(served, plan_of(served), {"NGC_API_KEY": "k"} | environ)
    return [each for each in problems if "download" in each.problem]


def test_weights_that_have_no_room_keep_the_server_from_starting(monkeypatch, tmp_path):
    disk(monkeypatch, WEIGHTS - 1)
    (problem,) = found(job(), HF_HOME=str(tmp_path))
    assert problem.fatal
    assert (
        f"the cache {tmp_path}/hub has 15.0 GiB free, and 15.0 GiB of weights are to be "
        "downloaded: make room there, or name another with HF_HOME"
    ) == str(problem)
    disk(monkeypatch, WEIGHTS)
    assert [] == found(job(), HF_HOME=str(tmp_path))


def test_what_is_in_the_cache_is_not_downloaded_again(tmp_path):
    assert WEIGHTS == to_download(job(), str(tmp_path), {})
    blob(tmp_path, 1 << 20)
    assert WEIGHTS - (1 << 20) == to_download(job(), str(tmp_path), {})


def test_more_in_the_cache_than_the_weights_are_is_no_download(tmp_path):
    blob(tmp_path, 0)
    (empty,) = tmp_path.rglob("blobs/*")
    os.truncate(empty, WEIGHTS + GIB)
    assert 0 == to_download(job(), str(tmp_path), {})


@pytest.mark.parametrize("setup", [{"model": "acme/other"}, {"model": "acme/other", "shape": None}])
def test_of_a_model_that_the_operator_names_nothing_is_known(tmp_path, setup):
    assert None is to_download(job(**setup), str(tmp_path), {})


@pytest.mark.parametrize("scheme", ["", "hf://"])
def test_the_checkpoint_that_the_operator_names_too_is_known(monkeypatch, tmp_path, scheme):
    named = job(model=scheme + job().model.removeprefix("hf://"))
    disk(monkeypatch, GIB)
    (problem,) = found(named, HF_HOME=str(tmp_path))
    assert "has 1.0 GiB free, and 15.0 GiB of weights" in problem.problem


@pytest.mark.parametrize("where", ["extra", "passthrough"])
@pytest.mark.parametrize("words", ["--download-dir {}", "--download-dir={}", "--download_dir {}"])
def test_the_directory_of_downloads_that_is_named_is_looked_at(monkeypatch, tmp_path, where, words):
    served = job(**{where: tuple(words.format(tmp_path).split())})
    disk(monkeypatch, GIB)
    (problem,) = found(served, HF_HOME="/nowhere")
    assert f"the cache {tmp_path} has 1.0 GiB free" in problem.problem
    assert problem.fix.endswith("--download-dir")


def test_of_weights_that_come_another_way_nothing_is_known(tmp_path):
    dummy = ("--load-format=dummy",)
    assert None is to_download(job(extra=dummy), str(tmp_path), {})
    assert None is to_download(job(passthrough=dummy), str(tmp_path), {})
    elsewhere = job("nim", passthrough=("--download-dir", "/d"))
    assert None is to_download(elsewhere, str(tmp_path), {})
    assert None is to_download(job(), str(tmp_path), {"VLLM_USE_MODELSCOPE": "True"})


def test_of_a_shape_that_is_not_known_nothing_is_said(tmp_path):
    served = job()
    assert None is to_download(served.replace(shape=None), str(tmp_path), {})
    unknown = served.shape.replace(layers=(), checkpoint_bytes=None)
    assert None is to_download(served.replace(shape=unknown), str(tmp_path), {})
    exact = unknown.replace(checkpoint_bytes=7)
    assert 7 == to_download(served.replace(shape=exact), str(tmp_path), {})


def test_a_nim_is_warned_of_its_own_cache_and_not_of_one_with_models(monkeypatch, tmp_path):
    disk(monkeypatch, GIB)
    (problem,) = found(job("nim"), NIM_CACHE_PATH=str(tmp_path))
    assert not problem.fatal
    assert f"the cache {tmp_path} has 1.0 GiB free" in problem.problem
    assert problem.fix.endswith("NIM_CACHE_PATH")
    (tmp_path / "ngc" / "hub" / "models--nim--meta--llama").mkdir(parents=True)
    assert [] == found(job("nim"), NIM_CACHE_PATH=str(tmp_path))


def test_a_nims_cache_is_the_directory_that_is_mounted_or_its_variables():
    assert ("/a", "--cache") == nim_cache(job("nim", cache="/a").setup, {"NIM_CACHE_PATH": "/b"})
    assert ("/b", "NIM_CACHE_PATH") == nim_cache(job("nim").setup, {"NIM_CACHE_PATH": "/b "})
    assert None is nim_cache(job("nim").setup, {})


def test_hugging_faces_cache_is_where_its_page_says():
    assert ("/c", "HF_HUB_CACHE") == hub_cache({"HF_HUB_CACHE": "/c", "HF_HOME": "/h"})
    assert ("/c", "HF_HUB_CACHE") == hub_cache(
        {"HF_HUB_CACHE": "/c", "HUGGINGFACE_HUB_CACHE": "/d"}
    )
    older = {"HUGGINGFACE_HUB_CACHE": "/d", "HF_HOME": "/h"}
    assert ("/d", "HUGGINGFACE_HUB_CACHE") == hub_cache(older)
    assert ("/h/hub", "HF_HOME") == hub_cache({"HF_HOME": "/h", "HOME": "/u"})


@pytest.mark.parametrize("offline", ["1", "on", "TRUE"])
def test_offline_nothing_is_downloaded(monkeypatch, tmp_path, offline):
    disk(monkeypatch, 0)
    assert [] == found(job(), HF_HOME=str(tmp_path), HF_HUB_OFFLINE=offline)


def test_where_the_system_says_nothing_of_a_disk_nothing_is_said(monkeypatch, tmp_path):
    assert 0 < free_bytes(str(tmp_path / "a" / "b"))
    size = SimpleNamespace(f_frsize=0, f_bavail=0, f_blocks=0)
    monkeypatch.setattr(os, "statvfs", lambda path: size)
    assert None is free_bytes(str(tmp_path))

    def absent(path):
        raise OSError(path)

    monkeypatch.setattr(os, "statvfs", absent)
    assert None is free_bytes(str(tmp_path))


def test_the_directory_that_is_there_is_found(tmp_path):
    assert str(tmp_path) == existing(str(tmp_path / "a" / "b"))
    assert Server.NIM is job("nim").server
