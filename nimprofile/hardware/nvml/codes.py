"""The numbers that NVML answers with, and what each means.

The enumerations are in the NVML API reference (docs.nvidia.com/deploy/nvml-api), the words ours.
"""

from __future__ import annotations

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


def code_of(text: str) -> int | str:
    """The NVML error code of a phrase; any other text as it is."""
    number = text.removeprefix("NVML error ")
    if number != text and number.isascii() and number.isdigit() and len(number) < 10:
        return int(number)
    return _CODES.get(text, text)


_CODES = {text: code for code, text in NVML_ERRORS.items()}

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

LOST = frozenset({15, 16, 28})
"""NVML errors after which a GPU cannot be used: lost, requires a reset, not found."""

MOST_GPUS = 1024
"""The most GPUs that are read, as many as can be described; a driver that counts more is wrong."""

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

FABRIC_STATES = {
    1: "its NVLink fabric is not started",
    2: "its NVLink fabric is not ready yet",
}
FABRIC_READY = 3
"""nvmlGpuFabricInfo_t's state; 0 is a GPU without one, 3 is ready."""

HANDLE = "nvmlDeviceGetHandleByIndex"
MIG_HANDLE = "nvmlDeviceGetMigDeviceHandleByIndex"
MIG_SLOTS = "nvmlDeviceGetMaxMigDeviceCount"
MEMORY = "nvmlDeviceGetMemoryInfo"
EMPTY_SLOT = frozenset({2, 6})
"""NVML errors of a MIG slot without an instance: invalid argument, not found."""
