"""Which image is started, and which release of its server that is."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.launch.server_spec import server_spec, version_in_tag
from nimprofile.manifest.nim_version import version_of_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.job import Job
    from nimprofile.manifest.manifest import Manifest


def image_of(job: Job) -> str | None:
    """The image that is named, else the server's public one; None where nobody names one."""
    try:
        return job.setup.image or server_spec(job.server).image(job)
    except LaunchError:
        return None


def release_of(job: Job, image: str | None, manifest: Manifest | None) -> str | None:
    """The release of what is started: a NIM for language models, Triton, or the engine itself.

    None where nothing tells it. A NIM of another kind counts its versions by itself: None too.
    """
    if job.server is Server.TRITON:
        return None if image is None else version_in_tag(image)
    if job.server is not Server.NIM:
        return job.version or None
    if job.engine is None:
        return None
    told = None if image is None else version_of_image(image)
    told = told or (None if manifest is None else manifest.nim)
    return None if told is None else ".".join(map(str, told.low))
