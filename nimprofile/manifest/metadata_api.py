"""Profiles as the Metadata API of NIM answers them."""

from __future__ import annotations

from nimprofile.manifest.nodes import tag_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.yaml_reader import Node, Path


TAG_OF_FIELD = {
    "inference_backend": "llm_engine",
    "tensor_parallel_size": "tp",
    "pipeline_parallel_size": "pp",
    "buildable_profile": "trtllm_buildable",
}


FIELD_OF_TAG = {tag: field for field, tag in TAG_OF_FIELD.items()}


METADATA_HEAD = frozenset({"release_details", "features", "related_urls"})


_NOT_TAGS = frozenset({"profile_id", "name", "requires", "workspace"})


def tags_of(entry: dict[str, Node], path: Path) -> dict[str, str]:
    """The tags of a profile of the Metadata API, which has fields instead; absent means unknown.

    Source: docs.nvidia.com/nim/metadata-api, response fields (1.0.0).
    """
    return {
        TAG_OF_FIELD.get(key, key): tag_value(key, value, path)
        for key, value in entry.items()
        if key not in _NOT_TAGS and isinstance(value, str | list)
    }
