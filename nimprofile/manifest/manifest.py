"""`Manifest`: the profiles of one model, whatever dialect they were read from."""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.record import Record
from nimprofile.manifest.extensions import Checkpoint
from nimprofile.manifest.profile import Profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.manifest.nim_version import NimVersion
    from nimprofile.model.shape import ModelShape


class Manifest(Record):
    """The profiles of one model.

    Attributes:
        profiles: in the order of the source; the order means nothing.
        dialect: the name of the dialect it was read from, such as `v1`, `v2`, `metadata-api` or
            `listing`; it bears on nothing that is decided.
        model: the model's name, when the source has it.
        model_shape: what memory is estimated from, when the source has it.
        source: where it was read from.
        engine_version: of the engine in the container, when the source says so.
        checkpoints: of which the profiles are served, when the source names them.
        nim: which NIM wrote it, by its `release` or a printout's own words.
    """

    profiles: tuple[Profile, ...]
    dialect: str = "v2"
    model: str | None = None
    _: KW_ONLY
    model_shape: ModelShape | None = None
    source: str = ""
    engine_version: str | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    nim: NimVersion | None = None

    def shape_of(self, profile: Profile) -> ModelShape | None:
        """The shape of what a profile serves: its checkpoint's, or the only one there is."""
        for checkpoint in self.checkpoints:
            if checkpoint.name == profile.checkpoint:
                return checkpoint.shape
        return self.model_shape

    def stored_as(self, profile: Profile) -> Precision | None:
        """The precision in which the model that a profile serves was published.

        None when it is not known: the model has several checkpoints, or no shape.
        """
        if self.model is not None and "gpt-oss" in self.model.lower():
            return Precision.MXFP4  # post-trained in it: OpenAI's model card of gpt-oss, 2025-08
        shape = self.shape_of(profile)
        if shape is None or len(self.checkpoints) > 1:
            return None
        from nimprofile.model.quantization import own_precision

        return own_precision(shape)
