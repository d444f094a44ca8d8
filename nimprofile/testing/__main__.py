"""`python -m nimprofile.testing 8xh100`: a shell, or a command, on a machine with a fake driver."""

from __future__ import annotations

import os
import sys

from nimprofile.base.errors import NimProfileError
from nimprofile.testing.fake_nvml import FakeNvml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

USAGE = """\
usage: python -m nimprofile.testing MACHINE [COMMAND …]

Run a command, or a shell, in which every Python program finds a fake driver with these GPUs.
MACHINE is a description such as 8xh100, or a file of `nimprofile gpus --json` or --record."""


def entry(words: list[str]) -> NoReturn:
    """Become the command; exit with 2 for wrong words, 3 for a machine that cannot be faked."""
    if not words or words[0].startswith("-"):
        asked = words[:1] in (["-h"], ["--help"])
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    machine, *command = words
    if command[:1] == ["--"]:  # which many put before a command
        command = command[1:]
    try:
        environ = _driver(machine).environ
    except (NimProfileError, ValueError) as error:
        from nimprofile.base.printable import printable

        sys.exit(_refused(printable(str(error), indented=True), 3))
    command = command or [os.environ.get("SHELL") or "sh"]
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - the command of whom it belongs to
    except OSError as error:
        sys.exit(_refused(f"{command[0]}: {error.strerror}", 127))


def _driver(machine: str) -> FakeNvml:
    if not os.path.isfile(machine):
        return FakeNvml(machine)
    from nimprofile.hardware.inventory_file import load_inventory

    return FakeNvml(load_inventory(machine))


def _refused(problem: str, code: int) -> int:
    from nimprofile.base.secrets.output import conceal, concealed

    conceal(sys.argv[1:], os.environ)
    print(concealed(f"nimprofile.testing: {problem}"), file=sys.stderr)
    return code


if __name__ == "__main__":
    entry(sys.argv[1:])
