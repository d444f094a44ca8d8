"""Which values can be a key, and which are paths, names and words."""

import pytest

from nimprofile.base.secrets.strength import is_path, is_strong

KEYS = """
    Zq7kP3vVn2Lw7Rt5 hunter22 abcdefg8 nvapi-5up3r53cr3t0fth14m4ch1n3 wJalrXUtnFEMI/K7MDENG/bPxRfiCY
    /8xK2mQvT5bLp9wZr aaaaaaaak7aaaaaaaa Pa$$w0rd! correcthorsebatterystaple
    123e4567-e89b-12d3-a456-42661417a000
"""

NAMES = """
    131072 000000 00000000 2026-11-22 10.0.0.1:8000 secret password throughput Manifest TENSORRT
    ngc-secret regcred-prod ngc-api-secret llama-3.1-8b-instruct meta-llama/Llama-3.1-8B-Instruct
    nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8.4 vllm-bf16-tp1-pp1 tensorrt_llm Qwen/Qwen2.5-72B
    /tmp/x /dir /root/.docker/config ./keys ~/.config/gcloud ../a/b /srv/app short1
"""


@pytest.mark.parametrize("value", KEYS.split())
def test_a_key_is_strong(value):
    assert is_strong(value)


@pytest.mark.parametrize("value", NAMES.split())
def test_what_other_texts_have_by_chance_is_not(value):
    assert not is_strong(value)


def test_a_path_is_no_key_but_where_a_part_of_it_is_random():
    assert is_path("/adapters/auth")
    assert not is_path("adapters/auth")
    assert not is_path("/8xK2mQvT5bLp9wZr")
