"""The commands `launch`, `exec` and `render`."""

from __future__ import annotations

import os

from nimprofile.base.enums import Server
from nimprofile.base.errors import NotStartedError, PinError
from nimprofile.base.printable import a_dozen
from nimprofile.cli.console import flush_what_can_be, print_json, put, tell
from nimprofile.cli.exit_codes import DONE, code_of_nothing
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.starting.judged import job_of_judged, judged

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator
    from typing import NoReturn

    from nimprofile.cli.arguments import ExecArguments, LaunchArguments, RenderArguments
    from nimprofile.cli.starting.judged import Judged
    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.launch.setup import Setup
    from nimprofile.selection.decision import Decision


def launch(arguments: LaunchArguments) -> int:
    """Print what starts the server."""
    from nimprofile.launch.planning import plan_of
    from nimprofile.launch.shell_script import shell_script

    found = judged(arguments, here=False)
    decision, job = found.decision, job_of_judged(found)
    if job is None:
        return nothing(decision, arguments.format)
    refuse_secrets(job.setup, job.model)
    plan = plan_of(job)
    tell_of(decision, (*_notes(job, plan), *_without_weights(job)))
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
    found = _judged_here(arguments)
    decision = found.decision
    for level, line in decision_lines(decision):
        log.log(level, line)
    if arguments.locked is not None:
        from nimprofile.cli.production.check import require_as_locked

        require_as_locked(arguments.locked, found, arguments.lock or "", log)
    job = job_of_judged(found)
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


def _judged_here(arguments: ExecArguments) -> Judged:
    """The decision where the server starts; DriftError where the pin of a lock names nothing."""
    try:
        return judged(arguments, here=True)
    except PinError as error:
        if arguments.locked is None:
            raise
        from nimprofile.cli.production.check import refuse_lost_pin

        refuse_lost_pin(arguments.locked, error, arguments.lock or "")


LARGEST_MACHINE = 8
"""GPUs of one machine, as most have them."""


def tell_of(decision: Decision, notes: Iterable[str] = ()) -> None:
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
    found = judged(arguments, here=False)
    decision, job = found.decision, job_of_judged(found)
    if job is None:
        return nothing(decision, arguments.format)
    if arguments.deployment is not None:
        job = job.replace(setup=job.setup.replace(name=arguments.deployment))
    refuse_secrets(job.setup, job.model)
    rendered = deployed(
        arguments.target,
        job,
        replicas=arguments.replicas,
        gpus_per_node=arguments.gpus_per_node,
        secret=arguments.secret,
        pull_secret=arguments.pull_secret,
    )
    tell_of(decision, (*rendered.notes, *_without_weights(job)))
    if arguments.format == "json":
        print_json(rendered.value)
    else:
        put(rendered.text, end="")
    return DONE


def nothing(decision: Decision, format: str) -> int:
    """Say that nothing runs; the exit code."""
    from nimprofile.report.text import nothing_runs

    code, why = code_of_nothing(decision), nothing_runs(decision)
    if format == "json":
        from nimprofile.cli.parsing.failures import failure_of_nothing

        print_json(failure_of_nothing(why, code), message=True)
    tell_of(decision)
    tell(why.split("\n"))
    return code


def refuse_secrets(setup: Setup, model: str | None) -> None:
    """Refuse to print a secret: what is printed is kept, and shown to others.

    Args:
        setup: of the server.
        model: where its weights are.
    """
    from nimprofile.base.secrets.arguments import secret_flags, secret_variables
    from nimprofile.base.secrets.output import concealed

    flags = secret_flags(setup.arguments)
    if flags or any(concealed(argument) != argument for argument in setup.arguments):
        raise UsageError(
            f"{(*flags, 'an argument')[0]} has a secret, which a printed command does not keep: "
            "leave it out, and give it where the server runs, by the engine's variable "
            "(VLLM_API_KEY, HF_TOKEN, …) or after -- of nimprofile exec"
        )
    given = {
        "the model": model,
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
