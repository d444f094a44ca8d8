"""The answer of NIM's Metadata API: a list `profiles`, each with a `profile_id` and fields.

Source: docs.nvidia.com/nim/metadata-api, response fields (1.0.0).
"""

from __future__ import annotations

from nimprofile.manifest.dialects.spec import TreeDialect, listed_entries
from nimprofile.manifest.nodes import MisplacedError, tag_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.manifest.dialects.spec import Entry, Mapped

TAG_OF_FIELD = {
    "inference_backend": "llm_engine",
    "tensor_parallel_size": "tp",
    "pipeline_parallel_size": "pp",
    "buildable_profile": "trtllm_buildable",
}
FIELD_OF_TAG = {tag: field for field, tag in TAG_OF_FIELD.items()}

_ROOT_KEYS = frozenset({"release_details", "features", "related_urls"})
"""Keys of an answer besides `profiles`."""

_NOT_TAGS = frozenset({"profile_id", "name", "requires", "workspace"})


def _matches(root: Mapped) -> bool:
    nodes = root.get("profiles")
    if isinstance(nodes, list):
        return any(isinstance(node, dict) and "profile_id" in node for node in nodes)
    return "profiles" not in root and bool(root) and root.keys() <= _ROOT_KEYS


def _entries(root: Mapped, problems: list[MisplacedError]) -> list[Entry]:
    if "profiles" not in root:
        raise MisplacedError("an answer of the Metadata API without profiles", ())
    return listed_entries(root, problems, id_key="profile_id")


def _tags(entry: Entry) -> dict[str, str]:
    """The fields of a profile as tags; a field that is absent or no text is unknown."""
    return {
        TAG_OF_FIELD.get(key, key): tag_value(key, value, entry.path)
        for key, value in entry.fields.items()
        if key not in _NOT_TAGS and isinstance(value, str | list)
    }


SPEC = TreeDialect(
    "metadata-api",
    matches=_matches,
    entries=_entries,
    list_key="profiles",
    tags=_tags,
    place_of_tag=lambda tag: (FIELD_OF_TAG.get(tag, tag),),
    tags_are_fields=True,
    conversion_notes=lambda _: (
        "fields of the Metadata API became tags; what is no text was left out",
    ),
)
