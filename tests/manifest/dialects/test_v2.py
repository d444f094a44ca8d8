"""Schema v2 is a list of profiles, and keeps what it does not know."""

from nimprofile.base.units import GIB
from nimprofile.manifest.profile import Stated
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, ID_2, V2


def test_v2_is_a_list_of_profiles():
    manifest = parse_manifest(V2, "m.yaml")
    assert ("v2", [ID_1, ID_2], "meta/llama-3.1-8b-instruct", None, "m.yaml") == (
        manifest.dialect,
        [profile.id for profile in manifest.profiles],
        manifest.model,
        manifest.model_shape,
        manifest.source,
    )


def test_a_number_written_bare_is_the_text_that_was_written():
    profile = parse_manifest(V2).profiles[1]
    assert ("1", 1) == (profile.tags["tp"], profile.tp)


def test_the_stated_memory_is_read():
    memory = parse_manifest(V2).profiles[1].memory
    assert Stated(33 * GIB, 33 * GIB, "tag min_vram_per_device_gb", printed_gb=33) == memory


def test_tags_are_kept_as_written_and_unknown_ones_too():
    text = "profiles: [{id: a, tags: {vad: silero, Foo: 'BAR ', precision: FP8}}]"
    (profile,) = parse_manifest(text).profiles
    assert {"vad": "silero", "Foo": "BAR ", "precision": "FP8"} == profile.tags
    assert "fp8" == profile.precision


def test_an_id_that_looks_like_a_number_stays_a_text():
    text = "profiles: [{id: 12345e67, tags: {}}, {id: 0x10, tags: {}}, {id: 010, tags: {}}]"
    assert ["12345e67", "0x10", "010"] == [p.id for p in parse_manifest(text).profiles]


def test_an_empty_tag_is_unknown():
    (profile,) = parse_manifest("profiles: [{id: a, tags: {tp: null, pp: ~, gpu: }}]").profiles
    assert ({}, None) == (profile.tags, profile.tp)


def test_a_list_of_texts_in_a_tag_is_joined():
    (profile,) = parse_manifest("profiles: [{id: a, tags: {gpu: [h100, h200]}}]").profiles
    assert ("h100,h200", ("h100", "h200")) == (profile.tags["gpu"], profile.gpu_names)


def test_a_profile_may_have_a_name_of_its_own():
    (profile,) = parse_manifest("profiles: [{id: a, name: mine, tags: {tp: 1}}]").profiles
    assert "mine" == profile.name


def test_a_profile_without_tags_is_named_by_its_id():
    (profile,) = parse_manifest("profiles: [{id: abc, tags: {}}]").profiles
    assert "abc" == profile.name


def test_the_workspace_is_passed_over_whatever_is_in_it():
    text = "profiles: [{id: a, tags: {}, workspace: !workspace {files: [!name x, {y: [z]}]}}]"
    assert ["a"] == [profile.id for profile in parse_manifest(text).profiles]


def test_an_unknown_key_of_a_profile_is_passed_over():
    text = "profiles: [{id: a, tags: {}, checksum: {blake3: ff}, note: [1, 2]}]"
    assert ["a"] == [profile.id for profile in parse_manifest(text).profiles]
