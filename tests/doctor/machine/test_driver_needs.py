"""Does the table say which CUDA a release is built on, and where that is from?"""

from itertools import pairwise

import pytest

from nimprofile import Server
from nimprofile.base.versions import satisfies
from nimprofile.doctor.machine.driver_needs import NEEDS, OLDEST_DRIVER, need_of


@pytest.mark.parametrize(
    ("server", "version", "cuda"),
    [
        (Server.NIM, "1.0", 12),
        (Server.NIM, "1.14.1", 12),
        (Server.NIM, "1.15", 13),
        (Server.NIM, "1.15.5", 13),
        (Server.NIM, "2.0.12", 13),
        (Server.VLLM, "0.8.5.post1", 12),
        (Server.VLLM, "0.19.1", 12),
        (Server.VLLM, "0.20.0", 13),
        (Server.VLLM, "0.33.0", 13),
        (Server.SGLANG, "0.5.10", 12),
        (Server.SGLANG, "0.5.11", 13),
        (Server.TRITON, "25.07", 12),
        (Server.TRITON, "25.08", 13),
        (Server.TENSORRT_LLM, "1.2.1", 13),
    ],
)
def test_a_release_is_built_on_the_cuda_of_the_newest_row_that_is_not_above_it(
    server, version, cuda
):
    assert cuda == need_of(server, version).cuda


@pytest.mark.parametrize("version", [None, "", "latest", "0.0.1", "1" * 300])
def test_of_a_version_that_no_row_has_nothing_is_known(version):
    assert need_of(Server.VLLM, version) is None


def test_of_a_tensorrt_llm_below_the_table_nothing_is_known():
    assert need_of(Server.TENSORRT_LLM, "1.0.0") is None


@pytest.mark.parametrize(
    ("image", "cuda"),
    [
        ("vllm/vllm-openai:v0.19.1-cu130", 13),
        ("vllm/vllm-openai:v0.21.0-cu129", 12),
        ("lmsysorg/sglang:v0.5.19-cu129", 12),
        ("lmsysorg/sglang:v0.5.11-cu130-runtime", 13),
        ("example.com:5000/a-cu118/vllm:v0.33.0", 13),
        ("nvcr.io/nvidia/cuda-dl-base:25.01-cuda12.8-devel", 12),
    ],
)
def test_a_tag_that_says_its_cuda_counts_before_the_version(image, cuda):
    assert cuda == need_of(Server.VLLM, "0.33.0", image).cuda


def test_a_tag_tells_without_a_version():
    assert 13 == need_of(Server.SGLANG, None, "lmsysorg/sglang:dev-cu13").cuda


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.server} {need.since}")
def test_every_row_has_its_source_and_a_cuda_whose_driver_is_known(need):
    assert need.cuda in OLDEST_DRIVER
    assert "docs." in need.source or "github.com/" in need.source
    assert need.driver is None or satisfies(need.driver, f">={OLDEST_DRIVER[need.cuda]}")


def test_the_rows_of_a_server_are_oldest_first():
    for server in {need.server for need in NEEDS}:
        since = [need.since for need in NEEDS if need.server is server]
        assert all(satisfies(b, f">{a}") for a, b in pairwise(since)), server
