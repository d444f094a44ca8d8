"""Whether GPUs are there, healthy and free, and what to do about those that are not."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.printable import sentence
from nimprofile.base.units import format_gib, format_gpus
from nimprofile.base.versions import satisfies
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.machine.releases import image_of, release_of
from nimprofile.hardware.conditions import Condition, Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nimprofile.doctor.subject import Subject
    from nimprofile.hardware.inventory import Gpu, Inventory

CHECK = "gpus"

EMPTY = 0.95
"""The share of its memory that an empty GPU has free: the gate of NIM 1.x itself, which lists
others as not runnable (docs/discovery.md, "Which of several GPUs")."""


def gpus(subject: Subject) -> Iterator[Finding]:
    """The GPUs of what is selected; where nothing is, all of the machine."""
    if subject.inventory is None:
        yield Finding(CHECK, Status.SKIPPED, "nothing more is known of the GPUs of this host")
        return
    job = subject.job
    if job is None:
        yield from gpu_findings(subject.inventory, None)
        return
    if job.server is Server.NIM and any(gpu.mig is not None for gpu in job.gpus):
        yield from mig_findings(release_of(job, image_of(job), subject.manifest))
    yield from gpu_findings(subject.inventory, job.gpus)


MIG_SINCE = "1.13"
"""The first NIM for language models whose page supports MIG: docs.nvidia.com/nim/
large-language-models/1.13.0/supported-models.html; that of 1.12.0 says it does not."""


def mig_findings(release: str | None) -> Iterator[Finding]:
    """That a NIM is older than its support of MIG instances; nothing of one that is not known."""
    if release is not None and satisfies(release, f"<{MIG_SINCE}"):
        told = f"a MIG instance is chosen, and NIM {release} does not support MIG"
        fix = f"take NIM {MIG_SINCE} or later, or a whole GPU"
        yield Finding(CHECK, Status.WARNING, told, fix=fix)


def gpu_findings(machine: Inventory, chosen: tuple[Gpu, ...] | None) -> Iterator[Finding]:
    """What ails the GPUs, each thing once, with the GPUs that it is about.

    Args:
        machine: its GPUs.
        chosen: those that a server is started on; None where nothing is selected.
    """
    looked_at = machine.offered if chosen is None else chosen
    ailing = [*_unavailable(machine.unavailable), *_ailing(looked_at, several=len(looked_at) > 1)]
    busy = [*_busy(looked_at)]
    yield from ailing
    yield from busy
    if not machine.gpus:
        yield Finding(CHECK, Status.FAILED, "there is no GPU", fix="see: nimprofile gpus")
    elif not looked_at:
        fix = "look at the others above, or see: nimprofile gpus"
        yield Finding(CHECK, Status.FAILED, "no GPU can be used", fix=fix)
    elif not any(finding.status is Status.FAILED for finding in ailing):
        names = format_gpus(tuple(gpu.index for gpu in looked_at))
        part = f" of {len(machine.offered)} that can be used" if chosen is not None else ""
        state = "answer" if len(looked_at) > 1 else "answers"
        well = "" if ailing or busy else ", healthy and free"
        yield Finding(CHECK, Status.OK, f"{names}{part} {state}{well}")


def _unavailable(gpus: Iterable[Gpu]) -> Iterator[Finding]:
    """GPUs that are not offered: what is selected does without them."""
    for reason, indices in _by_text((gpu.unavailable or "", gpu.index) for gpu in gpus).items():
        yield Finding(
            CHECK,
            Status.WARNING,
            f"{format_gpus(indices)} cannot be used: {sentence(reason)}",
            fix=_fix(reason),
        )


def _ailing(gpus: Iterable[Gpu], *, several: bool) -> Iterator[Finding]:
    issues = ((issue, gpu.index) for gpu in gpus for issue in gpu.health_issues)
    for issue, indices in _by_text(issues).items():
        # Of one GPU alone nothing is asked of the fabric; several wait for it (CUDA's error 802).
        fatal = several and isinstance(issue, Condition) and issue.kind in _OF_FABRIC
        yield Finding(
            CHECK,
            Status.FAILED if fatal else Status.WARNING,
            f"{format_gpus(indices)}: {sentence(issue)}",
            fix=_fix(issue),
        )


def _busy(gpus: Iterable[Gpu]) -> Iterator[Finding]:
    """GPUs on which something else has memory."""
    for gpu in gpus:
        free, total = gpu.memory_free_mib, gpu.memory_total_mib
        share = gpu.free_fraction
        if gpu.unified_memory or free is None or total is None or share is None or share >= EMPTY:
            continue
        used = format_gib((total - free - (gpu.memory_reserved_mib or 0)) << 20)
        busy = gpu.utilization_percent
        works = f", and it computes {busy} % of the time" if busy else ""
        yield Finding(
            CHECK,
            Status.WARNING,
            f"GPU {gpu.index}: {used} of {format_gib(total << 20)} are in use{works}",
            fix="see whose they are (nvidia-smi), and end it or take another GPU",
        )


def _by_text(pairs: Iterable[tuple[str, int]]) -> Mapping[str, tuple[int, ...]]:
    """The indices of the GPUs that share a text."""
    found: dict[str, tuple[int, ...]] = {}
    for text, index in pairs:
        found[text] = (*found.get(text, ()), index)
    return found


_OF_FABRIC = frozenset({Kind.FABRIC_STATE, Kind.FABRIC_FAILED})

_RESET = "reset it (nvidia-smi --gpu-reset -i INDEX, as root, with nothing on it), or reboot"
_FABRIC = (
    "start the fabric manager of this very driver version (systemctl status nvidia-fabricmanager), "
    "without which CUDA answers error 802"
)
"""docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide; the states of the fabric:
github.com/NVIDIA/NVSentinel/issues/883; the error: github.com/pytorch/pytorch/issues/35710."""

_FIXES = {
    Kind.LOST: f"see dmesg for its Xid; {_RESET}",
    Kind.REFUSED: "see nvidia-smi and dmesg; reboot",
    Kind.NO_ANSWER: f"nvidia-smi may hang too: see dmesg for its Xid; {_RESET}",
    Kind.ENDED: "update the driver: the library that reads it crashed",
    Kind.UNREADABLE: "update the driver, or nvidia-ml-py",
    Kind.NOT_READ: "allow it more time: --nvml-timeout",
    Kind.ROW_FAILED: "have it replaced",
    Kind.NO_INSTANCE: "make an instance (nvidia-smi mig -cgi … -C), or leave the mode: -mig 0",
    Kind.NODE_BLOCKED: "give this user its device node: --gpus of docker run, or the group video",
    Kind.RECOVERY: _RESET,
    Kind.ROW_PENDING: _RESET,
    Kind.PAGE_PENDING: _RESET,
    Kind.ECC_ERRORS: f"watch it (nvidia-smi -q -d ECC); {_RESET}",
    Kind.FABRIC_STATE: _FABRIC,
    Kind.FABRIC_FAILED: _FABRIC,
}


def _fix(text: str) -> str:
    kind = text.kind if isinstance(text, Condition) else None
    return _FIXES.get(kind, "see nvidia-smi and dmesg") if kind else "see nvidia-smi and dmesg"
