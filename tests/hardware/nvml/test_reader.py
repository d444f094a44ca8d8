"""The process that reads NVML: what it writes, and that it ends with its parent."""

import os
import signal
import subprocess
import sys
import threading
import time

import pynvml
import pytest

from nimprofile import NoGpuError, discover
from nimprofile.hardware.nvml import reader
from nimprofile.testing import NO_LIBRARY, FakeNvml, Fault, hanging
from tests.support.nvml.processes import children_of
from tests.support.nvml.reading import StubHost, failure

MAIN = "from nimprofile.hardware.nvml import reader; reader.main({}, {}, reader.read)"


def test_a_child_that_nobody_listens_to_ends_by_itself():
    fake = FakeNvml("1xt4", Fault("nvmlInit", "hang"))
    done = subprocess.run(
        [sys.executable, "-c", MAIN.format(os.getpid(), 1)],
        env=fake.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert -signal.SIGALRM == done.returncode


def test_what_the_library_prints_does_not_come_between():
    code = (
        "import os, pynvml\n"
        "real = pynvml.nvmlInit\n"
        "def nvmlInit():\n"
        "    os.write(1, b'NVIDIA says hello\\n')\n"
        "    return real()\n"
        "pynvml.nvmlInit = nvmlInit\n"
    ) + MAIN.format("os.getppid()", 5)
    out = subprocess.check_output([sys.executable, "-c", code], env=FakeNvml("1xt4").environ)
    assert all(line.startswith(b"[") for line in out.splitlines())
    assert out.endswith(reader.END)


def test_every_two_of_few_gpus_are_a_pair_and_of_many_none():
    assert [(0, 3), (0, 5), (3, 5)] == reader.pairs_of([5, 0, 3])
    assert [] == reader.pairs_of(range(reader.MOST_LINKED + 1))


def test_without_threads_gpus_are_asked_one_after_the_other(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    done = []
    monkeypatch.setattr(threading.Thread, "start", start)
    assert [] == reader._side_by_side(done.append, range(3), 8)
    assert [0, 1, 2] == done


# The end of the parent.

linux = pytest.mark.skipif(sys.platform != "linux", reason="the signal is Linux's")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def until(condition, seconds=60):
    for _ in range(seconds * 100):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came to it")


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_the_process_that_reads_dies_with_its_parent(number, stopped):
    """Also when it is stopped, which no alarm ends; the driver would keep it for an hour here."""
    code = "import nimprofile; nimprofile.discover(timeout=3600)"
    fake = FakeNvml("2xt4", hanging(1, after=2))
    with subprocess.Popen([sys.executable, "-c", code], env=fake.environ) as parent:
        until(lambda: children_of(parent.pid))
        (child,) = children_of(parent.pid)
        until(lambda: threads_of(child) > 1)  # it reads by then
        if stopped:
            os.kill(child, signal.SIGSTOP)
        parent.send_signal(number)
    until(lambda: not is_alive(child))


@linux
def test_the_processes_that_are_asked_about_one_gpu_each_die_with_the_first_one_too():
    code = "import nimprofile; nimprofile.discover(timeout=3600)"
    fake = FakeNvml("3xt4", Fault("nvmlDeviceGetName", "crash", gpu=1), hanging(2, after=1))
    with subprocess.Popen([sys.executable, "-c", code], env=fake.environ) as parent:
        until(lambda: any(map(children_of, children_of(parent.pid))))
        (child,) = children_of(parent.pid)
        (grandchild, *_) = children_of(child)
        parent.kill()
    until(lambda: not is_alive(child) and not is_alive(grandchild))


@linux
def test_where_the_ends_of_processes_are_ignored_a_crash_still_costs_one_gpu():
    code = (
        "import signal, nimprofile\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "print([gpu.index for gpu in nimprofile.discover(timeout=60).unavailable])"
    )
    fake = FakeNvml("3xt4", Fault("nvmlDeviceGetName", "crash", gpu=1))
    assert b"[1]\n" == subprocess.check_output([sys.executable, "-c", code], env=fake.environ)


@linux
def test_without_more_processes_nothing_is_written_of_the_gpus(monkeypatch):
    def fork():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    lines = []
    monkeypatch.setattr(os, "fork", fork)
    handler, mask = signal.getsignal(signal.SIGCHLD), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        reader.read_gpus(pynvml, lambda *line: lines.append(line), [0, 1], 60)
    finally:
        signal.signal(signal.SIGCHLD, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert [] == lines


def threads_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


@linux
def test_a_process_whose_parent_is_gone_already_reads_nothing():
    done = subprocess.run(
        [sys.executable, "-c", MAIN.format(1 << 22, 60)],
        env=FakeNvml("1xt4", Fault("nvmlInit", "hang")).environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (1, b"", b"") == (done.returncode, done.stdout, done.stderr)


# The driver's library.


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda path: path.write_text("no ELF file, which has a longer header than this" * 9),
            "ELF",
        ),
        (lambda path: path.write_text(""), "file too short"),
        (lambda path: path.mkdir(), "Is a directory"),
    ],
    ids=["text", "empty", "directory"],
)
@linux
def test_a_library_that_is_no_library_is_not_called_missing(monkeypatch, tmp_path, make, told):
    path = tmp_path / reader.LIBRARY
    make(path)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with pytest.raises(NoGpuError) as caught:
        discover(environ={}, host=StubHost())
    said = str(caught.value)
    assert f"the driver's library libnvidia-ml cannot be loaded: {path}: " in said
    assert told in said
    assert "is not here" not in said


@pytest.mark.parametrize("target", [reader.LIBRARY, "nowhere"], ids=["itself", "nothing"])
def test_a_link_that_leads_to_no_library_is_named(monkeypatch, tmp_path, target):
    path = tmp_path / reader.LIBRARY
    path.symlink_to(target)
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{tmp_path}")
    told = failure("1xt4", NO_LIBRARY)
    assert f"cannot be loaded: {path} is a symbolic link to a file that is not there" in told


def test_what_the_loader_says_of_a_broken_library_is_told():
    told = failure("1xt4", Fault("dlopen", "broken"))
    assert "cannot be loaded: /usr/lib/libnvidia-ml.so.1: file too short (NVML error 12).\n" in told
