"""A signal ends the program at any moment before the server takes its place, also as process 1."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nimprofile.testing import FakeNvml, hanging
from tests.support.command_line import environment
from tests.support.launch.stub_engine import MANIFEST, Box
from tests.support.nvml.processes import children_of

ENDING = [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
if shutil.which("unshare") and os.getuid():
    UNSHARE = ["unshare", "--map-root-user", *UNSHARE[1:]]


def _can_be_process_1():
    if not shutil.which("unshare"):
        return False
    return 0 == subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode


PROCESS_1 = pytest.mark.skipif(not _can_be_process_1(), reason="no namespace of processes here")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc as Linux has it")


@pytest.fixture(autouse=True)
def as_by_default():
    """Started by nohup, or in the background of a script, these tests would hand on what is ignored."""
    ignored = [number for number, _ in ENDING if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def box(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    box = Box(tmp_path)
    use(box, FakeNvml("2xh100", hanging(1)))
    yield box
    box.stop()


def use(box, driver):
    environ = driver.environ.items()
    box.environ |= {name: value for name, value in environ if os.environ.get(name) != value}


def descendants(pid):
    """The processes that a process has started, and theirs."""
    return [each for child in children_of(pid) for each in (child, *descendants(child))]


def commands(pids):
    """What those of them that are alive were started with."""
    found = {}
    for pid in pids:
        try:
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    return {pid: words for pid, words in found.items() if words}


def reading(pid):
    """The process below this one that reads the driver, once it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child, words in commands(descendants(pid)).items():
            if b"reader.main(" in words:
                return child
        time.sleep(0.01)
    raise AssertionError("the driver is not read")


def gone(pid):
    """Whether a process ends, and is more than what its parent has not buried."""
    deadline = time.monotonic() + 30
    while commands([pid]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@LINUX
@pytest.mark.parametrize(("number", "code"), ENDING)
def test_a_signal_while_the_driver_is_read_ends_all_of_it(box, number, code):
    process = box.start("--nvml-timeout", "60")
    reader = reading(process.pid)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (code, "", "") == (process.returncode, out, err)
    assert gone(reader)
    assert not box.said.exists()


@PROCESS_1
@pytest.mark.parametrize(("number", "code"), ENDING)
def test_a_signal_ends_process_1_while_the_driver_is_read(box, number, code):
    words = [sys.executable, "-m", "nimprofile", "exec", "--manifest", "manifest.yaml"]
    started = subprocess.Popen(
        [*UNSHARE, *words, "--nvml-timeout", "60", "--port", str(box.port)],
        cwd=box.folder,
        env=box.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    box.started.append(started)
    reader = reading(started.pid)
    (first, *_) = children_of(started.pid)
    os.kill(first, number)
    out, err = started.communicate(timeout=30)
    assert (code, "", "") == (started.returncode, out, err)
    assert gone(reader)
    assert not box.said.exists()


HELD = """\
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
os.execv(sys.executable, [sys.executable, "-m", "nimprofile", *sys.argv[1:]])
"""
STATUS = '#!/bin/sh\nexec grep -E "^Sig(Blk|Ign)" /proc/self/status > "$STUB_SAID"\n'


def start(box, *words, code=HELD):
    return subprocess.run(
        [sys.executable, "-c", code, "exec", "--manifest", "manifest.yaml", *words],
        cwd=box.folder,
        env=box.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )


def masks(text):
    """The signals held back and ignored, as Linux writes them of a process."""
    lines = (
        line.split(":\t") for line in text.splitlines() if line.startswith(("SigBlk", "SigIgn"))
    )
    return {name: int(mask, 16) for name, mask in lines}


def ignored(box):
    """What the server ignores and this process does not, but for what every Python ignores."""
    own = masks(Path("/proc/self/status").read_text())["SigIgn"]
    pythons = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    return masks(box.said.read_text())["SigIgn"] & ~(own & ~pythons)


@LINUX
def test_the_server_starts_with_every_signal_as_it_is_by_default_and_none_held_back(box):
    use(box, FakeNvml("2xh100"))
    box.install("vllm", STATUS)
    done = start(box, "--port", str(box.port))
    assert 0 == done.returncode, done.stderr
    assert (0, 0) == (masks(box.said.read_text())["SigBlk"], ignored(box))


@LINUX
def test_what_the_caller_ignores_stays_ignored(box):
    use(box, FakeNvml("2xh100"))
    box.install("vllm", STATUS)
    code = HELD.replace("signal.pthread_sigmask(", "signal.signal(signal.SIGHUP, signal.SIG_IGN) #")
    done = start(box, "--port", str(box.port), code=code)
    assert 0 == done.returncode, done.stderr
    assert 1 << signal.SIGHUP - 1 == ignored(box)


@pytest.mark.parametrize(("number", "code"), ENDING)
def test_a_signal_at_any_moment_is_told_by_the_exit_code_alone(number, code, tmp_path):
    """Sent between any two lines of the program, from its first on: no traceback, whatever runs."""
    script = (
        "import os, sys\n"
        "from nimprofile.__main__ import entry\n"
        "left = int(sys.argv.pop(1))\n"
        "def trace(frame, event, arg):\n"
        "    global left\n"
        "    left -= event == 'call'\n"
        "    if not left:\n"
        "        os.kill(os.getpid(), NUMBER)\n"
        "def start(frame, event, arg):\n"
        "    if frame.f_code.co_name == '_run':\n"
        "        sys.settrace(trace)\n"
        "sys.settrace(start)\n"
        "entry()\n"
    ).replace("NUMBER", str(int(number)))
    for left in (1, 10, 100, 1000, 5000):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                script,
                str(left),
                "select",
                "--manifest",
                "gpt-oss-120b",
                "--gpus",
                "8xh100",
            ],
            env=environment(),
            capture_output=True,
            check=False,
        )
        assert (code, b"", b"") == (done.returncode, done.stdout, done.stderr), left
