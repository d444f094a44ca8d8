"""Which GPUs variables show to a server, and what of the driver they give it."""

from __future__ import annotations

from nimprofile.base.printable import sentence
from nimprofile.doctor.finding import Finding, Status
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.visible_devices import BUS_ORDER, CUDA, CUDA_ORDER, RUNTIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject
    from nimprofile.hardware.inventory import Inventory

CHECK = "visibility"
CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES"


def visibility(subject: Subject) -> Iterator[Finding]:
    """What the variables hide of this machine."""
    yield from visibility_findings(subject.environ, subject.inventory)


def visibility_findings(environ: Mapping[str, str], machine: Inventory | None) -> Iterator[Finding]:
    """What hides GPUs, or shows them in another order than is meant.

    Args:
        environ: the variables.
        machine: as it was read, with its remarks on what is hidden.
    """
    found = [*_hidden(machine), *_of_runtime(environ), *_order(environ)]
    yield from found
    if not found:
        names = [name for name in (CUDA, RUNTIME) if name in environ]
        told = f"no GPU is hidden by {' or '.join(names)}" if names else f"{CUDA} is not set"
        yield Finding(CHECK, Status.OK, told)


def _hidden(machine: Inventory | None) -> Iterator[Finding]:
    for remark in () if machine is None else machine.remarks:
        if isinstance(remark, Condition) and remark.kind is Kind.HIDDEN:
            variable = remark.figures["variable"]
            doubt = remark.figures["doubt"]
            fix = f"unset {variable}, or name the GPUs in it by their UUIDs (nvidia-smi -L)"
            if not doubt:  # it was set so as to hide them, which is no fault
                yield Finding(CHECK, Status.OK, sentence(remark))
            else:
                yield Finding(CHECK, Status.WARNING, sentence(remark), fix=fix)


def _of_runtime(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What the container runtime makes of its own variables.

    docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html.
    """
    if environ.get(RUNTIME, "").strip() == "none":
        told = f"{RUNTIME} is none, with which a container is given no GPU"
        yield Finding(CHECK, Status.FAILED, told, fix=f"set {RUNTIME}=all, or use --gpus")
    given = environ.get(CAPABILITIES, "").strip()
    parts = {part.strip() for part in given.split(",")}
    if given and not parts & {"all", "compute"}:
        told = f"{CAPABILITIES} has not compute, without which a container has no CUDA"
        yield Finding(CHECK, Status.FAILED, told, fix=f"set {CAPABILITIES}=compute,utility")


def _order(environ: Mapping[str, str]) -> Iterator[Finding]:
    """An order that CUDA does not know: CUDA programming guide, "CUDA environment variables"."""
    order = environ.get(CUDA_ORDER)
    if order is not None and order.strip() not in {BUS_ORDER, "FASTEST_FIRST"}:
        told = f"{CUDA_ORDER} is neither {BUS_ORDER} nor FASTEST_FIRST, and counts for nothing"
        yield Finding(CHECK, Status.WARNING, told, fix=f"set {CUDA_ORDER}={BUS_ORDER}")
