"""Makes a profile of its tags, and reads every tag into its type."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.errors import ManifestError
from nimprofile.base.gpu_ids import (
    MISTAKEN_IDS,
    normalise_gpu_name,
    parse_device_id,
    product_in_key,
)
from nimprofile.base.printable import quoted
from nimprofile.base.units import GIB, ComputeCapability, parse_size, stated_gb_to_bytes
from nimprofile.manifest.profile import NOTHING_REQUIRED, STATED_BY_TAG, Profile, Stated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.manifest.profile import Requires

_PRECISIONS = {str(precision): precision for precision in Precision}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def profile_from_tags(
    id: str,
    tags: Mapping[str, str],
    *,
    name: str,
    requires: Requires = NOTHING_REQUIRED,
    memory: Stated | None = None,
    tags_from_name: bool = False,
) -> Profile:
    """Make a profile of its tags.

    Unknown tags are kept and unknown engines and precisions are left to `fit`, which rejects
    that profile and not the manifest. `memory` wins over the tag `min_vram_per_device_gb`, and
    `requires.memory_gib_per_gpu` over both.

    Raises ManifestError, with a place like `tags.tp`, for a value that cannot be what its tag
    says it is.
    """
    get = tags.get
    objective = get("profile")
    devices = get("gpu_device")
    capability = get("compute_capability")
    stated = get("min_vram_per_device_gb")
    by_tag = None if stated is None else _stated_by_tag(stated)
    if requires.memory_gib_per_gpu is not None:
        size = round(requires.memory_gib_per_gpu * GIB)
        memory = Stated(size, size, "requires.memory_gib_per_gpu")
    elif memory is None:
        memory = by_tag
    names = _gpu_names(tags)
    return Profile(
        id,
        name,
        tags,
        engine=Engine.known(get("llm_engine", "")),
        precision=_PRECISIONS.get(get("precision", "").lower()),
        tp=_count(tags, "tp"),
        pp=_count(tags, "pp"),
        objective=None if objective is None else _objective(objective),
        lora=_flag(tags, "feat_lora"),
        buildable=_flag(tags, "trtllm_buildable") is True,
        gpu_names=names,
        gpu_devices=() if devices is None else _devices(devices, names),
        exact_capability=None if capability is None else _capability(capability),
        any_ampere_or_newer=get("ampereplus") == "enabled",
        memory=memory,
        requires=requires,
        tags_from_name=tags_from_name,
    )


def _count(tags: Mapping[str, str], key: str) -> int | None:
    text = tags.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and int(text) >= 1):
        raise ManifestError(
            f"{quoted(text)} is not a number of GPUs; write 1 to 9999", place=f"tags.{key}"
        )
    return int(text)


def _flag(tags: Mapping[str, str], key: str) -> bool | None:
    text = tags.get(key)
    if text is None:
        return None
    flag = _BOOLEANS.get(text.lower())
    if flag is None:
        raise ManifestError(f"{quoted(text)} is neither true nor false", place=f"tags.{key}")
    return flag


def _objective(text: str) -> Objective | None:
    """`throughput-lora`, the spelling of NIM 1.3-1.13, is throughput."""
    try:
        return Objective(text.lower().partition("-")[0])
    except ValueError:
        return None


def _gpu_names(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The `gpu` tag; else the product in a schema v1 `key`."""
    text = tags.get("gpu")
    if text is None:
        text = product_in_key(tags.get("key", "")) or ""
    return tuple(sorted({normalise_gpu_name(part) for part in text.split(",") if part.strip()}))


def _devices(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        devices = [parse_device_id(part) for part in text.split(",")]
        only = names[0] if len(names) == 1 else ""
        return tuple(sorted({MISTAKEN_IDS.get((only, device), device) for device in devices}))
    except ValueError as error:
        raise ManifestError(str(error), place="tags.gpu_device") from None


def _capability(text: str) -> ComputeCapability:
    try:
        return ComputeCapability.parse(text)
    except ValueError as error:
        raise ManifestError(str(error), place="tags.compute_capability") from None


def _stated_by_tag(text: str) -> Stated:
    try:
        number = parse_size(text)
    except ValueError:
        problem = f"{quoted(text)} is not a size in GB"
        raise ManifestError(problem, place="tags.min_vram_per_device_gb") from None
    size = stated_gb_to_bytes(number)
    return Stated(size, size, STATED_BY_TAG, max_model_len=None, printed_gb=number)
