"""What a profile says of itself: the GPUs it is made for, and its id."""

import pytest

from nimprofile.manifest.profile_tags import profile_from_tags
from tests.support.builders import make_profile


@pytest.mark.parametrize(
    ("tags", "specific"),
    [
        ({}, False),
        ({"gpu": "h100"}, True),
        ({"gpu_device": "2330"}, True),
        ({"compute_capability": "9.0"}, True),
    ],
)
def test_what_names_a_gpu_is_gpu_specific(tags, specific):
    assert specific is make_profile(**tags).gpu_specific


@pytest.mark.parametrize(
    ("tags", "made_for"),
    [
        ({}, ()),
        ({"gpu": "H100_NVL", "gpu_device": "2321"}, ("H100_NVL", "2321:10de")),
        ({"key": "NVIDIA-A10G_10.0.1_12"}, ("NVIDIA-A10G",)),
        ({"gpu_device": "2321"}, ("2321:10de",)),
    ],
)
def test_made_for_is_in_the_manifests_own_spelling(tags, made_for):
    assert made_for == make_profile(**tags).made_for


@pytest.mark.parametrize(
    ("text", "id"),
    [
        pytest.param(
            "feat_lora:false|llm_engine:vllm|min_vram_per_device_gb:33.0|pp:1|precision:bf16|tp:1",
            "092ed4213624e774d24cdaf84e3b6222839bab2008a21d3c214ab46626366f90",
            id="NIM 2.0",
        ),
        pytest.param(
            "feat_lora:false|llm_engine:vllm|pp:1|precision:bf16|tp:1",
            "4f904d571fe60ff24695b5ee2aa42da58cb460787a968f1e8a09f5a7e862728d",
            id="NIM 1.8",
        ),
        pytest.param(
            "", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", id="no tags"
        ),
    ],
)
def test_the_id_is_the_hash_nim_makes_of_the_tags(text, id):
    tags = dict(part.split(":") for part in text.split("|") if part)
    assert id == profile_from_tags("x", dict(reversed(tags.items())), name="n").computed_id


def test_the_id_is_that_of_the_tags_as_written():
    assert make_profile(tp="1").computed_id != make_profile(tp="01").computed_id
