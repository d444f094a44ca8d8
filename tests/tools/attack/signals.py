"""Signals at random moments, while GPUs are read and a server is about to start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from random import Random

from nimprofile.testing import FakeNvml, Fault, hanging
from tests.support.nvml.processes import children_of
from tests.tools.attack.command_lines import MANIFEST
from tests.tools.attack.shots import (
    Ending,
    Shot,
    bare_environment,
    ended,
    problems,
    start,
    with_driver,
)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENGINE = """#!/bin/sh
echo started > "$STARTED"
exec sleep 0.3
"""
_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")
LATEST = 1.2
"""Seconds after the start within which a signal is sent."""


def signalled(random: Random, folder: Path) -> tuple[Shot, list[str]]:
    """A run that is sent a signal, and what is wrong with how it ended."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "vllm"
    program.write_text(ENGINE)
    program.chmod(0o755)
    (folder / "given.yaml").write_text(MANIFEST, encoding="utf-8")
    shot = Shot(_argv(random), folder, _environ(random, folder))
    if random.random() < 0.3 and can_be_first():
        return shot, _as_first_process(random, shot)
    return shot, _in_a_session(random, shot)


def _argv(random: Random) -> list[str]:
    model = ["--manifest", "given.yaml", "--nvml-timeout", random.choice(("0.5", "3"))]
    command = random.choice(("exec", "exec", "select", "gpus"))
    if command == "exec":
        return [
            "exec",
            *model,
            "--engine",
            "vllm",
            "--server",
            "vllm",
            "--port",
            str(random.randrange(20_000, 30_000)),
        ]
    return ["gpus", *model[2:]] if command == "gpus" else ["select", *model]


def _environ(random: Random, folder: Path) -> dict[str, str]:
    slow = Fault("nvmlDeviceGetName", "slow", delay=random.random())
    faults = random.choice(([], [hanging(1)], [slow], [hanging(0), hanging(1)]))
    environ = bare_environment(folder) | {"STARTED": str(folder / "started")}
    return with_driver(environ, FakeNvml("2xl40s", *faults))


def _in_a_session(random: Random, shot: Shot) -> list[str]:
    sent = random.choice(SIGNALS)
    begun = time.monotonic()
    process = start(shot)
    time.sleep(random.random() * LATEST)
    was_started = (shot.folder / "started").exists()
    here = process.poll() is None
    if here:
        process.send_signal(sent)
    out, err = process.communicate()
    ending = ended(process, out, err, time.monotonic() - begun)
    if _was_still_python(ending):
        return []
    wrong = problems(shot, ending, {0, 1, 3, 4, 6, *_codes(sent)})
    if here and not was_started and ending.code in _codes(sent):
        time.sleep(0.1)
        if (shot.folder / "started").exists() and ending.code > 0:
            wrong.append("ended by the signal, and the server was started all the same")
    return [f"{sent.name}: {problem}" for problem in wrong]


def _was_still_python(ending: Ending) -> bool:
    """Whether the interpreter was interrupted before it ran a line of ours, and has said so."""
    return b"KeyboardInterrupt" in ending.err and b"nimprofile" not in ending.err


def _codes(sent: signal.Signals) -> set[int]:
    """What a process that is ended by a signal may end with: by it, or as a shell reports it."""
    return {-sent, 128 + sent}


def can_be_first() -> bool:
    """Whether a process may be the first of a PID namespace here, as it is in a container."""
    try:
        return (
            subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


def _as_first_process(random: Random, shot: Shot) -> list[str]:
    """The run as the first process of a namespace, where a signal nobody handles is lost."""
    sent = random.choice(SIGNALS)
    process = start(shot, within=(*_NAMESPACE, "--kill-child"))
    begun = time.monotonic()
    time.sleep(0.15 + random.random() * LATEST)
    first = next(iter(children_of(process.pid)), None)
    was_started = (shot.folder / "started").exists()
    ready = first is not None and _takes(first, sent)
    if first is not None:
        try:
            os.kill(first, sent)
        except ProcessLookupError:
            ready = False
    out, err = process.communicate()
    ending = ended(process, out, err, time.monotonic() - begun)
    wrong = problems(shot, ending, {0, 1, 3, 4, 6, *_codes(sent)})
    if ready and not was_started and shot.argv[0] == "exec" and ending.code not in _codes(sent):
        wrong.append(f"took the signal, and ended with {ending.code}")
    return [f"{sent.name} as PID 1: {problem}" for problem in wrong]


def _takes(pid: int, sent: signal.Signals) -> bool:
    """Whether a process has a handler for the signal: Python has just started where it has none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) & 1 << (sent - 1))
