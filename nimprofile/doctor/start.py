"""What the start itself needs: the program, the weights, its files, and no foreign variables."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.printable import shown
from nimprofile.doctor.files.reading import unreadable
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.problems import findings_of, needs_a_profile
from nimprofile.launch import preflight
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.doctor.subject import Subject


def program(subject: Subject) -> Iterator[Finding]:
    """Whether the program that is started is on the PATH."""
    if (plan := subject.plan) is None:
        yield needs_a_profile("program")
        return
    problems = preflight.program_problems(plan, subject.environ)
    yield from findings_of("program", problems, f"{plan.argv[0]} is on the PATH")


def weights(subject: Subject) -> Iterator[Finding]:
    """Whether the weights are where they are said to be, and the adapters."""
    if (job := subject.job) is None:
        yield needs_a_profile("weights")
        return
    here = f"they are in {shown(job.model)}"
    elsewhere = f"they are {shown(job.model)} of a repository" if job.model else "the NIM has them"
    told = here if is_path(job.model) else elsewhere
    problems = [*preflight.weights_problems(job)]
    found = (
        [] if problems or not is_path(job.model) else [*unreadable("weights", job.model, subject)]
    )
    yield from found or findings_of("weights", problems, told)
    for problem in preflight.adapter_problems(job):
        yield from findings_of("weights", [problem], "")


def files(subject: Subject) -> Iterator[Finding]:
    """Whether the files that the server reads can be written."""
    if (plan := subject.plan) is None:
        yield needs_a_profile("files")
    elif not plan.files:
        yield Finding("files", Status.SKIPPED, f"{plan.server} reads no file that is written here")
    else:
        names = ", ".join(shown(file.path) for file in plan.files)
        yield from findings_of("files", preflight.file_problems(plan), f"{names} can be written")


def variables(subject: Subject) -> Iterator[Finding]:
    """Whether vLLM would take a variable for its port or its number of copies."""
    if (plan := subject.plan) is None:
        yield needs_a_profile("variables")
    elif plan.server not in {Server.VLLM, Server.TRITON}:
        yield Finding("variables", Status.SKIPPED, f"{plan.server} is not vLLM")
    else:
        problems = preflight.variables_of_vllm(subject.environ)
        well = "neither VLLM_PORT nor VLLM_DP_SIZE is in the way"
        yield from findings_of("variables", problems, well)
