"""The command `doctor`."""

from __future__ import annotations

import os
from functools import partial

from nimprofile.base.enums import Server
from nimprofile.base.errors import (
    GpuMissingError,
    LaunchError,
    NimProfileError,
    NoGpuError,
    PinError,
)
from nimprofile.base.units import format_gpus
from nimprofile.cli import argument_types as read
from nimprofile.cli.arguments import DoctorArguments
from nimprofile.cli.console import print_json, show, tell, watched
from nimprofile.cli.exit_codes import DONE, NOT_STARTED
from nimprofile.cli.options import add_format
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.subject import CONTAINER_UID, Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nimprofile.cli.arguments import SelectionArguments
    from nimprofile.launch.job import Job
    from nimprofile.launch.setup import Setup

TIMEOUT = 10.0
"""Seconds that a check may take, where nothing is said."""


def doctor_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile doctor`."""
    from nimprofile.cli.launch_options import server_options

    server_options(parser)
    add = parser.add_argument_group("examination").add_argument
    add(
        "--uid",
        type=read.user,
        metavar="UID[:GID]",
        help=f"the user that the server runs as (default: {CONTAINER_UID}, as NIM's containers; "
        "yours for a server that is started here, and for a container that --cache is for)",
    )
    add(
        "--timeout",
        type=read.seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long a check may take; they run side by side (default: 10)",
    )
    add(
        "--online",
        action="store_true",
        help="ask NGC, or Hugging Face, whether the key is good (default: nobody is asked)",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=DoctorArguments)


def doctor(arguments: DoctorArguments) -> int:
    """Look at this host, and print what was found."""
    from nimprofile.doctor.examination import examine, starts

    subject, found = _subject(arguments)
    findings = (*found, *examine(subject, on_wait=partial(_tell_wait, arguments.timeout)))
    if arguments.format == "json":
        from nimprofile.report.production.doctor import doctor_to_dict

        selected = None if subject.job is None else subject.job.profile.id
        print_json(doctor_to_dict(findings, subject.uid, selected), message=True)
    else:
        from nimprofile.report.production.doctor import doctor_blocks

        show(doctor_blocks(findings), arguments.color)
    return DONE if starts(findings) else NOT_STARTED


def _tell_wait(seconds: float) -> None:
    if watched():
        tell([f"examining this host, for {seconds:g} s at most …"])


def _subject(arguments: DoctorArguments) -> tuple[Subject, list[Finding]]:
    """What is examined, and what was found on the way to it.

    It is made in a process of its own, for a manifest or weights can lie on a mount that hangs.
    """
    from nimprofile.doctor.bounded import bounded
    from nimprofile.hardware.discovery import NVML_TIMEOUT

    nvml = arguments.machine.nvml_timeout
    seconds = arguments.timeout + (NVML_TIMEOUT if nvml is None else nvml)
    work = partial(_made, arguments)
    (outcome,) = bounded([work], seconds, partial(_tell_wait, seconds))
    tell(line for line in outcome.written.splitlines() if line)
    if outcome.error is not None:
        raise outcome.error
    findings = [value for value in outcome.values if isinstance(value, Finding)]
    if outcome.ending:
        told = f"nothing could be selected: {outcome.ending}"
        fix = "look whether the file systems of the manifest and of the weights answer"
        findings.append(Finding("profile", Status.UNKNOWN, told, fix=fix))
    subjects = [value for value in outcome.values if isinstance(value, Subject)]
    if not subjects:
        from nimprofile.launch.setup import Setup

        subjects = [_of(arguments, Setup())]
    return subjects[-1], findings


def _made(arguments: DoctorArguments) -> Iterator[Subject | Finding]:
    """The subject, time and again as more of it is known, and findings on the way."""
    from nimprofile.cli.inputs import inventory_of
    from nimprofile.cli.launch_options import setup_of
    from nimprofile.cli.starting.judged import job_of_judged, judged
    from nimprofile.launch.planning import plan_of
    from nimprofile.report.text import nothing_runs

    subject = _of(arguments, setup_of(arguments.selection, arguments.server))
    yield subject
    try:
        if not _has_manifest(arguments.selection):
            told = "no manifest is named, so that nothing is selected: only the host is examined"
            yield Finding("profile", Status.SKIPPED, told, fix="name one with --manifest")
            yield subject.replace(inventory=inventory_of(arguments.machine))
            return
        found = judged(arguments, here=False)
        manifest, decision, job = found.manifest, found.decision, job_of_judged(found)
        subject = subject.replace(
            manifest=manifest, decision=decision, inventory=decision.inventory
        )
        yield subject
        if job is None:
            fix = "nimprofile list, with the same words, says why of every profile"
            yield Finding(
                "profile", Status.FAILED, " ".join(nothing_runs(decision).split()), fix=fix
            )
            return
        uid, gid = _user(arguments, job)
        subject = subject.replace(job=job, setup=job.setup, uid=uid, gid=gid)
        yield subject
        name, gpus = job.profile.title, format_gpus(tuple(gpu.index for gpu in job.gpus))
        yield Finding("profile", Status.OK, f"{name} is selected, on {gpus}")
        yield subject.replace(plan=plan_of(job))
    except (NoGpuError, GpuMissingError) as error:
        yield Finding("gpus", Status.FAILED, _line(error), fix="nimprofile gpus shows each")
    except PinError as error:
        yield Finding("profile", Status.FAILED, _line(error))
    except LaunchError as error:
        yield Finding("profile", Status.FAILED, f"it cannot be started: {_line(error)}")


def _has_manifest(selection: SelectionArguments) -> bool:
    """Whether there is a manifest to choose from: named, built of a model, or that of an image."""
    from nimprofile.cli.inputs import CONTAINER_MANIFESTS, models_of

    named = selection.manifest or os.environ.get("NIM_MANIFEST_PATH", "").strip()
    return bool(named or models_of(selection)) or any(map(os.path.exists, CONTAINER_MANIFESTS))


def _line(error: NimProfileError) -> str:
    """An error in one line."""
    return " ".join(str(error).split())


def _of(arguments: DoctorArguments, setup: Setup) -> Subject:
    """The host, before anything is selected."""
    uid, gid = _user(arguments, None)
    machine = arguments.machine
    return Subject(
        dict(os.environ),
        uid,
        setup,
        gid=gid,
        this_machine=machine.gpus is None and machine.inventory is None,
        online=arguments.online,
        seconds=arguments.timeout,
    )


def _user(arguments: DoctorArguments, job: Job | None) -> tuple[int, int | None]:
    """The user and the group that the server runs as."""
    from nimprofile.hardware.host import Host

    if arguments.uid is not None:
        return arguments.uid
    by_us = arguments.server.cache is not None if job is None else job.setup.user is not None
    here = job is not None and job.server is not Server.NIM
    if by_us or here or Host().in_container():
        return os.geteuid(), os.getegid()
    return CONTAINER_UID, None
