"""Where the weights of a profile are, and whether the engine quantises them as it loads them."""

from __future__ import annotations

import re

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import HALF, PLAIN, stored_as
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape


def weights_source(
    profile: Profile, manifest: Manifest, setup: Setup, server: Server
) -> tuple[str, ModelShape | None]:
    """The weights as an engine names them, and their shape; "" when only the image knows.

    Raises LaunchError when neither the operator nor the manifest names them.
    """
    if setup.model is not None:
        return _named(setup.model, server), setup.shape
    checkpoints = manifest.checkpoints
    own = next((known for known in checkpoints if known.name == profile.checkpoint), None)
    if own is None and len(checkpoints) == 1:
        own = checkpoints[0]
    if server is Server.NIM and (own is None or not is_path(own.path)):
        return "", manifest.shape_of(profile)  # the image knows where its own weights are
    if own is not None and own.path:
        return _named(own.path, server), own.shape
    raise LaunchError(
        f"nobody says where the weights of {profile.name} are: name a directory or a repository's "
        "model with --model or NIM_MODEL_PATH, or write checkpoints[].path in the manifest"
    )


def _named(model: str, server: Server) -> str:
    """The weights as an engine names them: Hugging Face's without a scheme."""
    scheme = _SCHEME.match(model)
    if scheme is not None and server is not Server.NIM:
        if scheme[1] != "hf":
            raise LaunchError(
                f"{server} is not known to read {scheme[0]}: download it, and name the directory "
                "with --model or NIM_MODEL_PATH"
            )
        model = model[scheme.end() :]
    if model[:1] in {"", "-"}:  # an engine would take it for an argument
        raise LaunchError(f"{model!r} is no directory and no name of a model")
    return model


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


def quantises_on_load(profile: Profile, shape: ModelShape | None) -> bool:
    """Whether the engine makes the profile's precision of wider weights; what is stored, it sees.

    Raises LaunchError where the checkpoint is known to be another than the profile serves.
    """
    engine, precision = profile.engine, profile.precision
    if shape is None or precision is None or engine is None:
        return False
    stored = stored_as(shape)
    served = {way.precision for way in spec_of(engine).ways(stored)}
    if stored not in {PLAIN, HALF}:
        if served and precision not in served:
            raise LaunchError(
                f"{profile.name} wants {precision} weights, and the checkpoint is stored as "
                f"{stored}: name another with --model"
            )
        return False
    if precision.bits >= 16:
        return False
    if precision not in served:
        raise LaunchError(
            f"{engine} makes no {precision} of a 16-bit checkpoint, which {profile.name} wants: "
            "name one stored so with --model, let NIM find it with --server nim, or select for "
            "another engine, as with --server vllm"
        )
    return True
