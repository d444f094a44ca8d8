"""What do `nimprofile launch`, `exec` and `render` do?"""

from __future__ import annotations

import os
import sys

from nimprofile.base.errors import NimProfileError, NotStartedError
from nimprofile.cli.console import print_json, tell
from nimprofile.cli.inputs import UsageError, judge
from nimprofile.cli.launch_options import restrict, setup_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import logging
    from collections.abc import Iterator
    from typing import NoReturn

    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.decision import Decision

DONE, NOTHING_RUNS, BAD_INPUT = 0, 1, 3


def launch(args: argparse.Namespace) -> int:
    """Print what starts the server."""
    from nimprofile.launch.planning import plan_of
    from nimprofile.launch.shell_script import shell_script

    decision, job = _job_of(args)
    if job is None:
        return _nothing(decision)
    _no_secrets(job)
    plan = plan_of(job)
    tell(f"warning: {warning}" for warning in decision.warnings)
    tell(f"note: {note}" for note in _notes(job, plan))
    match args.format:
        case "json":
            print_json(plan.to_dict())
        case "argv":
            import shlex

            print(shlex.join(plan.argv))
        case _:
            print(shell_script(plan), end="")
    return DONE


def become(args: argparse.Namespace) -> int:
    """Select, say so in the log, and become the server."""
    from nimprofile.report.startup_log import logger_of, wants_json

    log = logger_of(os.environ)
    try:
        return _become(args, log)
    except NimProfileError as error:
        if wants_json(os.environ):
            log.critical(str(error))
            error.told = True
        raise


def _become(args: argparse.Namespace, log: logging.Logger) -> int:
    from nimprofile.launch.planning import plan_of
    from nimprofile.launch.preflight import host_problems
    from nimprofile.report.startup_log import decision_lines, wants_json
    from nimprofile.report.text import nothing_runs

    decision, job = _job_of(args)
    for level, line in decision_lines(decision):
        log.log(level, line)
    if job is None:
        if wants_json(os.environ):
            log.critical(nothing_runs(decision))
        else:
            tell([nothing_runs(decision)])
        return _nothing_code(decision)
    plan = plan_of(_installed(args, job))
    for note in _notes(job, plan):
        log.warning(note)
    fatal = []
    for problem in host_problems(job, plan, os.environ):
        if problem.fatal:
            fatal.append(problem)
        else:
            log.warning(str(problem))
    if fatal:
        raise NotStartedError(f"{plan.server} is not started\n  " + "\n  ".join(map(str, fatal)))
    return _start(plan, log)


LARGEST_MACHINE = 8
"""GPUs of one machine, as most have them."""


def _notes(job: Job, plan: LaunchPlan) -> Iterator[str]:
    yield from plan.notes
    if len(job.gpus) > LARGEST_MACHINE:
        yield f"one machine of {len(job.gpus)} GPUs is meant; render k8s spans several"


def _installed(args: argparse.Namespace, job: Job) -> Job:
    """In the words of the engine that is installed here, where no version was named."""
    from nimprofile.cli.launch_options import installed

    if args.engine_version is not None or job.engine is None:
        return job
    version = installed(job.engine)
    return job if version is None else job.replace(version=version)


def _start(plan: LaunchPlan, log: logging.Logger) -> NoReturn:
    """Write the plan's files and replace this process; NotStartedError when it cannot be."""
    import shlex
    import signal

    from nimprofile.launch.secrets import redacted

    try:
        for file in plan.files:
            os.makedirs(os.path.dirname(file.path), exist_ok=True)
            with open(file.path, "w", encoding="utf-8") as opened:
                opened.write(file.text)
        log.info("Starting: %s", shlex.join(redacted(plan.argv)))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        # Python ignores these two, and what is ignored stays so in the program that follows.
        for name in ("SIGPIPE", "SIGXFSZ"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvpe(plan.argv[0], plan.argv, {**os.environ, **plan.environ})  # noqa: S606 - its use
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise NotStartedError(f"{plan.server} is not started: {error.strerror}{where}") from None


def render(args: argparse.Namespace) -> int:
    """Print what deploys the server."""
    from nimprofile.launch.deploy.documents import deployed

    decision, job = _job_of(args)
    if job is None:
        return _nothing(decision)
    _no_secrets(job)
    rendered = deployed(
        args.target,
        job,
        replicas=args.replicas,
        gpus_per_node=args.gpus_per_node,
        secret=args.secret,
        pull_secret=args.pull_secret,
    )
    tell(f"warning: {warning}" for warning in decision.warnings)
    tell(f"note: {note}" for note in rendered.notes)
    if args.format == "json":
        print_json(rendered.value)
    else:
        print(rendered.text, end="")
    return DONE


def _job_of(args: argparse.Namespace) -> tuple[Decision, Job | None]:
    """The decision, and what there is to serve when it selects something."""
    from nimprofile.launch.planning import job_of

    setup = setup_of(args)
    restrict(args, setup)
    manifest, decision = judge(args)
    if decision.selected is None:
        return decision, None
    return decision, job_of(decision, _located(manifest), setup)


def _located(manifest: Manifest) -> Manifest:
    """With the directories of its checkpoints from the root, where they lie beside it or here."""
    beside = os.path.dirname(manifest.source)

    def located(path: str) -> str:
        for folder in (beside, os.curdir):
            if path and os.path.isdir(there := os.path.join(folder, path)):
                return os.path.abspath(there)
        return path

    checkpoints = (one.replace(path=located(one.path)) for one in manifest.checkpoints)
    return manifest.replace(checkpoints=tuple(checkpoints))


def _nothing(decision: Decision) -> int:
    from nimprofile.report.text import nothing_runs

    tell(f"warning: {warning}" for warning in decision.warnings)
    tell([nothing_runs(decision)])
    return _nothing_code(decision)


def _nothing_code(decision: Decision) -> int:
    return NOTHING_RUNS if decision.pinned is None else BAD_INPUT


def _no_secrets(job: Job) -> None:
    """Refuse to print a secret: what is printed is kept, and shown to others."""
    from nimprofile.launch.secrets import secret_flags

    if flags := secret_flags(job.setup.arguments):
        raise UsageError(
            f"{flags[0]} has a secret, which a printed command does not keep: leave it out, and "
            "set the engine's variable for it (VLLM_API_KEY, HF_TOKEN, …) where the server runs"
        )
