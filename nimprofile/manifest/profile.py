"""`Profile`: one entry of a manifest, typed from its tags."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.errors import ManifestError
from nimprofile.base.gpu_ids import normalise_gpu_name, parse_device_id
from nimprofile.base.record import Record
from nimprofile.base.units import ComputeCapability, parse_size, stated_gb_to_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import KW_ONLY


class Requires(Record):
    """What a manifest states that a profile needs, beyond its tags.

    Attributes:
        compute_capability: a version specifier set, `>=8.9`.
        driver: the same for the driver version, `>=550`.
        cuda: the same for the CUDA version of the driver, `>=12.4`.
        memory_gib_per_gpu: memory of each GPU, in GiB of 2**30 bytes.
        engine: the engine and a specifier set for its version, `vllm>=0.10.1`.
        estimated_memory_gib_per_gpu: the same as it was worked out when the manifest was built,
            for who has no shape to work it out from.
    """

    compute_capability: str | None = None
    driver: str | None = None
    cuda: str | None = None
    _: KW_ONLY
    memory_gib_per_gpu: float | None = None
    engine: str | None = None
    estimated_memory_gib_per_gpu: float | None = None


NOTHING_REQUIRED = Requires()


STATED_BY_TAG = "tag min_vram_per_device_gb"


class Stated(Record):
    """Memory that a manifest says each GPU must have.

    Attributes:
        full_bytes: bytes per GPU for the full context.
        least_bytes: bytes per GPU with a context cut short, when the source says so; otherwise
            the same; 0 when the source says only that a shorter context helps.
        source: what said it: `requires.memory_gib_per_gpu`, a tag, or the listing.
        max_model_len: the context that `least_bytes` is for, in tokens, when it was printed.
        printed_gb, printed_least_gb: the figures as a printout or tag has them.
    """

    full_bytes: int
    least_bytes: int
    source: str
    _: KW_ONLY
    max_model_len: int | None = None
    printed_gb: float | None = None
    printed_least_gb: float | None = None


class Profile(Record):
    """One entry of a manifest.

    The typed fields are read from `tags` once; `tags` keeps everything as it was written.

    Attributes:
        id: opaque; unique within its manifest only.
        name: the description that NIM prints beside the id.
        tags: key -> value as the manifest has them.
        engine: None when no tag names one (speech, retrieval) or the name is not known.
        precision: likewise.
        tp, pp: tensor and pipeline parallel sizes; None is unknown.
        objective: latency or throughput, None when the profile is tuned for neither.
        lora: whether it serves LoRA adapters; None is unknown.
        buildable: its TensorRT-LLM engine is compiled at the first start.
        gpu_names: normalised names of the GPUs it is for; empty with `gpu_devices`: any GPU.
        gpu_devices: PCI ids of the GPUs it is for.
        exact_capability: the one compute capability a compiled engine runs on.
        any_ampere_or_newer: tag `ampereplus: enabled`.
        memory: what the manifest says it needs on each GPU.
        requires: the manifest's own conditions.
        tags_from_name: the tags were read off the name, or off the fields of the Metadata API, so
            they may be incomplete and are not what the id was computed from.
    """

    id: str
    name: str
    tags: Mapping[str, str]
    _: KW_ONLY
    engine: Engine | None = None
    precision: Precision | None = None
    tp: int | None = None
    pp: int | None = None
    objective: Objective | None = None
    lora: bool | None = None
    buildable: bool = False
    gpu_names: tuple[str, ...] = ()
    gpu_devices: tuple[str, ...] = ()
    exact_capability: ComputeCapability | None = None
    any_ampere_or_newer: bool = False
    memory: Stated | None = None
    requires: Requires = NOTHING_REQUIRED
    tags_from_name: bool = False

    @property
    def gpus_needed(self) -> int:
        """How many GPUs of one product it runs on: tp x pp, unknown counting as one."""
        return (self.tp or 1) * (self.pp or 1)

    @property
    def gpu_specific(self) -> bool:
        """Whether it names a GPU (documentation since 1.14: generic means no `gpu` tag)."""
        return bool(self.gpu_names or self.gpu_devices or self.exact_capability)

    @property
    def made_for(self) -> tuple[str, ...]:
        """The GPUs it is for in the manifest's own spelling, names before PCI ids."""
        names = [self.tags.get("gpu") or self.tags.get("key", "").partition("_")[0]]
        return (*(name for name in names if name), *self.gpu_devices)

    @property
    def unknown_engine(self) -> str | None:
        """The `llm_engine` tag when it names an engine this package does not know."""
        return self.tags.get("llm_engine") if self.engine is None else None

    @property
    def unknown_precision(self) -> str | None:
        """The `precision` tag when it names a format this package does not know."""
        return self.tags.get("precision") if self.precision is None else None

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint it serves, in a manifest of several."""
        return self.tags.get("checkpoint")

    @property
    def computed_id(self) -> str:
        """The id that NIM >= 1.3 gives a profile with these tags.

        BLAKE3 (32 bytes, hex) over `key:value` joined by `|`, sorted by key. Older NIM
        hashed differently, so an id that differs is not wrong, only not of this rule.
        """
        from blake3 import blake3

        text = "|".join(f"{key}:{self.tags[key]}" for key in sorted(self.tags))
        return blake3(text.encode()).hexdigest()


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
    """Type a profile's tags.

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
        size = round(requires.memory_gib_per_gpu * (1 << 30))
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
            f"{text!r} is not a number of GPUs; write 1 to 9999", place=f"tags.{key}"
        )
    return int(text)


def _flag(tags: Mapping[str, str], key: str) -> bool | None:
    text = tags.get(key)
    if text is None:
        return None
    flag = _BOOLEANS.get(text.lower())
    if flag is None:
        raise ManifestError(f"{text!r} is neither true nor false", place=f"tags.{key}")
    return flag


def _objective(text: str) -> Objective | None:
    """`throughput-lora`, the spelling of NIM 1.3-1.13, is throughput."""
    try:
        return Objective(text.lower().partition("-")[0])
    except ValueError:
        return None


def _gpu_names(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The `gpu` tag; else the product in a schema v1 `key`, `NVIDIA-A10G_10.0.1_12`."""
    text = tags.get("gpu")
    if text is None:
        text = tags.get("key", "").partition("_")[0]
    return tuple(sorted({normalise_gpu_name(part) for part in text.split(",") if part.strip()}))


_ERRATA = {("l40s", "26b5:10de"): "26b9:10de"}
"""NIM up to 1.2 tags L40S profiles with the L40's id, and they run on an L40S (corpus, 001)."""


def _devices(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        devices = [parse_device_id(part) for part in text.split(",")]
        only = names[0] if len(names) == 1 else ""
        return tuple(sorted({_ERRATA.get((only, device), device) for device in devices}))
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
        problem = f"{text!r} is not a size in GB"
        raise ManifestError(problem, place="tags.min_vram_per_device_gb") from None
    size = stated_gb_to_bytes(number)
    return Stated(size, size, STATED_BY_TAG, max_model_len=None, printed_gb=number)
