"""Which directory keeps the weights that the server downloads."""

from __future__ import annotations

import os

from nimprofile.launch.downloads import cache_of, nim_cache
from nimprofile.launch.servers.nim import CACHE
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.doctor.subject import Subject


def cache_folder(subject: Subject) -> tuple[str, str] | None:
    """The directory of downloaded models, and what says so; None where none is named.

    Without a job it is that of a NIM. In a NIM's container nobody need name it.
    """
    if subject.job is None:
        cache = nim_cache(subject.setup, subject.environ)
    else:
        cache = cache_of(subject.job, subject.environ)
        if cache is None and subject.job.server != "nim":
            return None
    own = os.path.join(subject.root, CACHE.lstrip("/"))
    return (own, "NIM_CACHE_PATH") if cache is None and os.path.isdir(own) else cache


def weights_folder(subject: Subject) -> str | None:
    """The directory that the server reads its weights from: theirs, else the cache."""
    if subject.job is not None and is_path(subject.job.model):
        return subject.job.model
    named = cache_folder(subject)
    return None if named is None else named[0]


def why_none(subject: Subject) -> str:
    """Why there is no directory of downloaded models to look at."""
    job = subject.job
    if job is None:
        return "no cache is named: name one with --cache or NIM_CACHE_PATH"
    if job.server == "nim":
        return "a volume of Docker's keeps the models: name a directory with --cache"
    if is_path(job.model):
        return "nothing is downloaded: the weights are in a directory"
    return "nothing is downloaded: HF_HUB_OFFLINE is set"
