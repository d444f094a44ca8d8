"""The GPUs of this machine, read through NVML in a child process with a deadline.

A GPU that does not answer stays in the Inventory, with the reason, and what was not read is None.
"""

from __future__ import annotations

import os
import sys

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect, expect_mapping
from nimprofile.base.printable import quoted
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.host import Host
from nimprofile.hardware.nvml import failures
from nimprofile.hardware.nvml.answers import Answers
from nimprofile.hardware.visible_devices import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import Popen

    from nimprofile.hardware.inventory import Inventory

NVML_TIMEOUT = 15.0
"""Seconds to wait for NVML. Two are too few on a busy node (NordicHPC/sonar, pull request 92);
ollama's native probe waits 15."""

MAX_NVML_TIMEOUT = 3600
"""The most seconds that may be waited for NVML."""

PATIENCE = 1.0
"""Seconds after which somebody at a terminal wants to know what is going on."""


def discover(
    *,
    timeout: float = NVML_TIMEOUT,
    environ: Mapping[str, str] | None = None,
    host: Host | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Inventory:
    """Read the GPUs of this machine through NVML.

    It returns within `timeout` and about a second, whatever the driver does. GPUs that did not
    answer are in the inventory as unavailable, with the reason; GPUs that the environment hides are
    not, and a remark says which.

    Args:
        timeout: seconds to wait for the driver.
        environ: where `CUDA_VISIBLE_DEVICES`, `CUDA_DEVICE_ORDER` and `NVIDIA_VISIBLE_DEVICES` are
            read; the process's own environment when None.
        host: the host whose files say how large unified memory is; this host when None.
        on_wait: called once if the driver takes longer than a second.

    Raises:
        NoGpuError: no GPU could be read at all; it says which of the many reasons it is.
        RequestError: the timeout is no number of seconds from 0 to an hour.
    """
    if not (isinstance(timeout, int | float) and 0 < timeout <= MAX_NVML_TIMEOUT):
        raise RequestError(
            f"timeout {quoted(timeout)} is no number of seconds up to {MAX_NVML_TIMEOUT}"
        )
    environ = os.environ if environ is None else environ
    expect_mapping("discover: environ", environ)
    host = host or Host()
    expect("discover: host", host, Host)
    inventory = _read_in_child(timeout, on_wait or _nothing).inventory(host)
    if not inventory.gpus:
        raise failures.no_devices(environ.get("NVIDIA_VISIBLE_DEVICES"), host)
    shown = visible(inventory, environ)
    if not shown.gpus:
        raise failures.all_hidden(shown.remarks)
    return shown


def _nothing() -> None:
    pass


def _read_in_child(timeout: float, on_wait: Callable[[], None]) -> Answers:
    """Run `nvml.reader` in a process of its own, and wait for it no longer than `timeout`."""
    import subprocess

    if getattr(sys, "frozen", False) or not sys.executable:
        raise failures.cannot_start("this is a frozen application without a Python interpreter")
    # What this process can import the child can too, and nothing else runs before it: -S keeps
    # .pth files out, -P the current directory.
    here = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    path = os.pathsep.join([*_folders(), here])
    code = f"from nimprofile.hardware.nvml.reader import main; main({int(timeout) + 2})"
    try:
        child = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-S", "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
        )
    except OSError as error:
        raise failures.cannot_start(str(error.strerror)) from None
    try:
        return _communicate(child, timeout, on_wait)
    except BaseException:  # an interrupt, say
        _abandon(child)
        raise


def _folders() -> Iterator[str]:
    """Where this process finds modules, for one that may have another current directory."""
    for folder in sys.path:
        if isinstance(folder, str):
            try:
                yield os.path.abspath(folder)
            except OSError:  # the current directory is gone
                continue


def _communicate(child: Popen[bytes], timeout: float, on_wait: Callable[[], None]) -> Answers:
    from subprocess import TimeoutExpired

    try:
        out, err = child.communicate(timeout=min(timeout, PATIENCE))
        return _answers_of(child, out, err)
    except TimeoutExpired:
        pass
    on_wait()
    try:
        out, err = child.communicate(timeout=max(timeout - PATIENCE, 0))
        return _answers_of(child, out, err)
    except TimeoutExpired:
        child.kill()
    try:
        out, _ = child.communicate(timeout=PATIENCE)
    except TimeoutExpired as stuck:
        out = stuck.output or b""
        _abandon(child)
    return Answers(_lines(out), Condition(Kind.NO_ANSWER, seconds=timeout, call=None))


def _abandon(child: Popen[bytes]) -> None:
    """Kill it and wait no more; in the kernel's uninterruptible sleep not even a kill helps.

    A thread buries it whenever it dies, so that it is never a zombie of ours.
    """
    from threading import Thread

    child.kill()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
    Thread(target=child.wait, daemon=True).start()


def _answers_of(child: Popen[bytes], out: bytes, err: bytes) -> Answers:
    code = child.returncode
    if code == 0:
        return Answers(_lines(out))
    if code < 0:
        from signal import strsignal

        how = strsignal(-code) or f"signal {-code}"
    else:
        how = (err.decode(errors="replace").strip().splitlines() or [f"exit code {code}"])[-1]
    return Answers(_lines(out), Condition(Kind.ENDED, how=how))


def _lines(out: bytes) -> list[bytes]:
    """Whole lines only: the last may have been cut."""
    return out.split(b"\n")[:-1]
