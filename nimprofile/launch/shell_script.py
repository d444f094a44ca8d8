"""A plan as the lines of a shell script."""

from __future__ import annotations

import os

from nimprofile.base.formats.shell_words import shell_line, shell_variable, shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.plan import LaunchPlan


def shell_script(plan: LaunchPlan) -> str:
    """The lines that write the plan's files, set its variables and start the server.

    Every word is quoted, so that no shell reads one as anything but itself: `shell_words` names
    the shells.
    """
    folders = dict.fromkeys(os.path.dirname(file.path) for file in plan.files)
    lines = [shell_line(["mkdir", "-p", "--", folder]) for folder in folders]
    lines += [f"printf %s {shell_word(file.text)} > {shell_word(file.path)}" for file in plan.files]
    lines += [shell_variable(name, value) for name, value in plan.env]
    # Where a file cannot be written, nothing is started.
    return (" &&\n" if plan.files else "\n").join([*lines, shell_line(plan.argv)]) + "\n"
