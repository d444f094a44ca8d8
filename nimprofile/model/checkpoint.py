"""A checkpoint on disk: the model its directory describes, and the exact bytes of its weights.

A Hugging Face directory holds `config.json`, perhaps ModelOpt's `hf_quant_config.json`, and the
weights as safetensors. Their bytes are in `model.safetensors.index.json`, or in the header at the
head of each file.
"""

from __future__ import annotations

import os

from nimprofile.base.errors import ModelError
from nimprofile.base.expect import expect_path
from nimprofile.base.formats.json_reader import JsonError, read_json
from nimprofile.base.formats.text_files import read_text
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.model.safetensors import tensor_bytes
from nimprofile.model.shape_reader import read_config
from nimprofile.model.weights import is_likely

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import KW_ONLY

    from nimprofile.model.shape import ModelShape

CONFIG, QUANTIZATION = "config.json", "hf_quant_config.json"
INDEX = "model.safetensors.index.json"
MAX_BYTES = 10**15
"""Above the bytes of any checkpoint."""

MAX_CONFIG = 16 << 20
"""The largest config.json that is read, in bytes. Those with long lists of modules have one MiB."""


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
    config: Mapping[str, object]
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
    in_folder = os.path.isdir(name)
    folder, file = (name, CONFIG) if in_folder else os.path.split(name)
    config = os.path.join(folder, file)
    fields = _mapping(config, most=MAX_CONFIG, named=not in_folder)
    if _MODEL_FIELDS.isdisjoint(fields):
        kind = "a manifest: use --manifest" if "profiles" in fields else "no model's config.json"
        problem = f"this is {kind}; it has none of {', '.join(sorted(_MODEL_FIELDS))}"
        raise ModelError(problem, source=config)
    beside = os.path.join(folder, QUANTIZATION)
    quantization = None
    if os.path.exists(beside):
        block = _mapping(beside, most=MAX_CONFIG).get("quantization")
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
    return "profiles" not in _mapping(path, named=True)


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
        return tensor_bytes((os.path.join(folder, name) for name in files), left_out)
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
            f"{quoted(str(total), 40)} is no size in bytes",
            source=index,
            place="metadata.total_size",
        )
    return int(total)


def _mapping(path: str, *, most: int | None = None, named: bool = False) -> Mapping[str, object]:
    text = read_text(path, what="model", error=ModelError, named=named, most=most)
    try:
        value = read_json(text)
    except JsonError as error:
        hint = "; a manifest goes to --manifest" if path.endswith((".yaml", ".yml")) else ""
        raise ModelError(f"{error.problem}{hint}", source=path, line=error.line) from None
    if not isinstance(value, dict):
        raise ModelError("expected a mapping of keys and values", source=path)
    return value
