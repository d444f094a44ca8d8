"""Whether the driver is new enough for the CUDA that an image and a profile need."""

from __future__ import annotations

import re

from nimprofile.base.versions import satisfies
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.machine.driver_needs import OLDEST_DRIVER, need_of
from nimprofile.doctor.machine.releases import image_of, release_of
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import CudaTooOld, DriverTooOld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.machine.driver_needs import CudaNeed
    from nimprofile.doctor.subject import Subject
    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.manifest.profile import Requires

CHECK = "driver"
_UPDATE = "update the driver of this host"


def driver(subject: Subject) -> Iterator[Finding]:
    """Whether the driver serves the image and the profile."""
    if subject.inventory is None:
        yield Finding(CHECK, Status.SKIPPED, "nothing is known of the driver of this host")
        return
    if not subject.this_machine and subject.inventory.driver_version is None:
        yield Finding(CHECK, Status.SKIPPED, "the machine is described without its driver")
        return
    job = subject.job
    if job is None:
        yield from driver_findings(subject.inventory, subject.inventory.offered)
        return
    image = image_of(job)
    version = release_of(job, image, subject.manifest)
    yield from driver_findings(
        subject.inventory,
        job.gpus,
        what=f"{job.server} {version or ''}".strip(),
        need=need_of(job.server, version, image),
        requires=job.profile.requires,
    )


def driver_findings(
    machine: Inventory,
    gpus: tuple[Gpu, ...],
    *,
    what: str = "",
    need: CudaNeed | None = None,
    requires: Requires | None = None,
) -> Iterator[Finding]:
    """Whether the driver serves what is started; one finding, or one for each thing unmet.

    Args:
        machine: with the versions of the driver and of its CUDA.
        gpus: on which it is started.
        what: the server and its version, `vllm 0.33.0`, for the words.
        need: of the image; None where none is known.
        requires: of the profile; None without one.
    """
    have, cuda = machine.driver_version, machine.cuda_version
    if have is None:
        yield Finding(
            CHECK,
            Status.UNKNOWN,
            "the driver's version was not read",
            fix="see whether nvidia-smi tells it",
        )
        return
    found = [*_of_profile(machine, requires), *_of_image(have, gpus, what, need)]
    if found:
        yield from found
        return
    serves = "" if cuda is None else f", which serves CUDA {cuda}"
    if need is None:
        told = f"nothing is known of the CUDA that {what} needs" if what else "no server is chosen"
        fix = "name the image and its tag with --image" if what == "nim" else ""
        yield Finding(CHECK, Status.UNKNOWN, f"driver {have}{serves}; {told}", fix=fix)
        return
    minor = _is_older_minor(cuda, need)
    noted = "; it runs newer minor versions of it with limits" if minor else ""
    yield Finding(
        CHECK, Status.OK, f"driver {have}{serves}: enough for the CUDA {need.cuda} of {what}{noted}"
    )


def _is_older_minor(cuda: str | None, need: CudaNeed) -> bool:
    return cuda is not None and not satisfies(cuda, f">={need.cuda}")


def _of_profile(machine: Inventory, requires: Requires | None) -> Iterator[Finding]:
    """What the profile itself requires, in the words of the selection."""
    if requires is None:
        return
    driver, cuda = machine.driver_version, machine.cuda_version
    if requires.driver is not None and driver and not satisfies(driver, requires.driver):
        words = message(DriverTooOld(requires.driver, driver))
        yield Finding(CHECK, Status.FAILED, words, fix=_UPDATE)
    if requires.cuda is not None and cuda and not satisfies(cuda, requires.cuda):
        words = message(CudaTooOld(requires.cuda, cuda))
        yield Finding(CHECK, Status.FAILED, words, fix=_UPDATE)


def _of_image(
    have: str, gpus: tuple[Gpu, ...], what: str, need: CudaNeed | None
) -> Iterator[Finding]:
    if need is None:
        return
    oldest = OLDEST_DRIVER[need.cuda]
    if not satisfies(have, f">={oldest}"):
        problem = f"driver {have} is older than {oldest}, from which on CUDA {need.cuda} runs, on "
        problem += f"which {what} is built"
        older = f"{_UPDATE} to {oldest} or later, or take an older release"
        if gpus and all(map(is_of_data_center, gpus)):
            yield Finding(
                CHECK,
                Status.WARNING,
                f"{problem}: it runs only where its image brings cuda-compat for this driver",
                fix=older,
            )
        else:
            yield Finding(CHECK, Status.FAILED, problem, fix=older)
    elif need.driver is not None and not satisfies(have, f">={need.driver}"):
        yield Finding(
            CHECK,
            Status.WARNING,
            f"driver {have} is older than {need.driver}, which the page of {what} asks for "
            f"({need.source})",
            fix=f"{_UPDATE} to {need.driver} or later",
        )


_OTHER_LINES = re.compile(r"\b(?:GeForce|RTX|Quadro|TITAN|Orin|Thor|GB10)\b", re.IGNORECASE)
_OF_DATA_CENTER = re.compile(
    r"(?:NVIDIA )?(?:Tesla )?(?:GB|GH|DGX |[ABHLPTV])[0-9]{1,3}[A-Z]?\b.*", re.IGNORECASE
)


def is_of_data_center(gpu: Gpu) -> bool:
    """Whether a GPU is of the line for data centers, by the name that NVML gives it.

    Only those, some RTX servers and Jetsons have CUDA's forward compatibility
    (docs.nvidia.com/deploy/cuda-compatibility/forward-compatibility.html). A name that is of no
    known line is not counted among them.
    """
    name = gpu.name or ""
    return _OTHER_LINES.search(name) is None and _OF_DATA_CENTER.fullmatch(name) is not None
