"""The commands `launch`, `exec` and `render`."""

from __future__ import annotations

import os

from nimprofile.base.enums import Server
from nimprofile.base.errors import LaunchError, NotStartedError
from nimprofile.base.printable import a_dozen
from nimprofile.cli.console import flush_what_can_be, print_json, put, tell
from nimprofile.cli.exit_codes import DONE, code_of_nothing
from nimprofile.cli.inputs import judge
from nimprofile.cli.launch_options import all_installed, all_startable, nim_of, restricted, setup_of
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator
    from typing import NoReturn, TypeAlias

    from nimprofile.cli.arguments import (
        DoctorArguments,
        ExecArguments,
        LaunchArguments,
        RenderArguments,
    )
    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.decision import Decision

    Arguments: TypeAlias = LaunchArguments | ExecArguments | RenderArguments | DoctorArguments


def launch(arguments: LaunchArguments) -> int:
    """Print what starts the server."""
    from nimprofile.launch.planning import plan_of
    from nimprofile.launch.shell_script import shell_script

    decision, job = _job_of(arguments)
    if job is None:
        return _nothing(decision, arguments.format)
    _no_secrets(job)
    plan = plan_of(job)
    _tell(decision, (*_notes(job, plan), *_without_weights(job)))
    match arguments.format:
        case "json":
            print_json(plan.to_dict())
        case "argv":
            from nimprofile.base.formats.shell_words import shell_line

            put(shell_line(plan.argv))
        case _:
            put(shell_script(plan), end="")
    return DONE


def become(arguments: ExecArguments) -> int:
    """Select, log the decision, and become the server."""
    from nimprofile.launch.planning import plan_of
    from nimprofile.launch.preflight import host_problems
    from nimprofile.report.startup_log import decision_lines, logger_of, wants_json
    from nimprofile.report.text import nothing_runs

    log = logger_of(os.environ)
    decision, job = _job_of(arguments, here=True)
    for level, line in decision_lines(decision):
        log.log(level, line)
    if job is None:
        if wants_json(os.environ):
            log.critical(nothing_runs(decision))
        else:
            tell(nothing_runs(decision).split("\n"))
        return code_of_nothing(decision)
    plan = plan_of(job)
    for note in _notes(job, plan):
        log.warning(note)
    fatal = []
    for problem in host_problems(job, plan, os.environ):
        if problem.fatal:
            fatal.append(problem)
        else:
            log.warning(str(problem))
    if fatal:
        raise NotStartedError(f"{plan.server} is not started", *map(str, fatal))
    return _start(plan, log)


LARGEST_MACHINE = 8
"""GPUs of one machine, as most have them."""


def _tell(decision: Decision, notes: Iterable[str] = ()) -> None:
    """The warnings of a decision, and the notes of its request before these."""
    tell(f"warning: {warning}" for warning in a_dozen(decision.warnings, "gpus"))
    noted = a_dozen(decision.request.notes, "variables")
    tell(f"note: {note}" for note in (*noted, *notes))


def _without_weights(job: Job) -> Iterator[str]:
    """What a directory here lacks of the weights; where it is served they may lie in it."""
    from nimprofile.launch.judged.weights_source import missing_weights
    from nimprofile.launch.setup import is_path

    if is_path(job.model) and (missing := missing_weights(job.model)) is not None:
        yield f"{job.model} has {missing}: nothing can be served of it"


def _notes(job: Job, plan: LaunchPlan) -> Iterator[str]:
    yield from plan.notes
    if len(job.gpus) > LARGEST_MACHINE:
        yield f"one machine of {len(job.gpus)} GPUs is meant; render k8s spans several"


