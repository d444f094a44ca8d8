"""Is the release of what is started told by its image, its manifest or its engine?"""

from types import SimpleNamespace

import pytest

from nimprofile import LaunchError, Server, Setup, job_of, mock_inventory, select
from nimprofile.doctor.machine import releases
from nimprofile.doctor.machine.releases import image_of, release_of
from nimprofile.manifest.nim_version import nim_version
from tests.support.launch.cases import manifest_of


def job(server="nim", **setup):
    manifest = manifest_of("vllm", {"tp": "1"})
    return job_of(select(manifest, mock_inventory("1xh100")), manifest, Setup(server, **setup))


def test_the_image_is_the_one_that_is_named_else_the_servers_own(monkeypatch):
    assert "a/b:1" == image_of(job("vllm", image="a/b:1"))
    assert image_of(job("vllm")).startswith("vllm/vllm-openai:v")

    def nobody(job):
        raise LaunchError("nobody names one")

    monkeypatch.setattr(releases, "server_spec", lambda server: SimpleNamespace(image=nobody))
    assert None is image_of(job("vllm"))


@pytest.mark.parametrize(
    ("image", "release"),
    [("nvcr.io/nim/a/b:1.15.4", "1.15.4"), ("nvcr.io/nim/a/b:latest", None), (None, None)],
)
def test_the_release_of_a_nim_is_in_the_tag_of_its_image(image, release):
    assert release == release_of(job(), image, None)


def test_the_release_of_a_nim_may_be_in_its_manifest():
    manifest = SimpleNamespace(nim=nim_version("2.0.6", "release 2.0.6"))
    assert "2.0.6" == release_of(job(), "nvcr.io/nim/a/b:latest", manifest)
    assert "1.15.4" == release_of(job(), "nvcr.io/nim/a/b:1.15.4", manifest)


def test_a_nim_of_another_kind_counts_by_itself():
    assert None is release_of(job().replace(engine=None), "nvcr.io/nim/a/b:1.15.4", None)


def test_the_release_of_an_engine_is_its_version_and_that_of_triton_its_images():
    engine = job("vllm").replace(version="0.20.2")
    assert "0.20.2" == release_of(engine, None, None)
    image = "nvcr.io/nvidia/tritonserver:26.07-vllm-python-py3"
    assert Server.TRITON is (triton := job("triton", image=image)).server
    assert "26.07" == release_of(triton, image, None)
    assert None is release_of(triton, None, None)
