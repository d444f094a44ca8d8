"""The GPUs of this machine, read through NVML in child processes with a deadline.

A GPU that does not answer stays in the Inventory, with the reason, and what was not read is None.
"""

from __future__ import annotations

import os

from nimprofile.base.errors import NoGpuError, RequestError
from nimprofile.base.expect import expect, expect_mapping
from nimprofile.base.printable import quoted
from nimprofile.hardware.conditions import Kind
from nimprofile.hardware.host import Host
from nimprofile.hardware.nvml import failures
from nimprofile.hardware.visible_devices import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.hardware.nvml.answers import Answers
    from nimprofile.hardware.nvml.processes import Readers

NVML_TIMEOUT = 15.0
"""Seconds to wait for NVML. Two are too few on a busy node (NordicHPC/sonar, pull request 92);
ollama's native probe waits 15."""

MAX_NVML_TIMEOUT = 3600
"""The most seconds that may be waited for NVML."""

MOMENT = 0.5
"""Seconds in which a process ends those that it has started."""


def discover(
    *,
    timeout: float = NVML_TIMEOUT,
    environ: Mapping[str, str] | None = None,
    host: Host | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Inventory:
    """Read the GPUs of this machine through NVML.

    It returns within `timeout` and half a second more, whatever the driver does. GPUs that did not
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
    inventory = _read(timeout, on_wait or _nothing).inventory(host)
    if not inventory.gpus:
        raise failures.no_devices(environ.get("NVIDIA_VISIBLE_DEVICES"), host)
    shown = visible(inventory, environ)
    if not shown.gpus:
        raise failures.all_hidden(shown.remarks)
    return shown


def _nothing() -> None:
    pass


def _read(timeout: float, on_wait: Callable[[], None]) -> Answers:
    """What NVML answers: one process asks everything, and after a crash others ask what is left."""
    from nimprofile.hardware.nvml.processes import Readers

    with Readers(timeout, on_wait) as readers:
        answers = readers.hear(readers.start("read", timeout / 2))
        crashed = answers.ending is not None and answers.ending.kind is Kind.ENDED
        if crashed and answers.count:
            try:
                _ask_gpus_again(answers, readers)
                _ask_links_again(answers, readers)
            except NoGpuError:  # no process can be started: what is left stays as the crash left it
                pass
    return answers


def _ask_gpus_again(answers: Answers, readers: Readers) -> None:
    """Ask about each GPU that a crash took along in a process of its own: it may be another's."""
    if not (left := answers.unread()):
        answers.ending = None
        return
    # What hangs is ended by the process that started it, which needs a moment for that.
    seconds = max(readers.left - MOMENT, readers.left / 2)
    told = readers.hear(readers.start("read_gpus", left, seconds))
    if told.about(None).get("late"):
        told.ending = readers.late()
    for index in left:
        answers.take(index, told)
    if told.ending or all("ended" in told.about(index) for index in left):
        answers.ending = told.ending


def _ask_links_again(answers: Answers, readers: Readers) -> None:
    """Ask about the connections that a crash took along, until those that crash are known."""
    crashes: dict[int, int] = {}
    while answers.ending is None and (left := answers.unlinked()):
        if readers.left <= 0:
            answers.ending = readers.late()
            return
        told = readers.hear(readers.start("read_links", left))
        answers.take_links(told)
        if told.ending is None:
            return
        if told.ending.kind is Kind.NO_ANSWER:
            answers.ending = told.ending
            return
        if (pending := told.pending_link()) is None:
            return
        pair, call = pending
        for index in pair:
            crashes[index] = crashes.get(index, 0) + 1
        for other in answers.unlinked():
            if other == pair or any(crashes.get(index, 0) > 1 for index in other):
                answers.refuse_link(other, call, told.ending.figures["how"])
