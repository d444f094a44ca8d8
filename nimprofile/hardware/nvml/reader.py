"""Everything that NVML says of this machine, written as lines of JSON.

The only module that imports pynvml. It runs in a process of its own (`processes.Readers` starts
it), since the driver's library may hang or crash. Every answer is one line, `[subject, key,
value]`, written as soon as it is there: the other process has all that was read before the end. The
subject is null for the machine, `3` for GPU 3, `"3/0"` for slot 0 of GPU 3's MIG instances, `"0-3"`
for the connection of GPUs 0 and 3. Before every call comes a line with the key `asking`; the next
line about that subject says that the call returned. The last line is `END`.

Source of every call: NVML API reference, docs.nvidia.com/deploy/nvml-api.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import deque
from itertools import combinations

from nimprofile.hardware.nvml.codes import MOST_GPUS
from nimprofile.hardware.nvml.questions import CALLS, FAILED, Asker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from nimprofile.hardware.nvml.questions import Nvml, Subject, Write

END = b'[null, "done", true]\n'
"""The last line."""
LIBRARY = "libnvidia-ml.so.1"
LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
)
"""Where distributions and the container runtime put it."""
MOST_LINKED = 64
"""Between more GPUs than this connections are not read: there would be thousands."""
MOST_THREADS = 64
MOST_PROCESSES = 16
"""The most processes that are asked about one GPU each at the same time."""
PR_SET_PDEATHSIG = 1
"""`prctl(2)`: the signal that a process gets when its parent ends."""


def main(parent: int, seconds: int, job: Callable[..., None], *args: object) -> None:
    """Do a job (`read`, `read_gpus`, `read_links`) for a parent, and write to standard output.

    The process ends with its parent, and after this many seconds at the latest.
    """
    end_with(parent, seconds)
    out = os.dup(1)
    os.dup2(2, 1)  # what the driver's library prints must not stand between our lines

    def write(subject: Subject, key: str, value: object) -> None:
        os.write(out, json.dumps([subject, key, value]).encode() + b"\n")

    try:
        import pynvml
    except ImportError as error:
        write(None, "no pynvml", str(error))
    else:
        if hasattr(pynvml, "__path__") or not all(hasattr(pynvml, name) for name in CALLS):
            write(None, "foreign pynvml", pynvml.__file__)
        else:
            job(pynvml, write, *args)
    os.write(out, END)
    os._exit(0)  # the library's own end may hang


def end_with(parent: int, seconds: int) -> None:
    """Have this process killed when its parent ends, also while it is stopped.

    The kernel does so on Linux; elsewhere an alarm ends it. A crash leaves no core file.
    """
    from ctypes import CDLL

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers to Ctrl-C, and ends this
    if hasattr(signal, "alarm"):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.alarm(seconds)
    try:
        CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (AttributeError, OSError, TypeError):  # no Linux
        return
    if os.getppid() not in (parent, 0):  # it ended before; 0 is one outside of this namespace
        os._exit(1)


def read(nvml: Nvml, write: Write, patience: float | None = None) -> None:
    """Ask NVML everything once, and write each answer as it comes.

    GPUs are asked side by side, then pairs of those that answered: what does not answer keeps only
    itself waiting. Pairs wait for every GPU, though no longer than `patience` seconds. There is no
    shutdown, since the process ends here and repeated ones have hung drivers.
    """
    ask = Asker(nvml, write)
    if not _starts(ask, None):
        return
    ask(None, nvml.nvmlSystemGetDriverVersion, key="driver")
    ask(None, nvml.nvmlSystemGetCudaDriverVersion, key="cuda")
    count = ask(None, nvml.nvmlDeviceGetCount, key="count")
    if count is FAILED or count > MOST_GPUS:
        return
    boards = _side_by_side(ask.safely, range(count), MOST_THREADS)
    until = None if patience is None else time.monotonic() + patience
    asked: set[tuple[int, int]] = set()
    links: list[threading.Thread] = []
    for moment in (until, None):
        for board in boards:
            board.join(None if moment is None else max(0.0, moment - time.monotonic()))
        handles = dict(ask.answered)
        left = [pair for pair in pairs_of(handles) if pair not in asked]
        asked.update(left)
        links += _side_by_side(ask.about_link, [(pair, handles) for pair in left], len(handles))
    for link in links:
        link.join()


def read_gpus(nvml: Nvml, write: Write, indices: Sequence[int], seconds: float) -> None:
    """Ask everything of these GPUs, each in a process of its own, and write how that one ended.

    What takes longer than these seconds is ended, and nothing is written of its end. They are
    forked from this process, in which NVML was not started: a new interpreter takes ten times as
    long.
    """
    until = time.monotonic() + seconds
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take their exit codes along
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    left = list(indices)
    running: dict[int, int] = {}
    while left or running:
        if (rest := until - time.monotonic()) <= 0:
            write(None, "late", True)
            break
        while left and len(running) < MOST_PROCESSES:
            if (pid := _ask_alone(Asker(nvml, write), left[0], int(seconds) + 2)) is None:
                break
            running[pid] = left.pop(0)
        if not running:
            break
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            signal.sigtimedwait({signal.SIGCHLD}, rest)
        elif pid in running:
            write(running.pop(pid), "ended", os.waitstatus_to_exitcode(status))
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    for pid in running:
        os.waitpid(pid, 0)


def _ask_alone(ask: Asker, index: int, seconds: int) -> int | None:
    """The process that asks everything of one GPU; None where no process can be started."""
    parent = os.getpid()
    try:
        if (pid := os.fork()) != 0:
            return pid
    except OSError:  # a limit on processes or memory
        return None
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        end_with(parent, seconds)
        if _starts(ask, index):
            ask.safely(index)
    except BaseException:  # noqa: BLE001 - the process ends here in any case
        os._exit(1)
    os._exit(0)


def read_links(nvml: Nvml, write: Write, pairs: Sequence[tuple[int, int]]) -> None:
    """Ask how these GPUs are connected, one pair after the other, so that a crash is of one."""
    ask = Asker(nvml, write)
    if not _starts(ask, None):
        return
    handles = {}
    for index in sorted({index for pair in pairs for index in pair}):
        handle = ask(None, nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is not FAILED:
            handles[index] = handle
    for pair in pairs:
        if handles.keys() >= set(pair):
            ask.about_link((pair, handles))


def pairs_of(indices: Iterable[int]) -> list[tuple[int, int]]:
    """Every two of these GPUs, the lower one first; none where there are too many GPUs."""
    ordered = sorted(indices)
    return list(combinations(ordered, 2)) if len(ordered) <= MOST_LINKED else []


def _starts(ask: Asker, subject: Subject) -> bool:
    """Whether NVML starts; if not, what is known of its library is written."""
    if ask(subject, ask.nvml.nvmlInit) is not FAILED:
        return True
    ask.write(subject, "library", _loaded_library())
    ask.write(subject, "unloadable", _why_not_loaded(ask.nvml))
    return False


def _side_by_side(
    do: Callable[[Any], None], items: Iterable[Any], most: int
) -> list[threading.Thread]:
    """Do it with each, in threads; without the means to start one, in this thread."""
    left = deque(items)

    def work() -> None:
        while left:
            try:
                item = left.popleft()
            except IndexError:  # another thread was faster
                return
            do(item)

    threads: list[threading.Thread] = []
    for _ in range(min(most, len(left))):
        thread = threading.Thread(target=work, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a limit on processes or memory
            break
        threads.append(thread)
    if not threads:
        work()
    return threads


def _loaded_library() -> str | None:
    """The file behind libnvidia-ml, whose name has its version; None where there is no /proc."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps]
    except OSError:
        return None
    return next((path for path in paths if "libnvidia-ml" in path), None)


def _why_not_loaded(nvml: Nvml) -> str | None:
    """What is wrong with the file of the driver's library; None where there is no such file."""
    try:
        nvml.CDLL(LIBRARY)
    except AttributeError:
        return None
    except OSError as error:
        problem = str(error)
    else:
        return None
    if not (LIBRARY in problem and "No such file" in problem):
        return problem
    folders = (*os.environ.get("LD_LIBRARY_PATH", "").split(":"), *LIBRARY_FOLDERS)
    for path in (os.path.join(folder, LIBRARY) for folder in folders if folder):
        if os.path.islink(path):
            return f"{path} is a symbolic link to a file that is not there"
    return None
