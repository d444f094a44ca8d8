"""`Profile`: one entry of a manifest, with what it requires and the memory it states."""

from __future__ import annotations

from nimprofile.base.gpu_ids import product_in_key
from nimprofile.base.printable import clipped, quoted, shown
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Engine, Objective, Precision
    from nimprofile.base.units import ComputeCapability


class Requires(Record):
    """What a manifest states that a profile needs, beyond its tags.

    Attributes:
        compute_capability: a version specifier set, `>=8.9`.
        driver: the same for the driver version, `>=550`.
        cuda: the same for the CUDA version of the driver, `>=12.4`.
        memory_gib_per_gpu: memory of each GPU, in GiB of 2**30 bytes.
        engine: the engine and a specifier set for its version, `vllm>=0.10.1`.
        estimated_memory_gib_per_gpu: the same, as estimated when the manifest was built; for a
            manifest without the shape to estimate it from.
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

    def __post_init__(self) -> None:
        for size in (self.tp, self.pp):
            if size is not None and (type(size) is not int or size < 1):
                raise ValueError(f"{quoted(size)} is not a number of GPUs")

    @property
    def title(self) -> str:
        """Its name as a message repeats it: printable, and without the middle of a long one."""
        return shown(self.name)

    @property
    def gpus_needed(self) -> int:
        """How many GPUs of one product it runs on: tp x pp, unknown counting as one."""
        return (self.tp or 1) * (self.pp or 1)

    @property
    def is_llm(self) -> bool:
        """Whether it names an engine known to serve language models."""
        return self.engine is not None

    @property
    def gpu_specific(self) -> bool:
        """Whether it names a GPU (documentation since 1.14: generic means no `gpu` tag)."""
        return bool(self.gpu_names or self.gpu_devices or self.gpu_pattern or self.exact_capability)

    @property
    def made_for(self) -> tuple[str, ...]:
        """The GPUs it is for in the manifest's own spelling: names, PCI ids, a pattern of names."""
        name = self.tags.get("gpu") or product_in_key(self.tags.get("key", ""))
        pattern = self.gpu_pattern
        return (
            *((name,) if name else ()),
            *self.gpu_devices,
            *((f"names like {clipped(pattern, 80)}",) if pattern else ()),
        )

    @property
    def gpu_pattern(self) -> str | None:
        """The tag `product_name_regex`: a pattern of the names of GPUs it is for."""
        return self.tags.get("product_name_regex") or None

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
