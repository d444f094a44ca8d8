"""The JSON Schema of a manifest with our additions.

pydantic makes it from typed models, for editors and for people. What is read is decided by the
reader in `manifest`; a test holds the two together.
`nimprofile schema manifest > docs/manifest.schema.json` writes the page's copy.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from nimprofile.base.units import MAX_SIZE

Tag = str | list[str] | bool | int | float | None
Count = Annotated[int, Field(gt=0)]
Specifiers = Annotated[str, Field(description="a version specifier set, as `packaging` reads it")]


class RequiresBlock(BaseModel):
    """What a profile needs beyond its tags."""

    model_config = ConfigDict(extra="forbid")

    compute_capability: Specifiers | None = Field(None, examples=[">=8.9"])
    driver: Specifiers | None = Field(None, examples=[">=550"])
    cuda: Specifiers | None = Field(None, examples=[">=12.4"])
    engine: str | None = Field(
        None,
        description="an engine and a version specifier set, as `packaging` reads a requirement",
        examples=["vllm>=0.10.1"],
    )
    memory_gib_per_gpu: Annotated[float, Field(gt=0, lt=MAX_SIZE)] | None = Field(
        None, description="memory of each GPU, in GiB of 2**30 bytes"
    )
    estimated_memory_gib_per_gpu: Annotated[float, Field(gt=0, lt=MAX_SIZE)] | None = Field(
        None, description="the same as `manifest build` worked it out; the shape is worth more"
    )


class ModelShapeBlock(BaseModel):
    """The figures that memory is estimated from, named as in a Hugging Face config.json."""

    model_config = ConfigDict(extra="forbid")

    parameters: Count
    num_hidden_layers: Count = Field(description="layers that hold a KV cache")
    num_key_value_heads: Count
    head_dim: Count
    max_position_embeddings: Count


class ConfigBlock(BaseModel):
    """A model's Hugging Face config.json, or what of it bears on memory."""

    model_config = ConfigDict(extra="allow")

    model_type: str = Field(description="a `model_type` that is not known gives no estimate")
    checkpoint_bytes: Count | None = Field(
        None, description="ours: exact bytes of the checkpoint's weights"
    )


class WrappedConfigBlock(BaseModel):
    """The config.json of a model whose language part is a block of its own."""

    model_config = ConfigDict(extra="allow")

    text_config: dict[str, Any]


class CheckpointBlock(BaseModel):
    """One checkpoint of the model."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, description="what the tag `checkpoint` of a profile says")
    path: str | None = Field(None, description="where an engine finds it")
    model_shape: ModelShapeBlock | WrappedConfigBlock | ConfigBlock


class ProfileEntry(BaseModel):
    """One profile of a schema v2 manifest."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(min_length=1, description="opaque, unique in this manifest")
    name: str | None = Field(None, description="ours: what to call it; by default NIM's own name")
    tags: dict[str, Tag] = Field(description="NIM's tags; unknown ones are kept")
    requires: RequiresBlock | None = Field(None, description="ours")
    workspace: Any = Field(None, description="NIM's list of files; passed over")


class ManifestDocument(BaseModel):
    """A NIM model manifest, schema v2, with this project's additions."""

    model_config = ConfigDict(extra="allow")

    schema_version: str | float | int | None = None
    profile_selection_criteria: str | None = None
    model: str | None = None
    release: str | float | int | None = None
    model_shape: ModelShapeBlock | WrappedConfigBlock | ConfigBlock | None = Field(
        None, description="ours"
    )
    checkpoints: list[CheckpointBlock] | None = Field(
        None, description="ours, instead of model_shape; a profile of one of several is tagged"
    )
    sources: list[str] | None = Field(None, description="ours: where the manifest is from")
    engine_version: str | None = Field(None, description="ours: of the container's engine")
    profiles: list[ProfileEntry] = Field(min_length=1)


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a schema v2 manifest."""
    return TypeAdapter(ManifestDocument).json_schema()
