"""Where a server keeps the weights that it downloads, and whether there is room for them."""

from __future__ import annotations

import os

from nimprofile.base.enums import Server
from nimprofile.base.formats.text_files import names_in
from nimprofile.launch.flags import last_given
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.launch.flags import GivenFlag
    from nimprofile.launch.job import Job
    from nimprofile.launch.setup import Setup
    from nimprofile.model.shape import ModelShape


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether huggingface_hub asks nobody: HF_HUB_OFFLINE of its page "Environment variables"."""
    return environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def hub_cache(environ: Mapping[str, str]) -> tuple[str, str]:
    """Where huggingface_hub keeps models, and what says so: its page "Environment variables".

    `HUGGINGFACE_HUB_CACHE` is the older name (the same page at v0.12.0).
    """
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if cache := environ.get(name):
            return cache, name
    home = environ.get("HF_HOME") or os.path.join(
        environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", "/"), ".cache"),
        "huggingface",
    )
    return os.path.join(home, "hub"), "HF_HOME"


def nim_cache(setup: Setup, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Where a NIM keeps its models, and what says so; None where that is its image's own place."""
    if is_path(setup.cache):
        return setup.cache, "--cache"
    folder = environ.get("NIM_CACHE_PATH", "").strip()
    return (folder, "NIM_CACHE_PATH") if is_path(folder) else None


def downloads(job: Job, environ: Mapping[str, str]) -> tuple[str, str]:
    """Where an engine keeps the model that it downloads, and what says so."""
    given = _given(job).get("--download-dir")
    if given is not None and given.value:
        return given.value, "--download-dir"
    return hub_cache(environ)


def cache_of(job: Job, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The directory that a model is downloaded into, and what says so; None where none is."""
    if job.server is Server.NIM:
        return nim_cache(job.setup, environ)
    return None if is_path(job.model) or is_offline(environ) else downloads(job, environ)


def existing(folder: str) -> str:
    """The directory that is there, of one that is perhaps yet to be made."""
    there = os.path.abspath(folder)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    return there


def to_download(job: Job, folder: str, environ: Mapping[str, str]) -> int | None:
    """Bytes of the weights that are not yet in a cache; None when nothing tells how many.

    Args:
        job: what is served. Of a model that the operator names, only a name of the checkpoint
            itself tells how it is stored.
        folder: the cache.
        environ: the variables.
    """
    if job.shape is None or not job.own_weights or _from_elsewhere(job, environ):
        return None
    if job.server is Server.NIM:
        hubs = (folder, os.path.join(folder, "hub"), os.path.join(folder, "ngc", "hub"))
        if any(name.startswith("models--") for hub in hubs for name in names_in(hub)):
            return None  # perhaps of this model
        return _stored_bytes(job.shape)
    size = _stored_bytes(job.shape)
    model = "models--" + job.model.removeprefix("hf://").replace("/", "--")
    here = sum(_sizes(os.path.join(folder, model, "blobs")))
    return None if size is None else max(0, size - here)


def _from_elsewhere(job: Job, environ: Mapping[str, str]) -> bool:
    """Whether the weights come another way than from Hugging Face into its cache."""
    given = _given(job)
    if "--load-format" in given or (job.server is Server.NIM and "--download-dir" in given):
        return True
    return any(map(environ.get, _OTHER_HUBS))


def _given(job: Job) -> Mapping[str, GivenFlag]:
    """The arguments of the engine that the operator adds."""
    spec = server_spec(job.server)
    return last_given(job.setup.arguments, spec.engine_flags or spec.flags)


_OTHER_HUBS = ("VLLM_USE_MODELSCOPE", "SGLANG_USE_MODELSCOPE")


def _stored_bytes(shape: ModelShape) -> int | None:
    """Bytes of a model's weights on disk; None when they are not known."""
    if shape.checkpoint_bytes is not None:
        return shape.checkpoint_bytes
    from nimprofile.model.storage import storage_of
    from nimprofile.model.weights import weight_bytes

    if not shape.known or not storage_of(shape, None).known:
        return None
    (loaded,) = weight_bytes(shape, None, padded=False)
    return loaded if shape.quantization else loaded * shape.stored_bits // shape.dtype_bits


def _sizes(folder: str) -> Iterator[int]:
    """Bytes of each file in a directory."""
    for name in names_in(folder):
        try:
            yield os.lstat(os.path.join(folder, name)).st_size
        except OSError:  # it was moved meanwhile
            continue


def free_bytes(folder: str) -> int | None:
    """Bytes that this user can still write below a directory; None when the system does not say."""
    try:
        filesystem = os.statvfs(existing(folder))
    except OSError:
        return None
    # Some network file systems say that they have no blocks at all.
    return filesystem.f_bavail * filesystem.f_frsize if filesystem.f_blocks else None
