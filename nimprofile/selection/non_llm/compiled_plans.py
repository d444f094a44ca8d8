"""Compiled TensorRT plans, and the CPU they load beside.

A plan is not portable from one platform to another (TensorRT's support matrix, "Engine
portability": docs.nvidia.com/deeplearning/tensorrt/10.16.1/getting-started/support-matrix.html).
Retriever NIMs tag their plans by compute capability alone. On a GH200, which is 9.0 and has an ARM
CPU, the one for 9.0 is chosen by NIM 1.10.0 and does not load: it is for x86-64 (corpus, 109).
"""

from __future__ import annotations

from functools import cache

from nimprofile.selection.reasons import Doubt, WrongCpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.units import ComputeCapability
    from nimprofile.hardware.gpu_groups import Machine
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.reasons import Finding

_PLANS = frozenset({"tensorrt", "trt"})
"""Values of the tags `model_type` and `backend` of a compiled plan."""

_X86_64 = "x86_64"


def against_plan(profile: Profile, machine: Machine) -> tuple[Finding, ...]:
    """That a profile without an engine is a compiled plan for another CPU, or may be one."""
    tags = profile.tags
    if tags.get("model_type", "") not in _PLANS and tags.get("backend", "") not in _PLANS:
        return ()
    cpu, made_for = machine.cpu_architecture, _made_for(profile)
    if made_for is None:
        if cpu in (None, _X86_64):
            return ()
        which = "which CPU the profile's compiled plan is for"
        return (Doubt("cpu_architecture", which, f"this one is {cpu}"),)
    if cpu is None:
        rule = f"a compiled plan for {made_for}"
        return (Doubt("cpu_architecture", "the CPU architecture", rule),)
    return () if cpu == made_for else (WrongCpu(made_for, cpu),)


def _made_for(profile: Profile) -> str | None:
    """The CPU of the machines that a plan was made for; None when the tags do not tell.

    A board that comes with one CPU tells. A compute capability alone does too: that of the boards
    that have it, x86-64 where any of them is put into such machines.
    """
    from nimprofile.hardware.catalog import products

    if profile.gpu_names or profile.gpu_devices:
        cpus = {
            product.cpu_architecture
            for product in products()
            if not product.spellings.isdisjoint(profile.gpu_names)
            or not set(profile.gpu_devices).isdisjoint(product.device_ids)
        }
        return cpus.pop() if len(cpus) == 1 else None
    if profile.gpu_pattern is not None or profile.exact_capability is None:
        return None
    return _cpu_of_capability(profile.exact_capability)


@cache
def _cpu_of_capability(capability: ComputeCapability) -> str | None:
    from nimprofile.hardware.catalog import products

    cpus = {
        product.cpu_architecture or _X86_64
        for product in products()
        if product.compute_capability == capability
    }
    return cpus.pop() if len(cpus) == 1 else _X86_64 if cpus else None
