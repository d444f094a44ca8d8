"""How the GPUs of a server are joined: NVLink, its switches, and memory shared between hosts."""

from __future__ import annotations

import os
import re
from itertools import combinations

from nimprofile.base.units import format_gpus
from nimprofile.doctor.finding import Finding, Status
from nimprofile.hardware.host import Host
from nimprofile.hardware.inventory import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject
    from nimprofile.hardware.inventory import Gpu, Inventory

_DESCRIBED = "the machine is described, and not this one"
NVLINK, FABRIC, IMEX = "nvlink", "fabric manager", "imex"


def nvlink(subject: Subject) -> Iterator[Finding]:
    """How the chosen GPUs are joined."""
    if subject.job is None or subject.inventory is None:
        yield Finding(NVLINK, Status.SKIPPED, "no GPUs are chosen: name a manifest")
        return
    known = subject.this_machine or subject.inventory.connections
    if not known and len(subject.job.gpus) > 1:
        yield Finding(NVLINK, Status.SKIPPED, "the machine is described without its links")
        return
    yield nvlink_finding(subject.inventory, subject.job.gpus, subject.environ)


def nvlink_finding(
    machine: Inventory, chosen: tuple[Gpu, ...], environ: Mapping[str, str]
) -> Finding:
    """How these GPUs are joined, and what keeps NCCL from using it.

    Args:
        machine: with the connections that were read.
        chosen: the GPUs of the server.
        environ: NCCL's variables.
    """
    if len(chosen) < 2:
        return Finding(NVLINK, Status.SKIPPED, "one GPU needs no link")
    links = {connection.gpus: connection.link for connection in machine.connections}
    indices = sorted(gpu.index for gpu in chosen)
    pairs = [*combinations(indices, 2)]
    names = format_gpus(tuple(indices))
    if unknown := [pair for pair in pairs if pair not in links]:
        return Finding(
            NVLINK,
            Status.UNKNOWN,
            f"{names}: how {len(unknown)} of {len(pairs)} pairs are joined was not read",
            fix="see nvidia-smi topo -m",
        )
    worst = max((links[pair] for pair in pairs), key=[*Link].index)
    if worst is Link.NVLINK:
        for name in _NCCL_OFF:
            if environ.get(name, "").strip() not in {"", "0"}:
                return Finding(
                    NVLINK,
                    Status.WARNING,
                    f"{names} are joined by NVLink, and {name} keeps NCCL from using it",
                    fix=f"unset {name}, unless it is there for a fault that is known",
                )
        return Finding(NVLINK, Status.OK, f"{names} are joined by NVLink")
    apart = [pair for pair in pairs if links[pair] is not Link.NVLINK]
    told = f"{names}: {len(apart)} of {len(pairs)} pairs are joined by {worst} and not by NVLink"
    if Link.NVLINK not in links.values():  # boards without it, as a rule
        return Finding(NVLINK, Status.OK, f"{told}, as no GPUs of this host are")
    return Finding(
        NVLINK,
        Status.WARNING,
        f"{told}; others of this host are: tensor parallelism is slower",
        fix="see nvidia-smi topo -m; show the server GPUs that are joined (CUDA_VISIBLE_DEVICES)",
    )


_NCCL_OFF = ("NCCL_P2P_DISABLE",)
"""Variables with which NCCL uses no NVLink and no PCIe between GPUs (docs.nvidia.com/deeplearning/
nccl/user-guide/docs/env.html, NCCL_P2P_DISABLE)."""


def fabric(subject: Subject) -> Iterator[Finding]:
    """Whether the fabric manager runs where there are NVSwitches."""
    if not subject.this_machine:
        yield Finding(FABRIC, Status.SKIPPED, _DESCRIBED)
        return
    yield fabric_finding(Host(subject.root))


def fabric_finding(host: Host) -> Finding:
    """Whether `nv-fabricmanager` runs, where there are NVSwitches on the PCI bus.

    Without it the GPUs of such a board start no CUDA program: error 802, system not yet
    initialized (docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide;
    github.com/pytorch/pytorch/issues/35710). Switches of the fourth generation, as of an HGX B200,
    are not on that bus; there the fabric of each GPU tells it, which the check `gpus` has.
    """
    switches = host.switches()
    if not switches:
        return Finding(FABRIC, Status.SKIPPED, "there are no NVSwitches on the PCI bus")
    there = f"there are {switches} NVSwitches"
    if host.runs("nv-fabricmanager"):
        return Finding(FABRIC, Status.OK, f"{there}, and nv-fabricmanager runs")
    if host.in_container():
        told = f"{there}, and a container does not see whether the host runs nv-fabricmanager"
        return Finding(FABRIC, Status.UNKNOWN, told, fix=_LOOK)
    told = f"{there}, and nv-fabricmanager does not run: CUDA answers error 802"
    return Finding(FABRIC, Status.FAILED, told, fix=_START)


_LOOK = "on the host: systemctl status nvidia-fabricmanager"
_START = "systemctl start nvidia-fabricmanager, of the very version of the driver"


def imex(subject: Subject) -> Iterator[Finding]:
    """Whether there is an IMEX channel, where GPUs of several hosts can share memory."""
    if not subject.this_machine:
        yield Finding(IMEX, Status.SKIPPED, _DESCRIBED)
        return
    gpus = () if subject.inventory is None else subject.inventory.gpus
    yield imex_finding(gpus, subject.root)


def imex_finding(gpus: tuple[Gpu, ...], root: str = "/") -> Finding:
    """Whether this host has an IMEX channel, which a server that spans hosts of a rack needs.

    The driver registers `nvidia-caps-imex-channels`, and an administrator makes its devices; they
    do not outlive a reboot (docs.nvidia.com/multi-node-nvlink-systems/imex-guide/
    imexchannels.html). Hosts that share memory are of one NVLink domain and one clique, which
    Kubernetes has as the label `nvidia.com/gpu.clique`; NVML's reading of it is not kept here.
    """
    if not any(_OF_RACK.search(gpu.name or "") for gpu in gpus):
        told = "no GPU here shares memory with other hosts (GB200, GB300 do)"
        return Finding(IMEX, Status.SKIPPED, told)
    try:
        channels = os.listdir(os.path.join(root, "dev", "nvidia-caps-imex-channels"))
    except OSError:
        channels = []
    if not channels:
        return Finding(
            IMEX,
            Status.WARNING,
            "there is no device in /dev/nvidia-caps-imex-channels: a server that spans hosts "
            "cannot share memory between them over NVLink; one of this host alone needs none",
            fix="have the channel made (docs.nvidia.com/multi-node-nvlink-systems/imex-guide), and "
            "let the hosts be of one nvidia.com/gpu.clique",
        )
    told = f"{len(channels)} IMEX channel{'s' * (len(channels) > 1)}; whether hosts are of one "
    return Finding(IMEX, Status.OK, f"{told}clique, the label nvidia.com/gpu.clique tells")


_OF_RACK = re.compile(r"\bGB[23]00\b")
