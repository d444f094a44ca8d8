"""A checkpoint on disk: the model its directory describes, and the exact bytes of its weights.

A Hugging Face directory holds `config.json`, perhaps ModelOpt's `hf_quant_config.json`, and the
weights as safetensors. Their bytes are in `model.safetensors.index.json`, or in the header at the
head of each file: eight bytes of length, little-endian, and that much JSON
(huggingface.co/docs/safetensors, "format"). Nothing else of them is read.
"""

from __future__ import annotations

import json
import os

from nimprofile.base.errors import ManifestError, ModelError
from nimprofile.base.expect import expect_path
from nimprofile.base.record import Record
from nimprofile.model.shape_reader import read_config
from nimprofile.model.weights import is_likely

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.model.shape import ModelShape

CONFIG, QUANTIZATION = "config.json", "hf_quant_config.json"
INDEX = "model.safetensors.index.json"
MAX_BYTES = 10**15
"""Above the bytes of any checkpoint."""

MAX_HEADER = 100_000_000
"""The longest header the format allows, in bytes (safetensors, `MAX_HEADER_SIZE`)."""


class Model(Record):
    """One checkpoint of a model, as its directory describes it.

    Attributes:
        name: the directory's.
        path: the directory, as it was given.
        config: what of the config.json its shape was read from.
        shape: its layers, and how their weights are stored.
    """

    name: str
    path: str
    config: dict[str, object]
    _: KW_ONLY
    shape: ModelShape


def load_model(path: str | os.PathLike[str]) -> ModelShape:
    """Read a model's shape from a `config.json`, or the directory it lies in.

    Beside it, ModelOpt's quantisation and the exact bytes of the weights are read where they are.

    Raises ModelError with the file and the place.
    """
    return read_model(expect_path("load_model: path", path)).shape


def read_model(path: str | os.PathLike[str]) -> Model:
    """Like `load_model`, with what a manifest says of the model beside its shape.

    Raises ModelError with the file and the place.
    """
    name = expect_path("read_model: path", path)
    folder, file = (name, CONFIG) if os.path.isdir(name) else os.path.split(name)
    config = os.path.join(folder, file)
    fields = _mapping(config)
    if _MODEL_FIELDS.isdisjoint(fields):
        kind = "a manifest: use --manifest" if "profiles" in fields else "no model's config.json"
        problem = f"this is {kind}; it has none of {', '.join(sorted(_MODEL_FIELDS))}"
        raise ModelError(problem, source=config)
    beside = os.path.join(folder, QUANTIZATION)
    quantization = None
    if os.path.exists(beside):
        block = _mapping(beside).get("quantization")
        quantization = block if isinstance(block, dict) else None
    try:
        shape, asked = read_config(fields, quantization)
    except ModelError as error:
        raise ModelError(error.problem, source=config, place=error.place) from None
    exact = weight_bytes_of(folder, shape)
    if exact is not None:
        shape = shape.replace(checkpoint_bytes=exact)
        if shape.known and not is_likely(shape):
            problem = (
                f"the checkpoint has {exact:,} bytes, which is not what its config.json makes: "
            )
            shape = shape.replace(
                notes=(*shape.notes, f"{problem}incomplete, or of another model?")
            )
    own = os.path.basename(os.path.abspath(folder or os.curdir))
    return Model(own or "model", folder or os.curdir, asked, shape=shape)


_MODEL_FIELDS = frozenset({"model_type", "architectures", "text_config", "num_hidden_layers"})
"""Keys of which every model's config.json has one."""


def is_model(path: str) -> bool:
    """Whether a path is a model's `config.json` or a directory, and not a manifest."""
    if os.path.isdir(path):
        return True
    if not path.endswith(".json") or not os.path.isfile(path):
        return False
    return "profiles" not in _mapping(path)


def weight_bytes_of(folder: str, shape: ModelShape) -> int | None:
    """Exact bytes of a model's weights in a directory; None when it has none, or not their sizes.

    Layers that only draft are not counted; an index whose total includes them does not count.
    """
    folder = folder or os.curdir
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise ModelError(f"cannot be listed: {error.strerror}", source=folder) from None
    files = [name for name in names if name.endswith(".safetensors")]
    if files:
        drafts = ("mtp.", "model.mtp.", f"model.layers.{len(shape.layers)}.")
        left_out = drafts if shape.drafter else ()
        return sum(sum(_tensors(os.path.join(folder, name), left_out)) for name in files)
    index = os.path.join(folder, INDEX)
    if shape.drafter or not os.path.exists(index):
        return None
    metadata = _mapping(index).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if total is None:
        return None
    fine = isinstance(total, int | float) and not isinstance(total, bool)
    if not fine or not 0 < total < MAX_BYTES:
        raise ModelError(
            f"{total!r} is no size in bytes", source=index, place="metadata.total_size"
        )
    return int(total)


def _tensors(path: str, left_out: tuple[str, ...]) -> Iterator[int]:
    """Bytes of every tensor of a safetensors file but those whose names begin so."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if length <= MAX_HEADER else b""
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", source=path) from None
    if length > MAX_HEADER:  # the text of a pointer, read as a length, is enormous
        raise ModelError("a Git LFS pointer, or no safetensors file: fetch it", source=path)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError("not a safetensors file: its header is no JSON", source=path) from None
    if not isinstance(header, dict):
        raise ModelError("not a safetensors file: its header is no mapping", source=path)
    for name, entry in header.items():
        if name == "__metadata__" or (left_out and name.startswith(left_out)):
            continue
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        match offsets:
            case [int(start), int(end)] if 0 <= start <= end:
                yield end - start
            case _:
                raise ModelError("no data_offsets", source=path, place=name)


def _mapping(path: str) -> Mapping[str, object]:
    from nimprofile.base.formats.text_files import read_text

    try:
        value = json.loads(read_text(path, what="model"))
    except ManifestError as error:
        raise ModelError(error.problem, source=path) from None
    except RecursionError:
        raise ModelError("nested too deeply", source=path) from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        hint = "; a manifest goes to --manifest" if path.endswith((".yaml", ".yml")) else ""
        raise ModelError(f"not JSON: {error}{hint}", source=path, line=line) from None
    if not isinstance(value, dict):
        raise ModelError("expected a mapping of keys and values", source=path)
    return value
