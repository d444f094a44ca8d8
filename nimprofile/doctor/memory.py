"""The host's own memory: what ranks talk through, and what the building of an engine takes."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.units import format_gib
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.problems import findings_of, needs_a_profile
from nimprofile.hardware.host import Host
from nimprofile.launch.preflight import shared_memory_bytes, shared_memory_problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject


def shared_memory(subject: Subject) -> Iterator[Finding]:
    """Whether /dev/shm is large enough for the ranks of an engine."""
    check, job = "shared memory", subject.job
    if job is None:
        yield needs_a_profile(check)
    elif len(job.gpus) == 1:
        yield Finding(check, Status.SKIPPED, "one GPU has no ranks that would talk through it")
    elif job.server is Server.NIM:
        told = "the container has one of its own, and launch says how large"
        yield Finding(check, Status.SKIPPED, told)
    else:
        yield from findings_of(check, shared_memory_problems(), _size())


def _size() -> str:
    size = shared_memory_bytes()
    if size is None:
        return "there is no /dev/shm to look at"
    return f"/dev/shm has {format_gib(size)}"  # noqa: S108


def host_memory(subject: Subject) -> Iterator[Finding]:
    """Whether an engine can be built here, which takes about as much memory as the GPUs use.

    "For trtllm_buildable profiles, the memory requirements are approximately equal to the amount of
    memory used by GPUs": docs.nvidia.com/nim/large-language-models/1.8.0/getting-started.html, CPU.
    A figure that is approximate is a warning at most.
    """
    check, job = "host memory", subject.job
    if job is None:
        yield needs_a_profile(check)
        return
    if not job.profile.buildable:
        yield Finding(check, Status.SKIPPED, "the profile's engine is not built here")
        return
    memory = Host(subject.root).memory()
    if memory is None:
        yield Finding(check, Status.UNKNOWN, "the system does not tell how much memory there is")
        return
    wanted, what = _used_by_gpus(subject)
    if wanted is None:
        yield Finding(check, Status.UNKNOWN, "it is not known how much memory the GPUs have")
        return
    has = f"{format_gib(memory.available)} of {format_gib(memory.total)} can be had"
    takes = f"building the engine takes about what the GPUs use, {format_gib(wanted)} ({what})"
    if memory.available >= wanted:
        yield Finding(check, Status.OK, f"{has}, and {takes}")
    else:
        fix = "free memory or add swap, or select a profile whose engine is not built here"
        yield Finding(check, Status.WARNING, f"{has}, and {takes}", fix=fix)


def _used_by_gpus(subject: Subject) -> tuple[int | None, str]:
    """Bytes that the server will hold of its GPUs together, and what says so."""
    verdict = None if subject.decision is None else subject.decision.selected
    gpus = () if subject.job is None else subject.job.gpus
    if verdict is not None and verdict.need is not None:
        return verdict.need.full_bytes * len(gpus), verdict.need.source
    sizes = [gpu.memory_total_mib for gpu in gpus if gpu.memory_total_mib is not None]
    return (sum(sizes) << 20 if len(sizes) == len(gpus) else None), "all of it"
