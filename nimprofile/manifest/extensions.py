"""Our own blocks of a manifest: `requires`, `model_shape`, `checkpoints`, `engine_version`.

They are read strictly: an unknown key is an error, so that a misspelt requirement is not lost.
"""

from __future__ import annotations

from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.versions import is_specifier_set, is_version, split_requirement
from nimprofile.manifest.nodes import (
    MisplacedError,
    kind_of,
    read_fields,
    read_size,
    read_text,
    read_whole,
)
from nimprofile.manifest.profile import Requires
from nimprofile.model.shape import MAX_LAYERS, ModelShape, plain_shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.formats.yaml_reader import Node, Path

HEAD_KEYS = frozenset(
    {
        *("schema_version", "profile_selection_criteria", "model", "release", "model_shape"),
        *("engine_version", "checkpoints", "sources"),
    }
)
"""Keys of a manifest as a whole."""

EXACT_BYTES = "checkpoint_bytes"
"""The key of a shape beside those of a `config.json`: the bytes of the checkpoint's weights."""


class Checkpoint(Record):
    """One checkpoint of a model, as a profile serves it.

    Attributes:
        name: what the tag `checkpoint` calls it, in a manifest of several.
        path: where it was read from: a directory, or a name in a repository of models.
        shape: its layers, and how their weights are stored.
    """

    name: str
    path: str
    shape: ModelShape


_CHECKPOINT = ("name", "path", "model_shape")
"""Keys of an entry of `checkpoints`."""


def read_checkpoints(node: Node, path: Path) -> tuple[Checkpoint, ...]:
    """The list `checkpoints`; () when it is not there."""
    if node is None:
        return ()
    if not isinstance(node, list):
        raise MisplacedError(f"expected a list, this is {kind_of(node)}", path)
    checkpoints: dict[str, Checkpoint] = {}
    for position, entry in enumerate(node):
        where = (*path, position)
        if not isinstance(entry, dict):
            raise MisplacedError(f"expected a mapping, this is {kind_of(entry)}", where)
        if unknown := entry.keys() - set(_CHECKPOINT):
            key = min(unknown)
            raise MisplacedError(f"unknown key; known: {', '.join(_CHECKPOINT)}", (*where, key))
        name = read_text(entry.get("name"), (*where, "name"))
        shape = read_shape(entry.get("model_shape"), (*where, "model_shape"))
        if not name or shape is None:
            missing = "model_shape" if name else "name"
            raise MisplacedError(f"{missing} is missing", where)
        if name in checkpoints:
            raise MisplacedError(f"there is a checkpoint {name} already", (*where, "name"))
        directory = read_text(entry.get("path"), (*where, "path")) or ""
        checkpoints[name] = Checkpoint(name, directory, shape)
    return tuple(checkpoints.values())


_SIZES = ("memory_gib_per_gpu", "estimated_memory_gib_per_gpu")
_REQUIRES = ("compute_capability", "driver", "cuda", "engine", *_SIZES)
"""Keys of `requires`."""


def read_requires(node: Node, path: Path) -> Requires:
    """The block `requires` of a profile."""
    fields = read_fields(node, path, _REQUIRES)
    for key in ("compute_capability", "driver", "cuda"):
        if (text := fields.get(key)) is not None and not is_specifier_set(text):
            problem = f'{quoted(text)} is not a version specifier set such as ">=8.9"'
            raise MisplacedError(problem, (*path, key))
    if (text := fields.get("engine")) is not None:
        try:
            split_requirement(text)
        except ValueError:
            raise MisplacedError(
                f'{quoted(text)} is not an engine and its versions, such as "vllm>=0.10.1"',
                (*path, "engine"),
            ) from None
    memory, estimated = (
        None if (text := fields.get(key)) is None else read_size(text, (*path, key))
        for key in _SIZES
    )
    return Requires(
        fields.get("compute_capability"),
        fields.get("driver"),
        fields.get("cuda"),
        memory_gib_per_gpu=memory,
        engine=fields.get("engine"),
        estimated_memory_gib_per_gpu=estimated,
    )


_SHAPE = (
    "parameters",
    "num_hidden_layers",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
)
"""Keys of a `model_shape` of five figures."""


def read_shape(node: Node, path: Path) -> ModelShape | None:
    """The block in either form: five figures, or that of a `config.json`."""
    if node is None:
        return None
    if isinstance(node, dict) and ("model_type" in node or "text_config" in node):
        from nimprofile.base.errors import ModelError
        from nimprofile.model.shape_reader import shape_from_config

        try:
            shape = shape_from_config(node)
        except ModelError as error:
            raise MisplacedError(error.problem, (*path, *_steps(error.place))) from None
        exact = read_text(node.get(EXACT_BYTES), (*path, EXACT_BYTES))
        if exact is None:
            return shape
        return shape.replace(checkpoint_bytes=read_whole(exact, (*path, EXACT_BYTES)))
    fields = read_fields(node, path, _SHAPE)
    counts = []
    for key in _SHAPE:
        if key not in fields:
            raise MisplacedError(f"{key} is missing", path)
        counts.append(read_whole(fields[key], (*path, key)))
    if counts[1] > MAX_LAYERS:
        raise MisplacedError(f"{counts[1]} layers are too many", (*path, "num_hidden_layers"))
    return plain_shape(*counts)


def _steps(place: str) -> Path:
    return tuple(place.split(".")) if place else ()


def read_version(node: Node, path: Path) -> str | None:
    """A version, as `packaging` reads it."""
    text = read_text(node, path)
    if text is not None and not is_version(text):
        raise MisplacedError(f"{quoted(text)} is no version such as 0.19.0", path)
    return text
