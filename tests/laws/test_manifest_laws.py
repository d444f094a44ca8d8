"""Laws of reading: a manifest written in any dialect and read again is the same manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from nimprofile import Manifest, Requires, load_manifest, parse_manifest
from nimprofile.manifest.profile import NOTHING_REQUIRED
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.manifest.reader import bundled_manifests
from nimprofile.testing import manifests, profiles, related_profiles, tag_sets
from nimprofile.testing.strategies.manifests import SHAPE_BLOCKS

METADATA_FIELDS = {
    "llm_engine": "inference_backend",
    "tp": "tensor_parallel_size",
    "pp": "pipeline_parallel_size",
    "trtllm_buildable": "buildable_profile",
}


class Tagged(dict):
    """A mapping with a YAML tag of NIM's own, `!workspace`."""


class Dumper(yaml.SafeDumper):
    """YAML as NIM writes it."""

    def ignore_aliases(self, data):
        return True


Dumper.add_representer(
    Tagged, lambda dumper, data: dumper.represent_mapping("!workspace", dict(data))
)


BUNDLED = {
    document["model"]: {key: document[key] for key in ("checkpoints", "release") if key in document}
    for document in (
        yaml.safe_load(Path(path).read_text("utf-8")) for path in bundled_manifests().values()
    )
}


def head(manifest):
    fields = {} if manifest.model is None else {"model": manifest.model}
    if manifest.checkpoints or manifest.nim:
        fields |= BUNDLED[manifest.model]
    if manifest.checkpoints:
        return fields
    if manifest.model_shape is not None:
        fields["model_shape"] = SHAPE_BLOCKS[manifest.model_shape]
    return fields


def requirements(profile):
    if profile.requires == NOTHING_REQUIRED:
        return {}
    stated = {name: getattr(profile.requires, name) for name in Requires._fields}
    return {"requires": {name: value for name, value in stated.items() if value is not None}}


def v2(manifest):
    entries = [
        {"id": p.id, "tags": dict(p.tags), "workspace": {"files": {}}} | requirements(p)
        for p in manifest.profiles
    ]
    return {"schema_version": "2.0", **head(manifest), "profiles": entries}


def v1(manifest):
    files = Tagged(files={"config.json": "!name config.json"})
    entries = {
        p.id: {"tags": dict(p.tags), "workspace": files} | requirements(p)
        for p in manifest.profiles
    }
    return head(manifest) | entries


def metadata(manifest):
    entries = [
        {"profile_id": p.id}
        | {METADATA_FIELDS.get(tag, tag): value for tag, value in p.tags.items()}
        | requirements(p)
        for p in manifest.profiles
    ]
    return head(manifest) | {"profiles": entries}


def as_yaml(data):
    return yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False)


WRITERS = {
    "v2 YAML": (v2, as_yaml, "v2"),
    "v2 JSON": (v2, json.dumps, "v2"),
    "v1 YAML": (v1, as_yaml, "v1"),
    "v1 JSON": (v1, json.dumps, "v1"),
    "metadata JSON": (metadata, json.dumps, "metadata-api"),
    "metadata YAML": (metadata, as_yaml, "metadata-api"),
}


def in_dialect(manifest, dialect):
    """The same profiles; the fields of the Metadata API are not the tags an id is made from."""
    renamed = dialect == "metadata-api"
    profiles = (profile.replace(tags_from_name=renamed) for profile in manifest.profiles)
    return manifest.replace(profiles=tuple(profiles), dialect=dialect)


@pytest.mark.parametrize("writer", WRITERS)
def test_parse_dump_parse_is_the_identity(writer):
    shape, dump, dialect = WRITERS[writer]

    @given(manifests())
    def law(manifest):
        once = parse_manifest(dump(shape(manifest)))
        twice = parse_manifest(dump(shape(once)))
        assert in_dialect(manifest, dialect).replace(source="<string>") == once == twice

    law()


@given(manifests())
def test_every_dialect_gives_equal_profiles(manifest):
    read = [parse_manifest(dump(shape(manifest))) for shape, dump, _ in WRITERS.values()]

    assert all(manifest.profiles == in_dialect(other, "v2").profiles for other in read)


@pytest.mark.parametrize("name", bundled_manifests())
def test_a_bundled_manifest_survives_every_dialect(name):
    manifest = load_manifest(name)
    for shape, dump, dialect in WRITERS.values():
        again = parse_manifest(dump(shape(manifest)), manifest.source)
        assert in_dialect(manifest, dialect) == again


PRINTABLE = st.characters(categories=["L", "M", "N", "P", "S"], include_characters=" ")


@given(
    st.dictionaries(
        st.text(PRINTABLE, max_size=8).map(lambda key: f"x-{key}"),
        st.text(PRINTABLE, max_size=20),
        max_size=4,
    )
)
def test_an_unknown_tag_is_kept_whatever_it_is_called_and_says(tags):
    profile = profile_from_tags("a", tags | {"llm_engine": "vllm"}, name="a")
    manifest = Manifest((profile,))
    for shape, dump, _ in WRITERS.values():
        (read,) = parse_manifest(dump(shape(manifest))).profiles
        assert profile.tags == read.tags


@given(manifests(), st.randoms(use_true_random=False))
def test_the_order_of_the_keys_never_matters(manifest, random):
    def shuffled(node):
        if isinstance(node, list):
            return [shuffled(item) for item in node]
        if not isinstance(node, dict):
            return node
        keys = list(node)
        random.shuffle(keys)
        return {key: shuffled(node[key]) for key in keys}

    data = v2(manifest)
    assert parse_manifest(as_yaml(data)) == parse_manifest(as_yaml(shuffled(data)))


@given(profiles(), st.randoms(use_true_random=False))
def test_the_computed_id_does_not_depend_on_the_order_of_the_tags(profile, random):
    tags = list(profile.tags.items())
    random.shuffle(tags)

    assert profile.computed_id == profile.replace(tags=dict(tags)).computed_id


@given(related_profiles())
def test_profiles_that_differ_in_one_tag_have_different_computed_ids(related):
    assert related.first.computed_id != related.second.computed_id


@given(tag_sets(), tag_sets())
def test_computed_ids_are_equal_only_for_equal_tags(first, second):
    ids = [profile_from_tags("", tags, name="").computed_id for tags in (first, second)]

    assert (first == second) is (ids[0] == ids[1])


@given(profiles())
def test_a_profile_keeps_its_tags_as_they_were_written(profile):
    again = profile_from_tags(
        profile.id, profile.tags, name=profile.name, requires=profile.requires
    )

    assert profile == again
    assert profile.tags == again.tags
