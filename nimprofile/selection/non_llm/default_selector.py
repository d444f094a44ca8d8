"""What speech NIMs select by unasked, before they look at the hardware.

They print none of it. By their listings, a profile of another mode than `all` is incompatible where
one of that mode is (corpus, 051), and so is one that is built at the first start (`rmir`) where the
same variant is prebuilt for the very GPU (009); beside a prebuilt profile for any Ampere GPU it is
compatible (051), and where none fits it is taken (121).
"""

from __future__ import annotations

from nimprofile.selection.reasons import NotDefault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.hardware.gpu_groups import Machine
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.request import Request

_MODEL_TYPES = frozenset({"prebuilt", "rmir"})
"""Values of the tag `model_type` in speech NIMs."""

_OF_HARDWARE = frozenset({"model_type", "gpu", "gpu_device", "ampereplus"})
"""Tags in which the profiles of one variant differ."""


class DefaultSelector:
    """What the profiles of a manifest are selected by on a machine, unless the request says it."""

    __slots__ = ("_prebuilt", "_whole")

    def __init__(self, profiles: Iterable[Profile], machine: Machine, request: Request):
        speech = [p for p in profiles if p.tags.get("model_type") in _MODEL_TYPES]
        asked = {tag for tag, _ in request.tags}
        self._whole = {
            profile.tags.get("name", "")
            for profile in speech
            if profile.tags.get("mode") == "all" and "mode" not in asked
        }
        self._prebuilt = {
            _variant(profile)
            for profile in speech
            if profile.tags["model_type"] == "prebuilt"
            and "model_type" not in asked
            and _is_for_a_gpu_of(profile, machine)
        }

    def against(self, profile: Profile) -> Iterator[NotDefault]:
        """By which of these a profile is not selected."""
        tags = profile.tags
        if tags.get("model_type") not in _MODEL_TYPES:
            return
        mode = tags.get("mode", "all")
        name = tags.get("name", "")
        if mode != "all" and any(_alike(name, other) for other in self._whole):
            yield NotDefault("mode", "all", mode)
        if tags["model_type"] == "rmir" and _variant(profile) in self._prebuilt:
            yield NotDefault("model_type", "prebuilt", "rmir")


def _alike(name: str, other: str) -> bool:
    """Whether they are one model's name; some printouts are handed on with long lines cut short."""
    return name == other or (name.endswith("…") and other.startswith(name[:-1]))


def _variant(profile: Profile) -> frozenset[tuple[str, str]]:
    return frozenset(pair for pair in profile.tags.items() if pair[0] not in _OF_HARDWARE)


def _is_for_a_gpu_of(profile: Profile, machine: Machine) -> bool:
    named = profile.gpu_names, profile.gpu_devices, profile.gpu_pattern
    return any(kind.is_one_of(*named) is True for group in machine.groups for kind in group.kinds)