def _start(plan: LaunchPlan, log: logging.Logger) -> NoReturn:
    """Write the plan's files and replace this process; NotStartedError when it cannot be."""
    import shutil
    import signal

    from nimprofile.base.formats.shell_words import shell_line
    from nimprofile.base.formats.written_files import write_file
    from nimprofile.base.secrets.arguments import redacted

    try:
        for file in plan.files:
            os.makedirs(os.path.dirname(file.path), exist_ok=True)
            write_file(file.path, file.text, overwrite=True, private=True)  # it may have secrets
        log.info("Starting: %s", shell_line(redacted(plan.argv)))
        flush_what_can_be()
        # Python ignores these two, and what is ignored stays so in the program that follows.
        for name in ("SIGPIPE", "SIGXFSZ"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        environ = {**os.environ, **plan.environ}
        # The one that was found, so that an error names it, and not the last place of the PATH.
        program = shutil.which(plan.argv[0], path=environ.get("PATH")) or plan.argv[0]
        os.execvpe(program, plan.argv, environ)  # noqa: S606 - its use
    except OSError as error:
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        raise NotStartedError(f"{plan.server} is not started: {error.strerror}{where}") from None


def render(arguments: RenderArguments) -> int:
    """Print what deploys the server."""
    from nimprofile.launch.deploy.documents import deployed

    server = arguments.server
    if arguments.target == "nim-operator" and server.kind is None:  # which deploys nothing else
        arguments = arguments.replace(server=server.replace(kind=Server.NIM))
    decision, job = _job_of(arguments)
    if job is None:
        return _nothing(decision, arguments.format)
    if arguments.deployment is not None:
        job = job.replace(setup=job.setup.replace(name=arguments.deployment))
    _no_secrets(job)
    rendered = deployed(
        arguments.target,
        job,
        replicas=arguments.replicas,
        gpus_per_node=arguments.gpus_per_node,
        secret=arguments.secret,
        pull_secret=arguments.pull_secret,
    )
    _tell(decision, (*rendered.notes, *_without_weights(job)))
    if arguments.format == "json":
        print_json(rendered.value)
    else:
        put(rendered.text, end="")
    return DONE


def _job_of(arguments: Arguments, *, here: bool = False) -> tuple[Decision, Job | None]:
    """The decision, and what there is to serve when it selects something."""
    _, decision, job = judged_job(arguments, here=here)
    return decision, job


def judged_job(
    arguments: Arguments, *, here: bool = False
) -> tuple[Manifest, Decision, Job | None]:
    """The manifest, the decision, and what there is to serve when it selects something.

    Args:
        arguments: of the command.
        here: the server starts in this environment, whose engine's version counts.
    """
    from nimprofile.launch.planning import job_of, launchable, with_less_context
    from nimprofile.report.text import policy_note

    setup = setup_of(arguments.selection, arguments.server)
    if here and arguments.selection.serving.engine_version is None:
        setup = setup.replace(installed=all_installed())
    if here and (startable := all_startable(os.environ.get("PATH"))):
        setup = setup.replace(startable=startable)
    named = arguments.server.adapters is not None
    selection = restricted(arguments.selection, setup, adapters=named, here=here)
    # What follows -- is Triton's own there, and the engine's everywhere else.
    extra = () if setup.server is Server.TRITON else setup.extra
    nim = nim_of(setup)
    manifest, decision = judge(arguments.machine, selection, extra, nim)
    if nim is not None and not here:  # the log of what starts here says it in any case
        tell(policy_note(decision))
    best = decision
    decision = launchable(best, manifest, setup)
    if decision.selected is None and setup.startable is not None:
        setup = setup.replace(startable=None)  # then the check of this host says what is missing
        decision = launchable(best, manifest, setup)
    if decision.selected is not None:
        return manifest, decision, job_of(decision, manifest, setup)
    if not decision.passed_over or decision.required_in_vain:
        return manifest, decision, None
    first, *others = decision.passed_over
    problem = first.problem
    if others:
        problem += f"; none of the {1 + len(others)} candidates can be started"
    if (shorter := with_less_context(decision, manifest, setup)) is not None:
        verdict, context = shorter
        problem += f"; {verdict.profile.name} can be started with --max-model-len {context}"
    raise LaunchError(problem)


def _nothing(decision: Decision, format: str) -> int:
    from nimprofile.report.text import nothing_runs

    code, why = code_of_nothing(decision), nothing_runs(decision)
    if format == "json":
        from nimprofile.cli.parsing.failures import failure_of_nothing

        print_json(failure_of_nothing(why, code), message=True)
    _tell(decision)
    tell(why.split("\n"))
    return code


def _no_secrets(job: Job) -> None:
    """Refuse to print a secret: what is printed is kept, and shown to others."""
    from nimprofile.base.secrets.arguments import secret_flags, secret_variables
    from nimprofile.base.secrets.output import concealed

    setup = job.setup
    flags = secret_flags(setup.arguments)
    if flags or any(concealed(argument) != argument for argument in setup.arguments):
        raise UsageError(
            f"{(*flags, 'an argument')[0]} has a secret, which a printed command does not keep: "
            "leave it out, and give it where the server runs, by the engine's variable "
            "(VLLM_API_KEY, HF_TOKEN, …) or after -- of nimprofile exec"
        )
    given = {
        "the model": job.model,
        "--served-model-name": setup.served_name,
        "--name": setup.name,
        "--image": setup.image,
        "--cache": setup.cache,
        "--dir": setup.folder,
        "--host": setup.host,
        "--adapters": setup.peft_source,
    }
    others = [*setup.variables, *((name, text) for name, text in given.items() if text)]
    repeated = (name for name, text in others if concealed(text) != text)
    if names := [*secret_variables(others), *repeated]:
        raise UsageError(
            f"{names[0]} has a secret, which a printed command does not keep: set it where the "
            "server runs"
        )
