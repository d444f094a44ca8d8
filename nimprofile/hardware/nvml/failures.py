"""Errors for when no GPU can be read: the cause, and what to do.

The cause is NVML, its library, or the process that reads it.
"""

from __future__ import annotations

from nimprofile.base.errors import NoGpuError
from nimprofile.base.printable import quoted
from nimprofile.hardware.nvml.codes import MOST_GPUS, phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.hardware.host import Host

_INSTEAD = "Without a GPU, describe one: --gpus 8xh100, or --inventory FILE."


def _no_gpu(problem: str, *remedies: str) -> NoGpuError:
    return NoGpuError(f"no GPU could be read: {problem}", *remedies, _INSTEAD)


def cannot_initialise(code: object, library: str | None, host: Host) -> NoGpuError:
    """NVML refused to start: a message for every known error code."""
    match code:
        case 12:
            return _no_library(host)
        case 9:
            return _no_gpu(
                "the NVIDIA driver is not loaded, though its library is here (NVML error 9).",
                "On the host: load it (modprobe nvidia), and see dmesg for why it did not load.",
            )
        case 18:
            versions = {
                "the loaded kernel module": host.kernel_driver(),
                "the library": _version(library),
            }
            known = ", ".join(f"{what} is {text}" for what, text in versions.items() if text)
            return _no_gpu(
                "the driver and its library are of different versions (NVML error 18)"
                + (f": {known}." if known else "."),
                "After a driver update: reload the module or reboot the host, then start "
                "containers anew.",
            )
        case 4:
            return _no_gpu(
                "insufficient permissions to talk to the driver (NVML error 4).",
                "The user must be able to open /dev/nvidiactl and /dev/nvidia0, 1, …; in a "
                "container, these devices must be allowed.",
            )
        case 999:
            return _no_gpu(
                "the driver's library loads, but the devices are blocked (NVML error 999, "
                "unknown error).",
                "In a container that once worked: systemd or docker update took the devices away; "
                "start it anew. On a host: see dmesg for a driver fault.",
            )
        case _:
            return _no_gpu(
                f"NVML cannot start: {phrase(code)}"
                + (f" (NVML error {code})." if isinstance(code, int) else "."),
                "See whether nvidia-smi works, and dmesg.",
            )


def _no_library(host: Host) -> NoGpuError:
    missing = "the driver's library libnvidia-ml is not here (NVML error 12)"
    match host.devices():
        case 0:
            return _no_gpu(f"this machine has no NVIDIA GPU on its PCI bus; {missing}.")
        case None:
            return _no_gpu(f"{missing}.", "Install the NVIDIA driver.")
        case number:
            gpus = "an NVIDIA GPU" if number == 1 else f"{number} NVIDIA GPUs"
            return _no_gpu(
                f"this machine has {gpus} on its PCI bus, but {missing}.",
                "In a container: start it with the NVIDIA container toolkit, as in docker run "
                "--gpus all."
                if host.in_container()
                else "Install the NVIDIA driver; a container must be started with the NVIDIA "
                "container toolkit, as in docker run --gpus all.",
            )


def cannot_load(problem: str) -> NoGpuError:
    """The driver's library is here, and the loader refuses it."""
    return _no_gpu(
        f"the driver's library libnvidia-ml cannot be loaded: {problem} (NVML error 12).",
        "Install the NVIDIA driver anew; in a container, see which file is mounted there.",
    )


def absurd_count(count: int) -> NoGpuError:
    """NVML counts more GPUs than any machine has."""
    return _no_gpu(
        f"the driver says that there are {count} GPUs; more than {MOST_GPUS} are not believed.",
        "See whether nvidia-smi works, and dmesg.",
    )


def no_devices(variable: str | None, host: Host) -> NoGpuError:
    """NVML works and lists no GPU; `variable` is the value of NVIDIA_VISIBLE_DEVICES."""
    value = "" if variable is None else f"; NVIDIA_VISIBLE_DEVICES is {quoted(variable)}"
    on_bus = f", and the PCI bus has {number}" if (number := host.devices()) else ""
    return _no_gpu(
        f"the driver answers, but lists no GPU{on_bus}{value}.",
        "In a container: start it with GPUs, as in docker run --gpus all.",
    )


def cannot_count(code: object) -> NoGpuError:
    """NVML started and cannot say how many GPUs there are."""
    return _no_gpu(
        f"the driver answers, but not how many GPUs there are: {phrase(code)}.",
        "See whether nvidia-smi works, and dmesg.",
    )


def no_answer(timeout: float, call: str | None) -> NoGpuError:
    """The deadline passed before NVML said how many GPUs there are."""
    where = f"; it hangs in {call}" if call else ""
    return _no_gpu(
        f"the driver did not answer within {timeout:g} s{where}.",
        "nvidia-smi may hang too: see dmesg for Xid messages; reset the GPU or reboot the host.",
        "A slow machine may need more time: --nvml-timeout 60.",
    )


def crashed(how: str, call: str | None) -> NoGpuError:
    """The process that reads NVML ended before it said how many GPUs there are."""
    where = f" in {call}" if call else ""
    return _no_gpu(
        f"the process that reads NVML ended{where}: {how}.",
        "See whether nvidia-smi works, and dmesg.",
    )


def all_hidden(remarks: tuple[str, ...]) -> NoGpuError:
    """There are GPUs, and the environment hides every one."""
    return _no_gpu("every GPU is hidden.", *(f"{note}." for note in remarks))


def no_pynvml(problem: str) -> NoGpuError:
    """The Python module pynvml cannot be imported."""
    return _no_gpu(
        f"the Python module pynvml cannot be imported ({problem}).",
        "Install the distribution that has it: pip install nvidia-ml-py.",
    )


def foreign_pynvml(path: str | None) -> NoGpuError:
    """A module called pynvml that is not the one of nvidia-ml-py."""
    return _no_gpu(
        f"the Python module pynvml at {path} is not the one of nvidia-ml-py, or too old a one.",
        "An old third-party distribution has the same name: pip uninstall pynvml, then "
        "pip install --force-reinstall nvidia-ml-py.",
    )


def cannot_start(problem: str) -> NoGpuError:
    """No process could be started to read NVML in."""
    return _no_gpu(f"no process could be started to read NVML in: {problem}.")


def _version(library: str | None) -> str | None:
    """The version in a library's name: `570.124.06` of `libnvidia-ml.so.570.124.06`."""
    tail = "" if library is None else library.rpartition(".so.")[2]
    return tail if "." in tail else None
