"""Where the weights of a profile are, and how they are known to be stored."""

from __future__ import annotations

import os
import re

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError, ManifestError
from nimprofile.base.printable import quoted, shown
from nimprofile.base.record import Record
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape


class WeightsSource(Record):
    """The weights that are loaded.

    Attributes:
        model: as an engine names them: a directory, or a name in a repository of models; "" when
            only the image knows.
        shape: of them, as they are stored; None when nothing says how.
        judged: the shape that the profile was judged by; None when there was none.
        own: they are the weights that were judged, not others that the operator names.
        stands_for: the checkpoint whose shape is taken to be theirs, unseen; None when the shape
            was read off them, or is not known.
    """

    model: str
    shape: ModelShape | None
    judged: ModelShape | None
    _: KW_ONLY
    own: bool = True
    stands_for: str | None = None

    @property
    def described(self) -> str:
        """The weights in an error."""
        return self.model if self.model and not self.own else "the checkpoint"


def weights_source(
    profile: Profile, manifest: Manifest, setup: Setup, server: Server
) -> WeightsSource:
    """The weights that a server loads: the operator's, else the profile's checkpoint.

    A relative path is a directory beside the manifest, or here; another is a name in a repository.

    Raises:
        LaunchError: neither the operator nor the manifest names them, or they are of another model
            than was judged.
        ModelError: a directory that the operator names has no config.json that can be read.
    """
    judged = manifest.shape_of(profile)
    checkpoints = manifest.checkpoints
    own = next((known for known in checkpoints if known.name == profile.checkpoint), None)
    if own is None and len(checkpoints) == 1:
        own = checkpoints[0]
    path = "" if own is None else _located(own.path, manifest.source)
    if setup.model is not None:
        setup = located(setup)
        model, shape = _named(setup.model or "", server), setup.shape
        if shape is None and own is not None and _bare(model) == _bare(path):
            return WeightsSource(model, own.shape, judged)
        if shape is not None:
            _require_alike(model, shape, judged)
            same = shape is judged or shape == judged
            return WeightsSource(model, shape, judged, own=same)
        if judged is None or not judged.architecture:  # five figures do not say how it is stored
            return WeightsSource(model, None, judged, own=False)
        stands_for = path or "the manifest's model_shape"
        return WeightsSource(model, judged, judged, own=False, stands_for=stands_for)
    if server is Server.NIM and (own is None or not is_path(path)):
        return WeightsSource("", judged, judged)  # the image knows where its own weights are
    if own is not None and path:
        return WeightsSource(_named(path, server), own.shape, judged)
    raise LaunchError(
        f"nobody says where the weights of {profile.title} are: name a directory or a repository's "
        "model with --model or NIM_MODEL_PATH, write checkpoints[].path in the manifest, or let "
        "NIM find its own with --server nim",
        of_profile=True,
    )


def located(setup: Setup) -> Setup:
    """The same with the directory of its weights from the root, and their shape read there.

    What is no directory here stays as it is: a name in a repository of models.

    Raises ModelError when the directory has no config.json that can be read.
    """
    if setup.model is None or setup.shape is not None or not os.path.exists(setup.model):
        return setup
    from nimprofile.model.checkpoint import read_model

    local = read_model(setup.model)
    return setup.replace(model=os.path.abspath(local.path), shape=local.shape)


def _located(path: str, source: str) -> str:
    """The directory that a manifest names, from the root; what is none is a repository's name."""
    for folder in (os.path.dirname(source), os.curdir):
        if path and os.path.isdir(there := os.path.join(folder, path)):
            return os.path.abspath(there)
    return path


def _named(model: str, server: Server) -> str:
    """The weights as an engine names them: Hugging Face's without a scheme."""
    scheme = _SCHEME.match(model)
    if scheme is not None and server is not Server.NIM:
        if scheme[1] != "hf":
            raise LaunchError(
                f"{server} is not known to read {scheme[0]}: download it, and name the directory "
                "with --model or NIM_MODEL_PATH",
                of_profile=True,
            )
        model = model[scheme.end() :]
    if model[:1] in {"", "-"}:  # an engine would take it for an argument
        raise LaunchError(f"{quoted(model)} is no directory and no name of a model")
    return model


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


def _bare(model: str) -> str:
    """A name on Hugging Face with or without its scheme."""
    return model.removeprefix("hf://")


def _require_alike(model: str, shape: ModelShape, judged: ModelShape | None) -> None:
    """Refuse weights of another model than was judged; a tuned one may have more words."""
    if judged is None or not (judged.layers and shape.layers and judged.architecture):
        return
    for what in ("architecture", "hidden_size", "heads", "kv_heads", "experts"):
        here, there = getattr(shape, what), getattr(judged, what)
        if here != there:
            raise LaunchError(
                f"{model} is another model than the one that was judged: {what} "
                f"{quoted(here)}, not "
                f"{quoted(there)}; name its own manifest, or leave --manifest out"
            )
    if len(shape.layers) != len(judged.layers):
        raise LaunchError(
            f"{model} is another model than the one that was judged: {len(shape.layers)} layers, "
            f"not {len(judged.layers)}; name its own manifest, or leave --manifest out"
        )


_ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".engine")
"""Of files with weights, as vLLM's and SGLang's loaders, TensorRT-LLM and NIM look for them."""


def missing_weights(folder: str) -> str | None:
    """What a directory with a config.json lacks of its weights; None when they are there.

    Of weights in several files, the index says which they are.
    """
    try:
        names = set(os.listdir(folder))
    except OSError:
        return None
    if not any(name.endswith(_ENDINGS) for name in names):
        return "no weights (*.safetensors, *.bin, …) beside its config.json"
    for index in sorted(name for name in names if name.endswith(".safetensors.index.json")):
        absent = sorted(_named_by(os.path.join(folder, index)) - names)
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            return f"no {shown(absent[0])}{more}, of which {shown(index)} tells"
    return None


def _named_by(index: str) -> set[str]:
    """The files that an index names; what cannot be read names none."""
    from nimprofile.base.formats.json_reader import JsonError, read_json
    from nimprofile.base.formats.text_files import read_text

    try:
        files = read_json(read_text(index, what="index", named=False))["weight_map"].values()
    except (ManifestError, JsonError, KeyError, TypeError, AttributeError):
        return set()
    return {file for file in files if isinstance(file, str)}
