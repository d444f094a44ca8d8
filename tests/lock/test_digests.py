"""Digests of a manifest, of what was built, and of the small files of weights."""

import hashlib

import pytest

from nimprofile import Setup, load_manifest, parse_manifest
from nimprofile.base.errors import LockError
from nimprofile.lock.digests import manifest_digest, weights_digests
from tests.support.command_line import MANIFEST


def _sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    assert _sha256(MANIFEST) == manifest_digest(load_manifest(path))


def test_a_manifest_of_no_file_has_the_digest_of_its_profiles():
    first = manifest_digest(parse_manifest(MANIFEST))
    assert first == manifest_digest(parse_manifest("# the same\n" + MANIFEST))
    assert first != manifest_digest(parse_manifest(MANIFEST.replace('tp: "2"', 'tp: "4"')))


def test_a_manifest_that_cannot_be_read_any_more_is_an_error(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    manifest = load_manifest(path)
    path.write_bytes(b"")
    path.chmod(0o600)
    assert _sha256("") == manifest_digest(manifest)
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(LockError, match="larger than 64 MiB"):
        manifest_digest(manifest)


def test_weights_have_the_digests_of_their_config_and_their_index(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    manifest = parse_manifest(MANIFEST)
    profile = manifest.profiles[0]
    (found,) = weights_digests(profile, manifest, Setup(model=str(tmp_path)))
    assert (str(tmp_path), _sha256("{}"), None) == (
        found.path,
        found.config_sha256,
        found.index_sha256,
    )
    (tmp_path / "model.safetensors.index.json").write_text("[]", encoding="utf-8")
    (found,) = weights_digests(profile, manifest, Setup(model=str(tmp_path)))
    assert _sha256("[]") == found.index_sha256


def test_a_name_in_a_repository_has_no_digest():
    manifest = parse_manifest(MANIFEST)
    assert [] == [*weights_digests(manifest.profiles[0], manifest, Setup(model="acme/m"))]
