"""The decision of a command that starts a server, or says what would be started."""

from __future__ import annotations

import os

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.record import Record
from nimprofile.cli.console import tell
from nimprofile.cli.inputs import judge
from nimprofile.cli.launch_options import all_installed, all_startable, restricted, setup_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    from nimprofile.cli.arguments import (
        DoctorArguments,
        ExecArguments,
        LaunchArguments,
        RenderArguments,
    )
    from nimprofile.cli.production.arguments import CheckArguments, LockArguments
    from nimprofile.launch.job import Job
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.nim_version import NimVersion
    from nimprofile.selection.decision import Decision

    Arguments: TypeAlias = (
        LaunchArguments
        | ExecArguments
        | RenderArguments
        | DoctorArguments
        | LockArguments
        | CheckArguments
    )


class Judged(Record):
    """What is decided for a command that starts a server.

    Attributes:
        manifest: what was selected from.
        best: the decision, whatever can be started.
        decision: the same, which selects the first candidate that can be started from what is here.
        setup: what the operator wants of the server, and what this host has of it.
    """

    manifest: Manifest
    best: Decision
    decision: Decision
    _: KW_ONLY
    setup: Setup


def judged(
    arguments: Arguments, *, here: bool, assumed: bool = True, started: bool = True
) -> Judged:
    """Decide for a command that starts a server, or says what would be started.

    Args:
        arguments: of the command.
        here: the server starts in this environment, whose engine's version counts.
        assumed: where nothing tells the version of the one engine that is asked for, it is taken
            to be the newest that is known.
        started: what can be started from what is here counts; without it `decision` is `best`.
    """
    from nimprofile.launch.planning import launchable
    from nimprofile.report.text import policy_note

    setup = setup_of(arguments.selection, arguments.server)
    asked = arguments.selection.serving
    if here and asked.engine_version is None:
        setup = setup.replace(installed=all_installed())
    if here and (startable := all_startable(os.environ.get("PATH"))):
        setup = setup.replace(startable=startable)
    named = arguments.server.adapters is not None
    selection = restricted(arguments.selection, setup, adapters=named, here=here)
    if not (here or assumed or setup.image is not None):
        selection = selection.replace(serving=asked)
    # What follows -- is Triton's own there, and the engine's everywhere else.
    extra = () if setup.server is Server.TRITON else setup.extra
    nim = nim_of(setup)
    manifest, best = judge(arguments.machine, selection, extra, nim)
    if nim is not None and not here:  # the log of what starts here says it in any case
        tell(policy_note(best))
    if not started:
        return Judged(manifest, best, best, setup=setup)
    decision = launchable(best, manifest, setup)
    if decision.selected is None and setup.startable is not None:
        setup = setup.replace(startable=None)  # then the check of this host says what is missing
        decision = launchable(best, manifest, setup)
    return Judged(manifest, best, decision, setup=setup)


def job_of_judged(found: Judged) -> Job | None:
    """What there is to serve; None when nothing is selected. Raises LaunchError."""
    from nimprofile.launch.planning import job_of, with_less_context

    manifest, decision, setup = found.manifest, found.decision, found.setup
    if decision.selected is not None:
        return job_of(decision, manifest, setup)
    if not decision.passed_over or decision.required_in_vain:
        return None
    first, *others = decision.passed_over
    problem = first.problem
    if others:
        problem += f"; none of the {1 + len(others)} candidates can be started"
    if (shorter := with_less_context(decision, manifest, setup)) is not None:
        verdict, context = shorter
        problem += f"; {verdict.profile.name} can be started with --max-model-len {context}"
    raise LaunchError(problem)


def nim_of(setup: Setup) -> NimVersion | None:
    """The NIM that the container will be of; None where no image of a NIM is named by version."""
    from nimprofile.manifest.nim_version import version_of_image

    image = setup.image
    if image is None or not (setup.server is Server.NIM or image.startswith(NIM_IMAGES)):
        return None
    return version_of_image(image)


NIM_IMAGES = "nvcr.io/nim/"
"""Where NVIDIA keeps the images of NIMs, and of nothing else."""
