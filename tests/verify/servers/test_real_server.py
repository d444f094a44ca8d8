"""A real server, where one runs: NIMPROFILE_TEST_SERVER is its address."""

import os

import pytest

from nimprofile.verify.observation import Fact
from nimprofile.verify.servers.asking import observations_of

URL = os.environ.get("NIMPROFILE_TEST_SERVER")


@pytest.mark.skipif(URL is None, reason="NIMPROFILE_TEST_SERVER names no server")
def test_a_real_server_tells_which_it_is_its_version_and_that_it_is_ready():
    told = observations_of(URL, environ={})
    seen = {each.fact: each.value for each in told.observations}
    assert told.server in {"nim", "vllm", "sglang", "tensorrt_llm", "triton"}
    assert {Fact.ENGINE, Fact.MODEL, Fact.READY} <= seen.keys(), told
    assert seen[Fact.READY] is True
    if told.server == "vllm":
        assert {Fact.ENGINE_VERSION, Fact.MAX_MODEL_LEN, Fact.KV_CACHE_DTYPE} <= seen.keys(), told
    failed = [each for each in told.questions if each.status is None]
    assert [] == failed
