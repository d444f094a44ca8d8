"""A plan as the lines of a shell script."""

from __future__ import annotations

import os
from shlex import join, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.plan import LaunchPlan


def shell_script(plan: LaunchPlan) -> str:
    """The lines that write the plan's files, set its variables and start the server.

    Every word is quoted, so that none is read as anything but itself.
    """
    folders = dict.fromkeys(os.path.dirname(file.path) for file in plan.files)
    lines = [join(["mkdir", "-p", "--", folder]) for folder in folders]
    lines += [f"printf %s {quote(file.text)} > {quote(file.path)}" for file in plan.files]
    lines += [f"export {name}={quote(value)}" for name, value in plan.env]
    # Where a file cannot be written, nothing is started.
    return (" &&\n" if plan.files else "\n").join([*lines, join(plan.argv)]) + "\n"
