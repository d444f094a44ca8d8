"""The shape of the model that a manifest without one is for, where its config.json is at hand.

A NIM manifest says nothing of the model's layers. They are read where the weights are named
(`--model`, `NIM_MODEL_PATH`), or in the cache, in the layout of Hugging Face that NIM uses too:
`models--ORGANISATION--NAME/snapshots/REVISION/config.json`, below `ngc/hub` in NIM's own.
"""

from __future__ import annotations

import os

from nimprofile.base.environment import model_in
from nimprofile.base.errors import ModelError
from nimprofile.base.formats.text_files import names_in
from nimprofile.cli.console import tell
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.model.checkpoint import Model

CACHE = "/opt/nim/.cache"
"""Where NIM's cache is when `NIM_CACHE_PATH` does not say (NIM LLM, "configuration")."""

HUBS = ("ngc/hub", "huggingface/hub", "hub", "")
"""Where below a cache the models are: NIM's, Hugging Face's, and a hub itself."""


def with_shape(
    manifest: Manifest, models: tuple[str, ...] | None, environ: Mapping[str, str]
) -> Manifest:
    """The manifest, with the shape of the model's weights where it has none and they are here.

    The cache is asked for manifests whose profiles state what memory they need, those of NIM 2.x.

    Args:
        manifest: what could run.
        models: what `--model` names; at most one beside a manifest.
        environ: the variables.

    Raises UsageError for several models, ModelError for a config.json that cannot be read.
    """
    if models and len(models) > 1:
        raise UsageError("--model beside --manifest is where the weights are: name one")
    if manifest.model_shape is not None or manifest.checkpoints:
        return manifest
    named = models[0] if models else model_in(environ)
    if named is not None and os.path.exists(named):
        from nimprofile.model.checkpoint import read_model

        return manifest.replace(model_shape=read_model(named).shape)
    # NIM 1.x takes profiles without a look at the context; a cache must not make it stricter.
    stated = any(profile.memory is not None for profile in manifest.profiles)
    cached = _cached(manifest.model, environ) if stated else None
    if cached is None:
        return manifest
    tell([f"note: the shape of the model is that of {cached.path}, in the cache"])
    return manifest.replace(model_shape=cached.shape)


def _cached(model: str | None, environ: Mapping[str, str]) -> Model | None:
    """What the cache has of a model; None when it is not there, or which is meant is not clear."""
    root = environ.get("NIM_CACHE_PATH", "").strip() or CACHE
    folders = {folder for hub in HUBS for folder in _models(os.path.join(root, hub))}
    if model is not None:
        ending = "--" + model.lower().replace("/", "--")
        folders = {folder for folder in folders if folder.lower().endswith(ending)}
    if len(folders) != 1:
        return None
    from nimprofile.model.checkpoint import CONFIG, read_model

    snapshots = os.path.join(folders.pop(), "snapshots")
    found = []
    for revision in names_in(snapshots):
        folder = os.path.join(snapshots, revision)
        if os.path.exists(os.path.join(folder, CONFIG)):
            try:
                found.append(read_model(folder))
            except ModelError as error:
                tell([f"note: in the cache, {error}"])
    # Of 16 bits, those of every other precision are worked out.
    plain = [each for each in found if each.shape.quantization is None]
    return (plain or found)[0] if len(plain) == 1 or len(found) == 1 else None


def _models(hub: str) -> Iterator[str]:
    """The models in a hub."""
    for name in names_in(hub):
        if name.startswith("models--"):
            yield os.path.join(hub, name)
