"""Digests of what a decision was made of: a manifest, and the small files of weights."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module

from nimprofile.base.errors import LockError
from nimprofile.base.formats.text_files import MAX_BYTES, OpenFile
from nimprofile.lock.record import LockedWeights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 of the file of a manifest, as `sha256sum` prints it.

    Of one that was built, or was read from no file, it is that of its profiles as they were
    understood. Raises LockError for a file that cannot be read any more.
    """
    source = manifest.source
    if os.path.isfile(source) and not _is_model(source):
        return _sha256(_read(source))
    profiles = [
        repr((profile.id, profile.name, sorted(profile.tags.items()), profile.requires))
        for profile in manifest.profiles
    ]
    return _sha256("\n".join(sorted(profiles)).encode(errors="surrogateescape"))


def _is_model(path: str) -> bool:
    """Whether a file is a model's `config.json`, of which a manifest was built."""
    if not path.endswith(".json"):
        return False
    from nimprofile.model.checkpoint import is_model

    return is_model(path)


def weights_digests(profile: Profile, manifest: Manifest, setup: Setup) -> Iterator[LockedWeights]:
    """The digests of the directory of weights that is named; nothing where none is here.

    The operator's directory counts before the one that the manifest has for the profile.
    """
    named = [setup.model] if setup.model is not None else _checkpoints(profile, manifest)
    for path in named:
        if os.path.isdir(path):
            from nimprofile.model.checkpoint import CONFIG, INDEX

            yield LockedWeights(path, _digest(path, CONFIG), _digest(path, INDEX))


def _checkpoints(profile: Profile, manifest: Manifest) -> list[str]:
    """The directory that a manifest has for a profile: beside it, or here."""
    checkpoints = manifest.checkpoints
    own = [each for each in checkpoints if each.name == profile.checkpoint] or checkpoints[:1]
    folders = (os.path.dirname(manifest.source), os.curdir)
    return [
        there
        for checkpoint in own
        for folder in folders
        if checkpoint.path and os.path.isdir(there := os.path.join(folder, checkpoint.path))
    ][:1]


def _digest(folder: str, name: str) -> str | None:
    """The digest of a file in a directory; None where there is none."""
    path = os.path.join(folder, name)
    return _sha256(_read(path)) if os.path.isfile(path) else None


def _read(path: str) -> bytes:
    with OpenFile(path, error=LockError) as file:
        return file.read_whole("file that a lock has a digest of", MAX_BYTES)


def _sha256(data: bytes) -> str:
    """The digest in hexadecimal, by CPython's own module where it is there.

    hashlib loads OpenSSL, which costs a start 3 ms; `random` of the standard library does the same.
    """
    for name in ("_sha2", "_sha256"):  # from 3.12 on, and before
        with suppress(ImportError):
            digest: str = import_module(name).sha256(data).hexdigest()
            return digest
    from hashlib import sha256

    return sha256(data).hexdigest()
