"""One run of the program in a folder of its own, and what no run of it may ever do."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import nimprofile
from nimprofile.cli import exit_codes
from nimprofile.testing.fake_nvml import SHIM, VARIABLE, FakeNvml

SECRET = "nvapi-5up3r53cr3t0fth14m4ch1n3"
"""What the shots give as keys and tokens, and no output may have."""

PROGRAM = (sys.executable, "-m", "nimprofile")

WALL, CPU = 60, 20
"""Seconds that one run may take, by the clock and of a processor."""

MAX_MESSAGE = 50_000
"""Characters of standard error, and of one of its lines, above which a message has echoed its input."""
MAX_LINE = 5_000

PROMISED = {
    code for name, code in vars(exit_codes).items() if name.isupper() and isinstance(code, int)
} - {getattr(exit_codes, "CRASHED", 70)}
"""Every exit code of `docs/cli.md`, but for that of a fault in the program itself."""


class Shot(NamedTuple):
    """A command line, and what surrounds it."""

    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    stdin: bytes = b""

    def __str__(self) -> str:
        own = {"PATH", "HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", VARIABLE}
        variables = {name: value for name, value in self.environ.items() if name not in own}
        return f"nimprofile {' '.join(map(repr, self.argv)):.2000}\n    with {variables!r:.1000}"


class Ending(NamedTuple):
    """How a run ended."""

    code: int
    out: bytes
    err: bytes
    seconds: float
    left_running: bool


def bare_environment(folder: Path) -> dict[str, str]:
    """What `env -i` leaves, the folder's own programs first, the package, and no way out."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(folder / "bin"), "/usr/bin", "/bin"]),
        "HOME": str(home),
        "PYTHONPATH": str(Path(nimprofile.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:1"),
    }


def with_driver(environ: Mapping[str, str], fake: FakeNvml) -> dict[str, str]:
    """These variables, and those that put a fake driver behind pynvml."""
    return {
        **environ,
        VARIABLE: fake.plan,
        "PYTHONPATH": os.pathsep.join((SHIM, environ["PYTHONPATH"])),
    }


def start(shot: Shot, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """The run, begun: in a session of its own, with a limit to its processor time.

    `within` is a command that runs the one behind it.
    """
    return subprocess.Popen(
        [*within, "prlimit", f"--cpu={CPU}", "--", *PROGRAM, *shot.argv],
        cwd=shot.folder,
        env=dict(shot.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def fire(shot: Shot) -> Ending:
    """Run the program to its end, or end it."""
    begun = time.monotonic()
    process = start(shot)
    try:
        out, err = process.communicate(shot.stdin, timeout=WALL)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return ended(process, out, err, time.monotonic() - begun)


def ended(process: subprocess.Popen[bytes], out: bytes, err: bytes, seconds: float) -> Ending:
    """The ending of a process that was waited for; whatever it has left running is ended too."""
    left = _runs(process.pid)
    if left:
        os.killpg(process.pid, signal.SIGKILL)
    return Ending(process.returncode, out, err, seconds, left)


def _runs(group: int, grace: float = 2.0) -> bool:
    """Whether a process of the group still runs after a while."""
    deadline = time.monotonic() + grace
    while _alive(group):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def problems(shot: Shot, ending: Ending, codes: set[int] = PROMISED) -> list[str]:
    """What is wrong with an ending, whatever was asked."""
    found = []
    if ending.seconds >= WALL:
        found.append(f"did not end within {WALL} s")
    elif ending.code in {-signal.SIGXCPU, -signal.SIGKILL}:
        found.append(f"took more than {CPU} s of a processor, or was killed")
    elif ending.code not in codes:
        found.append(f"exit code {ending.code}, which is not promised")
    if ending.left_running:
        found.append("left a process running")
    if ending.code not in {0, *_SILENT} and not (ending.out + ending.err).strip():
        found.append(f"exit code {ending.code} without a word")
    for name, data in (("standard output", ending.out), ("standard error", ending.err)):
        found += [f"{name}: {problem}" for problem in _wrong_text(_uncoloured(shot, data))]
    if len(ending.err) > MAX_MESSAGE:
        found.append(f"standard error has {len(ending.err):,} bytes")
    elif max(map(len, ending.err.splitlines()), default=0) > MAX_LINE:
        found.append(f"standard error has a line of more than {MAX_LINE:,} bytes")
    asked = "--json" in shot.argv and not {"--help", "-h"} & {*shot.argv}
    if asked and ending.out and not _is_json(ending.out):
        found.append("standard output is no JSON, which --json asks for")
    return found + [f"{path} can be read by others and has the secret" for path in _leaked(shot)]


_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGXCPU)
_SILENT = {code for sent in _ENDS for code in (-sent, 128 + sent)}


def _uncoloured(shot: Shot, data: bytes) -> bytes:
    """The output without colours, where they were asked for."""
    asked = "FORCE_COLOR" in shot.environ or "always" in " ".join(shot.argv)
    return re.sub(rb"\x1b\[[0-9;]*m", b"", data) if asked else data


def _wrong_text(data: bytes) -> list[str]:
    found = []
    if SECRET.encode() in data:
        found.append("has the secret")
    signs = ("Traceback (most recent call last)", "Exception ignored in", "object at 0x")
    found += [f"has {sign!r}" for sign in signs if sign.encode() in data]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return [*found, f"is no UTF-8 at {error.start}"]
    odd = sorted({letter for letter in text if not letter.isprintable()} - {"\n", "\t"})
    if odd:
        found.append(f"has the control characters {odd!r:.200}")
    return found


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _leaked(shot: Shot) -> list[str]:
    """Files that the run has written with the secret in them and a mode for more than the owner."""
    leaked = []
    for path in sorted(shot.folder.rglob("*")):
        state = path.lstat()
        if (
            stat.S_ISREG(state.st_mode)
            and state.st_mode & 0o077
            and state.st_size < 2**20
            and path.parent.name != "given"
            and SECRET.encode() in path.read_bytes()
        ):
            leaked.append(str(path.relative_to(shot.folder)))
    return leaked
