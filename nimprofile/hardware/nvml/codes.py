"""What do the numbers mean that NVML answers with?

The enumerations are in the NVML API reference (docs.nvidia.com/deploy/nvml-api); the sentences are
ours.
"""

from __future__ import annotations

from nimprofile.hardware.inventory import Link

NVML_ERRORS = {
    1: "NVML is not initialised",
    2: "invalid argument",
    3: "not supported",
    4: "insufficient permissions",
    6: "not found",
    9: "the driver is not loaded",
    10: "timeout",
    11: "interrupt request issue",
    12: "library not found",
    13: "function not found",
    14: "corrupted infoROM",
    15: "GPU is lost",
    16: "GPU requires a reset",
    17: "blocked by the operating system",
    18: "library and driver are of different versions",
    19: "in use",
    20: "insufficient memory",
    21: "no data",
    23: "insufficient resources",
    25: "argument version mismatch",
    27: "not ready",
    28: "GPU not found",
    29: "invalid state",
    999: "unknown error",
}
"""nvmlReturn_t (NVML API reference) in words that end a sentence."""

NO_PERMISSION = 4


def phrase(code: object) -> str:
    """An NVML error code, or the text that stands for one, in words."""
    if isinstance(code, int):
        return NVML_ERRORS.get(code, f"NVML error {code}")
    return str(code)


ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}
"""nvmlDeviceArchitecture_t; the other numbers are no GPUs, or not published: unknown."""

VIRTUALIZATIONS = {1: "passthrough", 2: "vgpu", 3: "host_vgpu", 4: "host_vsga"}
"""nvmlGpuVirtualizationMode_t; 0 is bare metal."""

ANCESTORS = {
    0: Link.INTERNAL,
    10: Link.PIX,
    20: Link.PXB,
    30: Link.PHB,
    40: Link.NODE,
    50: Link.SYS,
}
"""nvmlGpuTopologyLevel_t."""

LOST = frozenset({15, 16, 28})
"""NVML errors after which a GPU cannot be used: lost, requires a reset, not found."""

HARMLESS = frozenset({3, 13, 21, 22, 25, 26})
"""NVML errors that only mean "unknown": not supported, no such function, no data, no ECC on a vGPU,
another version of a structure, deprecated."""

FATAL_RECOVERIES = {
    1: "the driver asks for a reset of the GPU",
    2: "the driver asks for a reboot of the host",
    6: "the driver asks for a reset of the GPU's bus",
    7: "the driver asks for a reboot of the host",
}
MILD_RECOVERIES = {
    3: "the driver asks to drain peer-to-peer traffic",
    4: "the driver asks to drain the GPU and reset it",
    5: "the driver asks to recover the IMEX domain",
}
"""nvmlDeviceGpuRecoveryAction_t. With a mild one the GPU still computes."""

ROW_FAILED = "failing ECC: a row of its memory could not be remapped"
ROW_PENDING = "a row of its memory waits for a reset of the GPU to be remapped"
PAGE_PENDING = "a page of its memory waits for a reset of the GPU to be retired"
ECC_ERRORS = "uncorrected ECC errors since the driver was loaded"
NO_ANSWER = "no answer within"
MIG_HANDLE = "nvmlDeviceGetMigDeviceHandleByIndex"
OPENING = ("nvmlDeviceGetHandleByIndex", MIG_HANDLE)
EMPTY_SLOT = frozenset({2, 6})
"""NVML errors of a MIG slot without an instance: invalid argument, not found."""

ENDED = "the process that reads it ended"
NO_INSTANCE = "MIG mode is on, and there is no MIG instance"
UNIFIED = (
    "its memory is the host's, of which nine tenths count as the GPU's; what is free of it changes "
    "with all that runs on the host"
)
FABRIC_FAILED = "its NVLink fabric failed: "
FABRIC_READY = 3
FABRIC_STATES = {
    1: "its NVLink fabric is not started",
    2: "its NVLink fabric is not ready yet",
}
"""nvmlGpuFabricInfo_t's state; 0 is a GPU without one, 3 is ready."""
