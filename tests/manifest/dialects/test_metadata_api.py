"""The fields of the Metadata API are read as tags."""

import json

import pytest

from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, ID_2, METADATA, error_of


def metadata(**changes):
    """The answer of the Metadata API with the first profile changed; None takes a field away."""
    first = METADATA["profiles"][0] | changes
    first = {key: value for key, value in first.items() if value is not ...}
    return json.dumps({**METADATA, "profiles": [first, METADATA["profiles"][1]]})


def test_the_metadata_api_is_recognised_by_profile_id():
    manifest = parse_manifest(metadata())
    assert ("metadata-api", [ID_1, ID_2]) == (
        manifest.dialect,
        [profile.id for profile in manifest.profiles],
    )


def test_metadata_fields_are_read_as_tags():
    profile = parse_manifest(metadata()).profiles[0]
    assert ("tensorrt_llm", "fp8", 4, 1, False, True) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.lora,
        profile.buildable,
    )


def test_metadata_may_list_several_gpus():
    profile = parse_manifest(metadata()).profiles[0]
    assert (("h100", "h100nvl"), ("2321:10de", "2330:10de")) == (
        profile.gpu_names,
        profile.gpu_devices,
    )


def test_metadata_memory_of_80_gb_is_that_of_an_80_gb_board():
    assert 80 * 10**9 == parse_manifest(metadata()).profiles[0].memory.full_bytes


def test_an_omitted_metadata_field_is_unknown():
    profile = parse_manifest(metadata()).profiles[1]
    assert ({}, None, None, None, None, None, None, (), False) == (
        profile.tags,
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.lora,
        profile.memory,
        profile.gpu_devices,
        profile.buildable,
    )


@pytest.mark.parametrize("flag", [True, False])
def test_a_metadata_boolean_is_a_boolean(flag):
    assert flag is parse_manifest(metadata(feat_lora=flag)).profiles[0].lora


def test_a_null_in_the_metadata_is_unknown():
    assert None is parse_manifest(metadata(tensor_parallel_size=None)).profiles[0].tp


def test_the_metadata_engine_is_an_open_text():
    profile = parse_manifest(metadata(inference_backend="riva")).profiles[0]
    assert (None, "riva") == (profile.engine, profile.unknown_engine)


@pytest.mark.parametrize(
    ("changes", "place", "problem"),
    [
        pytest.param({"tensor_parallel_size": 0}, "tensor_parallel_size", "'0' is not", id="tp"),
        pytest.param({"pipeline_parallel_size": "x"}, "pipeline_parallel_size", "'x'", id="pp"),
        pytest.param({"buildable_profile": "maybe"}, "buildable_profile", "neither", id="build"),
        pytest.param({"feat_lora": 7}, "feat_lora", "'7' is neither", id="lora"),
        pytest.param({"gpu_device": "1234:1002"}, "gpu_device", "is not a PCI id", id="device"),
        pytest.param({"min_vram_per_device_gb": "NaN"}, "min_vram_per_device_gb", "", id="nan"),
        pytest.param({"gpu": ["a", {"b": 1}]}, "gpu", "a text or a list of texts", id="gpu"),
    ],
)
def test_a_bad_metadata_field_is_named_as_the_api_names_it(changes, place, problem):
    error = error_of(metadata(**changes))
    assert f"profiles[0].{place}" == error.place
    assert problem in error.problem


@pytest.mark.parametrize("head", [{"release_details": {}}, {"features": [], "related_urls": []}])
def test_metadata_without_profiles_is_refused(head):
    assert "an answer of the Metadata API without profiles" == error_of(json.dumps(head)).problem


def test_the_tags_of_metadata_are_not_what_its_ids_were_computed_from():
    assert all(profile.tags_from_name for profile in parse_manifest(metadata()).profiles)


def test_metadata_without_an_id_is_refused():
    error = error_of(json.dumps({"profiles": [{"profile_id": "a"}, {"precision": "fp8"}]}))
    assert ("this profile has no profile_id", "profiles[1]") == (
        error.problem,
        error.place,
    )
