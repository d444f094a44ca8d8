"""Processes that read NVML, forked from this one: a tenth of the time of a new interpreter."""

import contextlib
import faulthandler
import os
import signal
import subprocess
import time
import traceback

from nimprofile.hardware.nvml import processes


class Fork:
    """What `processes` uses of `subprocess.Popen`, for the `-c` of an interpreter."""

    def __init__(self, command, *, env, **pipes):
        assert {"stdin", "stdout", "stderr"} == pipes.keys()
        assert env["PYTHONPATH"]
        self.returncode = None
        out, err = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(command[-1], out[1], err[1])
        for pipe in (out[1], err[1]):
            os.close(pipe)
        self.stdout, self.stderr = os.fdopen(out[0], "rb", 0), os.fdopen(err[0], "rb", 0)

    def _run(self, code, out, err):
        try:
            faulthandler.disable()
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.closerange(3, 256)
            exec(code, {})
        except BaseException:  # noqa: BLE001 - it is written where an interpreter writes it
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(1)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("fork", timeout)
            time.sleep(0.001)
        return self.returncode

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


@contextlib.contextmanager
def forked():
    """Inside, `discover` forks its processes."""
    real, processes.subprocess.Popen = processes.subprocess.Popen, Fork
    try:
        yield
    finally:
        processes.subprocess.Popen = real
