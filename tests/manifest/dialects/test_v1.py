"""Schema v1 is a mapping of id to profile, without a head."""

import pytest

from nimprofile import ManifestError, plain_shape
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, ID_2, V1, V2, error_of


def test_v1_is_a_mapping_of_ids():
    manifest = parse_manifest(V1)
    assert ("v1", [ID_1, ID_2]) == (manifest.dialect, [p.id for p in manifest.profiles])


def test_v1_tags_are_read():
    profile = parse_manifest(V1).profiles[0]
    assert ("tensorrt_llm", "fp16", 8, 1, "throughput", ("l40s",), ("26b9:10de",)) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.objective,
        profile.gpu_names,
        profile.gpu_devices,
    )
    assert "32" == profile.tags["feat_lora_max_rank"]


def test_a_v1_profile_is_named_as_nim_names_it():
    assert [
        "tensorrt_llm-l40s-fp16-tp8-pp1-throughput",
        "vllm-tp4",
    ] == [profile.name for profile in parse_manifest(V1).profiles]


@pytest.mark.parametrize("version", ["1.0.0", "1.2", "2.0"])
def test_the_shape_and_not_the_version_makes_it_v1(version):
    assert "v1" == parse_manifest(f"schema_version: {version}\n{V1}").dialect


@pytest.mark.parametrize("version", ["1.2", "2.0.0", "3", "banana"])
def test_the_shape_and_not_the_version_makes_it_v2(version):
    assert "v2" == parse_manifest(V2.replace("2.0.0", version)).dialect


def test_a_v1_head_is_not_a_profile():
    shape = "model_shape: {parameters: 8, num_hidden_layers: 1, num_key_value_heads: 1, "
    shape += "head_dim: 1, max_position_embeddings: 256}\nrelease: '1'\nmodel: m\n"
    manifest = parse_manifest(shape + V1)
    assert (2, "m", plain_shape(8, 1, 1, 1, 256)) == (
        len(manifest.profiles),
        manifest.model,
        manifest.model_shape,
    )


def test_what_all_profiles_state_alike_is_stated_of_the_manifest():
    text = "a: {model: m, engine_version: '0.19.0', tags: {}}\nb: {model: m, tags: {}}\n"
    manifest = parse_manifest(text)
    assert ("m", "0.19.0") == (manifest.model, manifest.engine_version)


def test_models_may_differ_and_then_none_is_stated():
    assert parse_manifest("a: {model: m, tags: {}}\nb: {model: n, tags: {}}").model is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: {engine_version: '1', tags: {}}\nb: {engine_version: '2', tags: {}}",
            "the profiles say different things of engine_version: write two files",
        ),
        ("a: {tags: {}, checkpoint: c}", "a checkpoint is a mapping, this is the text 'c'"),
        ("a: {tags: {}, checkpoint: {path: x}}", "a checkpoint has a name"),
        (
            (
                "a: {tags: {}, checkpoint: {name: c, path: x}}\n"
                "b: {tags: {}, checkpoint: {name: c, path: y}}"
            ),
            "its profiles say different things of checkpoint c",
        ),
    ],
)
def test_profiles_that_contradict_each_other_are_refused(text, problem):
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert problem == caught.value.problem


def test_an_error_in_a_shared_key_is_placed_where_it_stands_first():
    text = "a: {tags: {}}\nb:\n  tags: {}\n  engine_version: new\n"
    error = error_of(text)
    assert ("b.engine_version", 4, "'new' is no version such as 0.19.0") == (
        error.place,
        error.line,
        error.problem,
    )
